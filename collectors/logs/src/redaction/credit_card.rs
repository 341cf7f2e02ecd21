//! Numbers of payment cards: 13 to 19 digits of a known issuer with the right check digit, in one piece or in groups.

use super::engine::Found;

/// So few digits may a number have.
const SHORTEST: usize = 13;
/// So many.
const LONGEST: usize = 19;

/// Whether as many digits stand at `at` as a number has, or as its first group has with another one behind it, and not
/// those of a year: few have.
#[inline]
pub(super) fn may_begin(text: &[u8], at: usize) -> bool {
    let digits = &text[at..text.len().min(at + LONGEST + 1)];
    match digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len()) {
        run @ (4 | 6) => {
            matches!(digits[run..], [b' ' | b'-' | b'+', b'0'..=b'9', ..]) && !digits.starts_with(b"20")
        }
        run => (SHORTEST..=LONGEST).contains(&run),
    }
}

/// The first three digits stand at `at`, behind what is no part of a word.
pub(super) fn find(text: &[u8], at: usize) -> Found {
    let run = at + text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if run - at > LONGEST || !stands_alone(text, at) {
        return Found::nothing(run);
    }
    let mut number = Number::default();
    let end = match run - at {
        SHORTEST..=LONGEST => {
            number.add(&text[at..run]);
            run
        }
        4 | 6 => match grouped(text, at, run, &mut number) {
            Some(end) => end,
            None => return Found::nothing(run),
        },
        _ => return Found::nothing(run),
    };
    let next = &text[end..];
    let goes_on = match next {
        [byte, ..] if byte.is_ascii_alphanumeric() || *byte == b'_' => true,
        [b'.' | b'-', digit, ..] => digit.is_ascii_digit(),
        _ => false,
    };
    if goes_on || !number.is_of_issuer() || !number.checks() {
        return Found::nothing(run);
    }
    Found::at(at..end, end)
}

/// Not a part of a longer number, a word, or what stands behind a decimal point.
fn stands_alone(text: &[u8], at: usize) -> bool {
    match &text[..at] {
        [.., digit, b'.' | b'-'] if digit.is_ascii_digit() => false,
        [.., byte] => !(byte.is_ascii_alphanumeric() || *byte == b'_'),
        [] => true,
    }
}

/// The end of groups with the same blank, dash or plus between them, of which the first one ends at `first`.
fn grouped(text: &[u8], at: usize, first: usize, number: &mut Number) -> Option<usize> {
    let separator = *text.get(first).filter(|byte| b" -+".contains(byte))?;
    number.add(&text[at..first]);
    let mut end = first;
    while text.get(end) == Some(&separator) && number.len < LONGEST {
        let len = text[end + 1..].iter().take(14).take_while(|byte| byte.is_ascii_digit()).count();
        let is_group = (4..=6).contains(&len)
            || len == 13 && number.len == 6
            || (1..4).contains(&len) && number.len >= 12;
        if !is_group || number.len + len > LONGEST {
            break;
        }
        number.add(&text[end + 1..end + 1 + len]);
        end += 1 + len;
        if len < 4 {
            break;
        }
    }
    (number.len >= SHORTEST).then_some(end)
}

#[derive(Default)]
struct Number {
    digits: [u8; LONGEST],
    len: usize,
}

impl Number {
    fn add(&mut self, digits: &[u8]) {
        for digit in digits {
            self.digits[self.len] = digit - b'0';
            self.len += 1;
        }
    }

    /// The first `n` digits.
    fn first(&self, n: usize) -> u32 {
        self.digits[..n].iter().fold(0, |value, digit| value * 10 + u32::from(*digit))
    }

    /// By the ranges of ISO/IEC 7812 that payment cards have, each with its lengths.
    fn is_of_issuer(&self) -> bool {
        let len = self.len;
        match (self.first(2), self.first(4), self.first(6)) {
            (40..=49, ..) => matches!(len, 13 | 16 | 19),
            (51..=55, ..) | (_, 2200..=2204 | 2221..=2720, _) => len == 16,
            (34 | 37, ..) => len == 15,
            (30 | 36 | 38 | 39, ..) => (14..=19).contains(&len),
            (35, 3528..=3589, _) => len >= 16,
            (62 | 81 | 82, ..) | (65, ..) => len >= 16,
            (_, 6011 | 6440..=6499 | 9792, _) => len >= 16,
            (_, _, 506_099..=506_198 | 508_500..=508_999) => len >= 16,
            (50 | 56..=58 | 60 | 61 | 63 | 64 | 66..=69, ..) => true,
            _ => false,
        }
    }

    /// The algorithm of Luhn. Nothing but one digit is no number of a card.
    fn checks(&self) -> bool {
        let digits = &self.digits[..self.len];
        let doubled = |digit: u8| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
        let sum: u32 = digits
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit }))
            .sum();
        sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
    }
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    #[test]
    fn numbers_of_cards_are_found() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111+1111+1111+1111",
            "4111%201111%201111%201111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "30569309025904",
            "3056 930902 5904",
            "3530111333300000",
            "6200000000000005",
            "4222222222222",
            "6759649826438453",
        ] {
            for (text, shown) in
                [("{}", "{}"), ("card={}.", "card={}."), (r#"{"n":"{}","a":"x"}"#, r#"{"n":"{}","a":"x"}"#)]
            {
                let shown = shown.replace("{}", "<credit_card>");
                assert_eq!(shown_by(&[Rule::CreditCard], &text.replace("{}", number)), shown);
            }
        }
        assert_eq!(shown_by(&[Rule::CreditCard], r#"{"cvv":123}"#), r#"{"cvv":"<credit_card>"}"#);
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "4111111111111112",
            "41111111111111110000",
            "x4111111111111111",
            "0.4111111111111111",
            "4111111111111111.5",
            "4111111111111111e",
            "4111 1111 1111-1111",
            "411111111111",
            "1700000000000",
            "9111111111111111",
            "2015 2016 2017 2018",
            "4444444444444444",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(shown_by(&[Rule::CreditCard], text), text);
        }
    }
}

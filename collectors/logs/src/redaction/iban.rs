//! Numbers of bank accounts: a country, its length, and the right check digits, in one piece or in groups of four.

use super::engine::Found;

/// Countries of the IBAN registry and how long their numbers are.
const COUNTRIES: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The country and the check digits stand at `at`, behind what is no part of a word.
pub(super) fn find(text: &[u8], at: usize) -> Found {
    let nothing = Found::nothing(at + 1);
    let country = [text[at].to_ascii_uppercase(), text[at + 1].to_ascii_uppercase()];
    let Some((_, len)) = COUNTRIES.iter().find(|(code, _)| **code == country) else {
        return nothing;
    };
    let mut number = [0; 34];
    let mut end = at;
    let mut count = 0;
    let mut separator = None;
    while count < *len {
        match text.get(end) {
            Some(byte) if byte.is_ascii_alphanumeric() => {
                number[count] = byte.to_ascii_uppercase();
                count += 1;
            }
            Some(byte) if count > 0 && count % 4 == 0 && b" -+".contains(byte) => {
                if *separator.get_or_insert(*byte) != *byte || text[end - 1] == *byte {
                    return nothing;
                }
            }
            _ => return nothing,
        }
        end += 1;
    }
    let goes_on = text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if goes_on || remainder(&number[..count]) != 1 {
        return nothing;
    }
    Found::at(at..end, end)
}

/// ISO 7064, modulo 97: the first four behind the rest, letters as two digits.
fn remainder(number: &[u8]) -> u32 {
    let (front, rest) = number.split_at(4);
    rest.iter().chain(front).fold(0, |value, byte| match byte {
        b'0'..=b'9' => (value * 10 + u32::from(byte - b'0')) % 97,
        letter => (value * 100 + u32::from(letter - b'A' + 10)) % 97,
    })
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    #[test]
    fn numbers_of_accounts_are_found() {
        for number in [
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "DE89+3704+0044+0532+0130+00",
            "DE89%203704%200044%200532%200130%2000",
            "GB29NWBK60161331926819",
            "gb29 nwbk 6016 1331 9268 19",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            for text in ["{}", "to {}, ok", r#"{"iban":"{}"}"#] {
                let shown = text.replace("{}", "<iban>");
                assert_eq!(shown_by(&[Rule::Iban], &text.replace("{}", number)), shown);
            }
        }
    }

    #[test]
    fn what_is_no_number_of_an_account_stays() {
        for text in [
            "DE89370400440532013001",
            "XX89370400440532013000",
            "DE8937040044053201300",
            "DE893704004405320130001",
            "xDE89370400440532013000",
            "DE89 3704-0044 0532 0130 00",
            "DE893 7040 0440 5320 1300 0",
        ] {
            assert_eq!(shown_by(&[Rule::Iban], text), text);
        }
    }
}

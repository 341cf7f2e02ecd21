//! Numbers as they are written, kept exactly: what would lose a digit stays text.

/// A number that is what was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Numeral {
    /// It fits 64 bits.
    Int(i64),
    /// It has a point or an exponent, and is written so again.
    Double(f64),
}

/// As many significant digits survive in a double whatever they are.
const EXACT: usize = 15;

/// No double has more in its shortest form; more than these are compared in vain.
const MOST_DIGITS: usize = 40;

/// The number that `text` is: `-? digits (. digits)? ([eE] [+-]? digits)?`. `None` if it is none, or one that would
/// not come out again as it is.
pub(crate) fn numeral(text: &str) -> Option<Numeral> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if !unsigned.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Numeral::Int);
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || !digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) {
        return None;
    }
    double(text).map(Numeral::Double)
}

/// The double that `text` is, of which it is known that it has the form of one. `None` if it would not come out
/// again as it is.
pub(crate) fn double(text: &str) -> Option<f64> {
    if let Some(value) = decimal(text) {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mantissa = unsigned.split_once(['e', 'E']).map_or(unsigned, |(mantissa, _)| mantissa);
    (value.is_finite() && is_kept(mantissa, value)).then_some(value)
}

/// A number with a point and few digits, as most are: both parts of the fraction that it is are exact, so the quotient
/// is the double next to it.
fn decimal(text: &str) -> Option<f64> {
    const POWERS: [f64; EXACT] =
        [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() > EXACT {
        return None;
    }
    let (mut digits, mut decimals, mut is_behind) = (0u64, 0, 0);
    for byte in unsigned.bytes() {
        match byte {
            b'0'..=b'9' => {
                digits = 10 * digits + u64::from(byte - b'0');
                decimals += is_behind;
            }
            b'.' => is_behind = 1,
            _ => return None,
        }
    }
    let value = digits as f64 / POWERS[decimals];
    Some(if unsigned.len() < text.len() { -value } else { value })
}

/// Whether `value` has all significant digits of what it was read from.
fn is_kept(mantissa: &str, value: f64) -> bool {
    if mantissa.len() <= EXACT {
        // Too small to be told from nothing.
        return value != 0.0 || mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    }
    let count = significant(mantissa).count();
    if count > MOST_DIGITS {
        return false;
    }
    // Where it is as near to two texts, programs differ in which they write.
    let value = value.abs();
    [format!("{:.*e}", count.saturating_sub(1), value), format!("{value:e}")].iter().any(|again| {
        let again = again.split_once('e').map_or(again.as_str(), |(mantissa, _)| mantissa);
        significant(mantissa).eq(significant(again))
    })
}

/// The digits without the zeros before and behind them.
fn significant(mantissa: &str) -> impl Iterator<Item = u8> + '_ {
    mantissa.trim_matches(['0', '.']).bytes().filter(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_lose_a_digit_is_no_number() {
        for (text, number) in [
            ("0", Some(Numeral::Int(0))),
            ("-5", Some(Numeral::Int(-5))),
            ("9223372036854775807", Some(Numeral::Int(i64::MAX))),
            ("9223372036854775808", None),
            ("1.50", Some(Numeral::Double(1.5))),
            ("1.5e3", Some(Numeral::Double(1500.0))),
            ("0.30000000000000004", Some(Numeral::Double(0.1 + 0.2))),
            ("-1716406556854414.2", Some(Numeral::Double(-1716406556854414.2))),
            ("-1444650983057212.3", Some(Numeral::Double(-1_444_650_983_057_212.3))),
            ("9007199254740993.0", None),
            ("0.1234567890123456789", None),
            ("12345678901234567890.5", None),
            ("100000000000000000000.0", Some(Numeral::Double(1e20))),
            ("1e400", None),
            ("1e-400", None),
            ("0.0e5", Some(Numeral::Double(0.0))),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("0x10", None),
            ("inf", None),
            ("", None),
            ("-", None),
            ("1,5", None),
        ] {
            assert_eq!(numeral(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_short_decimal_is_the_double_that_the_standard_library_reads(text in "-?[0-9]{1,8}(\\.[0-9]{1,8})?") {
            if let Some(value) = decimal(&text) {
                prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }

        #[test]
        fn a_double_as_it_is_written_is_kept(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            for text in [format!("{value:?}"), format!("{value:e}")] {
                let read = numeral(&text);
                let is_whole = !text.contains(['.', 'e']);
                prop_assert!(is_whole || read == Some(Numeral::Double(value)), "{text}: {read:?}");
            }
        }

        #[test]
        fn what_is_taken_for_a_double_is_written_with_the_same_digits(text in "-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,25}") {
            if let Some(Numeral::Double(value)) = numeral(&text) {
                // Its exact value, rounded to as many digits, is what was written.
                let written: Vec<u8> = significant(text.trim_start_matches('-')).collect();
                let exact = format!("{:.1100}", value.abs());
                let digits: Vec<u8> = exact.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).collect();
                let (kept, rest) = digits.split_at(written.len());
                let mut below = kept.to_vec();
                if let Some(last) = below.iter().rposition(|digit| *digit != b'9') {
                    below[last] += 1;
                    below[last + 1..].fill(b'0');
                }
                let is_rounded_up = rest.first().is_some_and(|digit| *digit >= b'5') && below == written;
                prop_assert!(kept == written || is_rounded_up, "{text}: {value:?}");
            }
        }
    }
}

//! Numbers as bcachefs writes them for people.

use super::super::parse;

/// `28.2k` is 28876: units are powers of 1024, what is left of a byte is cut off.
pub(super) fn size(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    let (number, exponent) = parse::unit(text);
    let number = parse::number(number)?;
    Some(if exponent == 0 { number } else { (number * 1024_f64.powi(exponent)).trunc() })
        .filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_powers_of_1024() {
        assert_eq!(size(b"720"), Some(720.0));
        assert_eq!(size(b" 28.2k\n"), Some(28876.0));
        assert_eq!(size(b"10.8T"), Some(11_874_725_579_980.0));
        for wrong in [&b""[..], b"G", b"1.2.3k", b"1X"] {
            assert_eq!(size(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..12)) {
            prop_assert!(size(&text).is_none_or(f64::is_finite));
        }
    }
}

//! Numbers as bcache writes them for people.

use super::super::parse;

/// `427.5k`: units are powers of 1024, and the digit behind the point counts hundreds of the next smaller unit, as the
/// kernel makes it from the remainder.
pub(super) fn size(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    let (sign, text) = text.strip_prefix(b"-").map_or((1.0, text), |text| (-1.0, text));
    let (number, exponent) = parse::unit(text);
    let (whole, tenth) = match memchr::memchr(b'.', number) {
        Some(point) if exponent > 0 => (&number[..point], parse::whole(&number[point + 1..])?),
        _ => (number, 0),
    };
    let unit = |exponent| 1024_f64.powi(exponent);
    let rest = if exponent > 0 { tenth as f64 * 100.0 * unit(exponent - 1) } else { 0.0 };
    Some(sign * (parse::whole(whole)? as f64 * unit(exponent) + rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_powers_of_1024_and_tenths_are_hundreds() {
        assert_eq!(size(b"512\n"), Some(512.0));
        assert_eq!(size(b"427.5k"), Some(437_748.0));
        assert_eq!(size(b"20.4G"), Some(21_894_266_880.0));
        assert_eq!(size(b"-1k"), Some(-1024.0));
        for wrong in [&b""[..], b"-", b"k", b".5k", b"1.5", b"1.k", b"17ms"] {
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

//! What a peer answers in text as the value of a series.

/// A finite number that the text is, but for blank space around it.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    // Words like `nan` and `infinity` would be read as well.
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn only_numbers_are_numbers() {
        assert_eq!(number(b" 12.5\n"), Some(12.5));
        assert_eq!(number(b"-3e2"), Some(-300.0));
        for text in ["", "x", "1 2", "nan", "inf", "1e999", "0x10", "\u{661}"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(number(b"\xff"), None);
    }
}

//! Reading numbers and words out of what the kernel writes.
//!
//! Everything here takes bytes as they come: truncated, empty, negative, beyond 64 bits, not UTF-8. What
//! cannot be read is `None`, never a panic and never a guess.

use std::borrow::Cow;

/// The lines of a text, without their ends; a last line may lack its end.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, tail) = match memchr::memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = tail;
        Some(line)
    })
}

/// The words of a line, however many spaces and tabs there are between them.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// The first word, and what follows it.
pub(super) fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    line.split_at(end)
}

/// A whole number without a sign, decimal, of at most 64 bits.
pub(super) fn whole(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Any finite number. Whole ones, which most are, are read without the detour over text.
pub(super) fn number(word: &[u8]) -> Option<f64> {
    if let Some(value) = whole(word) {
        return Some(value as f64);
    }
    let value: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// A whole number in hexadecimal, with or without `0x`, of at most 64 bits.
pub(super) fn hex(word: &[u8]) -> Option<u64> {
    let digits = word.strip_prefix(b"0x").unwrap_or(word);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        value.checked_mul(16)?.checked_add(u64::from(digit))
    })
}

/// A file that holds one whole number and a newline, as those in sysfs do.
pub(super) fn whole_file(text: &[u8]) -> Option<u64> {
    whole(text.trim_ascii())
}

/// The number in front of a unit of bytes, `k` to `E`, and which power of 1024 that is.
pub(super) fn unit(text: &[u8]) -> (&[u8], i32) {
    let exponent = match text.last() {
        Some(b'k' | b'K') => 1,
        Some(b'M') => 2,
        Some(b'G') => 3,
        Some(b'T') => 4,
        Some(b'P') => 5,
        Some(b'E') => 6,
        _ => 0,
    };
    (&text[..text.len() - usize::from(exponent > 0)], exponent)
}

/// A hardware address: `aa:bb:cc:dd:ee:ff`.
pub(super) fn hardware_address(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// Text for a label: what is not UTF-8 is replaced by U+FFFD.
pub(super) fn label(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A path in a list of mounts or swaps: blank, tab, newline and backslash are three octal digits behind a backslash.
pub(super) fn unescape(word: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = (*byte == b'\\').then(|| octal(tail)).flatten();
        text.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    text
}

fn octal(digits: &[u8]) -> Option<u8> {
    digits.get(..3)?.iter().try_fold(0_u8, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_bad_kind_are_none() {
        for word in ["", "-", "-1", "1e", "18446744073709551616", "0x10", "1 2", "\u{663}"] {
            assert_eq!(whole(word.as_bytes()), None, "{word:?}");
        }
        for word in ["", "nan", "inf", "1e999", "--1", "1,5"] {
            assert_eq!(number(word.as_bytes()), None, "{word:?}");
        }
        assert_eq!(whole(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"-1"), Some(-1.0));
        assert_eq!(number(b"0.21"), Some(0.21));
    }

    #[test]
    fn hexadecimal_numbers_may_begin_with_0x() {
        assert_eq!(hex(b"0x1003"), Some(0x1003));
        assert_eq!(hex(b"ffffffffffffffff"), Some(u64::MAX));
        for word in [&b""[..], b"0x", b"-1", b"10000000000000000", b"0xg"] {
            assert_eq!(hex(word), None);
        }
    }

    #[test]
    fn a_unit_is_a_power_of_1024() {
        assert_eq!(unit(b"1.5k"), (&b"1.5"[..], 1));
        assert_eq!(unit(b"2E"), (&b"2"[..], 6));
        assert_eq!(unit(b"7"), (&b"7"[..], 0));
        assert_eq!((unit(b""), unit(b"G")), ((&b""[..], 0), (&b""[..], 3)));
    }

    #[test]
    fn a_last_line_without_an_end_is_a_line() {
        assert_eq!(lines(b"a\n\nb").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"a\n").collect::<Vec<_>>(), [b"a"]);
        assert_eq!(lines(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn a_written_number_is_read_back(value in any::<u64>(), real in -1e15_f64..1e15) {
            prop_assert_eq!(whole(value.to_string().as_bytes()), Some(value));
            prop_assert_eq!(number(real.to_string().as_bytes()), Some(real));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            for line in lines(&text) {
                for word in words(line) {
                    let _ = (whole(word), hex(word), number(word), label(word));
                }
                let (first, rest) = first_word(line);
                prop_assert!(first.len() + rest.len() <= line.len());
            }
            prop_assert!(unescape(&text).len() <= text.len());
        }
    }
}

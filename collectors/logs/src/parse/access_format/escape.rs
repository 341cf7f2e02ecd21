//! What servers write instead of quotes and of bytes that are no text.

/// How a server escapes values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Escape {
    /// With backslashes: `\xHH` of nginx and Apache, `\"`, `\n`, … of Apache, those of JSON.
    #[default]
    Backslash,
    /// Not at all.
    None,
}

/// Memory for a text without its escapes.
#[derive(Debug, Clone, Default)]
pub(in crate::parse) struct Scratch {
    bytes: Vec<u8>,
    text: String,
}

/// `text` without escapes. Bytes that are not UTF-8 become U+FFFD.
pub(in crate::parse) fn unescaped<'t>(text: &'t str, scratch: &'t mut Scratch) -> &'t str {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else { return text };
    let Scratch { bytes, text: decoded } = scratch;
    bytes.clear();
    bytes.extend_from_slice(&text.as_bytes()[..first]);
    let mut rest = &text.as_bytes()[first..];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == b'\\' {
            rest = &tail[escape(tail, bytes)..];
        } else {
            bytes.push(*byte);
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            decoded.clear();
            decoded.push_str(&String::from_utf8_lossy(bytes));
            decoded
        }
    }
}

/// Writes what stands behind a backslash as what it is; returns how much of it that was.
fn escape(tail: &[u8], out: &mut Vec<u8>) -> usize {
    let hex = |len: usize| {
        let digits = tail.get(1..=len)?;
        digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
    };
    let byte = match tail.first() {
        None => {
            out.push(b'\\');
            return 0;
        }
        Some(b'x') => match hex(2) {
            Some(code) => {
                out.push(code as u8);
                return 3;
            }
            None => b'x',
        },
        Some(b'u') => match hex(4) {
            Some(code) => {
                let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                return 5;
            }
            None => b'u',
        },
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'v') => 11,
        Some(byte) => *byte,
    };
    out.push(byte);
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_both_servers_and_of_json_become_what_they_stand_for() {
        for (written, text) in [
            ("plain", "plain"),
            (r"a\x22b\x5Cc", "a\"b\\c"),
            (r#"a\"b\\c\n"#, "a\"b\\c\n"),
            (r"\u001f\u00e9", "\u{1f}é"),
            (r"\xc3\xa9", "é"),
            (r"\xff", "\u{fffd}"),
            (r"\x2 \u12 \", "x2 u12 \\"),
            (r"\ud800", "\u{fffd}"),
            ("é\\té", "é\té"),
        ] {
            assert_eq!(unescaped(written, &mut Scratch::default()), text, "{written}");
        }
    }
}

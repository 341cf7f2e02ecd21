//! A text as a rule sees it: as it is written, or with its escapes resolved.
//!
//! A secret may be spelt `bob\u0040example.org` in JSON, `bob%40example.org` in a URL, and both at once where one
//! stands in the other. So after the text itself the rules see it with the escapes of one layer resolved, then of the
//! next, up to [`LAYERS`]. Each byte knows where in the original it comes from: what is found is taken out there.

/// So many layers of escapes are resolved.
pub(super) const LAYERS: usize = 3;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) bytes: &'v [u8],
    /// Where in the original each byte begins, and behind the last one where it ends; `None` for the original.
    origins: Option<&'v [u32]>,
}

impl<'v> View<'v> {
    pub(super) const fn original(bytes: &'v [u8]) -> Self {
        Self { bytes, origins: None }
    }

    pub(super) const fn is_original(&self) -> bool {
        self.origins.is_none()
    }

    /// Where in the original the byte at `at` begins.
    pub(super) fn origin(&self, at: usize) -> usize {
        self.origins.map_or(at, |origins| origins[at] as usize)
    }

    /// How many bytes of the original the byte at `at` takes. An escaped quote takes more than the quote that closes
    /// the text which it stands in.
    pub(super) fn width(&self, at: usize) -> usize {
        self.origins.map_or(1, |origins| (origins[at + 1] - origins[at]) as usize)
    }
}

/// A text with its escapes resolved. Reused for the next one.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoded {
    bytes: Vec<u8>,
    origins: Vec<u32>,
}

impl Decoded {
    pub(super) fn view(&self) -> View<'_> {
        View { bytes: &self.bytes, origins: Some(&self.origins) }
    }

    /// Resolves one layer. False if there is nothing to resolve.
    pub(super) fn resolve(&mut self, from: View<'_>) -> bool {
        self.bytes.clear();
        self.origins.clear();
        let text = from.bytes;
        let mut at = 0;
        let mut found = false;
        for escape in memchr::memchr2_iter(b'%', b'\\', text) {
            if escape < at {
                continue;
            }
            let Some((decoded, len)) = unescaped(&text[escape..]) else { continue };
            // A backslash that was escaped itself, and behind it the quote that closes the text it stands in.
            if matches!(text[escape + 1], b'"' | b'\'') && from.width(escape) > from.width(escape + 1) {
                continue;
            }
            self.copy(from, at..escape);
            found = true;
            at = escape + len;
            let mut utf8 = [0; 4];
            let bytes = match decoded {
                Unit::Byte(byte) => {
                    utf8[0] = byte;
                    &utf8[..1]
                }
                Unit::Char(c) => c.encode_utf8(&mut utf8).as_bytes(),
            };
            for byte in bytes {
                self.bytes.push(*byte);
                self.origins.push(from.origin(escape) as u32);
            }
        }
        if found {
            self.copy(from, at..text.len());
            self.origins.push(from.origin_of_end());
        }
        found
    }

    fn copy(&mut self, from: View<'_>, range: std::ops::Range<usize>) {
        self.bytes.extend_from_slice(&from.bytes[range.clone()]);
        match from.origins {
            Some(origins) => self.origins.extend_from_slice(&origins[range]),
            None => self.origins.extend(range.map(|at| at as u32)),
        }
    }
}

impl View<'_> {
    fn origin_of_end(&self) -> u32 {
        self.origins.map_or(self.bytes.len() as u32, |origins| origins[self.bytes.len()])
    }
}

/// What an escape stands for.
enum Unit {
    Byte(u8),
    Char(char),
}

/// What the escape at the beginning of `text` stands for, and its length.
fn unescaped(text: &[u8]) -> Option<(Unit, usize)> {
    let hex = |from: usize, len: usize| {
        let digits = text.get(from..from + len)?;
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
    };
    if text[0] == b'%' {
        return Some((Unit::Byte(hex(1, 2)? as u8), 3));
    }
    let byte = |byte| Some((Unit::Byte(byte), 2));
    match *text.get(1)? {
        plain @ (b'"' | b'\'' | b'\\' | b'/') => byte(plain),
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'b' | b'f' => byte(b' '),
        b'x' => Some((Unit::Byte(hex(2, 2)? as u8), 4)),
        b'u' => match (hex(2, 4)?, text.get(6..8)) {
            (high @ 0xd800..0xdc00, Some(b"\\u")) => {
                let low = hex(8, 4).filter(|low| (0xdc00..0xe000).contains(low))?;
                let scalar = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                Some((Unit::Char(char::from_u32(scalar)?), 12))
            }
            (scalar, _) => Some((Unit::Char(char::from_u32(scalar)?), 6)),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn resolved(text: &str) -> Option<String> {
        let mut decoded = Decoded::default();
        decoded
            .resolve(View::original(text.as_bytes()))
            .then(|| String::from_utf8_lossy(decoded.view().bytes).into_owned())
    }

    #[test]
    fn escapes_of_json_and_of_urls_are_resolved_one_layer_at_a_time() {
        for (text, plain) in [
            ("bob\\u0040x.org", Some("bob@x.org")),
            ("bob%40x.org", Some("bob@x.org")),
            ("bob%2540x", Some("bob%40x")),
            (r#"{\"a\":\"\\u0040\\\"\"}"#, Some(r#"{"a":"\u0040\""}"#)),
            ("a\\/b\\x40", Some("a/b@")),
            ("\\ud83d\\ude00!", Some("😀!")),
            ("\\ud83d\\n", Some("\\ud83d\n")),
            ("caf%C3%A9", Some("café")),
            ("100% of \\d \\u12", None),
            ("%4", None),
            ("\\", None),
        ] {
            assert_eq!(resolved(text).as_deref(), plain, "{text}");
        }
    }

    #[test]
    fn each_byte_knows_where_it_comes_from() {
        let (mut one, mut two) = (Decoded::default(), Decoded::default());
        assert!(one.resolve(View::original(b"a%2540b")));
        assert!(two.resolve(one.view()));
        let view = two.view();
        assert_eq!(view.bytes, b"a@b");
        assert_eq!((0..=3).map(|at| view.origin(at)).collect::<Vec<_>>(), [0, 1, 6, 7]);
        assert_eq!(view.width(1), 5);
    }

    proptest! {
        #[test]
        fn origins_rise_and_end_with_the_text(text in "([a-z%\\\\\"]|%4[0-9]|\\\\u00[46][0-9]|é|\\\\x[0-9a-f]{2}){0,40}") {
            let mut layers = [Decoded::default(), Decoded::default()];
            let mut from = View::original(text.as_bytes());
            for layer in &mut layers {
                if !layer.resolve(from) {
                    break;
                }
                let view = layer.view();
                prop_assert_eq!(view.origin(view.bytes.len()), text.len());
                prop_assert!((0..view.bytes.len()).all(|at| view.origin(at) <= view.origin(at + 1)));
                prop_assert!((0..view.bytes.len()).all(|at| text.is_char_boundary(view.origin(at)) || view.bytes[at] >= 0x80));
                from = layer.view();
            }
        }
    }
}

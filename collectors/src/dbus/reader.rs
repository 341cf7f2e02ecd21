//! Reads values as D-Bus marshals them, out of bytes that anybody may have sent.
//!
//! Every value begins at a multiple of its alignment, counted from the beginning of the message; a body begins
//! at a multiple of eight, so it may be counted from there too.

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("cut short")]
    CutShort,
    #[error("a text that is not UTF-8 or does not end")]
    Text,
    #[error("a signature that cannot be read")]
    Signature,
    #[error("values of other types than were asked for")]
    Unexpected,
    #[error("a header that is none")]
    Header,
    #[error("a message of more than {} MiB", super::message::LARGEST >> 20)]
    TooLarge,
}

/// How deep variants may be in one another; the D-Bus specification allows 64 containers.
const DEEPEST: u32 = 64;

/// A property's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'m> {
    Bool(bool),
    U32(u32),
    U64(u64),
    Text(&'m str),
    /// As it is marshalled: of a type that is not needed here.
    Other(&'m [u8]),
}

/// Reads one value after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'m> {
    bytes: &'m [u8],
    at: usize,
    big_endian: bool,
    /// The types of the values; empty once a part of them is read.
    signature: &'m str,
}

impl<'m> Reader<'m> {
    pub(crate) fn new(bytes: &'m [u8], big_endian: bool, signature: &'m str) -> Self {
        Self { bytes, at: 0, big_endian, signature }
    }

    /// Goes on at `at`.
    pub(super) fn at(mut self, at: usize) -> Self {
        self.at = at;
        self
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Makes sure that the values are of these types.
    pub(crate) fn expect(&self, signature: &str) -> Result<(), Malformed> {
        if self.signature == signature { Ok(()) } else { Err(Malformed::Unexpected) }
    }

    /// Whether there is anything left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Steps over padding.
    pub(crate) fn align(&mut self, to: usize) -> Result<(), Malformed> {
        let aligned = self.at.next_multiple_of(to);
        if aligned > self.bytes.len() {
            return Err(Malformed::CutShort);
        }
        self.at = aligned;
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed::CutShort)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed::CutShort)?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.align(4)?;
        let bytes = self.take(4)?.first_chunk().ok_or(Malformed::CutShort)?;
        Ok(if self.big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) })
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.align(8)?;
        let bytes = self.take(8)?.first_chunk().ok_or(Malformed::CutShort)?;
        Ok(if self.big_endian { u64::from_be_bytes(*bytes) } else { u64::from_le_bytes(*bytes) })
    }

    /// A string, or the path of an object.
    pub(crate) fn text(&mut self) -> Result<&'m str, Malformed> {
        let length = self.u32()? as usize;
        self.terminated(length)
    }

    pub(super) fn signature(&mut self) -> Result<&'m str, Malformed> {
        let length = usize::from(self.byte()?);
        self.terminated(length)
    }

    fn terminated(&mut self, length: usize) -> Result<&'m str, Malformed> {
        let text = self.take(length)?;
        if self.byte()? != 0 {
            return Err(Malformed::Text);
        }
        std::str::from_utf8(text).map_err(|_| Malformed::Text)
    }

    /// The elements of an array, each aligned to `alignment`, for a reader of their own.
    pub(crate) fn array(&mut self, alignment: usize) -> Result<Self, Malformed> {
        let length = self.u32()? as usize;
        self.align(alignment)?;
        let start = self.at;
        self.take(length)?;
        Ok(Self { bytes: &self.bytes[..self.at], at: start, big_endian: self.big_endian, signature: "" })
    }

    /// A variant: a value that comes with its type.
    pub(crate) fn variant(&mut self) -> Result<Value<'m>, Malformed> {
        match self.signature()? {
            "b" => Ok(Value::Bool(self.u32()? != 0)),
            "u" => Ok(Value::U32(self.u32()?)),
            "t" => Ok(Value::U64(self.u64()?)),
            "s" | "o" => Ok(Value::Text(self.text()?)),
            signature => {
                let types = signature.as_bytes();
                if one_type(types, DEEPEST)? != types.len() {
                    return Err(Malformed::Signature);
                }
                self.align(alignment(types[0]))?;
                let start = self.at;
                self.skip(types, DEEPEST)?;
                Ok(Value::Other(&self.bytes[start..self.at]))
            }
        }
    }

    /// Steps over one value of the first type of `types`; returns the types behind it.
    fn skip<'t>(&mut self, types: &'t [u8], deep: u32) -> Result<&'t [u8], Malformed> {
        let deep = deep.checked_sub(1).ok_or(Malformed::Signature)?;
        let (first, behind) = types.split_first().ok_or(Malformed::Signature)?;
        self.align(alignment(*first))?;
        match first {
            b'y' => drop(self.byte()?),
            b'n' | b'q' => drop(self.take(2)?),
            b'b' | b'i' | b'u' | b'h' => drop(self.take(4)?),
            b'x' | b't' | b'd' => drop(self.take(8)?),
            b's' | b'o' => drop(self.text()?),
            b'g' => drop(self.signature()?),
            b'v' => {
                let types = self.signature()?.as_bytes();
                self.skip(types, deep)?;
            }
            b'a' => {
                let element = behind.first().ok_or(Malformed::Signature)?;
                self.array(alignment(*element))?;
                return Ok(&behind[one_type(behind, deep)?..]);
            }
            b'(' | b'{' => {
                let mut members = behind;
                while !matches!(members.first(), Some(b')' | b'}')) {
                    members = self.skip(members, deep)?;
                }
                return Ok(&members[1..]);
            }
            _ => return Err(Malformed::Signature),
        }
        Ok(behind)
    }
}

/// How many bytes of a signature the first type in it takes.
fn one_type(types: &[u8], deep: u32) -> Result<usize, Malformed> {
    let deep = deep.checked_sub(1).ok_or(Malformed::Signature)?;
    match types.first().ok_or(Malformed::Signature)? {
        b'a' => Ok(1 + one_type(&types[1..], deep)?),
        b'(' | b'{' => {
            let mut at = 1;
            while !matches!(types.get(at), Some(b')' | b'}')) {
                at += one_type(types.get(at..).unwrap_or_default(), deep)?;
            }
            Ok(at + 1)
        }
        b'y' | b'b' | b'n' | b'q' | b'i' | b'u' | b'x' | b't' | b'd' | b's' | b'o' | b'g' | b'v' | b'h' => {
            Ok(1)
        }
        _ => Err(Malformed::Signature),
    }
}

fn alignment(kind: u8) -> usize {
    match kind {
        b'n' | b'q' => 2,
        b'b' | b'i' | b'u' | b'h' | b's' | b'o' | b'a' => 4,
        b'x' | b't' | b'd' | b'(' | b'{' => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn variant(bytes: &[u8], big_endian: bool) -> Result<Value<'_>, Malformed> {
        Reader::new(bytes, big_endian, "v").variant()
    }

    #[test]
    fn values_come_with_their_types() {
        assert_eq!(variant(b"\x01b\0\0\x01\0\0\0", false), Ok(Value::Bool(true)));
        assert_eq!(variant(b"\x01u\0\0\x02\x01\0\0", false), Ok(Value::U32(258)));
        assert_eq!(variant(b"\x01u\0\0\0\0\x01\x02", true), Ok(Value::U32(258)));
        assert_eq!(variant(b"\x01t\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0", false), Ok(Value::U64(258)));
        assert_eq!(variant(b"\x01s\0\0\x02\0\0\0on\0", false), Ok(Value::Text("on")));
    }

    #[test]
    fn a_value_of_any_other_type_is_taken_as_it_is() {
        let arrays = b"\x06(aiai)\0\x04\0\0\0\x07\0\0\0\0\0\0\0";
        let mut reader = Reader::new(arrays, false, "v");
        let Value::Other(bytes) = reader.variant().unwrap() else { unreachable!("no basic type") };
        assert_eq!(bytes, b"\x04\0\0\0\x07\0\0\0\0\0\0\0");
        assert!(reader.is_at_end());
        let nested = b"\x01v\0\x05a{sv}"; // cut off
        assert_eq!(variant(nested, false), Err(Malformed::CutShort));
        assert_eq!(
            variant(b"\x01v\0\x01d\0\0\0\0\0\0\0\0\0\0\0", false).unwrap(),
            Value::Other(b"\x01d\0\0\0\0\0\0\0\0\0\0\0")
        );
    }

    #[test]
    fn a_signature_that_leads_nowhere_is_refused() {
        for wrong in
            [&b"\x00\0"[..], b"\x01a\0\0\0\0\0\0", b"\x02uu\0", b"\x01(\0", b"\x01z\0", b"\x02()\0\0\0\0\0"]
        {
            assert!(variant(wrong, false).is_err() || wrong.starts_with(b"\x02()"), "{wrong:?}");
        }
        let deep = [&[200][..], &[b'('; 200], b"\0"].concat();
        assert_eq!(variant(&deep, false), Err(Malformed::Signature));
        let variants: Vec<u8> = b"\x01v\0".repeat(100);
        assert_eq!(variant(&variants, false), Err(Malformed::Signature));
    }

    #[test]
    fn a_text_has_to_be_utf_8_and_to_end() {
        assert_eq!(variant(b"\x01s\0\0\x01\0\0\0\xff\0", false), Err(Malformed::Text));
        assert_eq!(variant(b"\x01s\0\0\x01\0\0\0aa", false), Err(Malformed::Text));
        assert_eq!(variant(b"\x01s\0\0\xff\xff\xff\xffa\0", false), Err(Malformed::CutShort));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            signature in "[ybnqiuxtdsoghva(){}]{0,12}",
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            big_endian in any::<bool>(),
        ) {
            let typed = [&[signature.len() as u8][..], signature.as_bytes(), b"\0", &bytes].concat();
            for bytes in [&typed, &bytes] {
                let mut reader = Reader::new(bytes, big_endian, "v");
                let _ = reader.variant();
                prop_assert!(reader.position() <= bytes.len());
                if let Ok(mut elements) = Reader::new(bytes, big_endian, "as").array(4) {
                    while !elements.is_at_end() && elements.text().is_ok() {}
                }
            }
        }
    }
}

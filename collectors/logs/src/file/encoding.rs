//! What the bytes of a file stand for: UTF-8, unless it begins with a mark that says something else.
//!
//! A byte order mark is no part of the first line. Files in UTF-16 (what some programs on Windows write, and what
//! is copied from there) are decoded line by line; half a surrogate pair becomes U+FFFD.

use std::io;

use super::{Followed, Progress, read_some};
use crate::identity::{self, Mark};
use crate::join::Line;
use crate::record::{Recorder, Shape};
use crate::records::Records;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// With a mark of so many bytes.
    Utf8(u8),
    Utf16(Order),
}

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// The mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

impl Encoding {
    /// Of a file that begins with `start`, which is three bytes if there are as many. `None` if they are too few
    /// to tell.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xfe, ..] => Some(Self::Utf16(Order::Little)),
            [0xfe, 0xff, ..] => Some(Self::Utf16(Order::Big)),
            [0xff | 0xfe] | [0xef] | [0xef, 0xbb] | [] => None,
            _ if start == MARK => Some(Self::Utf8(MARK.len() as u8)),
            _ => Some(Self::Utf8(0)),
        }
    }

    /// How many bytes the mark has.
    fn mark_len(self) -> u64 {
        match self {
            Self::Utf8(len) => u64::from(len),
            Self::Utf16(_) => 2,
        }
    }
}

impl Order {
    fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn units(self, bytes: &[u8]) -> impl Iterator<Item = u16> {
        bytes.chunks_exact(2).map(move |pair| self.unit([pair[0], pair[1]]))
    }

    /// Where the first newline of whole units stands.
    fn newline(self, bytes: &[u8]) -> Option<usize> {
        self.units(bytes).position(|unit| unit == u16::from(b'\n')).map(|at| at * 2)
    }

    /// As UTF-8, and whether all of it was well-formed. A last byte alone is half a unit.
    fn decode(self, bytes: &[u8]) -> (String, bool) {
        let mut whole = bytes.len().is_multiple_of(2);
        let chars = char::decode_utf16(self.units(bytes));
        let mut text: String = chars
            .map(|char| {
                char.unwrap_or_else(|_| {
                    whole = false;
                    char::REPLACEMENT_CHARACTER
                })
            })
            .collect();
        if !bytes.len().is_multiple_of(2) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        (text, whole)
    }
}

impl Followed {
    /// Finds out what the file is encoded in, and passes the mark that says so. `None` if that cannot be told
    /// yet.
    pub(super) fn know_encoding(&mut self) -> io::Result<Option<Encoding>> {
        if self.encoding.is_none() || self.position.offset == 0 {
            self.encoding = Encoding::of(&identity::read(&self.handle, 0, 3)?);
            if let Some(encoding) = self.encoding
                && self.position.offset < encoding.mark_len()
            {
                self.position = Mark::at(&self.handle, encoding.mark_len())?;
            }
        }
        Ok(self.encoding)
    }

    /// As [`Self::read`], where a character has two bytes.
    pub(super) fn read_wide(
        &mut self,
        order: Order,
        chunk: &mut [u8],
        recorder: &mut Recorder,
        out: &mut Records,
        limit: usize,
    ) -> io::Result<Progress> {
        while out.size() < limit {
            let start = self.position.offset;
            let len = read_some(&self.handle, chunk, start)?;
            let bytes = &chunk[..len & !1];
            let mut used = 0;
            while out.size() < limit
                && let Some(len) = order.newline(&bytes[used..])
            {
                let line = &bytes[used..used + len];
                self.wide_line(order, line, start + used as u64, (len + 2) as u64, recorder, out);
                used += len + 2;
            }
            if used > 0 {
                self.advance(&bytes[..used]);
            } else if len < chunk.len() || !self.read_long_wide_line(order, chunk, recorder, out)? {
                return Ok(Progress::Drained);
            }
        }
        Ok(Progress::More)
    }

    fn read_long_wide_line(
        &mut self,
        order: Order,
        chunk: &mut [u8],
        recorder: &mut Recorder,
        out: &mut Records,
    ) -> io::Result<bool> {
        let start = self.position.offset;
        self.searched = self.searched.max(start);
        let end = loop {
            let len = read_some(&self.handle, chunk, self.searched)? & !1;
            if len == 0 {
                return Ok(false);
            }
            if let Some(newline) = order.newline(&chunk[..len]) {
                break self.searched + newline as u64;
            }
            self.searched += len as u64;
        };
        // A character has at most twice as many bytes in UTF-16; as much more as shows where the last one ends.
        let most = 2 * recorder.longest() as u64 + 8;
        let line = identity::read(&self.handle, start, (end - start).min(most) as usize)?;
        self.wide_line(order, &line, start, end + 2 - start, recorder, out);
        self.position = Mark::at(&self.handle, end + 2)?;
        Ok(true)
    }

    /// Encodes a line that stands at the position `at`, and takes `len` bytes of the file.
    fn wide_line(
        &mut self,
        order: Order,
        line: &[u8],
        at: u64,
        len: u64,
        recorder: &mut Recorder,
        out: &mut Records,
    ) {
        let text = decoded(order, line, recorder);
        let shape = if text.len() > recorder.longest() { Shape::Truncated } else { Shape::Whole };
        recorder.single(Line { text: text.as_bytes(), at, shape }, len, &mut self.assembly, out);
    }

    /// The last line of a file that nobody ends, as UTF-8.
    pub(super) fn text_of_rest(&self, bytes: Vec<u8>, recorder: &Recorder) -> Vec<u8> {
        match self.encoding {
            Some(Encoding::Utf16(order)) => decoded(order, &bytes, recorder).into_bytes(),
            _ => bytes,
        }
    }
}

fn decoded(order: Order, line: &[u8], recorder: &Recorder) -> String {
    let (text, whole) = order.decode(line);
    if !whole {
        recorder.is_invalid();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_a_file_is_encoded_in() {
        assert_eq!(Encoding::of(b"\xff\xfea"), Some(Encoding::Utf16(Order::Little)));
        assert_eq!(Encoding::of(b"\xfe\xff"), Some(Encoding::Utf16(Order::Big)));
        assert_eq!(Encoding::of(b"\xef\xbb\xbf"), Some(Encoding::Utf8(3)));
        assert_eq!(Encoding::of(b"\xef\xbbx"), Some(Encoding::Utf8(0)));
        assert_eq!(Encoding::of(b"a"), Some(Encoding::Utf8(0)));
        assert_eq!(Encoding::of(b"\xef\xbb"), None);
        assert_eq!(Encoding::of(b""), None);
    }

    #[test]
    fn half_a_surrogate_pair_and_half_a_unit_are_replaced() {
        assert_eq!(Order::Big.decode(b"\0a\xd8\x3d\xde\x00"), ("a😀".to_owned(), true));
        assert_eq!(Order::Big.decode(b"\xd8\x3d\0a"), ("\u{fffd}a".to_owned(), false));
        assert_eq!(Order::Little.decode(b"a\0b"), ("a\u{fffd}".to_owned(), false));
        // A byte that looks like a newline is not always one.
        assert_eq!(Order::Little.newline(b"\x0a\x01x\0\x0a\0"), Some(4));
    }
}

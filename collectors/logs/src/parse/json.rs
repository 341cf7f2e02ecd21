//! One JSON object per line, encoded as attributes while it is read: members become attributes, nested objects
//! key-value lists, arrays arrays. Nothing is built in between.
//!
//! Whole numbers that fit 64 bits are integers; those with a point or an exponent are doubles; what would lose a
//! digit is text ([`numeral`](mod@crate::numeral)). `null` is an attribute without a value. Of members of one name the last
//! counts. It is lenient where losing the line would help nobody (control characters within strings), and strict
//! about everything else.

mod leaf;
mod string;

use vigie_pipeline::otlp::attributes::{field::LOG, put_key_value};
use vigie_pipeline::otlp::wire::put_message;

use super::latest::Members;
use crate::fields::{Fields, Reason};
use crate::numeral::double;
use leaf::Leaf;
use string::{quote_or_escape, unescape};

/// How deeply objects and arrays may be nested.
const DEPTH: usize = 64;

/// Memory for strings with escapes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    key: String,
    text: String,
}

pub(super) fn parse(line: &str, fields: &mut Fields, scratch: &mut Scratch) -> Result<(), Reason> {
    Reader { line, at: 0, scratch }.document(&mut fields.attributes)
}

struct Reader<'l> {
    line: &'l str,
    at: usize,
    scratch: &'l mut Scratch,
}

impl<'l> Reader<'l> {
    #[inline]
    fn peek(&mut self) -> Result<u8, Reason> {
        let bytes = self.line.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Reason::Format)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Reason> {
        if self.peek()? != byte {
            return Err(Reason::Format);
        }
        self.at += 1;
        Ok(())
    }

    fn document(&mut self, out: &mut Vec<u8>) -> Result<(), Reason> {
        self.members(out, LOG, 0)?;
        match self.peek() {
            Ok(_) => Err(Reason::Format),
            Err(_) => Ok(()),
        }
    }

    /// An object's members, each as field `number` of what `out` holds.
    fn members(&mut self, out: &mut Vec<u8>, number: u32, depth: usize) -> Result<(), Reason> {
        if depth >= DEPTH {
            return Err(Reason::Depth);
        }
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        let mut members = Members::new(out, number);
        loop {
            match self.plain()? {
                Some(key) => self.member(key, &mut members, out, number, depth)?,
                None => {
                    let mut key = std::mem::take(&mut self.scratch.key);
                    let read = self.escaped(&mut key);
                    let read = read.and_then(|()| self.member(&key, &mut members, out, number, depth));
                    self.scratch.key = key;
                    read?;
                }
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Reason::Format),
            }
        }
    }

    /// What follows the name of a member.
    #[inline]
    fn member(
        &mut self,
        key: &str,
        members: &mut Members,
        out: &mut Vec<u8>,
        number: u32,
        depth: usize,
    ) -> Result<(), Reason> {
        self.expect(b':')?;
        let start = out.len();
        let first = self.peek()?;
        if is_nested(first) {
            let mut read = Ok(());
            put_key_value(out, number, key, |any| read = self.nested(first, any, depth));
            read?;
        } else {
            self.leaf(first, |leaf| leaf.put(out, number, key))?;
        }
        members.written(key, start, out);
        Ok(())
    }

    /// An object or an array, as what an `AnyValue` holds: `array_value` = 5, `kvlist_value` = 6.
    fn nested(&mut self, first: u8, out: &mut Vec<u8>, depth: usize) -> Result<(), Reason> {
        let mut read = Ok(());
        if first == b'{' {
            put_message(out, 6, |list| read = self.members(list, 1, depth + 1));
        } else {
            put_message(out, 5, |list| read = self.items(list, depth + 1));
        }
        read
    }

    fn items(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), Reason> {
        if depth >= DEPTH {
            return Err(Reason::Depth);
        }
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let first = self.peek()?;
            let mut read = Ok(());
            put_message(out, 1, |any| {
                read = if is_nested(first) {
                    self.nested(first, any, depth)
                } else {
                    self.leaf(first, |leaf| leaf.put_any(any))
                };
            });
            read?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Reason::Format),
            }
        }
    }

    /// Reads a value that is neither an object nor an array.
    #[inline]
    fn leaf(&mut self, first: u8, then: impl FnOnce(Leaf<'_>)) -> Result<(), Reason> {
        let leaf = match first {
            b'"' => match self.plain()? {
                Some(text) => Leaf::Text(text),
                None => {
                    let mut text = std::mem::take(&mut self.scratch.text);
                    let read = self.escaped(&mut text);
                    if read.is_ok() {
                        then(Leaf::Text(&text));
                    }
                    self.scratch.text = text;
                    return read;
                }
            },
            b't' => self.word("true", Leaf::Bool(true))?,
            b'f' => self.word("false", Leaf::Bool(false))?,
            b'n' => self.word("null", Leaf::Null)?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(Reason::Format),
        };
        then(leaf);
        Ok(())
    }

    fn word(&mut self, word: &str, leaf: Leaf<'static>) -> Result<Leaf<'static>, Reason> {
        if !self.line.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Reason::Format);
        }
        self.at += word.len();
        Ok(leaf)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<Leaf<'l>, Reason> {
        let bytes = self.line.as_bytes();
        let start = self.at;
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = start + usize::from(bytes[start] == b'-');
        let whole = digits(end);
        if whole == 0 || whole > 1 && bytes[end] == b'0' {
            return Err(Reason::Format);
        }
        end += whole;
        let mut real = false;
        if bytes.get(end) == Some(&b'.') {
            let decimals = digits(end + 1);
            if decimals == 0 {
                return Err(Reason::Format);
            }
            (end, real) = (end + 1 + decimals, true);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end.min(bytes.len()));
            if exponent == 0 {
                return Err(Reason::Format);
            }
            (end, real) = (end + exponent, true);
        }
        self.at = end;
        let text = &self.line[start..end];
        let number = if real { double(text).map(Leaf::Double) } else { text.parse().ok().map(Leaf::Int) };
        Ok(number.unwrap_or(Leaf::Text(text)))
    }

    /// The string that begins here, as it stands in the line. `None` if it has escapes, and is still to be read: few
    /// have.
    #[inline]
    fn plain(&mut self) -> Result<Option<&'l str>, Reason> {
        self.expect(b'"')?;
        let line = self.line;
        let text = &line[self.at..];
        let len = quote_or_escape(text.as_bytes()).ok_or(Reason::Format)?;
        if text.as_bytes()[len] == b'\\' {
            return Ok(None);
        }
        self.at += len + 1;
        Ok(Some(&text[..len]))
    }

    /// A string with escapes, behind its quote; it is written over `out` as it is without them.
    #[cold]
    fn escaped(&mut self, out: &mut String) -> Result<(), Reason> {
        self.at = unescape(self.line, self.at, out)?;
        Ok(())
    }
}

/// Whether a value that begins so is an object or an array.
const fn is_nested(first: u8) -> bool {
    matches!(first, b'{' | b'[')
}

#[cfg(test)]
mod tests;

//! One JSON object per line, encoded as attributes while it is read: members become attributes, nested objects
//! key-value lists, arrays arrays. Nothing is built in between.
//!
//! Whole numbers that fit 64 bits are integers; larger ones keep all their digits as text; those with a point or
//! an exponent are doubles. `null` is an attribute without a value. It is lenient where losing the line would
//! help nobody (control characters within strings), and strict about everything else.

use vigie_pipeline::otlp::attributes::field::LOG;
use vigie_pipeline::otlp::wire::{put_bytes, put_fixed64, put_message, put_uint};

use crate::fields::{Fields, Plan, Reason, Value};

/// How deeply objects and arrays may be nested.
const DEPTH: usize = 64;

/// Memory for strings with escapes, and for the names of nested fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    key: String,
    text: String,
    path: String,
}

pub(super) fn parse(
    line: &str,
    plan: &Plan,
    fields: &mut Fields,
    scratch: &mut Scratch,
) -> Result<(), Reason> {
    let mut attributes = std::mem::take(&mut fields.attributes);
    scratch.path.clear();
    let Scratch { key, text, path } = scratch;
    let mut reader = Reader { line, at: 0, plan, fields, key, text, path };
    let read = reader.document(&mut attributes);
    fields.attributes = attributes;
    read
}

struct Reader<'l> {
    line: &'l str,
    at: usize,
    plan: &'l Plan,
    fields: &'l mut Fields,
    key: &'l mut String,
    text: &'l mut String,
    /// The names of the objects around, each with a dot behind it, if nested fields are looked for.
    path: &'l mut String,
}

/// A string of the line: as it stands there, or in the scratch if it has escapes.
enum Str {
    Plain(usize, usize),
    Escaped,
}

impl<'l> Reader<'l> {
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
        loop {
            self.member(out, number, depth)?;
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

    fn member(&mut self, out: &mut Vec<u8>, number: u32, depth: usize) -> Result<(), Reason> {
        let mut scratch = std::mem::take(self.key);
        let read = self.string(&mut scratch);
        let done = read.and_then(|key| {
            let key = match key {
                Str::Plain(start, end) => &self.line[start..end],
                Str::Escaped => &scratch,
            };
            self.expect(b':')?;
            self.value_of(key, out, number, depth)
        });
        *self.key = scratch;
        done
    }

    /// The value of the member `key`.
    fn value_of(&mut self, key: &str, out: &mut Vec<u8>, number: u32, depth: usize) -> Result<(), Reason> {
        let first = self.peek()?;
        let start = self.at;
        let wanted = self.is_wanted(key, depth);
        let before = out.len();
        let mut written = Ok(());
        put_message(out, number, |pair| {
            put_bytes(pair, 1, key.as_bytes());
            put_message(pair, 2, |any| written = self.nested(key, first, any, depth));
        });
        written?;
        if wanted {
            let raw = &self.line[start..self.at];
            let text = std::mem::take(self.text);
            // A string's unescaped text is still where it was put.
            let value = match first {
                b'"' if raw.contains('\\') => Value::Text(&text),
                b'"' => Value::Text(&raw[1..raw.len() - 1]),
                _ => Value::Raw(raw),
            };
            let taken = if depth == 0 {
                self.fields.take(self.plan, key, value)
            } else {
                let name = format!("{}{key}", self.path);
                self.fields.take(self.plan, &name, value)
            };
            *self.text = text;
            if taken {
                out.truncate(before);
            }
        }
        Ok(())
    }

    fn is_wanted(&self, key: &str, depth: usize) -> bool {
        if depth == 0 {
            Fields::wants(self.plan, key)
        } else {
            self.plan.nested && Fields::wants(self.plan, &format!("{}{key}", self.path))
        }
    }

    /// The value of `key`, which is part of the names of what is in it.
    fn nested(&mut self, key: &str, first: u8, any: &mut Vec<u8>, depth: usize) -> Result<(), Reason> {
        if !self.plan.nested || first != b'{' {
            return self.value(first, any, depth);
        }
        let before = self.path.len();
        self.path.push_str(key);
        self.path.push('.');
        let read = self.value(first, any, depth);
        self.path.truncate(before);
        read
    }

    /// A value as the `AnyValue` that `out` holds: `string_value` = 1, `bool_value` = 2, `int_value` = 3,
    /// `double_value` = 4, `array_value` = 5, `kvlist_value` = 6.
    fn value(&mut self, first: u8, out: &mut Vec<u8>, depth: usize) -> Result<(), Reason> {
        match first {
            b'"' => {
                let mut scratch = std::mem::take(self.text);
                let read = self.string(&mut scratch);
                match read {
                    Ok(Str::Plain(start, end)) => put_bytes(out, 1, &self.line.as_bytes()[start..end]),
                    Ok(Str::Escaped) => put_bytes(out, 1, scratch.as_bytes()),
                    Err(_) => {}
                }
                *self.text = scratch;
                read.map(drop)
            }
            b'{' => {
                let mut read = Ok(());
                put_message(out, 6, |list| read = self.members(list, 1, depth + 1));
                read
            }
            b'[' => {
                let mut read = Ok(());
                put_message(out, 5, |list| read = self.items(list, depth + 1));
                read
            }
            b't' => self.word("true").map(|()| put_uint(out, 2, 1)),
            b'f' => self.word("false").map(|()| put_uint(out, 2, 0)),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number(out),
            _ => Err(Reason::Format),
        }
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
            // The names of what is in an array's objects are not the array's: nobody can ask for them.
            let path = std::mem::replace(self.path, "[].".to_owned());
            put_message(out, 1, |any| read = self.value(first, any, depth));
            *self.path = path;
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

    fn word(&mut self, word: &str) -> Result<(), Reason> {
        if !self.line.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Reason::Format);
        }
        self.at += word.len();
        Ok(())
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self, out: &mut Vec<u8>) -> Result<(), Reason> {
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
        if real {
            put_fixed64(out, 4, text.parse::<f64>().map_err(|_| Reason::Format)?.to_bits());
        } else if let Ok(int) = text.parse::<i64>() {
            put_uint(out, 3, int as u64);
        } else {
            put_bytes(out, 1, text.as_bytes());
        }
        Ok(())
    }

    /// A string; with its escapes resolved in `scratch` if it has any.
    fn string(&mut self, scratch: &mut String) -> Result<Str, Reason> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.line.as_bytes();
        let end = start + memchr::memchr2(b'"', b'\\', &bytes[start..]).ok_or(Reason::Format)?;
        if bytes[end] == b'"' {
            self.at = end + 1;
            return Ok(Str::Plain(start, end));
        }
        scratch.clear();
        let mut from = start;
        let mut at = end;
        loop {
            scratch.push_str(&self.line[from..at]);
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(Str::Escaped);
            }
            from = self.escape(at + 1, scratch)?;
            at = from + memchr::memchr2(b'"', b'\\', &bytes[from..]).ok_or(Reason::Format)?;
        }
    }

    /// The escape whose letter stands at `at`; returns where it ends. A lone surrogate becomes U+FFFD.
    fn escape(&self, at: usize, scratch: &mut String) -> Result<usize, Reason> {
        scratch.push(match self.line.as_bytes().get(at).ok_or(Reason::Format)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit(at + 1).ok_or(Reason::Format)?;
                let low = || {
                    let is_escape = self.line.as_bytes().get(at + 5..at + 7) == Some(b"\\u");
                    self.unit(at + 7).filter(|low| is_escape && (0xdc00..0xe000).contains(low))
                };
                let (code, end) = match unit {
                    0xd800..0xdc00 => match low() {
                        Some(low) => (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), at + 11),
                        None => (0xfffd, at + 5),
                    },
                    _ => (unit, at + 5),
                };
                scratch.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(end);
            }
            _ => return Err(Reason::Format),
        });
        Ok(at + 1)
    }

    /// Four hexadecimal digits.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.line.as_bytes().get(at..at + 4)?;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }
}

#[cfg(test)]
mod tests;

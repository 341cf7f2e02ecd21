//! Pairs of keys and values, as many loggers write them:
//!
//! ```text
//! time=2026-01-02T03:04:05Z level=info msg="a \"b\"" status=200 took=0.25 cached debug=
//! ```
//!
//! Values without quotes that are numbers, `true` or `false` become such; a key alone is true; an empty value is an
//! empty text. Of several values of one key the last counts. A line without any pair is no logfmt.

use vigie_pipeline::otlp::attributes::field::LOG;

use super::first_line;
use super::latest::Members;
use crate::fields::{Fields, Reason};

pub(super) fn parse(record: &str, fields: &mut Fields, scratch: &mut String) -> Result<(), Reason> {
    let (first, continuation) = first_line(record);
    if has_pairs(first, fields, scratch) {
        fields.continuation.push_str(continuation);
        return Ok(());
    }
    // A value in quotes may go on over the end of a line.
    fields.attributes.clear();
    let is_understood = !continuation.is_empty() && has_pairs(record, fields, scratch);
    is_understood.then_some(()).ok_or(Reason::Format)
}

fn has_pairs(text: &str, fields: &mut Fields, scratch: &mut String) -> bool {
    pairs(text, fields, scratch).is_some_and(|found| found > 0)
}

/// Writes what is in `text`, and says how many keys had a value.
pub(super) fn pairs(text: &str, fields: &mut Fields, scratch: &mut String) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut found) = (0, 0);
    let mut members = Members::new(&fields.attributes, LOG);
    loop {
        at += bytes[at..].iter().take_while(|byte| is_blank(**byte)).count();
        if at == bytes.len() {
            return Some(found);
        }
        let len =
            bytes[at..].iter().take_while(|byte| !is_blank(**byte) && !matches!(byte, b'=' | b'"')).count();
        let key = &text[at..at + len];
        at += len;
        let before = fields.attributes.len();
        match bytes.get(at) {
            None => fields.boolean(key, true),
            Some(byte) if is_blank(*byte) => fields.boolean(key, true),
            Some(b'=') if len > 0 => {
                at = value(key, text, at + 1, fields, scratch)?;
                found += 1;
            }
            // A quote where a key should be, or a value without a key.
            Some(_) => return None,
        }
        members.written(key, before, &mut fields.attributes);
    }
}

/// The value that begins at `at`; returns where it ends.
fn value(key: &str, text: &str, at: usize, fields: &mut Fields, scratch: &mut String) -> Option<usize> {
    if let Some(inside) = text[at..].strip_prefix('"') {
        let (value, len) = quoted(inside, scratch)?;
        fields.text(key, value);
        let end = at + 1 + len;
        // What follows is another pair.
        return text.as_bytes().get(end).is_none_or(|byte| is_blank(*byte)).then_some(end);
    }
    let len = text[at..].bytes().take_while(|byte| !is_blank(*byte)).count();
    let value = &text[at..at + len];
    match value {
        "true" => fields.boolean(key, true),
        "false" => fields.boolean(key, false),
        _ => fields.number(key, value),
    }
    Some(at + len)
}

/// What stands before the closing quote, and where that ends. Escapes are those of Go, which are those of JSON and some
/// more.
pub(super) fn quoted<'t>(text: &'t str, scratch: &'t mut String) -> Option<(&'t str, usize)> {
    let bytes = text.as_bytes();
    let mut at = memchr::memchr2(b'"', b'\\', bytes)?;
    if bytes[at] == b'"' {
        return Some((&text[..at], at + 1));
    }
    scratch.clear();
    let mut from = 0;
    loop {
        scratch.push_str(&text[from..at]);
        if bytes[at] == b'"' {
            return Some((scratch, at + 1));
        }
        from = escape(text, at + 1, scratch)?;
        at = from + memchr::memchr2(b'"', b'\\', &bytes[from..])?;
    }
}

/// The escape whose letter stands at `at`; returns where it ends. One that nobody knows is kept as it is.
fn escape(text: &str, at: usize, scratch: &mut String) -> Option<usize> {
    let digits = |len: usize| {
        let digits = text.get(at + 1..at + 1 + len)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let (code, len) = match text.as_bytes().get(at)? {
        b'"' => ('"', 1),
        b'\\' => ('\\', 1),
        b'n' => ('\n', 1),
        b't' => ('\t', 1),
        b'r' => ('\r', 1),
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'a' => ('\u{7}', 1),
        b'v' => ('\u{b}', 1),
        b'x' => (digits(2).and_then(char::from_u32)?, 3),
        b'u' => (digits(4).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))?, 5),
        b'U' => (digits(8).map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))?, 9),
        _ => ('\\', 0),
    };
    scratch.push(code);
    Some(at + len)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests;

//! The structured data of RFC 5424, as an object of objects: `syslog.structured_data.<id>.<name>`.

use vigie_pipeline::otlp::attributes::{field::LOG, put_key_value};
use vigie_pipeline::otlp::wire::{put_bytes, put_message};

use crate::fields::Fields;

/// `[id name="value" …][id …]`: writes it, and returns what follows it.
pub(super) fn data<'t>(text: &'t str, fields: &mut Fields, scratch: &mut String) -> Option<&'t str> {
    let mut read = None;
    put_key_value(&mut fields.attributes, LOG, "syslog.structured_data", |any| {
        put_message(any, 6, |list| read = elements(text, list, scratch));
    });
    read
}

fn elements<'t>(text: &'t str, out: &mut Vec<u8>, scratch: &mut String) -> Option<&'t str> {
    let mut rest = text.strip_prefix('[')?;
    loop {
        let (id, behind) = name(rest, [' ', ']'])?;
        let mut read = None;
        put_pair(out, id, |any| put_message(any, 6, |list| read = parameters(behind, list, scratch)));
        let behind = read?;
        match behind.strip_prefix('[') {
            Some(next) => rest = next,
            None => return Some(behind),
        }
    }
}

/// ` name="value"` as often as there is one, and the bracket behind them.
fn parameters<'t>(text: &'t str, out: &mut Vec<u8>, scratch: &mut String) -> Option<&'t str> {
    let mut rest = text;
    loop {
        if let Some(behind) = rest.strip_prefix(']') {
            return Some(behind);
        }
        // More blanks than one are wrong, and harmless.
        let parameter = rest.strip_prefix(' ')?.trim_start_matches(' ');
        if parameter.starts_with(']') {
            rest = parameter;
            continue;
        }
        let (key, behind) = name(parameter, ['=', '='])?;
        let (value, behind) = value(behind.strip_prefix("=\"")?, scratch)?;
        put_pair(out, key, |any| put_bytes(any, 1, value.as_bytes()));
        rest = behind;
    }
}

/// A name, up to one of `ends`, which stays.
fn name(text: &str, ends: [char; 2]) -> Option<(&str, &str)> {
    let (name, rest) = text.split_at(text.find(ends)?);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte > b' ' && byte != b'"' && byte != b']');
    is_name.then_some((name, rest))
}

/// A value up to its quote; `\"`, `\\` and `\]` are what follows the backslash, others are themselves.
fn value<'s, 't: 's>(text: &'t str, scratch: &'s mut String) -> Option<(&'s str, &'t str)> {
    let bytes = text.as_bytes();
    let mut at = memchr::memchr2(b'"', b'\\', bytes)?;
    if bytes[at] == b'"' {
        return Some((&text[..at], &text[at + 1..]));
    }
    scratch.clear();
    let mut from = 0;
    while bytes[at] == b'\\' {
        scratch.push_str(&text[from..at]);
        let is_escape = matches!(bytes.get(at + 1), Some(b'"' | b'\\' | b']'));
        from = if is_escape { at + 1 } else { at };
        // What was escaped is not looked at again.
        at += 2;
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
    }
    scratch.push_str(&text[from..at]);
    Some((scratch, &text[at + 1..]))
}

/// A `KeyValue` of a `KeyValueList`.
fn put_pair(out: &mut Vec<u8>, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
    put_key_value(out, 1, key, write);
}

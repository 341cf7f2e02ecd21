//! How far the value of a key goes: in quotes, in brackets, or as a bare word.

use std::ops::Range;

use super::keys::{Kind, is_of_key};
use super::view::View;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// What is secret, without quotes.
    pub(super) range: Range<usize>,
    /// Where the value ends, with its quotes.
    pub(super) end: usize,
    /// Neither in quotes nor in brackets.
    pub(super) bare: bool,
}

/// A name in front of `=` or `:` is looked for in so many bytes.
const NEXT_KEY: usize = 64;
/// Brackets behind a bare key are followed for so many bytes.
const BRACKETS: usize = 1024;

/// The value that begins at `at`; `None` if there is none. A `quoted` key stands in an object of some language: whatever
/// its value is, it ends there, if only with the text.
pub(super) fn extent(view: View<'_>, at: usize, kind: Kind, quoted: bool) -> Option<Extent> {
    let text = view.bytes;
    let at = at + prefix_len(&text[at..]);
    match *text.get(at)? {
        b'"' | b'\'' | b'`' => {
            let (range, end) = in_quotes(view, at);
            Some(Extent { range, end, bare: false })
        }
        b'{' | b'[' | b'(' => {
            let end = in_brackets(view, at, if quoted { usize::MAX } else { BRACKETS });
            match end {
                Some(end) => Some(Extent { range: at..end, end, bare: true }),
                None if quoted => Some(Extent { range: at..text.len(), end: text.len(), bare: true }),
                None => None,
            }
        }
        b'|' | b'>' if text[at + 1..].starts_with(b"\n") => {
            let end = block_end(text, at + 1);
            Some(Extent { range: at..end, end, bare: true })
        }
        _ => {
            let end = bare_end(text, at, kind);
            (end > at).then_some(Extent { range: at..end, end, bare: true })
        }
    }
    .filter(|extent| !extent.range.is_empty())
}

/// What Python and others put before a quote: `b`, `u`, `r`.
fn prefix_len(text: &[u8]) -> usize {
    match text {
        [b'b' | b'u' | b'r' | b'B' | b'U' | b'R', b'"' | b'\'', ..] => 1,
        _ => 0,
    }
}

/// What stands in the quotes that begin at `open`, and where they end. One that is never closed was cut off.
pub(super) fn in_quotes(view: View<'_>, open: usize) -> (Range<usize>, usize) {
    let text = view.bytes;
    let (quote, width) = (text[open], view.width(open));
    let mut at = open + 1;
    while at < text.len() {
        match text[at] {
            // What took more room than the quote that opens was an escape within, and is one no more.
            b'\\' if view.width(at) <= width => at += 2,
            byte if byte == quote && view.width(at) <= width => {
                // SQL and CSV double a quote.
                let doubled = quote != b'`' && at > open + 1 && text.get(at + 1) == Some(&quote);
                if !doubled {
                    return (open + 1..at, at + 1);
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
    (open + 1..text.len(), text.len())
}

/// Behind the bracket that closes the one at `open`, if it is at most `most` bytes away.
fn in_brackets(view: View<'_>, open: usize, most: usize) -> Option<usize> {
    let text = view.bytes;
    let mut depth = 0;
    let mut at = open;
    while at < text.len() && at - open < most {
        match text[at] {
            b'"' => {
                at = in_quotes(view, at).1;
                continue;
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The end of a block of YAML whose first line begins behind the line break at `at`.
fn block_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && matches!(text.get(at + 1), Some(b' ' | b'\t')) {
        at = memchr::memchr(b'\n', &text[at + 1..]).map_or(text.len(), |len| at + 1 + len);
    }
    at
}

/// The end of a value without quotes.
fn bare_end(text: &[u8], start: usize, kind: Kind) -> usize {
    let end = match kind {
        Kind::Authorization => credentials_end(text, start),
        Kind::Cookie => cookies_end(text, start),
        _ => word_end(text, start),
    };
    // What the text around it closes.
    let closing = text[start..end].iter().rev().take_while(|byte| b")]}".contains(byte)).count();
    if closing == end - start { start } else { end - closing }
}

/// The end of a word. A comma, semicolon or ampersand ends it only if something else begins there: it may well be a
/// part of a password.
pub(super) fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' | b'\'' | b'`' | b'<' | b'>' => break,
            byte if byte.is_ascii_whitespace() || byte.is_ascii_control() => break,
            b'\\' if text.get(at + 1).is_none_or(|next| b"nrt\"'".contains(next)) => break,
            b',' | b';' | b'&' if is_end(&text[at + 1..]) => break,
            _ => at += 1,
        }
    }
    at
}

/// Whether what follows a delimiter is something else: nothing, a blank, a quote, or another key.
fn is_end(rest: &[u8]) -> bool {
    let Some(first) = rest.first() else { return true };
    if first.is_ascii_whitespace() || b"\"'`}])\\".contains(first) {
        return true;
    }
    let name = rest.iter().take(NEXT_KEY).take_while(|byte| is_of_key(**byte)).count();
    name > 0 && matches!(rest.get(name), Some(b'=' | b':' | b'[' | b'%'))
}

/// Schemes of an `Authorization` header.
const SCHEMES: [&[u8]; 14] = [
    b"bearer",
    b"basic",
    b"digest",
    b"negotiate",
    b"ntlm",
    b"token",
    b"apikey",
    b"hawk",
    b"signature",
    b"oauth",
    b"mac",
    b"aws4-hmac-sha256",
    b"sharedkey",
    b"gss",
];

/// A scheme and what follows it, or a word.
fn credentials_end(text: &[u8], start: usize) -> usize {
    let end = word_end(text, start);
    let is_scheme = SCHEMES.iter().any(|scheme| text[start..end].eq_ignore_ascii_case(scheme));
    let blanks = text[end..].iter().take_while(|byte| b" \t".contains(byte)).count();
    if !is_scheme || blanks == 0 {
        return end;
    }
    let credentials = end + blanks;
    parameters_end(text, credentials).unwrap_or_else(|| word_end(text, credentials)).max(end)
}

/// The end of `a="b", c=d`; `None` if it does not begin so.
pub(super) fn parameters_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut end = None;
    loop {
        let name = text[at..].iter().take_while(|byte| is_of_key(**byte)).count();
        if name == 0 || text.get(at + name) != Some(&b'=') {
            return end;
        }
        at += name + 1;
        at = match text.get(at) {
            Some(b'"') => memchr::memchr(b'"', &text[at + 1..]).map_or(text.len(), |len| at + len + 2),
            _ => {
                at + text[at..]
                    .iter()
                    .take_while(|byte| !byte.is_ascii_whitespace() && !b",\"'\\".contains(byte))
                    .count()
            }
        };
        end = Some(at);
        if text.get(at) != Some(&b',') {
            return end;
        }
        at += 1 + text[at + 1..].iter().take_while(|byte| b" \t".contains(byte)).count();
    }
}

/// Pairs with semicolons between them.
fn cookies_end(text: &[u8], start: usize) -> usize {
    let mut end = word_end(text, start);
    while text.get(end) == Some(&b';') {
        let blanks = text[end + 1..].iter().take_while(|byte| **byte == b' ').count();
        let next = word_end(text, end + 1 + blanks);
        if next == end + 1 + blanks {
            break;
        }
        end = next;
    }
    end
}

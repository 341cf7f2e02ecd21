//! A regular expression in Go's syntax, in that of the regex crate.
//!
//! Both are RE2's and mean the same by nearly everything. What differs: Go takes a brace that begins no repetition, and a
//! bracket within brackets, as characters; has `\Q…\E` and octal numbers; takes a backslash before any punctuation as
//! quoting it (`\<` begins a word here); and `\d`, `\s`, `\w` and `\b` know ASCII only.

use std::iter::Peekable;
use std::str::Chars;

/// What is not Go's syntax either is handed through: the regex crate says what is wrong with it.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = escape(rest, &mut out)?,
            '[' => rest = class(rest, &mut out)?,
            '{' if !is_repetition(rest) => out.push_str("\\{"),
            '{' => {
                let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                out.push('{');
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            '}' | ']' => literal(c, &mut out),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Whether what follows a brace is `2}`, `2,}` or `2,3}`.
fn is_repetition(rest: &str) -> bool {
    let Some((inner, _)) = rest.split_once('}') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match inner.split_once(',') {
        None => is_number(inner),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    }
}

/// A character that stands for itself, within a class or outside.
fn literal(c: char, out: &mut String) {
    if "\\.+*?()|[]{}^$#&-~".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// What follows a backslash outside of a class; returns what is left.
fn escape<'p>(rest: &'p str, out: &mut String) -> Result<&'p str, String> {
    if let Some(quoted) = rest.strip_prefix('Q') {
        let (quoted, tail) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        quoted.chars().for_each(|c| literal(c, out));
        return Ok(tail);
    }
    let mut chars = rest.chars();
    match chars.next() {
        Some('b') => out.push_str("(?-u:\\b)"),
        Some('B') => out.push_str("(?-u:\\B)"),
        Some('C') => return Err("`\\C` is not supported".into()),
        Some('d') => out.push_str("[0-9]"),
        Some('D') => out.push_str("[^0-9]"),
        Some('s') => out.push_str("[\\t\\n\\f\\r ]"),
        Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
        Some('w') => out.push_str("[0-9A-Za-z_]"),
        Some('W') => out.push_str("[^0-9A-Za-z_]"),
        _ => return Ok(character(rest, out)),
    }
    Ok(chars.as_str())
}

/// An escape that means one character, or is the same in both syntaxes; returns what is left.
fn character<'p>(rest: &'p str, out: &mut String) -> &'p str {
    let mut chars = rest.chars();
    match chars.next() {
        Some(c @ '0'..='7') => match octal(c, &mut chars) {
            Some(number) => out.push_str(&format!("\\x{{{number:x}}}")),
            None => out.extend(['\\', c]),
        },
        Some(c) if c.is_ascii_punctuation() => literal(c, out),
        // `\x41` and `\pL` go on with letters, digits or braces that are not to be looked at.
        Some(c @ ('x' | 'p' | 'P')) => {
            out.extend(['\\', c]);
            let tail = chars.as_str();
            let end = match tail.chars().next() {
                Some('{') => tail.find('}').map_or(tail.len(), |end| end + 1),
                Some(c) => c.len_utf8(),
                None => 0,
            };
            out.push_str(&tail[..end]);
            return &tail[end..];
        }
        Some(c) => out.extend(['\\', c]),
        None => out.push('\\'),
    }
    chars.as_str()
}

/// The rest of an octal number: `\0`, or at least two digits, since one alone would refer to a group.
fn octal(first: char, chars: &mut Chars<'_>) -> Option<u32> {
    let next_is_digit = chars.clone().next().is_some_and(|c| c.is_digit(8));
    if first != '0' && !next_is_digit {
        return None;
    }
    let mut number = first.to_digit(8)?;
    for _ in 0..2 {
        let Some(digit) = chars.clone().next().and_then(|c| c.to_digit(8)) else { break };
        chars.next();
        number = number * 8 + digit;
    }
    Some(number)
}

/// What follows `[`, up to and with the `]` that ends the class; returns what is left.
fn class<'p>(rest: &'p str, out: &mut String) -> Result<&'p str, String> {
    out.push('[');
    let mut rest = rest;
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    let mut first = true;
    loop {
        let Some(c) = rest.chars().next() else { return Ok("") };
        let tail = &rest[c.len_utf8()..];
        rest = match c {
            ']' if !first => {
                out.push(']');
                return Ok(tail);
            }
            '[' if tail.starts_with(':') && tail.contains(":]") => {
                let end = tail.find(":]").map_or(tail.len(), |end| end + 2);
                out.push('[');
                out.push_str(&tail[..end]);
                &tail[end..]
            }
            '\\' if tail.starts_with(['d', 'D', 's', 'S', 'w', 'W']) => escape(tail, out)?,
            c => range(c, tail, out),
        };
        first = false;
    }
}

/// A character of a class, or a range that it begins; returns what is left.
fn range<'p>(c: char, tail: &'p str, out: &mut String) -> &'p str {
    let one = |c, tail, out: &mut String| match c {
        '\\' => character(tail, out),
        c => {
            literal(c, out);
            tail
        }
    };
    let tail = one(c, tail, out);
    let mut ahead: Peekable<Chars<'p>> = tail.chars().peekable();
    if ahead.next() != Some('-') || matches!(ahead.peek(), None | Some(']')) {
        return tail;
    }
    out.push('-');
    let high = &tail[1..];
    match high.chars().next() {
        Some(c) => one(c, &high[c.len_utf8()..], out),
        None => high,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ::regex::bytes::Regex;
    use proptest::prelude::*;

    /// Whether a pattern of Go matches the whole of a text.
    fn matches(pattern: &str, text: &str) -> bool {
        let ours = translate(pattern).unwrap();
        Regex::new(&format!("^(?:{ours})$"))
            .unwrap_or_else(|e| panic!("{pattern}: {e}"))
            .is_match(text.as_bytes())
    }

    #[test]
    fn braces_and_brackets_that_begin_nothing_are_characters() {
        assert!(matches(r#"{"status":"ok"}"#, r#"{"status":"ok"}"#));
        assert!(matches("a{2}b{1,}c{0,1}", "aabb"));
        assert!(matches("a{,2}", "a{,2}"));
        assert!(matches("x]y}", "x]y}"));
        assert!(matches("[[]a[]]b", "[a]b"));
        assert!(matches("[a&&b]{3}", "a&b"));
        assert!(matches("[^]]", "x") && !matches("[^]]", "]"));
    }

    #[test]
    fn a_backslash_quotes_punctuation_and_nothing_else() {
        assert!(matches(r"\<title\>", "<title>"));
        assert!(matches(r"\Qa.b*\E+", "a.b***") && !matches(r"\Qa.b", "axb"));
        assert!(matches(r"a\-b\_c\/d\:e", "a-b_c/d:e"));
        assert!(matches(r"\x41\x{42}\103\0", "ABC\0"));
        assert!(matches(r"\pL\p{Greek}\PN", "aβx"));
        assert!(translate(r"\C").is_err());
    }

    #[test]
    fn classes_know_ascii_only() {
        assert!(matches(r"\d\s\w\D\S\W", "1 aé- "));
        assert!(!matches(r"\d", "٣") && !matches(r"\w", "é"));
        assert!(matches(r"[\d.]+[^\s]", "1.2é"));
        assert!(matches(r"a\b.*", "aé") && matches(r"é\B", "é"));
        assert!(matches("[[:alpha:]_-]+[+--]", "a_-,") && matches(r"[\]\\-]{3}", r"]\-"));
    }

    #[test]
    fn what_is_the_same_stays_the_same() {
        for pattern in ["^220 ([^ ]+) ESMTP (.+)$", "(?i)ok.*?", "(?P<a>x|y)+", ".*127.0.0.1", r"a\.b\z"] {
            assert_eq!(translate(pattern).unwrap(), pattern);
        }
    }

    proptest! {
        #[test]
        fn quoted_texts_match_themselves(text in "\\PC{0,12}") {
            prop_assume!(!text.contains("\\E"));
            let quoted = format!("\\Q{text}\\E");
            prop_assert!(matches(&quoted, &text));
        }

        #[test]
        fn any_pattern_is_translated_or_refused(pattern in "\\PC{0,20}|[\\\\\\[\\]{}^&~a-dQEx0-9,:-]{0,20}") {
            let _ = translate(&pattern).map(|ours| Regex::new(&ours));
        }
    }
}

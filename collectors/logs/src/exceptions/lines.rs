//! A text line by line, with the places of the lines.

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Without its newline.
    pub(super) text: &'t str,
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

impl<'t> Line<'t> {
    /// Without the blanks before it.
    pub(super) fn trimmed(self) -> &'t str {
        self.text.trim_start()
    }

    /// How many blanks and tabs stand before it.
    pub(super) fn indent(self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '\t']).len()
    }

    pub(super) fn is_blank(self) -> bool {
        self.text.trim().is_empty()
    }
}

/// The lines of `text`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split('\n').map(move |line| {
        let start = at;
        at += line.len() + 1;
        let text = line.strip_suffix('\r').unwrap_or(line);
        Line { text, start, end: start + text.len() }
    })
}

/// What was thrown, if the line says it: `shop.errors.Declined: no`, `KeyError`. The name, and where its message
/// begins in the line.
pub(super) fn thrown(line: &str) -> Option<(&str, usize)> {
    let end = line.find([':', ' ']).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let is_name = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'<' | b'>') || byte >= 128
    };
    if name.is_empty() || !name.bytes().all(is_name) || name.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    match rest {
        "" | ":" => Some((name, line.len())),
        _ if rest.starts_with(": ") => Some((name, end + 2)),
        _ => None,
    }
}

/// Whether a name is made as the names of exceptions are in all languages.
pub(super) fn is_of_exception(name: &str) -> bool {
    let last = name.rsplit(['.', '$', ':']).next().unwrap_or(name);
    let ends =
        ["Error", "Exception", "Throwable", "Failure", "Warning", "Exit", "Interrupt", "Group", "Traceback"];
    last.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && ends.iter().any(|end| last.ends_with(end))
}

/// The name of an exception somewhere in a line, as loggers print it behind their message: `…: java.io.IOException: x`.
/// The name, and where its message begins in the line.
pub(super) fn thrown_within(line: &str) -> Option<(&str, usize)> {
    let mut at = 0;
    line.split(' ').find_map(|word| {
        let start = at;
        at += word.len() + 1;
        let word = word.trim_start_matches(['(', '[', '"', '\'']);
        let name = word.strip_suffix(':').unwrap_or(word);
        let has_message = word.len() > name.len();
        let is_last = start + word.len() >= line.len();
        let (found, len) = thrown(name)?;
        (len == name.len() && is_of_exception(found) && (has_message || is_last))
            .then_some((found, at.min(line.len())))
    })
}

/// The last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_thrown_is_found_at_the_beginning_of_a_line_and_within_it() {
        assert_eq!(thrown("shop.Declined: no: really"), Some(("shop.Declined", 15)));
        assert_eq!(thrown("KeyError"), Some(("KeyError", 8)));
        assert_eq!(thrown("not at all: x"), None);
        let line = "2026-01-02 ERROR paying failed: java.io.IOException: gone: x";
        let (name, at) = thrown_within(line).unwrap_or_default();
        assert_eq!((name, &line[at..]), ("java.io.IOException", "gone: x"));
        assert_eq!(thrown_within("an IOException was thrown"), None);
        assert_eq!(thrown_within(""), None);
    }

    #[test]
    fn lines_know_where_they_stand() {
        let text = "a\r\n  b\n";
        let found: Vec<_> = lines(text).map(|line| (&text[line.start..line.end], line.indent())).collect();
        assert_eq!(found, [("a", 0), ("  b", 2), ("", 0)]);
    }
}

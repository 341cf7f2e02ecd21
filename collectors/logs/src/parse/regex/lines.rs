//! Whether an expression is about one line, or about several.
//!
//! A record may have several lines: a message, and the traceback below it. Who writes an expression for the lines of a
//! log has the first one in mind: `$` is its end, and `.*` what is left of it. One that is meant for more says so.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Whether the expression names the end of a line (`\n`, `(?m)^`), or any character with it (`(?s).`, `[\s\S]`). A
/// class that merely does not leave it out (`[^"]`, `\s`) says nothing.
pub(super) fn spans_lines(pattern: &str) -> bool {
    regex_syntax::parse(pattern).is_ok_and(|hir| names_line_ends(&hir))
}

fn names_line_ends(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => false,
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Class(class) => is_any(class) || is_line_end(class),
        HirKind::Look(look) => {
            matches!(look, Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF)
        }
        HirKind::Repetition(repetition) => names_line_ends(&repetition.sub),
        HirKind::Capture(capture) => names_line_ends(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(names_line_ends),
    }
}

/// The first and the last of each range of characters.
fn ranges(class: &Class) -> Vec<(u32, u32)> {
    match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    }
}

fn is_any(class: &Class) -> bool {
    matches!(ranges(class)[..], [(0, last)] if last >= 0x7f)
}

fn is_line_end(class: &Class) -> bool {
    let [newline, carriage_return] = [u32::from(b'\n'), u32::from(b'\r')];
    let ranges = ranges(class);
    ranges.iter().any(|(first, _)| *first == newline)
        && ranges.iter().all(|(first, last)| first == last && [newline, carriage_return].contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_names_the_end_of_a_line_is_about_several() {
        for pattern in [
            r"(?s)^a (?P<b>.*)",
            r"a\nb",
            r"a\r?\n",
            "a[\r\n]+b",
            r"(?m)^b$",
            r"[\s\S]*",
            r"(?:.|\n)*",
            "(?s:(a.)?)",
        ] {
            assert!(spans_lines(pattern), "{pattern}");
        }
        for pattern in [r"^a (?P<b>.*)$", r#"[^"]*\s+\S"#, r"\D\W", r"[a\n]", "", "é+", r"a{2,}|(b)"] {
            assert!(!spans_lines(pattern), "{pattern}");
        }
    }
}

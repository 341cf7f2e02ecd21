//! Panics of Rust, and chains of errors as anyhow and eyre print them. The innermost call stands first, below what
//! handles the panic.

use super::lines::{Line, base_name, lines};
use super::normal::rust_name;
use super::trace::{Frame, Raised, Trace};

/// What the line says what follows is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Message,
    Causes,
    Backtrace,
    Done,
}

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    let is_panic = text.contains(" panicked at ");
    if !is_panic
        && !text.contains("Caused by:\n")
        && !text.to_ascii_lowercase().contains("stack backtrace:\n")
    {
        return None;
    }
    let mut head: Option<Head<'_>> = None;
    let mut causes = Vec::new();
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut within = Within::Nothing;
    for line in lines(text) {
        within = match (within, line.text) {
            (_, "stack backtrace:" | "Stack backtrace:") if head.is_some() && frames.is_empty() => {
                Within::Backtrace
            }
            (Within::Nothing | Within::Message, "Caused by:") if head.is_some() => Within::Causes,
            (Within::Nothing, _) => match panicked(line) {
                Some(found) => {
                    let has_message = found.message.1 > found.message.0;
                    head = Some(found);
                    if has_message { Within::Nothing } else { Within::Message }
                }
                None if !is_panic && !line.is_blank() => {
                    head = Some(errored(line));
                    Within::Nothing
                }
                None => Within::Nothing,
            },
            (Within::Message, said) if said.starts_with("note: ") || panicked(line).is_some() => Within::Done,
            (Within::Message, _) => {
                if let Some(head) = head.as_mut().filter(|_| !line.is_blank()) {
                    head.message = (if head.message.1 == 0 { line.start } else { head.message.0 }, line.end);
                }
                Within::Message
            }
            (Within::Causes, said) if line.indent() > 0 => {
                let said = said.trim_start().trim_start_matches(|digit: char| digit.is_ascii_digit());
                let said = said.strip_prefix(": ").unwrap_or_else(|| line.trimmed());
                causes.push(Raised { name: "", message: said, ..Raised::default() });
                Within::Causes
            }
            (Within::Causes, _) => {
                if line.is_blank() {
                    Within::Causes
                } else {
                    Within::Done
                }
            }
            (Within::Backtrace, _) if line.indent() > 0 => {
                add(&mut frames, line);
                Within::Backtrace
            }
            (Within::Backtrace | Within::Done, _) => Within::Done,
        };
    }
    let head = head?;
    frames.retain(|frame| !is_machinery(&frame.function));
    let is_known = frames.iter().any(|frame| !frame.is_library);
    if !is_known {
        // Only where it happened.
        frames = head.place.into_iter().chain(frames).collect();
    }
    let message = text.get(head.message.0..head.message.1).unwrap_or_default().trim_end();
    let outermost = Raised { name: head.name, message, frames, is_member: false };
    let chain = std::iter::once(outermost).chain(causes).collect();
    Trace::of_chain(chain, text[head.start..].trim_end())
}

#[derive(Debug)]
struct Head<'t> {
    name: &'t str,
    place: Option<Frame<'t>>,
    /// Where the message begins and ends; 0 if it is to come.
    message: (usize, usize),
    start: usize,
}

/// `thread 'main' (4711) panicked at src/main.rs:4:5:`; before Rust 1.73 the message stood before the place.
fn panicked(line: Line<'_>) -> Option<Head<'_>> {
    let (thread, rest) = line.text.split_once(" panicked at ")?;
    if !thread.contains("thread ") {
        return None;
    }
    let at = line.end - rest.len();
    let (message, place) = match (rest.strip_suffix(':'), rest.rsplit_once("', ")) {
        (Some(place), _) => ((0, 0), place),
        (None, Some((message, place))) => {
            ((at + usize::from(rest.starts_with('\'')), at + message.len()), place)
        }
        _ => ((0, 0), rest),
    };
    // Line and column.
    let path = place.rsplitn(3, ':').last().unwrap_or(place);
    let place =
        Frame { function: "".into(), file: base_name(path), source: "", is_library: is_library(path) };
    Some(Head { name: "panic", place: Some(place), message, start: line.start })
}

/// `Error: paying order 17`, or what a logger made of it.
fn errored(line: Line<'_>) -> Head<'_> {
    let said = line.text.strip_prefix("Error: ").unwrap_or(line.text);
    Head { name: "Error", place: None, message: (line.end - said.len(), line.end), start: line.start }
}

/// A line of a backtrace: a call with its number, or the place below it.
fn add<'t>(frames: &mut Vec<Frame<'t>>, line: Line<'t>) {
    let trimmed = line.trimmed();
    if let Some(place) = trimmed.strip_prefix("at ") {
        let path = place.rsplitn(3, ':').last().unwrap_or(place);
        if let Some(frame) = frames.last_mut() {
            frame.file = base_name(path);
            frame.is_library |= is_library(path);
        }
    } else if let Some((number, name)) = trimmed.split_once(": ")
        && number.bytes().all(|digit| digit.is_ascii_digit())
        && name != "<unknown>"
    {
        // With addresses if all of it is printed: `0x55d0 - name`.
        let name =
            name.strip_prefix("0x").and_then(|rest| rest.split_once(" - ")).map_or(name, |(_, name)| name);
        let start = name.trim_start_matches(['<', '&', '*']);
        let of_runtime = [
            "std::",
            "core::",
            "alloc::",
            "__rust",
            "rust_begin_unwind",
            "__libc",
            "_start",
            "anyhow::",
            "eyre::",
            "color_eyre::",
            "tokio::",
            "backtrace::",
        ];
        let is_library = of_runtime.iter().any(|prefix| start.starts_with(prefix))
            || matches!(name, "main" | "clone" | "start_thread");
        frames.push(Frame { function: rust_name(name).into(), file: "", source: "", is_library });
    }
}

/// What handles a panic is called otherwise in each version of the runtime.
fn is_machinery(name: &str) -> bool {
    [
        "::panicking::",
        "rust_begin_unwind",
        "::unwrap_failed",
        "::expect_failed",
        "::rust_panic",
        "__rust_end_short",
    ]
    .iter()
    .any(|part| name.contains(part))
}

fn is_library(path: &str) -> bool {
    let parts = ["/rustc/", ".cargo/registry/", ".cargo/git/", "/rustlib/src/", "/vendor/"];
    parts.iter().any(|part| path.contains(part)) || path.starts_with("library/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(part: &str) -> (String, String, String) {
        let all = include_str!("../multiline/examples/rust.txt");
        let trace = parse(all.split("§\n").find(|text| text.contains(part)).unwrap()).unwrap();
        let (frame, _) = trace.outermost.place().map_or((String::new(), 0), |(frame, beneath)| {
            (format!("{} {}", frame.function, frame.file), beneath.count())
        });
        (trace.outermost.name.to_owned(), trace.outermost.message.to_owned(), frame)
    }

    fn row(name: &str, message: &str, frame: &str) -> (String, String, String) {
        (name.to_owned(), message.to_owned(), frame.to_owned())
    }

    #[test]
    fn a_panic_has_its_function_if_there_is_a_backtrace_and_its_file_if_there_is_none() {
        let message = "index out of bounds: the len is 3 but the index is 5";
        assert_eq!(of("(30209)"), row("panic", message, " main.rs"));
        assert_eq!(of("(30210)"), row("panic", message, "shop::main main.rs"));
        assert_eq!(of("<unnamed>"), row("panic", "no stock", " main.rs"));
        let assertion = "assertion `left == right` failed: sums\n  left: 1\n right: 2";
        assert_eq!(of("(30211)"), row("panic", assertion, " main.rs"));
    }

    #[test]
    fn a_chain_of_errors_has_its_causes() {
        assert_eq!(of("Location:"), row("Error", "pay order 17", ""));
        assert_eq!(of("order 17\n\nCaused by:\n    0:").2, "shop::query db.rs");
        let trace = parse("Error: a\n\nCaused by:\n    0: b\n    1: c: d\n").unwrap();
        assert_eq!(trace.causes.iter().map(|cause| cause.message).collect::<Vec<_>>(), ["b", "c: d"]);
        assert_eq!(parse("nothing was\ncaused"), None);
    }
}

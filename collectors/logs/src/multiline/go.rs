//! What Go's runtime prints when it panics, at a fatal error, and at SIGQUIT:
//!
//! ```text
//! panic: runtime error: index out of range [5] with length 3
//!
//! goroutine 1 [running]:
//! main.main()
//!         /src/main.go:8 +0x1d
//! exit status 2
//! ```
//!
//! A line that tells of trouble ([`super::words`]) may be followed by the stack of a goroutine, which
//! `debug.Stack` and loggers after it print.

use super::words::tells_of_trouble;
use super::{State as Event, Step, is_blank};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that tells of trouble: a stack may follow.
    Message,
    /// Behind the line that says what happened.
    Head,
    /// Within the stack of a goroutine.
    Stack,
    /// Blank lines: another goroutine may follow.
    Gap,
}

/// A line outside of a dump.
pub(super) fn begin(line: &[u8]) -> Step {
    let heads =
        [b"panic: ".as_slice(), b"fatal error: ", b"SIGQUIT: ", b"SIGABRT: ", b"runtime: goroutine stack"];
    let is_head = heads.iter().any(|head| line.starts_with(head))
        // What net/http says of a handler, behind the logger's prefix.
        || memchr::memmem::find(line, b": panic serving ").is_some()
        || line.starts_with(b"http: panic serving ");
    Step::Begin(if is_head {
        Event::Go(State::Head)
    } else if is_goroutine(line) {
        Event::Go(State::Stack)
    } else if tells_of_trouble(line) {
        Event::Go(State::Message)
    } else {
        Event::Complete
    })
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    let after = if state == State::Message {
        is_goroutine(line).then_some(State::Stack)
    } else if is_blank(line) {
        Some(State::Gap)
    } else if is_goroutine(line) {
        Some(State::Stack)
    } else if line.starts_with(b"\t") || line.starts_with(b"[signal ") {
        // Files and lines of a stack; panics that were recovered or raised again; what the signal was.
        Some(if state == State::Stack { State::Stack } else { State::Head })
    } else if line.starts_with(b"exit status ") || is_register(line) {
        Some(state)
    } else if state == State::Head {
        let goes_on = [b"panic: ".as_slice(), b"fatal error: ", b"runtime: ", b"PC=", b"sp=", b"stack: "];
        goes_on.iter().any(|start| line.starts_with(start)).then_some(State::Head)
    } else if state == State::Stack {
        (is_call(line) || line == b"goroutine running on other thread; stack unavailable")
            .then_some(State::Stack)
    } else {
        (line.starts_with(b"runtime stack:") || line.starts_with(b"PC=")).then_some(State::Stack)
    };
    match after {
        Some(state) => Step::Continue(Event::Go(state)),
        None => begin(line),
    }
}

/// `goroutine 17 [chan receive, 3 minutes]:`
fn is_goroutine(line: &[u8]) -> bool {
    line.strip_prefix(b"goroutine ").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
        && line.ends_with(b":")
}

/// `main.(*Shop).pay(0xc000, {0x1, 0x2})`, `created by main.main in goroutine 1`
fn is_call(line: &[u8]) -> bool {
    line.starts_with(b"created by ")
        || line.starts_with(b"...")
        || line.ends_with(b")")
            && memchr::memchr(b'(', line).is_some_and(|open| {
                // A name with its package, without blanks.
                line[..open].contains(&b'.') && !line[..open].contains(&b' ')
            })
        || line.starts_with(b"panic(")
}

/// `rax    0x0`
fn is_register(line: &[u8]) -> bool {
    let Some(blank) = memchr::memchr(b' ', line) else { return false };
    (2..=6).contains(&blank)
        && line[..blank].iter().all(u8::is_ascii_alphanumeric)
        && line[blank..].trim_ascii_start().starts_with(b"0x")
}

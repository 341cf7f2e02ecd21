//! What Rust's runtime prints of a panic, and what becomes of an error that `main` returns:
//!
//! ```text
//! thread 'main' (4711) panicked at src/main.rs:4:5:
//! index out of bounds: the len is 3 but the index is 5
//! stack backtrace:
//!    0: shop::pay
//!              at ./src/main.rs:4:5
//! note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
//!
//! Error: paying order 17
//!
//! Caused by:
//!     0: query stock
//!     1: connection refused (os error 111)
//! ```
//!
//! Before Rust 1.73 the message stood on the first line, before 1.91 there was no thread id. Chains of errors are
//! those of anyhow and eyre, which loggers print as well: below any line that tells of trouble ([`super::words`]).

use super::words::{begins_entry, tells_of_trouble};
use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that tells of trouble: what caused it may follow.
    Message,
    /// The place of a panic was read: its message follows.
    Panicked,
    /// So many lines of the message were read.
    Told(u8),
    /// Within a backtrace.
    Backtrace,
    /// Within a chain of causes.
    Causes,
    /// Blank lines: causes or a backtrace may follow.
    Gap,
}

/// How many lines the message of a panic may have: an assertion shows what it compared.
const MESSAGE_LINES: u8 = 50;

/// A line outside of a panic.
pub(super) fn begin(line: &[u8]) -> Step {
    Step::Begin(if is_panic(line) {
        // The message of older ones stands on the same line.
        Event::Rust(if line.ends_with(b":") { State::Panicked } else { State::Told(1) })
    } else if is_overflow(line) {
        Event::Rust(State::Told(1))
    } else if tells_of_trouble(line) {
        Event::Rust(State::Message)
    } else {
        Event::Complete
    })
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    match after(state, line) {
        Some(state) => Step::Continue(Event::Rust(state)),
        None => begin(line),
    }
}

fn after(state: State, line: &[u8]) -> Option<State> {
    let section = section(line);
    match state {
        State::Message if is_blank(line) => Some(State::Gap),
        State::Message | State::Gap if section.is_some() => section,
        // What a panic within a panic says last.
        _ if line.starts_with(b"thread caused non-unwinding panic")
            || line.starts_with(b"fatal runtime error: ") =>
        {
            (!matches!(state, State::Message)).then_some(State::Told(1))
        }
        State::Message | State::Gap if is_blank(line) => Some(State::Gap),
        State::Message | State::Gap => None,
        // The message may be empty.
        State::Panicked if is_panic(line) => None,
        State::Panicked => Some(if is_blank(line) { State::Panicked } else { State::Told(1) }),
        State::Told(_) if section.is_some() => section,
        State::Told(_) if line.starts_with(b"note: ") => Some(State::Told(MESSAGE_LINES)),
        State::Told(lines) => {
            let closes = matches!(line.first(), Some(b'}' | b')' | b']'));
            let is_message = is_indented(line) && !is_blank(line) || closes;
            (lines < MESSAGE_LINES && is_message).then_some(State::Told(lines + 1))
        }
        State::Backtrace | State::Causes if is_indented(line) && !is_blank(line) => Some(state),
        State::Backtrace if line.starts_with(b"note: ") => Some(State::Backtrace),
        State::Causes if is_blank(line) => Some(State::Gap),
        State::Causes if !begins_entry(line) && section.is_some() => section,
        State::Backtrace | State::Causes => None,
    }
}

/// What begins a part of a report.
fn section(line: &[u8]) -> Option<State> {
    match line {
        b"Caused by:" | b"Location:" => Some(State::Causes),
        b"stack backtrace:" | b"Stack backtrace:" => Some(State::Backtrace),
        _ => None,
    }
}

/// `thread 'main' (4711) panicked at src/main.rs:4:5:`
fn is_panic(line: &[u8]) -> bool {
    let is_thread = line.starts_with(b"thread '") || line.starts_with(b"thread <unnamed>");
    is_thread && memchr::memmem::find(line, b" panicked at ").is_some()
}

fn is_overflow(line: &[u8]) -> bool {
    line.starts_with(b"thread '") && line.ends_with(b" has overflowed its stack")
}

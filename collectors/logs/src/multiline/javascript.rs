//! What V8 makes of an error's stack, and what Node.js prints around it:
//!
//! ```text
//! /app/shop.js:3
//! throw new Error("no stock");
//! ^
//!
//! Error: no stock
//!     at pay (/app/shop.js:3:7) {
//!   code: 'E_STOCK',
//!   [cause]: Error: gone
//!       at query (/app/db.js:4:1)
//! }
//!
//! Node.js v22.1.0
//! ```
//!
//! Any line may be followed by frames: the message of an error is free text, and may have several lines. A logger may
//! write its own message first and the error below it; both are one record if the message tells of trouble
//! ([`super::words`]).

use super::words::{begins_entry, is_of_exception, tells_of_trouble, thrown_name};
use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that reports no trouble.
    Quiet,
    /// A line that tells of trouble: an error may follow.
    Message,
    /// A place in the source: so many lines of it were read.
    Source(u8),
    /// The caret below it was read: the error is still to come.
    Caret,
    /// What was thrown, with so many lines of its message: frames follow.
    Thrown(u8),
    /// Within the frames.
    Frames,
    /// Within the error's own properties, which a brace ends.
    Properties,
    /// Blank lines, or the end of the properties.
    End,
}

/// How much of the source may be shown before the caret.
const SOURCE_LINES: u8 = 4;

/// How many lines the message of an error may have: an assertion shows what it compared.
const MESSAGE_LINES: u8 = 50;

/// A line outside of a stack.
pub(super) fn begin(line: &[u8]) -> Step {
    let state = if is_place(line) {
        State::Source(0)
    } else if is_thrown(line) {
        at_thrown(line)
    } else if tells_of_trouble(line) {
        State::Message
    } else {
        State::Quiet
    };
    Step::Begin(Event::Javascript(state))
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    match after(state, line) {
        Some(state) => Step::Continue(Event::Javascript(state)),
        None => begin(line),
    }
}

fn after(state: State, line: &[u8]) -> Option<State> {
    match state {
        State::Quiet | State::Message | State::Thrown(_) | State::Frames if is_frame(line) => {
            Some(at_frame(line))
        }
        State::Quiet => None,
        State::Message => is_thrown(line).then(|| at_thrown(line)),
        State::Source(lines) => {
            if is_caret(line) {
                Some(State::Caret)
            } else {
                (lines < SOURCE_LINES).then_some(State::Source(lines + 1))
            }
        }
        State::Caret if is_blank(line) => Some(State::Caret),
        State::Caret => Some(at_thrown(line)),
        State::Thrown(_) if line.starts_with(b"Node.js v") || line.starts_with(b"(Use `node --trace") => {
            Some(State::End)
        }
        State::Thrown(_) if line.starts_with(b"Thrown at:") => Some(State::Frames),
        State::Thrown(lines) => {
            let is_message =
                lines < MESSAGE_LINES && !begins_entry(line) && !is_thrown(line) && !is_place(line);
            is_message.then_some(State::Thrown(lines + 1))
        }
        State::Properties if line.starts_with(b"}") => Some(State::End),
        State::Properties => (is_indented(line) || line.is_empty()).then_some(State::Properties),
        State::Frames if line.starts_with(b"Caused by: ") => Some(State::Frames),
        State::Frames | State::End if is_blank(line) => Some(State::End),
        State::Frames => None,
        State::End => {
            let is_end = line.starts_with(b"Node.js v") || line.starts_with(b"Thrown at:") || is_frame(line);
            is_end.then_some(State::End)
        }
    }
}

/// `TypeError: gone`, `Uncaught Error: x`, `AssertionError [ERR_ASSERTION]: x`
fn is_thrown(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"Uncaught ").unwrap_or(line);
    let name = match memchr::memmem::find(&text[..text.len().min(100)], b" [ERR_") {
        Some(end) => Some(&text[..end]),
        None => thrown_name(text),
    };
    name.is_some_and(is_of_exception)
}

/// The error is thrown with its properties, or only with a message.
fn at_thrown(line: &[u8]) -> State {
    if line.ends_with(b"{") { State::Properties } else { State::Thrown(1) }
}

/// `    at pay (/app/shop.js:3:7)`
fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    is_indented(line) && (text.starts_with(b"at ") || text.starts_with(b"... ") && text.ends_with(b" ..."))
}

fn at_frame(line: &[u8]) -> State {
    if line.ends_with(b" {") { State::Properties } else { State::Frames }
}

/// `/app/shop.js:3`, `file:///app/shop.mjs:3`, `node:internal/fs:17`
fn is_place(line: &[u8]) -> bool {
    let Some(colon) = memchr::memrchr(b':', line) else { return false };
    let (path, number) = (&line[..colon], &line[colon + 1..]);
    let starts = [b"/".as_slice(), b"file://", b"node:"];
    !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
        && starts.iter().any(|start| path.starts_with(start))
        && !path.contains(&b' ')
}

/// `      ^^^^`
fn is_caret(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    !text.is_empty() && text.iter().all(|byte| *byte == b'^')
}

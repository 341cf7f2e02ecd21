//! What Python's `traceback` module prints:
//!
//! ```text
//! Traceback (most recent call last):
//!   File "shop.py", line 17, in pay
//!     charge(card)
//! ValueError: no such card
//!
//! During handling of the above exception, another exception occurred:
//!
//! Traceback (most recent call last):
//!   …
//! ```
//!
//! An exception group is drawn as a tree, of which every line is indented and begins with `|` or `+`.
//!
//! `logging.exception` writes its message first, and the traceback below it: they are one record, which has the time,
//! the severity, the message and the traceback. So a line that tells of trouble ([`super::words`]) waits for the next
//! one; the others wait for nothing, and a traceback below one of those is a record of its own. So are the words with
//! which the interpreter introduces a traceback part of it, and what `logging` says when it cannot format a message.

use super::words::{is_of_exception, tells_of_trouble, thrown_name};
use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that tells of trouble: a traceback may follow.
    Message,
    /// What introduces a traceback was read.
    Introduced,
    /// Within the frames: the exception is still to come.
    Frames,
    /// Within the tree of a group.
    Group,
    /// The exception was read.
    Raised,
    /// Blank lines behind an exception: another one may follow.
    Gap,
    /// It was said that another one follows.
    Chained,
    /// A traceback from another process is to come, in quotes, ...
    Remote,
    /// ... and is being read.
    Quoted,
    /// The call that was wrong, and what it was given.
    Call,
    /// What the interpreter says when it cannot go on, thread by thread.
    Fatal,
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last):";
const GROUP: &[u8] = b"+ Exception Group Traceback (most recent call last):";

/// What says that another exception belongs to it.
const CHAINS: [&[u8]; 2] = [
    b"During handling of the above exception, another exception occurred:",
    b"The above exception was the direct cause of the following exception:",
];

/// What introduces a traceback on a line of its own.
const INTRODUCTIONS: [&[u8]; 6] = [
    b"Exception in thread ",
    b"Exception ignored ",
    b"Error in sys.",
    b"Error in atexit.",
    b"--- Logging error ---",
    b"Original exception was:",
];

/// What asyncio tells below the message, before the traceback: `future: <Task finished …>`.
const CONTEXT: [&[u8]; 8] = [
    b"future: <",
    b"task: <",
    b"handle: <",
    b"protocol: <",
    b"transport: <",
    b"server: <",
    b"asyncgen: <",
    b"client_session: <",
];

/// Lines that well-known libraries put into their messages.
const MESSAGE_LINES: [&[u8]; 3] = [b"[SQL: ", b"[parameters: ", b"(Background on this error at: "];

/// A line outside of a traceback.
pub(super) fn begin(line: &[u8]) -> Step {
    let state = match head(line) {
        Some(state) => Event::Python(state),
        None if introduces(line) => Event::Python(State::Introduced),
        None if line.starts_with(b"Fatal Python error: ") => Event::Python(State::Fatal),
        None if tells_of_trouble(line) => Event::Python(State::Message),
        None => Event::Complete,
    };
    Step::Begin(state)
}

/// `Exception in thread till:`, `Process Process-1:` of multiprocessing.
fn introduces(line: &[u8]) -> bool {
    INTRODUCTIONS.iter().any(|start| line.starts_with(start))
        || line.starts_with(b"Process ") && line.ends_with(b":")
}

/// The state after a line that begins a traceback. A syntax error has none of its own.
fn head(line: &[u8]) -> Option<State> {
    let text = line.trim_ascii_start();
    if text.starts_with(GROUP) {
        Some(State::Group)
    } else if line.starts_with(TRACEBACK) || line.starts_with(b"  File \"") {
        Some(State::Frames)
    } else if thrown_name(line).is_some_and(|name| name.ends_with(b"RemoteTraceback")) {
        Some(State::Remote)
    } else {
        None
    }
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    match after(state, line) {
        Some(state) => Step::Continue(Event::Python(state)),
        None => begin(line),
    }
}

fn after(state: State, line: &[u8]) -> Option<State> {
    match state {
        State::Message => message(line),
        State::Introduced => head(line),
        // loguru marks the frame that caught it.
        State::Frames if is_indented(line) || line.is_empty() || line.starts_with(b"> File \"") => {
            Some(State::Frames)
        }
        State::Frames => is_exception(line).then_some(State::Raised),
        State::Group if is_branch(line) => Some(State::Group),
        State::Group | State::Raised | State::Gap if is_blank(line) => Some(State::Gap),
        State::Group => None,
        // The tree of the next group, which is no line of a message.
        State::Raised if line.trim_ascii_start().starts_with(GROUP) => None,
        State::Raised if line.starts_with(b"Call stack:") => Some(State::Call),
        State::Raised => {
            let goes_on = is_indented(line) || MESSAGE_LINES.iter().any(|start| line.starts_with(start));
            goes_on.then_some(State::Raised)
        }
        State::Gap => is_chain(line).then_some(State::Chained),
        State::Chained if is_blank(line) => Some(State::Chained),
        State::Chained => head(line),
        State::Remote => line.starts_with(b"\"\"\"").then_some(State::Quoted),
        State::Quoted if line.starts_with(b"\"\"\"") => Some(State::Raised),
        State::Quoted => {
            let is_part = is_indented(line) || is_blank(line) || is_chain(line) || is_exception(line);
            (is_part || line.starts_with(TRACEBACK)).then_some(State::Quoted)
        }
        State::Call => {
            let goes_on =
                is_indented(line) || line.starts_with(b"Message: ") || line.starts_with(b"Arguments: ");
            goes_on.then_some(State::Call)
        }
        State::Fatal => is_of_fatal(line).then_some(State::Fatal),
    }
}

/// Below a line that tells of trouble.
fn message(line: &[u8]) -> Option<State> {
    if let Some(state) = head(line) {
        return Some(state);
    }
    // A cause that was never raised has no traceback, nor has an exception that is logged and was not.
    if thrown_name(line).is_some_and(is_of_exception) {
        return Some(State::Raised);
    }
    CONTEXT.iter().any(|start| line.starts_with(start)).then_some(State::Message)
}

fn is_chain(line: &[u8]) -> bool {
    CHAINS.iter().any(|chain| line.starts_with(chain))
}

/// `  | ValueError: 1`, `  +-+---------------- 1 ----------------`
fn is_branch(line: &[u8]) -> bool {
    is_indented(line) && matches!(line.trim_ascii_start().first(), Some(b'|' | b'+'))
}

/// `shop.errors.Declined: …`, or the name alone.
fn is_exception(line: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || !byte.is_ascii();
    let end =
        line.iter().position(|byte| !is_name(byte) && !matches!(byte, b'<' | b'>')).unwrap_or(line.len());
    end > 0 && !line[0].is_ascii_digit() && matches!(line.get(end), None | Some(b':'))
}

/// What `faulthandler` prints of each thread, and of what is loaded.
fn is_of_fatal(line: &[u8]) -> bool {
    let starts = [
        b"Current thread".as_slice(),
        b"Thread 0x",
        b"Python runtime state: ",
        b"Extension modules: ",
        b"Stack (most recent call first):",
    ];
    is_blank(line) || is_indented(line) || starts.iter().any(|start| line.starts_with(start))
}

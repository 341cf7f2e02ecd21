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
//! An exception group is drawn as a tree, of which every line is indented and begins with `|` or `+`. What comes
//! before `Traceback` is a record of its own, but for the words with which the interpreter introduces one.

use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
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
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last):";
const GROUP: &[u8] = b"+ Exception Group Traceback (most recent call last):";

/// What says that another exception belongs to it.
const CHAINS: [&[u8]; 2] = [
    b"During handling of the above exception, another exception occurred:",
    b"The above exception was the direct cause of the following exception:",
];

/// What introduces a traceback on a line of its own.
const INTRODUCTIONS: [&[u8]; 3] =
    [b"Exception in thread ", b"Exception ignored in: ", b"Exception ignored in thread started by: "];

/// Lines that well-known libraries put into their messages.
const MESSAGE_LINES: [&[u8]; 3] = [b"[SQL: ", b"[parameters: ", b"(Background on this error at: "];

/// A line outside of a traceback.
pub(super) fn begin(line: &[u8]) -> Step {
    let state = match head(line) {
        Some(state) => Event::Python(state),
        None if INTRODUCTIONS.iter().any(|start| line.starts_with(start)) => Event::Python(State::Introduced),
        None => Event::Complete,
    };
    Step::Begin(state)
}

/// The state after a line that begins a traceback. A syntax error has none of its own.
fn head(line: &[u8]) -> Option<State> {
    let text = line.trim_ascii_start();
    if text.starts_with(GROUP) {
        Some(State::Group)
    } else if line.starts_with(TRACEBACK) || line.starts_with(b"  File \"") {
        Some(State::Frames)
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
        State::Introduced => head(line),
        State::Frames if is_indented(line) || line.is_empty() => Some(State::Frames),
        State::Frames => is_exception(line).then_some(State::Raised),
        State::Group if is_branch(line) => Some(State::Group),
        State::Group | State::Raised | State::Gap if is_blank(line) => Some(State::Gap),
        State::Group => None,
        // The tree of the next group, which is no line of a message.
        State::Raised if line.trim_ascii_start().starts_with(GROUP) => None,
        State::Raised => {
            let goes_on = is_indented(line) || MESSAGE_LINES.iter().any(|start| line.starts_with(start));
            goes_on.then_some(State::Raised)
        }
        State::Gap => CHAINS.iter().any(|chain| line.starts_with(chain)).then_some(State::Chained),
        State::Chained if is_blank(line) => Some(State::Chained),
        State::Chained => head(line),
    }
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

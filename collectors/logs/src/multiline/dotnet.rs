//! What `Exception.ToString` makes of an exception in .NET, and what loggers print around it:
//!
//! ```text
//! Unhandled exception. System.InvalidOperationException: no stock
//!  ---> System.IO.IOException: gone
//!    at Shop.Db.Query(String sql) in /src/Db.cs:line 4
//!    --- End of inner exception stack trace ---
//!    at Shop.Cart.Pay() in /src/Cart.cs:line 17
//! --- End of stack trace from previous location ---
//!    at Program.<Main>$(String[] args) in /src/Program.cs:line 3
//! ```
//!
//! Any line may be followed by frames. A logger writes its own message first and the exception below it; both are one
//! record if the message tells of trouble ([`super::words`]). The console logger indents all but a record's first line.

use super::words::{begins_entry, is_of_class, is_of_exception, tells_of_trouble, thrown_name};
use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that reports no trouble.
    Quiet,
    /// A line that tells of trouble: an exception may follow.
    Message,
    /// The level and category of the console logger: all that is indented follows.
    Console,
    /// What was thrown, with so many lines of its message: frames follow.
    Thrown(u8),
    /// Within the frames.
    Frames,
}

/// How many lines the message of an exception may have.
const MESSAGE_LINES: u8 = 16;

/// The levels of the console logger.
const LEVELS: [&[u8]; 6] = [b"trce: ", b"dbug: ", b"info: ", b"warn: ", b"fail: ", b"crit: "];

/// A line outside of a trace.
pub(super) fn begin(line: &[u8]) -> Step {
    let state = if LEVELS.iter().any(|level| line.starts_with(level)) {
        State::Console
    } else if is_thrown(line) || is_uncaught(line) {
        State::Thrown(1)
    } else if tells_of_trouble(line) {
        State::Message
    } else {
        State::Quiet
    };
    Step::Begin(Event::Dotnet(state))
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    match after(state, line) {
        Some(state) => Step::Continue(Event::Dotnet(state)),
        None => begin(line),
    }
}

fn after(state: State, line: &[u8]) -> Option<State> {
    match state {
        State::Console => is_indented(line).then_some(State::Console),
        _ if is_frame(line) => Some(State::Frames),
        _ if line.trim_ascii_start().starts_with(b"---> ") => Some(State::Thrown(1)),
        // Below a line that tells of trouble a class may be called as its author likes.
        State::Message => {
            let is_one = thrown_name(line).is_some_and(|name| is_of_exception(name) || is_of_class(name));
            is_one.then_some(State::Thrown(1))
        }
        State::Thrown(lines) if lines < MESSAGE_LINES && !is_blank(line) => (is_indented(line)
            || !begins_entry(line) && !is_thrown(line) && !is_uncaught(line))
        .then_some(State::Thrown(lines + 1)),
        State::Quiet | State::Thrown(_) | State::Frames => None,
    }
}

/// `   at Shop.Cart.Pay() in /src/Cart.cs:line 17`, and what stands between frames.
fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    is_indented(line) && text.starts_with(b"at ")
        || text.starts_with(b"--- End of ")
        || text.starts_with(b"<---")
}

/// `System.InvalidOperationException: no stock`
fn is_thrown(line: &[u8]) -> bool {
    thrown_name(line).is_some_and(is_of_exception)
}

/// What the runtime says of one that nobody caught.
fn is_uncaught(line: &[u8]) -> bool {
    line.starts_with(b"Unhandled exception")
}

//! What `Throwable.printStackTrace` prints, and loggers after it:
//!
//! ```text
//! java.lang.IllegalStateException: no stock
//!         at shop.Cart.pay(Cart.java:17)
//!         Suppressed: java.io.IOException: close
//!                 ... 3 more
//! Caused by: java.sql.SQLException: gone
//!         at shop.Db.query(Db.java:4)
//!         ... 12 more
//! ```
//!
//! Any line may be followed by frames: the message of an exception is free text, and may have several lines. A logger
//! writes its own message first and the exception below it; both are one record if the message tells of trouble
//! ([`super::words`]). `java.util.logging` says when and where on a line of its own.

use super::words::{
    begins_entry, begins_with_month, is_of_class, is_of_exception, tells_of_trouble, thrown_name,
};
use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that reports no trouble.
    Quiet,
    /// A line that tells of trouble: an exception may follow.
    Message,
    /// Time and place, as `java.util.logging` writes them: the message follows.
    Place,
    /// What was thrown, with so many lines of its message: frames follow.
    Thrown(u8),
    /// Within the frames.
    Frames,
}

/// How many lines the message of an exception may have.
const MESSAGE_LINES: u8 = 16;

/// A line outside of a stack trace.
pub(super) fn begin(line: &[u8]) -> Step {
    let state = if is_thrown(line) || is_uncaught(line) {
        State::Thrown(1)
    } else if is_place(line) {
        State::Place
    } else if tells_of_trouble(line) {
        State::Message
    } else {
        State::Quiet
    };
    Step::Begin(Event::Java(state))
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    match after(state, line) {
        Some(state) => Step::Continue(Event::Java(state)),
        None => begin(line),
    }
}

fn after(state: State, line: &[u8]) -> Option<State> {
    if is_frame(line) {
        return Some(State::Frames);
    }
    let of_cause = line.trim_ascii_start();
    if [b"Caused by: ".as_slice(), b"Wrapped by: ", b"Suppressed: "]
        .iter()
        .any(|start| of_cause.starts_with(start))
    {
        return Some(State::Thrown(1));
    }
    match state {
        State::Place => {
            is_level(line).then(|| if tells_of_trouble(line) { State::Message } else { State::Quiet })
        }
        // Below a line that tells of trouble a class may be called as its author likes.
        State::Message => {
            let is_one = thrown_name(line).is_some_and(|name| is_of_exception(name) || is_of_class(name));
            is_one.then_some(State::Thrown(1))
        }
        State::Thrown(lines) if lines < MESSAGE_LINES && !is_blank(line) => {
            let is_message = is_indented(line)
                || !begins_entry(line) && !is_thrown(line) && !is_uncaught(line) && !is_place(line);
            is_message.then_some(State::Thrown(lines + 1))
        }
        State::Quiet | State::Thrown(_) | State::Frames => None,
    }
}

/// A line that can only stand within a stack trace.
fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let starts = [b"at ".as_slice(), b"- locked ", b"- waiting ", b"- parking "];
    text.starts_with(b"[CIRCULAR REFERENCE")
        || text.len() < line.len() && (starts.iter().any(|start| text.starts_with(start)) || is_more(text))
}

/// `... 12 more`, `... 3 common frames omitted`
fn is_more(text: &[u8]) -> bool {
    text.strip_prefix(b"... ").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// `java.lang.IllegalStateException: no stock`
fn is_thrown(line: &[u8]) -> bool {
    thrown_name(line).is_some_and(is_of_exception)
}

/// What the runtime says of one that nobody caught.
fn is_uncaught(line: &[u8]) -> bool {
    line.starts_with(b"Exception in thread \"")
}

/// `Jan 02, 2026 3:04:05 AM shop.Cart pay`
fn is_place(line: &[u8]) -> bool {
    begins_with_month(line)
        && [b" AM ".as_slice(), b" PM "].iter().any(|half| memchr::memmem::find(line, half).is_some())
        && line.len() < 256
}

/// `SEVERE: paying failed`
fn is_level(line: &[u8]) -> bool {
    let levels =
        [b"SEVERE: ".as_slice(), b"WARNING: ", b"INFO: ", b"CONFIG: ", b"FINE: ", b"FINER: ", b"FINEST: "];
    levels.iter().any(|level| line.starts_with(level))
}

//! What Ruby prints of an exception that nobody rescued, with its causes below it, and what loggers write:
//!
//! ```text
//! shop.rb:3:in 'Shop#pay': no stock (Shop::Declined)
//!         from shop.rb:17:in '<main>'
//! shop.rb:9:in 'Shop#query': gone (IOError)
//!         from shop.rb:3:in 'Shop#pay'
//!         ... 2 levels...
//! ```
//!
//! `Logger` writes the message with the class in brackets, and places below it; before the class there may be a blank
//! line and the line of the source that failed. Rails writes class and message, a blank line, and places. Any line may
//! be followed by places. Before Ruby 3.4 a name begins with a backtick.

use super::words::{begins_entry, is_of_exception, tells_of_trouble};
use super::{State as Event, Step, is_blank, is_indented};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A line that reports no trouble.
    Quiet,
    /// A line that tells of trouble: blank lines may follow before its places, and Rails' name of the exception.
    Message,
    /// The same, by `Logger`.
    Logged,
    /// Within what `Logger` was given, behind a blank line, with so many lines: the source that failed.
    Source(u8),
    /// What was raised, with so many lines of its message: places follow.
    Raised(u8),
    /// Within the places.
    Places,
    /// Behind the places: Rails tells of causes.
    Gap,
}

/// How many lines the message of an exception may have: hints with the line of the source among them.
const MESSAGE_LINES: u8 = 24;

/// How many lines of the source are shown, with hints below them.
const SOURCE_LINES: u8 = 8;

/// A line outside of a trace.
pub(super) fn begin(line: &[u8]) -> Step {
    let state = if is_raised(line) {
        State::Raised(1)
    } else if tells_of_trouble(line) {
        if is_logged(line) { State::Logged } else { State::Message }
    } else {
        State::Quiet
    };
    Step::Begin(Event::Ruby(state))
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    match after(state, line) {
        Some(state) => Step::Continue(Event::Ruby(state)),
        None => begin(line),
    }
}

fn after(state: State, line: &[u8]) -> Option<State> {
    match state {
        State::Quiet => is_place(line).then_some(State::Places),
        State::Gap => of_rails(line),
        // What a message tells of, or a cause.
        _ if is_raised(line) => Some(State::Raised(1)),
        _ if is_place(line) => Some(State::Places),
        State::Message => is_blank(line).then_some(State::Message),
        State::Logged => is_blank(line).then_some(State::Source(0)),
        State::Source(lines) if is_blank(line) => Some(State::Source(lines)),
        State::Source(lines) => {
            let is_shown = lines < SOURCE_LINES && !is_logged(line) && !begins_entry(line);
            is_shown.then_some(State::Source(lines + 1))
        }
        State::Raised(lines) => {
            let is_message = is_blank(line) || is_indented(line) || !begins_entry(line) && !is_logged(line);
            (is_message && lines < MESSAGE_LINES).then_some(State::Raised(lines + 1))
        }
        State::Places => is_blank(line).then_some(State::Gap),
    }
}

/// What Rails tells behind the places.
fn of_rails(line: &[u8]) -> Option<State> {
    if is_blank(line) || line.starts_with(b"Causes:") {
        return Some(State::Gap);
    }
    is_named(line).then_some(State::Raised(1))
}

/// `E, [2026-01-02T03:04:05.678901 #4711] ERROR -- : …`
fn is_logged(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_uppercase) && line[1..].starts_with(b", [")
}

/// `shop.rb:3:in 'Shop#pay'`, perhaps behind `from`, `  ... 10906 levels...`
fn is_place(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let text = text.strip_prefix(b"from ").unwrap_or(text);
    place(text).is_some() && !is_raised(text) || text.starts_with(b"... ") && text.ends_with(b" levels...")
}

/// What stands behind the place at the beginning of a line.
fn place(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(line, b":in ")?;
    let (path, rest) = (&line[..at], &line[at + 4..]);
    let digits = path.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let colon = path.len().checked_sub(digits + 1)?;
    let is_path = digits > 0 && colon > 0 && path[colon] == b':' && !path[..colon].contains(&b' ');
    (is_path && matches!(rest.first(), Some(b'`' | b'\''))).then_some(rest)
}

/// `shop.rb:3:in 'Shop#pay': no stock (Shop::Declined)`: the class stands at the end of the message's first line.
fn is_raised(line: &[u8]) -> bool {
    let of_interpreter = place(line).is_some_and(|rest| memchr::memmem::find(rest, b"': ").is_some());
    of_interpreter || is_named(line)
}

/// `Shop::Declined (no stock):`
fn is_named(line: &[u8]) -> bool {
    let Some(open) = memchr::memmem::find(line, b" (") else { return false };
    let name = &line[..open];
    let last = memchr::memmem::rfind(name, b"::").map_or(name, |at| &name[at + 2..]);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    name.iter().all(is_name) && is_of_exception(last) && line.ends_with(b"):")
}

//! What PostgreSQL writes to stderr of one message: the lines of its text, which are indented by a tab, and lines that
//! tell more of it, each with a prefix of its own:
//!
//! ```text
//! 2026-01-02 03:04:05.678 UTC [1234] bob@shop ERROR:  relation "carts" does not exist at character 15
//! 2026-01-02 03:04:05.678 UTC [1234] bob@shop STATEMENT:  SELECT *
//!         FROM carts
//! ```
//!
//! The server writes all of it at once. Where lines of another process stand in between all the same, what tells more
//! is a record of its own: it is better alone than with the wrong message. The prefix may be any that has the process
//! in brackets (`[%p]`), or none; words are those of the server's English messages.

use super::{State as Event, Step};
use crate::parse::postgres::{tells_more, word};

/// A message was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Of the process that wrote it, if its prefix says so.
    process: Option<u32>,
}

/// A line outside of a message.
pub(super) fn begin(line: &[u8]) -> Step {
    Step::Begin(Event::Postgres(State { process: process(line) }))
}

pub(super) fn next(state: State, line: &[u8]) -> Step {
    let goes_on = line.starts_with(b"\t")
        || word(line).is_some_and(|word| tells_more(&line[word])) && process(line) == state.process;
    if goes_on { Step::Continue(Event::Postgres(state)) } else { begin(line) }
}

/// The number in brackets before the word.
fn process(line: &[u8]) -> Option<u32> {
    let prefix = &line[..word(line)?.start];
    prefix.split(|byte| *byte == b'[').skip(1).find_map(|inside| {
        let end = memchr::memchr(b']', inside)?;
        std::str::from_utf8(&inside[..end]).ok()?.parse().ok()
    })
}

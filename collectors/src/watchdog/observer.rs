//! Those who look. Each looks at entries of one sort, all of them at once, and may block: it is asked on a thread of its
//! own, and not again before it is back.

use std::time::{Instant, SystemTime};

use super::judge::Finding;

/// When a look begins, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) monotonic: Instant,
    /// For what has a date: the age of a file.
    pub(super) wall: SystemTime,
}

/// A process of a group, for ever: its PID, and when it started in ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) start: u64,
}

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// One for each expectation, entry by entry.
    pub(super) findings: Vec<Finding>,
    /// The processes of each entry; empty if the entries are no groups.
    pub(super) members: Vec<Vec<Member>>,
}

/// See the module.
pub(super) trait Observer: Send {
    fn look(&mut self, now: Now) -> Sight;
}

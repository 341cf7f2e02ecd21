//! Times as lines write them, to nanoseconds since the Unix epoch.
//!
//! The [`forms`] of programs are read by hand, since they are on the path of every record; patterns of the
//! configuration go through jiff's `strptime`. What a time leaves out, the [`Observer`] tells. A time
//! before 1970 or after 2554 does not fit and counts as not understood; one that no record can have is
//! absurd ([`Observer::finds_absurd`]).

mod civil;
mod epoch;
mod format;
mod forms;
mod zone;

pub use format::Format;
pub(crate) use forms::{ACCESS_LOG, access_log, apache, ctime, iso, iso_named, klog, redis, rfc3339, syslog};
pub(crate) use zone::Zone;

/// Nanoseconds since the epoch.
pub(crate) type Time = u64;

/// 1990-01-01, in seconds.
const FIRST: u64 = 631_152_000;

/// Who reads a line: what it leaves out is as it is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observer {
    /// That of times without an offset.
    pub(crate) zone: Zone,
    /// When the line was read, in nanoseconds since the epoch; 0 if that is not known.
    pub(crate) at: Time,
}

impl Observer {
    /// Whether nothing that is read can have happened then: before 1990, which is what clocks show that were never set,
    /// or more than a day later than it is now.
    pub(crate) fn finds_absurd(&self, time: Time) -> bool {
        const SECOND: u64 = 1_000_000_000;
        time < FIRST * SECOND || self.at != 0 && time > self.at.saturating_add(86_400 * SECOND)
    }
}

#[cfg(test)]
mod tests;

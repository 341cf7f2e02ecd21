//! When a job must have succeeded, from what is expected of it.
//!
//! A schedule as cron writes it is read by `croner`, which does with the changes of the clocks what Vixie's cron does
//! with the jobs themselves. A job at a fixed time that the clocks skip is expected right after the gap; one at a time
//! that comes twice is expected when it comes first. A job with `*` or `*/n` for its minutes or hours is expected at
//! every time that there is: at none in the skipped hour, and at those of both passes through the repeated one.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A cron expression of five fields, or `@daily` and its like, with its time zone.
#[derive(Debug, Clone)]
pub(super) struct Table {
    cron: Cron,
    zone: TimeZone,
}

impl Table {
    /// # Errors
    /// What is wrong with the expression, in words.
    pub(super) fn new(expression: &str, zone: TimeZone) -> Result<Self, String> {
        let example = "write for example `0 3 * * *` or `@daily`";
        // What croner has besides, such as `W` and `L`, no crontab has.
        let fields = expression.split_whitespace().count();
        if !expression.starts_with('@') && fields != 5 {
            return Err(format!("{fields} fields where five are needed: {example}"));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|error| {
            let error = error.to_string();
            let error = error.trim_end_matches('.');
            format!("not a cron expression ({error}): {example}")
        })?;
        let table = Self { cron, zone };
        match table.after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(table),
            None => Err("never comes".to_owned()),
        }
    }

    /// The first scheduled time after `at`.
    pub(super) fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&at.to_zoned(self.zone.clone()), false).ok()?;
        Some(next.timestamp())
    }
}

/// What is expected of a job. Each bound is judged by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    /// The time from one success to the next.
    pub(super) every: Option<Duration>,
    /// The times at which it is to run.
    pub(super) table: Option<Table>,
    /// How long after those times it may succeed.
    pub(super) grace: Duration,
    /// How old the last success may become.
    pub(super) max_age: Option<Duration>,
}

impl Expected {
    /// Until when there must be a success after the one at `last`; `None` if none is expected, or not in our time.
    pub(super) fn deadline(&self, last: Timestamp) -> Option<Timestamp> {
        let later = |from: Timestamp, by: Duration| from.checked_add(by).ok();
        let every = self.every.and_then(|every| later(later(last, every)?, self.grace));
        let table = self.table.as_ref().and_then(|table| later(table.after(last)?, self.grace));
        let max_age = self.max_age.and_then(|max_age| later(last, max_age));
        [every, table, max_age].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;

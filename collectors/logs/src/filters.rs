//! `keep` and `drop`: which lines become records.

use std::borrow::Cow;

use super::condition::{Condition, Matcher, Subject};
use super::config::Config;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    keep: Vec<Matcher>,
    drop: Vec<Matcher>,
    scratch: String,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is offered.
    Pass,
    /// There are conditions to be kept, and it meets none.
    NotKept,
    /// It meets a condition to be dropped.
    Dropped,
}

impl Filters {
    /// Fields are `resolved` to what their format calls them.
    pub(crate) fn new(
        config: &Config,
        resolved: impl Fn(&str) -> Cow<'_, str>,
    ) -> Result<Self, regex::Error> {
        let compiled = |condition: &Condition| -> Result<Matcher, regex::Error> {
            Ok(Matcher::new(condition)?.with_names(&resolved))
        };
        Ok(Self {
            keep: config.keep.iter().map(compiled).collect::<Result<_, _>>()?,
            drop: config.drop.iter().map(compiled).collect::<Result<_, _>>()?,
            scratch: String::new(),
        })
    }

    /// Whether nothing is filtered.
    pub(crate) fn is_empty(&self) -> bool {
        self.keep.is_empty() && self.drop.is_empty()
    }

    /// What they say of a record.
    pub(crate) fn verdict(&mut self, subject: &Subject<'_>) -> Verdict {
        let scratch = &mut self.scratch;
        if !self.keep.is_empty() && !self.keep.iter().any(|condition| condition.holds(subject, scratch)) {
            Verdict::NotKept
        } else if self.drop.iter().any(|condition| condition.holds(subject, scratch)) {
            Verdict::Dropped
        } else {
            Verdict::Pass
        }
    }
}

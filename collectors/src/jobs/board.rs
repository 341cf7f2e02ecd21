//! All jobs that are known: those of the configuration, and a bounded number of others that have checked in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::check_in::CheckIn;
use super::config::Config;
use super::name::JobName;
use super::standing::{Moment, News, Standing};

/// As many jobs that are not configured are known at most; the check-ins of others are refused.
pub(super) const MOST_OTHERS: usize = 200;

/// A job that is not configured and said nothing of when it is overdue is forgotten when it was not heard of for so
/// long.
const FORGET_AFTER: Duration = Duration::from_secs(30 * 86_400);

/// There are as many jobs as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// What became of the wish to forget a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forgotten {
    Done,
    /// Nobody knows it.
    Unknown,
    /// The configuration has it.
    Configured,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Board {
    jobs: BTreeMap<JobName, Standing>,
}

impl Board {
    /// The jobs that were `kept`, but for those that the configuration had and has no longer, and those it has now.
    pub(super) fn new(config: &Config, kept: Vec<Standing>, now: Timestamp) -> Self {
        let mut expected: BTreeMap<_, _> = config.expected().collect();
        let mut jobs = BTreeMap::new();
        for mut job in kept {
            let configured = expected.remove(&job.name);
            if job.configured && configured.is_none() {
                continue;
            }
            job.expect(configured);
            jobs.insert(job.name.clone(), job);
        }
        for (name, expected) in expected {
            let mut job = Standing::new(name.clone(), now);
            job.expect(Some(expected));
            jobs.insert(name, job);
        }
        Self { jobs }
    }

    /// All of them, by name.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &Standing> {
        self.jobs.values()
    }

    /// A job has checked in; what is new.
    ///
    /// # Errors
    /// When it is not known and there are too many.
    pub(super) fn check_in(&mut self, check_in: CheckIn, now: Moment) -> Result<Vec<News>, Full> {
        let is_new = !self.jobs.contains_key(&check_in.job);
        if is_new && self.jobs.values().filter(|job| !job.configured).count() >= MOST_OTHERS {
            return Err(Full);
        }
        let new = || {
            let mut job = Standing::new(check_in.job.clone(), now.wall);
            job.expect(None);
            job
        };
        Ok(self.jobs.entry(check_in.job.clone()).or_insert_with(new).check_in(check_in, now))
    }

    /// Forgets a job.
    pub(super) fn forget(&mut self, name: &JobName) -> Forgotten {
        match self.jobs.get(name) {
            None => Forgotten::Unknown,
            Some(job) if job.configured => Forgotten::Configured,
            Some(_) => {
                self.jobs.remove(name);
                Forgotten::Done
            }
        }
    }

    /// Time has passed; what is new of whom.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<(JobName, News)> {
        self.jobs.retain(|_, job| !job.is_stale(now, FORGET_AFTER));
        let told = self.jobs.iter_mut().filter_map(|(name, job)| Some((name.clone(), job.tick(now)?)));
        told.collect()
    }
}

#[cfg(test)]
mod tests;

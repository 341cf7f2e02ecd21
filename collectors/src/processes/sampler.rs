//! The sampler of all groups: one pass over the processes for each scrape.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use vigie_pipeline::clock::Clock;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::census::Census;
use super::config::Config;
use super::group::{self, Group, Present};
use super::matcher::Matcher;
use super::metrics::{self, Errors, Host};
use super::procfs::{Buffer, Procfs};
use super::usage::{self, Counters};

/// A process for ever: its PID, and when it started in ticks since boot.
type Identity = (u32, u64);

/// See the module.
pub(super) struct Groups {
    config: Config,
    root: PathBuf,
    clock: Clock,
    census: Census,
    groups: Vec<Group>,
    /// The counters of each member when it was last read.
    last: HashMap<Identity, Counters>,
    /// The map of the next pass: the two take turns, so that those that have ended are forgotten.
    next: HashMap<Identity, Counters>,
    errors: Errors,
    buffer: Buffer,
}

impl Groups {
    /// # Errors
    /// A regular expression that does not compile.
    pub(super) fn new(config: &Config, root: &Path, clock: Clock) -> Result<Self, Error> {
        Ok(Self {
            census: Census::new(Matcher::new(config)?),
            groups: vec![Group::default(); config.groups.len()],
            config: config.clone(),
            root: root.to_owned(),
            clock,
            last: HashMap::new(),
            next: HashMap::new(),
            errors: Errors::default(),
            buffer: Buffer::default(),
        })
    }

    /// Brings the groups up to date.
    fn update(&mut self) -> Result<Host, Error> {
        let context = |what: &str, error| format!("{what} {}: {error}", self.root.display());
        let procfs = Procfs::open(&self.root).map_err(|error| context("open", error))?;
        let boot_time = procfs.boot_time(&mut self.buffer).map_err(|error| context("read stat of", error))?;
        self.census
            .pass(&procfs, &mut self.buffer, self.clock.monotonic())
            .map_err(|error| context("list", error))?;
        self.errors.read = self.census.unread();
        for group in &mut self.groups {
            group.present = Present::default();
        }
        self.next.clear();
        for member in self.census.members() {
            let group = &mut self.groups[member.group];
            let usage = usage::read(&procfs, member.pid, &member.stat, &mut self.buffer);
            self.errors.partial += u64::from(usage.is_partial);
            group.present.add(&usage, member.matches);
            let threads = usage.threads;
            usage::visit_wchans(&procfs, member.pid, threads, &mut self.buffer, |function| {
                group.present.add_wchan(function);
            });
            let identity = (member.pid, member.stat.start);
            let before = match self.last.get(&identity) {
                Some(before) => *before,
                // All of it was used since the previous pass; or nobody knows when, and counting starts here.
                None if member.is_new => Counters::zero(),
                None => usage.counters,
            };
            group.totals.add(&before, &usage.counters);
            self.next.insert(identity, group::merge(&before, &usage.counters));
        }
        std::mem::swap(&mut self.last, &mut self.next);
        Ok(Host { boot_time, page_size: rustix::param::page_size() as u64 })
    }
}

impl Sampler for Groups {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let updated = self.update();
        self.errors.scrape += u64::from(updated.is_err());
        metrics::write_errors(page, self.errors);
        let host = updated?;
        for (group, config) in self.groups.iter().zip(&self.config.groups) {
            metrics::write_group(page, &config.name, group, host);
            metrics::write_expectations(page, &config.name, &config.expect, group.present.matching);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

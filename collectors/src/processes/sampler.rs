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
use super::usage::{self, Counters, Switches};

/// A process for ever: its PID, and when it started in ticks since boot.
type Identity = (u32, u64);

/// What a member had used when it was last read.
#[derive(Debug, Default)]
struct Last {
    counters: Counters,
    /// By thread.
    switches: HashMap<u32, Switches>,
}

/// See the module.
pub(super) struct Groups {
    config: Config,
    root: PathBuf,
    clock: Clock,
    census: Census,
    groups: Vec<Group>,
    last: HashMap<Identity, Last>,
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
        let mut next = HashMap::with_capacity(self.last.len());
        for member in self.census.members() {
            let group = &mut self.groups[member.group];
            let identity = (member.pid, member.stat.start);
            let usage = usage::read(&procfs, member.pid, &member.stat, &mut self.buffer);
            self.errors.partial += u64::from(usage.is_partial);
            group.present.add(&usage, member.matches);
            // Of a new one all was used since the previous pass; of one that nobody has counted so far nobody knows
            // when, and counting starts here.
            let before = self.last.remove(&identity);
            let starts = before.is_none() && !member.is_new;
            let before = before.unwrap_or_else(|| Last {
                counters: if starts { usage.counters } else { Counters::zero() },
                switches: HashMap::new(),
            });
            group.totals.add(&before.counters, &usage.counters);
            let mut switches = HashMap::new();
            usage::visit_threads(&procfs, member.pid, &usage, &mut self.buffer, |thread, now, wchan| {
                let unknown = if starts { now } else { Switches::default() };
                group.totals.add_switches(*before.switches.get(&thread).unwrap_or(&unknown), now);
                switches.insert(thread, now);
                if let Some(function) = wchan {
                    group.present.add_wchan(function);
                }
            });
            let counters = group::merge(&before.counters, &usage.counters);
            next.insert(identity, Last { counters, switches });
        }
        self.last = next;
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

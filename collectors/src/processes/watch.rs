//! Watches what is expected of groups at its own pace, whether or not anybody scrapes: each change is logged and
//! becomes a log record.
//!
//! It counts only: one file per process. The metric of the same matter is written by the sampler of the groups,
//! so that it fits the other series of the same scrape.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::otlp::attributes::{self, field};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::outlet::{Gathering, Outlet};
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::stop::Stop;

use super::census::Census;
use super::config::Config;
use super::expectation::Bound;
use super::matcher::Matcher;
use super::procfs::{Buffer, Procfs};

/// How long a change may go unnoticed.
const PACE: Duration = Duration::from_secs(5);

/// The part. See the module.
pub(super) struct Watch {
    pub(super) config: Config,
    pub(super) root: PathBuf,
    pub(super) clock: Clock,
    pub(super) envelope: Arc<Envelope>,
}

#[async_trait]
impl Source for Watch {
    async fn run(self: Box<Self>, mut outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let mut counting = Counting {
            census: Census::new(Matcher::new(&self.config)?),
            root: self.root.clone(),
            clock: self.clock.clone(),
            buffer: Buffer::default(),
            groups: self.config.groups.len(),
        };
        let mut judge = Judge::new(&self.config);
        let mut changes = Gathering::new(Signal::Logs, Arc::clone(&self.envelope));
        let mut complained = false;
        for token in 0.. {
            // Reading /proc may block, and must not block the other parts.
            let counted = tokio::task::spawn_blocking(move || {
                let counts = counting.count();
                (counting, counts)
            });
            let counts;
            (counting, counts) = counted.await?;
            match counts {
                Ok(counts) => {
                    for change in judge.changes(&counts) {
                        change.log();
                        changes.add(|out| change.encode(self.clock.unix_nanos(), out));
                    }
                    complained = false;
                }
                Err(error) if !complained => {
                    tracing::warn!("expectations are not watched: list {}: {error}", self.root.display());
                    complained = true;
                }
                Err(_) => {}
            }
            if let Some(offer) = changes.take(token) {
                outlet.events.offer_volatile(offer);
            }
            // Nothing is kept for a batch: what became of it is in the ledger.
            while outlet.settled.try_recv().is_ok() {}
            tokio::select! {
                () = stop.stopped() => break,
                () = tokio::time::sleep(PACE) => {}
            }
        }
        Ok(())
    }
}

struct Counting {
    census: Census,
    root: PathBuf,
    clock: Clock,
    buffer: Buffer,
    groups: usize,
}

impl Counting {
    /// How many processes match each group.
    fn count(&mut self) -> std::io::Result<Vec<u64>> {
        let procfs = Procfs::open(&self.root)?;
        self.census.pass(&procfs, &mut self.buffer, self.clock.monotonic())?;
        let mut counts = vec![0; self.groups];
        for member in self.census.members().filter(|member| member.matches) {
            counts[member.group] += 1;
        }
        Ok(counts)
    }
}

/// Compares each count with what is expected, and with how that was the last time.
struct Judge {
    config: Config,
    /// By group and bound: whether it was met. What was never judged counts as met: a start with everything in order
    /// is no news.
    met: Vec<Vec<bool>>,
}

/// An expectation is met no longer, or again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    group: String,
    bound: Bound,
    count: u64,
    is_met: bool,
}

impl Judge {
    fn new(config: &Config) -> Self {
        let met = config.groups.iter().map(|group| group.expect.judge(0).map(|_| true).collect());
        Self { config: config.clone(), met: met.collect() }
    }

    fn changes(&mut self, counts: &[u64]) -> Vec<Change> {
        let mut changes = Vec::new();
        for ((group, met), &count) in self.config.groups.iter().zip(&mut self.met).zip(counts) {
            for ((bound, is_met), was_met) in group.expect.judge(count).zip(met) {
                if is_met != *was_met {
                    *was_met = is_met;
                    changes.push(Change { group: group.name.clone(), bound, count, is_met });
                }
            }
        }
        changes
    }
}

impl Change {
    fn body(&self) -> String {
        let Bound { kind, limit } = self.bound;
        let (words, count, group) = (kind.words(), self.count, &self.group);
        match self.is_met {
            true => format!("process group {group} has {count} processes again, {words} {limit} as expected"),
            false => format!("process group {group} has {count} processes, {words} {limit} expected"),
        }
    }

    fn log(&self) {
        if self.is_met {
            tracing::info!("{}", self.body());
        } else {
            tracing::warn!("{}", self.body());
        }
    }

    fn encode(&self, now: u64, out: &mut Vec<u8>) {
        let mut attributes = Vec::new();
        attributes::put_str(&mut attributes, field::LOG, "vigie.process_group", &self.group);
        attributes::put_str(&mut attributes, field::LOG, "vigie.expectation.kind", self.bound.kind.as_str());
        attributes::put_bool(&mut attributes, field::LOG, "vigie.expectation.met", self.is_met);
        attributes::put_int(&mut attributes, field::LOG, "vigie.expectation.limit", self.bound.limit.into());
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        attributes::put_int(&mut attributes, field::LOG, "vigie.expectation.count", count);
        let (severity, severity_text) = match self.is_met {
            true => (Severity::INFO, "INFO"),
            false => (Severity::ERROR, "ERROR"),
        };
        let record = LogRecord {
            time: now,
            observed: now,
            severity,
            severity_text,
            body: &self.body(),
            attributes: &attributes,
            ..LogRecord::default()
        };
        record.encode(out);
    }
}

#[cfg(test)]
mod tests;

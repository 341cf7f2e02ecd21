//! One target over all its runs: when it is due, how it stands, and its page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::dependencies::{Dependency, Finding, Trouble};
use vigie_pipeline::page::{Exemplar, Page};
use vigie_pipeline::snapshot::Slot;

use super::entry::Outcome;
use super::failure::Failure;
use super::histogram::Histogram;
use super::metrics::{self, Tally};
use super::prober::Prober;
use super::schedule::Schedule;
use super::targets::Target;
use crate::standings::Standing;

/// The pause before the first re-check, unless a quarter of the interval is shorter. Each further one is twice as
/// long, up to the interval.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What a run that has ended means.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// It failed, and is tried again at this time.
    Retry(Instant),
    /// It counts. The next one is due at this time.
    Counts {
        /// When it is due.
        due: Instant,
        /// Whether the target went down or came back.
        changed: bool,
    },
}

/// See the module.
pub(super) struct Station {
    pub(super) target: Arc<Target>,
    schedule: Schedule,
    /// When the next run is, or the present one was, to begin.
    intended: Instant,
    tally: Tally,
    durations: Histogram,
    /// `None` before the first run has ended.
    up: Option<bool>,
    /// Re-checks since the run began.
    rechecks: u32,
    slot: Slot,
    /// If the application depends on it.
    dependency: Option<Dependency>,
    standing: Standing,
}

impl Station {
    /// A target of the probe called `name` that nothing is known of; the time of its first run.
    pub(super) fn new(
        name: &str,
        target: Target,
        buckets: &[f64],
        slot: Slot,
        dependency: Option<Dependency>,
        standing: Standing,
        now: Instant,
    ) -> Self {
        let (intended, schedule) = Schedule::new(&format!("{name}\0{}", target.text), target.interval, now);
        Self {
            target: Arc::new(target),
            schedule,
            intended,
            tally: Tally::default(),
            durations: Histogram::new(buckets),
            up: None,
            rechecks: 0,
            slot,
            dependency,
            standing,
        }
    }

    /// When the first run is to begin.
    pub(super) fn first_due(&self) -> Instant {
        self.intended
    }

    /// A run begins now. A re-check is late against nothing.
    pub(super) fn begins(&mut self, now: Instant) {
        if self.rechecks == 0 {
            self.tally.lag = now.saturating_duration_since(self.intended);
        }
    }

    /// A run has ended.
    pub(super) fn ended(&mut self, outcome: &Outcome, now: Instant) -> Next {
        for attempt in outcome.attempts() {
            let value = attempt.duration().as_secs_f64();
            let exemplar = attempt.trace.map(|trace| Exemplar {
                trace_id: trace.trace_id,
                span_id: trace.span_id,
                value,
                at: attempt.wall(attempt.ended),
            });
            self.durations.observe(value, exemplar);
        }
        if outcome.failure().is_some() && self.rechecks < self.target.retries {
            let first = RETRY_PAUSE.min(self.target.interval / 4);
            let pause = first.saturating_mul(1 << self.rechecks.min(16)).min(self.target.interval);
            self.rechecks += 1;
            self.tally.retries += 1;
            return Next::Retry(now + pause);
        }
        self.rechecks = 0;
        self.tally.runs += 1;
        self.tally.skipped += self.schedule.skip(now);
        self.intended = self.schedule.take();
        self.report(outcome);
        let is_up = outcome.failure().is_none();
        self.standing.report(is_up);
        // A target that is up at first sight is no news.
        let changed = self.up.replace(is_up).unwrap_or(true) != is_up;
        Next::Counts { due: self.intended, changed }
    }

    /// Tells those who ask whether the application can work.
    fn report(&self, outcome: &Outcome) {
        let (Some(dependency), Some(attempt)) = (&self.dependency, outcome.telling()) else { return };
        let trouble = outcome.failure().map(|failure| Trouble {
            reason: failure.reason.as_str(),
            phase: Some(failure.phase.as_str()),
            detail: failure.detail.clone(),
        });
        dependency.report(Finding { at: attempt.wall(attempt.ended), took: attempt.duration(), trouble });
    }

    /// Publishes its series, with what the last run found; gives an empty page back.
    pub(super) fn publish(
        &self,
        name: &str,
        prober: &dyn Prober,
        last: Option<&Outcome>,
        mut page: Page,
    ) -> Page {
        let pairs: Vec<(&str, &str)> = std::iter::once(("probe", name))
            .chain(self.target.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .collect();
        let base = page.labels(&pairs);
        match last {
            None => metrics::write_unknown(&mut page, base, prober),
            Some(Outcome::One(attempt)) => {
                metrics::write_attempt(&mut page, base, attempt, prober.phases());
            }
            Some(Outcome::Addresses(attempts)) => {
                for (address, attempt) in attempts {
                    let base = page.labels_after(base, &[("address", &address.to_string())]);
                    metrics::write_attempt(&mut page, base, attempt, prober.phases());
                }
            }
        }
        metrics::write_standing(&mut page, base, self.target.timeout, &self.tally, &self.durations);
        self.slot.publish(page)
    }

    /// Tells the agent's own log of a change.
    pub(super) fn log_change(&self, name: &str, failure: Option<&Failure>) {
        let target = self.target.instance();
        match failure {
            None => tracing::info!(probe = name, target, "probe is up"),
            Some(failure) => tracing::warn!(probe = name, target, %failure, "probe is down"),
        }
    }
}

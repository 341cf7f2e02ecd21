//! One run against one target, within its deadline.

use std::time::{Duration, Instant};

use vigie_pipeline::clock::Clock;
use vigie_pipeline::units::HumanDuration;

use super::dial::Dial;
use super::failure::{Failure, Phase};
use super::prober::{Aim, Prober};
use super::record::Record;
use super::telemetry::Trace;

/// A run that has ended, well or badly.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) record: Record,
    pub(super) ended: Instant,
    /// The wall clock when it began, in nanoseconds since the epoch.
    pub(super) started_at: u64,
    pub(super) verdict: Result<(), Failure>,
    pub(super) trace: Option<Trace>,
}

impl Attempt {
    /// Runs `prober` once, for as long as `timeout` allows.
    pub(super) async fn make(
        prober: &dyn Prober,
        aim: Aim<'_>,
        timeout: Duration,
        clock: &Clock,
        record: Record,
    ) -> Self {
        let mut record = record;
        let started_at = clock.unix_nanos();
        record.deadline = record.started.checked_add(timeout);
        prober.declare(&mut record.findings);
        let verdict = tokio::time::timeout(timeout, prober.probe(&aim, &mut record)).await;
        let verdict = verdict.unwrap_or_else(|_| {
            let phase = record.timeline.phase().unwrap_or(Phase::Processing);
            let detail = format_args!("deadline of {} exceeded", HumanDuration(timeout));
            Err(Failure::new(prober.timed_out(phase), phase, detail))
        });
        let verdict = verdict.map_err(|failure| failure.presented(&record.excerpt));
        let ended = clock.monotonic();
        record.timeline.close(ended);
        Dial::settle(&mut record);
        prober.settle(verdict.is_err(), &mut record);
        Self { record, ended, started_at, verdict, trace: aim.trace.copied() }
    }

    /// A run that was over before it began. Its series are those that are always there.
    pub(super) fn refused(
        prober: Option<&dyn Prober>,
        failure: Failure,
        clock: &Clock,
        record: Record,
    ) -> Self {
        let mut record = record;
        if let Some(prober) = prober {
            prober.declare(&mut record.findings);
        }
        let started_at = clock.unix_nanos();
        let verdict = Err(failure.presented(&record.excerpt));
        Self { record, ended: clock.monotonic(), started_at, verdict, trace: None }
    }

    /// How long it took.
    pub(super) fn duration(&self) -> Duration {
        self.ended.saturating_duration_since(self.record.started)
    }

    /// A time of the run on the wall clock as it was when the run began.
    pub(super) fn wall(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.record.started).as_nanos();
        self.started_at.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

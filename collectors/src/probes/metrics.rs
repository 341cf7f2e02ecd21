//! The page of a target: the series that every probe has, around those of its kind.
//!
//! Every series that does not depend on what the peer sends is there from the start, with 0 before the first run
//! has ended and while the target is down.

use std::time::Duration;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

use super::attempt::Attempt;
use super::findings::Findings;
use super::histogram::Histogram;
use super::prober::{Phases, Prober};

static SUCCESS: Family = Family::gauge("probe_success", "Displays whether or not the probe was a success");
static DURATION: Family =
    Family::gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds");
static TIMEOUT: Family =
    Family::gauge("probe_timeout_seconds", "Returns how long the probe timeout is in seconds");
static FAILURE: Family = Family::gauge(
    "probe_failure_info",
    "Why the probe failed, and in which phase; only there while it fails.",
);
static DURATIONS: Family =
    Family::histogram("vigie_probe_duration_seconds", "How long the runs of the probe took.");
static RUNS: Family = Family::counter("vigie_probe_runs_total", "Runs of the probe that have ended.");
static RETRIES: Family =
    Family::counter("vigie_probe_retries_total", "Re-checks after a failure, within a run.");
static SKIPPED: Family = Family::counter(
    "vigie_probe_skipped_total",
    "Runs that did not begin because the one before them had not ended.",
);
static LAG: Family =
    Family::gauge("vigie_probe_start_lag_seconds", "How much later than intended the last run began.");

/// What is known of a target over all its runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) runs: u64,
    pub(super) retries: u64,
    pub(super) skipped: u64,
    /// Of the last run.
    pub(super) lag: Duration,
}

/// A target's series as far as they do not come from one run.
pub(super) fn write_standing(
    page: &mut Page,
    base: Labels,
    timeout: Duration,
    tally: &Tally,
    durations: &Histogram,
) {
    write_timeout(page, base, timeout);
    page.set(&RUNS, base, tally.runs as f64);
    page.set(&RETRIES, base, tally.retries as f64);
    page.set(&SKIPPED, base, tally.skipped as f64);
    page.set(&LAG, base, tally.lag.as_secs_f64());
    durations.write(page, &DURATIONS, base);
}

/// How long a run may take.
pub(super) fn write_timeout(page: &mut Page, base: Labels, timeout: Duration) {
    page.set(&TIMEOUT, base, timeout.as_secs_f64());
}

/// What is there before the first run has ended.
pub(super) fn write_unknown(page: &mut Page, base: Labels, prober: &dyn Prober) {
    page.set(&SUCCESS, base, 0.0);
    page.set(&DURATION, base, 0.0);
    if let Some(phases) = prober.phases() {
        write_phases(page, base, phases, |_| Duration::ZERO);
    }
    let mut findings = Findings::default();
    prober.declare(&mut findings);
    findings.write(page, base);
}

/// What one run has found.
pub(super) fn write_attempt(page: &mut Page, base: Labels, attempt: &Attempt, phases: Option<Phases>) {
    page.set(&SUCCESS, base, f64::from(attempt.verdict.is_ok()));
    page.set(&DURATION, base, attempt.duration().as_secs_f64());
    if let Some(phases) = phases {
        write_phases(page, base, phases, |phase| attempt.record.timeline.sum(phase));
    }
    attempt.record.findings.write(page, base);
    if let Err(failure) = &attempt.verdict {
        let labels = page
            .labels_after(base, &[("reason", failure.reason.as_str()), ("phase", failure.phase.as_str())]);
        page.set(&FAILURE, labels, 1.0);
    }
}

fn write_phases(
    page: &mut Page,
    base: Labels,
    phases: Phases,
    spent: impl Fn(super::failure::Phase) -> Duration,
) {
    for phase in phases.all {
        let labels = page.labels_after(base, &[("phase", phase.as_str())]);
        page.set(phases.family, labels, spent(*phase).as_secs_f64());
    }
}

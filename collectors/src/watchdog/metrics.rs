//! The series of what is expected, and of what was done.

use std::collections::BTreeMap;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::entry::{Entry, Expectation};
use super::judge::{Judge, Verdict};

static MET: Family = Family::gauge(
    "vigie_expectation_met",
    "Whether what the configuration expects is so: 1 if it is, 0 if not, or not known yet.",
);
static REASON: Family = Family::gauge(
    "vigie_expectation_unmet_info",
    "Why what the configuration expects is not so; always 1, the labels tell.",
);
static ACTIONS: Family = Family::counter(
    "vigie_actions_total",
    "How often it was time for something to be done, by what has become of it.",
);
static EXHAUSTED: Family = Family::gauge(
    "vigie_actions_exhausted",
    "Whether something was done as often as allowed to no avail, and is not done any more.",
);

/// What becomes of an action for which it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    DryRun,
    Suppressed,
    Exhausted,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Succeeded, Self::Failed, Self::DryRun, Self::Suppressed, Self::Exhausted];

    /// As labels and attributes have it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::DryRun => "dry_run",
            Self::Suppressed => "suppressed",
            Self::Exhausted => "exhausted",
        }
    }
}

/// How often what has become of actions, by the name of the entry and what is done.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(String, &'static str), [u64; Outcome::ALL.len()]>);

impl Tally {
    /// The actions of an entry have their series from here on.
    pub(super) fn declare(&mut self, entry: &Entry) {
        for action in &entry.actions {
            self.0.entry((entry.name.clone(), action.key())).or_default();
        }
    }

    pub(super) fn count(&mut self, name: &str, action: &'static str, outcome: Outcome) {
        self.0.entry((name.to_owned(), action)).or_default()[outcome as usize] += 1;
    }

    /// Writes them all; `is_exhausted` says of which it is not done any more.
    pub(super) fn write(&self, page: &mut Page, is_exhausted: impl Fn(&str, &'static str) -> bool) {
        for ((name, action), counts) in &self.0 {
            let labels = page.labels(&[("name", name), ("action", action)]);
            page.set(&EXHAUSTED, labels, f64::from(u8::from(is_exhausted(name, action))));
            for outcome in Outcome::ALL {
                let labels = page.labels_after(labels, &[("outcome", outcome.as_str())]);
                page.set(&ACTIONS, labels, counts[outcome as usize] as f64);
            }
        }
    }
}

/// Writes how one expectation stands.
pub(super) fn write(page: &mut Page, entry: &Entry, expectation: &Expectation, judge: &Judge) {
    let labels = page.labels(&[
        ("collector", entry.sort.collector()),
        ("name", &entry.name),
        ("kind", expectation.kind.as_str()),
    ]);
    let is_met = judge.verdict() == Some(Verdict::Met);
    page.set(&MET, labels, f64::from(u8::from(is_met)));
    if let Some(reason) = judge.reason() {
        let labels = page.labels_after(labels, &[("reason", reason.as_str())]);
        page.set(&REASON, labels, 1.0);
    }
}

//! The errors of a source: each fingerprint is a group, with how often it was seen, when first and last, and its last
//! sample.
//!
//! There are `max_groups` of them at most. When there is no room for another one, the group that was not seen for
//! longest makes room, if that is at least [`FORGET_AFTER`]; else the error counts for the group `other`, which is
//! never new.
//!
//! Groups outlive restarts ([`super::saved`]). A new group is told once ([`Counted::New`]); as long as what told it is
//! on its way, that is not taken for granted: after a restart it is told again. So it is never lost, and seldom told
//! twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::fingerprint::Fingerprint;
use super::normal::before;
use super::saved;
use crate::redaction::redact;

/// A group that was not seen for so long makes room for a new one.
const FORGET_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// How long the type may be, in bytes: it is a label.
const LONGEST_TYPE: usize = 120;

/// How long a traceback and a message may be that are kept, in bytes.
const LONGEST_TRACE: usize = 8 << 10;
const LONGEST_MESSAGE: usize = 1 << 10;

/// A sample is replaced at most so often: many are seen in a second when all goes wrong.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Groups are saved so soon when there is a new one, ...
const SAVE_NEW_EVERY: Duration = Duration::from_secs(2);

/// ... and so often when they were only seen again.
const SAVE_EVERY: Duration = Duration::from_secs(30);

static EXCEPTIONS: Family =
    Family::counter("log_exceptions_total", "Exceptions found in log records, by what they are known by.");

/// Errors that are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// 16 hexadecimal digits.
    pub fingerprint: String,
    /// The type of the exception.
    #[serde(rename = "type")]
    pub name: String,
    /// Function and file, as far as they are known.
    pub place: String,
    /// When it was seen first: nanoseconds since the epoch.
    pub first_seen: u64,
    /// When it was seen last.
    pub last_seen: u64,
    /// How often.
    pub count: u64,
    /// Whether it was told that there is such an error now, and that has arrived.
    pub told: bool,
    /// One of the last.
    pub sample: Sample,
}

/// An error as it was, without what gives access. Long texts are cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// The file it was read from.
    pub file: String,
    /// What the exception says.
    pub message: String,
    /// The whole traceback.
    pub stacktrace: String,
}

/// An exception that was found in a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: &'a str,
    pub(crate) place: &'a str,
    pub(crate) message: &'a str,
    pub(crate) stacktrace: &'a str,
    pub(crate) file: &'a str,
    /// Nanoseconds since the epoch.
    pub(crate) time: u64,
}

/// What an exception was counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// For a group of which nobody has heard.
    New,
    /// For one that is known.
    Known,
    /// For none of its own.
    Other,
}

/// The groups of a source. There is one for each source of a process, whatever parts come and go.
#[derive(Debug)]
pub(crate) struct Groups {
    source: String,
    directory: PathBuf,
    state: Mutex<State>,
    /// Counted for no group of their own.
    overflow: IntCounter,
    save_failures: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    most: usize,
    groups: BTreeMap<Fingerprint, Held>,
    /// Since the agent was started.
    other: u64,
    unsaved: Option<Unsaved>,
    saved_at: Option<Instant>,
    /// What was told and may not have arrived, with the number of the batch before which it went, once that is known.
    untold: Vec<(Option<u64>, Fingerprint)>,
    /// The last time they could not be saved.
    is_failing: bool,
    /// Something has changed since it was written to a page.
    has_changed: bool,
}

#[derive(Debug)]
struct Held {
    group: Group,
    /// Since the agent was started.
    counted: u64,
    sampled_at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unsaved {
    Counts,
    New,
}

/// Those in use.
static OPEN: Mutex<Vec<Weak<Groups>>> = Mutex::new(Vec::new());

impl Groups {
    /// Those of `source`, which were saved under `state_dir` if they are not in use already.
    pub(crate) fn open(state_dir: &Path, source: &str, most: usize, instruments: &Instruments) -> Arc<Self> {
        let directory = state_dir.join(saved::DIRECTORY);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|groups| groups.strong_count() > 0);
        let is_it = |groups: &Arc<Self>| groups.directory == directory && groups.source == source;
        if let Some(groups) = open.iter().filter_map(Weak::upgrade).find(is_it) {
            groups.state().go_on(most);
            return groups;
        }
        let mut state = State { most, has_changed: true, ..State::default() };
        for group in saved::load(&directory, source) {
            if let Some(fingerprint) = Fingerprint::read(&group.fingerprint) {
                state.groups.insert(fingerprint, Held { group, counted: 0, sampled_at: 0 });
            }
        }
        let groups = Arc::new(Self::new(directory, source, state, instruments));
        open.push(Arc::downgrade(&groups));
        groups
    }

    /// Groups that nobody else has, and that are never saved.
    pub(crate) fn passing(source: &str, most: usize, instruments: &Instruments) -> Arc<Self> {
        let state = State { most, ..State::default() };
        Arc::new(Self::new(PathBuf::new(), source, state, instruments))
    }

    fn new(directory: PathBuf, source: &str, state: State, instruments: &Instruments) -> Self {
        let counter = |name, help| instruments.counters(name, help, &["source"]).with_label_values(&[source]);
        let overflow = counter(
            "vigie_log_exceptions_overflow_total",
            "Exceptions that have no group of their own, because there are max_groups.",
        );
        let save_failures = counter(
            "vigie_log_exceptions_save_failures_total",
            "Times that the groups of exceptions could not be saved.",
        );
        let state = Mutex::new(state);
        Self { source: source.to_owned(), directory, state, overflow, save_failures }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an exception.
    pub(crate) fn count(&self, seen: &Seen<'_>, observed: u64) -> Counted {
        let mut state = self.state();
        let state = &mut *state;
        state.has_changed = true;
        if !state.groups.contains_key(&seen.fingerprint) && !state.make_room(observed) {
            state.other += 1;
            self.overflow.inc();
            return Counted::Other;
        }
        let held = state.groups.entry(seen.fingerprint).or_insert_with(|| Held::new(seen));
        held.see(seen, observed);
        if held.group.told || state.untold.iter().any(|(_, untold)| *untold == seen.fingerprint) {
            state.unsaved = state.unsaved.max(Some(Unsaved::Counts));
            return Counted::Known;
        }
        state.unsaved = Some(Unsaved::New);
        state.untold.push((None, seen.fingerprint));
        Counted::New
    }

    /// All batches before the one of the number `settled` have arrived, and what was told until now is in one before
    /// `next`. Saves what has changed, if it is time to.
    pub(crate) fn tend(&self, settled: u64, next: u64, now: Instant) {
        let is_due = {
            let mut state = self.state();
            state.arrived(settled, next);
            let wait = match state.unsaved {
                None => return,
                Some(Unsaved::New) => SAVE_NEW_EVERY,
                Some(Unsaved::Counts) => SAVE_EVERY,
            };
            state.saved_at.is_none_or(|at| now >= at + wait)
        };
        if is_due {
            self.save(now);
        }
    }

    /// Saves what has changed. That it cannot is said once, and counted; it is tried again.
    pub(crate) fn save(&self, now: Instant) {
        let (text, unsaved) = {
            let mut state = self.state();
            let Some(unsaved) = state.unsaved.take() else { return };
            state.saved_at = Some(now);
            (saved::write(&self.source, state.groups.values().map(|held| &held.group)), unsaved)
        };
        let saved = saved::save(&self.directory, &self.source, &text);
        let mut state = self.state();
        let was_failing = std::mem::replace(&mut state.is_failing, saved.is_err());
        match saved {
            Ok(()) if was_failing => info!(source = self.source, "exceptions are saved again"),
            Ok(()) => {}
            Err(error) => {
                state.unsaved = state.unsaved.max(Some(unsaved));
                self.save_failures.inc();
                if !was_failing {
                    warn!(
                        source = self.source,
                        "save exceptions: {error}; those that are new now are new again after a restart"
                    );
                }
            }
        }
    }

    /// Whether something has changed since it was written.
    pub(crate) fn has_changed(&self) -> bool {
        self.state().has_changed
    }

    /// Writes a series for each group: those that were saved begin with 0, so that their next one is seen.
    pub(crate) fn write(&self, page: &mut Page) {
        let mut state = self.state();
        state.has_changed = false;
        for held in state.groups.values() {
            let Group { name, fingerprint, .. } = &held.group;
            let labels =
                page.labels(&[("source", &self.source), ("type", name), ("fingerprint", fingerprint)]);
            page.set(&EXCEPTIONS, labels, held.counted as f64);
        }
        if state.other > 0 {
            let labels =
                page.full_labels(&[("source", &self.source), ("type", "other"), ("fingerprint", "")]);
            page.set(&EXCEPTIONS, labels, state.other as f64);
        }
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<Group> {
        self.state().groups.values().map(|held| held.group.clone()).collect()
    }
}

impl State {
    /// For another part of the source, whose batches have other numbers: what was told and may not have arrived is
    /// told again when it is seen again.
    fn go_on(&mut self, most: usize) {
        self.most = most;
        self.untold.clear();
        self.has_changed = true;
    }

    /// Whether there is room for another group.
    fn make_room(&mut self, observed: u64) -> bool {
        if self.groups.len() < self.most {
            return true;
        }
        let oldest = self.groups.iter().min_by_key(|(_, held)| held.group.last_seen);
        let is_old =
            |held: &Held| observed.saturating_sub(held.group.last_seen) >= FORGET_AFTER.as_nanos() as u64;
        match oldest.filter(|(_, held)| is_old(held)).map(|(fingerprint, _)| *fingerprint) {
            Some(fingerprint) => {
                self.untold.retain(|(_, untold)| *untold != fingerprint);
                self.groups.remove(&fingerprint).is_some()
            }
            None => false,
        }
    }

    fn arrived(&mut self, settled: u64, next: u64) {
        let Self { untold, groups, unsaved, .. } = self;
        untold.retain_mut(|(before, fingerprint)| match before {
            Some(before) if *before <= settled => {
                if let Some(held) = groups.get_mut(fingerprint) {
                    held.group.told = true;
                    *unsaved = Some(Unsaved::New);
                }
                false
            }
            Some(_) => true,
            None => {
                *before = Some(next);
                true
            }
        });
    }
}

impl Held {
    fn new(seen: &Seen<'_>) -> Self {
        let group = Group {
            fingerprint: seen.fingerprint.to_string(),
            name: before(seen.name, LONGEST_TYPE).to_owned(),
            place: before(seen.place, LONGEST_MESSAGE).to_owned(),
            first_seen: seen.time,
            last_seen: seen.time,
            count: 0,
            told: false,
            sample: Sample::default(),
        };
        Self { group, counted: 0, sampled_at: 0 }
    }

    fn see(&mut self, seen: &Seen<'_>, observed: u64) {
        self.counted += 1;
        let group = &mut self.group;
        group.count += 1;
        group.first_seen = group.first_seen.min(seen.time);
        group.last_seen = group.last_seen.max(seen.time);
        if self.counted > 1 && observed.saturating_sub(self.sampled_at) < SAMPLE_EVERY.as_nanos() as u64 {
            return;
        }
        self.sampled_at = observed;
        group.sample = Sample {
            time: seen.time,
            file: before(seen.file, LONGEST_MESSAGE).to_owned(),
            message: redact(before(seen.message, LONGEST_MESSAGE)),
            stacktrace: redact(before(seen.stacktrace, LONGEST_TRACE)),
        };
    }
}

#[cfg(test)]
mod tests;

//! The series of sensitive files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use vigie_pipeline::clock::unix_nanos;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::snapshot::Slot;

use super::change::Change;
use super::roster::{Look, Roster};

static CHANGES: Family = Family::counter(
    "vigie_sensitive_file_changes_total",
    "Changes of sensitive files; those of files beyond the bound on series together as path=\"other\".",
);

static UNREADABLE: Family = Family::gauge(
    "vigie_sensitive_file_unreadable",
    "1 for a sensitive file or directory that cannot be read; there are no other values.",
);

static FILES: Family = Family::gauge("vigie_sensitive_files", "Sensitive files that are there and watched.");

static ALL_UNREADABLE: Family =
    Family::gauge("vigie_sensitive_files_unreadable", "Sensitive files and directories that cannot be read.");

static BEYOND: Family = Family::gauge(
    "vigie_sensitive_files_unwatched",
    "Files that match and are not watched, because too many do.",
);

static UNWATCHED: Family = Family::gauge(
    "vigie_sensitive_unwatched_directories",
    "Directories without notifications from the kernel: what happens there is found after an interval at most.",
);

static OVERFLOWS: Family = Family::counter(
    "vigie_sensitive_watch_overflows_total",
    "How often the kernel dropped notifications because there were too many; a look followed.",
);

static LOOKED: Family = Family::gauge(
    "vigie_sensitive_files_last_look_timestamp_seconds",
    "When the last look at all sensitive files ended, since the Unix epoch.",
);

static LOOK: Family = Family::gauge(
    "vigie_sensitive_files_look_seconds",
    "How long the last look at all sensitive files took.",
);

static SAVE_FAILURES: Family = Family::counter(
    "vigie_sensitive_save_failures_total",
    "How often the state of sensitive files could not be saved.",
);

/// So many files that globs and directories lead to have series of their own.
const MOST_MET: usize = 100;

/// So many paths that cannot be read have a series of their own.
const MOST_UNREADABLE: usize = 64;

/// What stands for all files without series of their own.
const OTHER: &str = "other";

/// The last look.
#[derive(Debug)]
struct Last {
    ended: SystemTime,
    took: Duration,
    beyond: usize,
}

type Counts = [u64; Change::ALL.len()];

/// See the module.
#[derive(Debug)]
pub(super) struct Meters {
    slot: Slot,
    page: Page,
    counts: BTreeMap<PathBuf, Counts>,
    met: usize,
    others: Option<Counts>,
    /// None before the first look.
    last: Option<Last>,
    pub(super) overflows: u64,
    pub(super) unwatched: usize,
    pub(super) save_failures: u64,
}

impl Meters {
    pub(super) fn new(slot: Slot) -> Self {
        Self {
            slot,
            page: Page::default(),
            counts: BTreeMap::new(),
            met: 0,
            others: None,
            last: None,
            overflows: 0,
            unwatched: 0,
            save_failures: 0,
        }
    }

    /// The files that are known have their series, if there is room for more.
    pub(super) fn know(&mut self, roster: &Roster) {
        for (path, is_listed) in roster.paths() {
            self.count_of(path, is_listed);
        }
    }

    /// A look has ended at this time of the wall clock.
    pub(super) fn count(&mut self, look: &Look, roster: &Roster, ended: SystemTime, took: Duration) {
        self.know(roster);
        self.last = Some(Last { ended, took, beyond: look.beyond });
        for event in &look.events {
            let count = self.count_of(&event.path, false);
            count[event.change as usize] += 1;
        }
    }

    fn count_of(&mut self, path: &Path, is_listed: bool) -> &mut Counts {
        if !self.counts.contains_key(path) {
            if !is_listed && self.met >= MOST_MET {
                return self.others.get_or_insert_default();
            }
            self.met += usize::from(!is_listed);
            self.counts.insert(path.to_owned(), Counts::default());
        }
        self.counts.entry(path.to_owned()).or_default()
    }

    pub(super) fn publish(&mut self, roster: &Roster) {
        let mut page = std::mem::take(&mut self.page);
        let paths = self.counts.iter().map(|(path, counts)| (path.to_string_lossy(), counts));
        for (path, counts) in paths.chain(self.others.as_ref().map(|counts| (OTHER.into(), counts))) {
            for (change, count) in Change::ALL.iter().zip(counts) {
                let labels = page.labels(&[("change", change.as_str()), ("path", &path)]);
                page.set(&CHANGES, labels, *count as f64);
            }
        }
        for path in roster.unreadable().iter().take(MOST_UNREADABLE) {
            let labels = page.labels(&[("path", &path.to_string_lossy())]);
            page.set(&UNREADABLE, labels, 1.0);
        }
        let mut set = |family, value| page.set(family, Labels::NONE, value);
        set(&FILES, roster.present() as f64);
        set(&ALL_UNREADABLE, roster.unreadable().len() as f64);
        set(&UNWATCHED, self.unwatched as f64);
        set(&OVERFLOWS, self.overflows as f64);
        set(&SAVE_FAILURES, self.save_failures as f64);
        if let Some(Last { ended, took, beyond }) = &self.last {
            set(&LOOKED, unix_nanos(*ended) as f64 / 1e9);
            set(&LOOK, took.as_secs_f64());
            set(&BEYOND, *beyond as f64);
        }
        self.page = self.slot.publish(page);
    }
}

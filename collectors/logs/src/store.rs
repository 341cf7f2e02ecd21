//! Where every file stands, in memory and under `state_dir`: one store for all log sources of the process.
//!
//! An entry belongs to a source and a file, the file known by its identity and not by its path. Two sources may
//! follow the same file, each with its own position. A source that is called differently than before finds the
//! positions of its old name: those are adopted that no living source claims.
//!
//! Besides, the store remembers which patterns a source has looked for before. A file that matches only new
//! patterns existed before the source did, and `start_at` decides; any other unknown file was born since, maybe
//! while the agent was not running, and is read from its beginning.
//!
//! A destination that lags behind the others has positions of its own, which are kept apart under its name until
//! it has caught up.
//!
//! On disk it is `logs/offsets` (see [`mod@format`]), in two [`generations`].

mod claim;
mod format;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use tracing::info;

use super::identity::{FileId, Mark, Print};
pub(crate) use claim::Claim;
use vigie_pipeline::generations;

/// What the file is called.
const NAME: &str = "offsets";

/// How long a position outlives its file, in seconds.
const FORGET_AFTER: u64 = 3 * 86_400;

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Entry {
    /// What it was called when it was first seen.
    pub(crate) path: PathBuf,
    /// Of its first bytes.
    pub(crate) head: Print,
    /// All before it is delivered, or dropped on purpose.
    pub(crate) mark: Mark,
    /// When it was last known to exist: seconds since the epoch.
    pub(crate) seen: u64,
    /// When the file was made, where the file system knows: others beside it that are younger came after it.
    pub(crate) born: Option<SystemTime>,
}

/// Whose position it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner {
    source: Arc<str>,
    /// The destination, if it lags behind the others.
    laggard: Option<Arc<str>>,
}

/// The store. There is one for each `state_dir`.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    state: Mutex<State>,
    /// Held while the file is written.
    writing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// When it was saved, as far as is known, by who was there before.
    saved: Option<SystemTime>,
    files: BTreeMap<(Owner, FileId), Entry>,
    patterns: BTreeSet<(Arc<str>, String)>,
    /// The sources that live, by how many parts: while one is replaced there may be two.
    claims: HashMap<Arc<str>, usize>,
    changed: bool,
    /// How many bytes positions have moved on since they were saved; beyond measure if a file is new.
    unsaved: u64,
}

/// The stores in use. Parts come and go with the configuration and are built from nothing but their own; that
/// there is one writer for one file is a matter of the process.
static STORES: Mutex<Vec<(PathBuf, Weak<Store>)>> = Mutex::new(Vec::new());

impl Entry {
    /// Whether `file` is what is remembered, and was only appended to.
    pub(crate) fn is_of(&self, file: &File, size: u64) -> io::Result<bool> {
        Ok(size >= self.mark.offset && self.head.is_at(file, 0)? && self.mark.holds(file)?)
    }

    /// Whether it was not known to exist for so long, at the time `now`, that it may be forgotten.
    const fn is_old(&self, now: u64) -> bool {
        now.saturating_sub(self.seen) >= FORGET_AFTER
    }
}

impl State {
    fn forget_if(&mut self, is_old: impl Fn(&Owner, &Entry) -> bool) {
        let before = self.files.len();
        self.files.retain(|(owner, _), entry| !is_old(owner, entry));
        self.changed |= self.files.len() != before;
    }
}

impl Store {
    /// The store under `state_dir`, read from there unless it is in use already. What cannot be read is
    /// reported and left out.
    pub(crate) fn open(state_dir: &Path) -> Arc<Self> {
        let directory = state_dir.join("logs");
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|(_, store)| store.strong_count() > 0);
        if let Some(store) = stores.iter().find(|(d, _)| *d == directory).and_then(|(_, s)| s.upgrade()) {
            return store;
        }
        let state = Mutex::new(load(&directory));
        let store = Arc::new(Self { directory: directory.clone(), state, writing: Mutex::default() });
        stores.push((directory, Arc::downgrade(&store)));
        store
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When positions were saved last before this process.
    pub(crate) fn saved_at(&self) -> Option<SystemTime> {
        self.state().saved
    }

    /// An empty file that has no name, beside the positions.
    pub(crate) fn unnamed(&self) -> io::Result<File> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.directory)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("unpacked.{number}"));
        // One that a crash has left here is as good.
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    }

    /// Whether there is anything to save.
    pub(crate) fn is_changed(&self) -> bool {
        self.state().changed
    }

    /// How many bytes would come again after a crash now; beyond measure if a file would not be known.
    pub(crate) fn unsaved(&self) -> u64 {
        self.state().unsaved
    }

    /// The positions of `source`, as long as the claim lives.
    pub(crate) fn claim(self: &Arc<Self>, source: &str) -> Claim {
        Claim::new(Arc::clone(self), Owner { source: source.into(), laggard: None })
    }

    /// Writes what has changed since the last time, if anything.
    pub(crate) fn save(&self) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let text = {
            let mut state = self.state();
            if !std::mem::take(&mut state.changed) {
                return Ok(());
            }
            state.unsaved = 0;
            format::write(&state.files, &state.patterns)
        };
        generations::save(&self.directory, NAME, &text).inspect_err(|_| self.state().changed = true)
    }
}

/// Reads the newest generation that is whole.
fn load(directory: &Path) -> State {
    let Some((path, (files, patterns))) = generations::load(directory, NAME, format::read) else {
        info!("no saved offsets in {}: `start_at` decides", directory.display());
        return State::default();
    };
    let saved = fs::metadata(&path).and_then(|meta| meta.modified()).ok();
    State { saved, files, patterns, ..State::default() }
}

#[cfg(test)]
mod tests;

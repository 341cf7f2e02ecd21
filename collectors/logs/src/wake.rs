//! Wake-ups from the file system.
//!
//! A notification says that something may have happened, never what: paths that were touched are looked at, and
//! anything else (a directory made or removed, a queue that overflowed) asks for a scan. What no notification
//! tells is found by the scan that comes every so often anyway; so all that fails here costs is time.
//!
//! The kernel tells of each write. Being woken up by each costs more than reading what was written, so whoever
//! hears of one rests for a while and lets the others gather in the kernel's queue.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{CreateKind, EventKind, ModifyKind, RemoveKind, RenameMode};
use notify::{ErrorKind, Event, EventHandler, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tracing::{info, warn};

/// More touched paths than this are a scan.
const MOST_PATHS: usize = 4096;

/// How long notifications gather in the kernel after one was heard. Lines that are written all the time wait
/// half of it on average, a line after a pause does not.
const REST: Duration = Duration::from_millis(50);

/// A notification that comes so long after the one before it was waited for; others have gathered.
const GAP: Duration = Duration::from_micros(50);

/// After so long there is a rest even if notifications come without a gap.
const MOST_HEARING: Duration = Duration::from_millis(10);

/// What may have happened since it was last asked.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// These files may have grown or shrunk.
    pub paths: HashSet<PathBuf>,
    /// There is a file under these paths that was not there before, or another one.
    pub born: HashSet<PathBuf>,
    /// Anything may have happened.
    pub scan: bool,
    /// How often the kernel dropped notifications because there were too many.
    pub overflows: u64,
    /// Directories that are watched no more, or under another name.
    pub moved: Vec<PathBuf>,
}

impl Touched {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
            && self.born.is_empty()
            && !self.scan
            && self.overflows == 0
            && self.moved.is_empty()
    }

    /// Besides, what happened later.
    pub fn add(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        self.scan |= later.scan;
        self.overflows += later.overflows;
        self.paths.extend(later.paths);
        self.born.extend(later.born);
        self.moved.extend(later.moved);
    }
}

#[derive(Debug, Default)]
struct Shared {
    touched: Mutex<Touched>,
    woken: Notify,
}

impl Shared {
    fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether it is of interest.
    fn hear(&self, event: notify::Result<Event>) -> bool {
        let mut touched = self.touched();
        let Ok(event) = event else {
            touched.scan = true;
            return true;
        };
        if event.need_rescan() {
            touched.overflows += 1;
            touched.scan = true;
            return true;
        }
        let room = touched.paths.len() + touched.born.len() < MOST_PATHS;
        match event.kind {
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Any) if room => {
                for path in event.paths {
                    // Most writes are to a file that is known to have been written to.
                    if !touched.paths.contains(&path) {
                        touched.paths.insert(path);
                    }
                }
            }
            EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Name(RenameMode::To))
                if room =>
            {
                touched.born.extend(event.paths);
            }
            // The two halves of it come besides.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return false,
            EventKind::Remove(RemoveKind::Folder | RemoveKind::Other)
            | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
                touched.moved.extend(event.paths);
                touched.scan = true;
            }
            _ => touched.scan = true,
        }
        true
    }
}

/// What the thread of notifications calls.
struct Hearing {
    shared: Arc<Shared>,
    /// When the last notification was done with.
    last: Instant,
    /// When it began to hear those that had gathered.
    began: Instant,
    /// Whether the next one of interest is followed by a rest.
    tired: bool,
}

impl Hearing {
    fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self { shared, last: now, began: now, tired: true }
    }
}

impl EventHandler for Hearing {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let now = Instant::now();
        self.tired |= now - self.last > GAP || now - self.began > MOST_HEARING;
        if self.shared.hear(event) {
            self.shared.woken.notify_one();
            if self.tired {
                thread::sleep(REST);
                self.began = Instant::now();
                self.tired = false;
            }
        }
        self.last = Instant::now();
    }
}

/// What a source hears.
#[derive(Debug, Clone, Default)]
pub struct Wakes(Arc<Shared>);

impl Wakes {
    /// What may have happened since the last time.
    pub fn take(&self) -> Touched {
        std::mem::take(&mut self.0.touched())
    }

    /// Waits until something may have happened.
    pub async fn woken(&self) {
        self.0.woken.notified().await;
    }
}

/// Watches directories. Blocks for as long as the thread of notifications rests.
#[derive(Debug)]
pub struct Watch {
    wakes: Wakes,
    /// None where the system has no notifications to give, or no more of them.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    failing: bool,
}

/// What came of watching directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Some were not watched before: what happened in them until now was not heard.
    pub more: bool,
    /// So many are not watched, and only scanned.
    pub missing: usize,
}

impl Watch {
    /// Nothing yet; what happens is told to `wakes`.
    pub fn new(wakes: Wakes) -> Self {
        Self { wakes, watcher: None, watched: BTreeSet::new(), failing: false }
    }

    /// Forgets what is not watched any more, as `touched` tells.
    pub fn forget(&mut self, touched: &Touched) {
        for path in &touched.moved {
            if self.watched.remove(path) {
                self.unwatch(path);
            }
        }
    }

    /// From now on these directories are watched, and no others.
    pub fn set(&mut self, directories: &BTreeSet<PathBuf>) -> Watched {
        for gone in self.watched.difference(directories).cloned().collect::<Vec<_>>() {
            self.unwatch(&gone);
            self.watched.remove(&gone);
        }
        let wanted: Vec<&PathBuf> = directories.difference(&self.watched).collect();
        let mut failure = None;
        let mut added = Vec::new();
        if !wanted.is_empty() && self.watcher.is_none() {
            match notify::recommended_watcher(Hearing::new(Arc::clone(&self.wakes.0))) {
                Ok(watcher) => self.watcher = Some(watcher),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(watcher) = &mut self.watcher {
            for directory in wanted {
                match watcher.watch(directory, RecursiveMode::NonRecursive) {
                    Ok(()) => added.push(directory.clone()),
                    Err(error) => {
                        let is_limit = matches!(error.kind, ErrorKind::MaxFilesWatch);
                        failure = Some(error);
                        if is_limit {
                            break;
                        }
                    }
                }
            }
        }
        let more = !added.is_empty();
        self.watched.extend(added);
        let missing = directories.len() - self.watched.len();
        match failure {
            Some(error) if !self.failing => {
                warn!("{missing} directories are not watched but scanned: {error}")
            }
            None if self.failing && missing == 0 => info!("all directories are watched again"),
            _ => {}
        }
        self.failing = missing > 0;
        Watched { more, missing }
    }

    fn unwatch(&mut self, directory: &Path) {
        if let Some(watcher) = &mut self.watcher {
            // It may be gone, and its watch with it.
            let _ = watcher.unwatch(directory);
        }
    }
}

#[cfg(test)]
mod tests;

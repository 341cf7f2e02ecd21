//! Wake-ups from the file system.
//!
//! A notification says that something may have happened, never what: paths that were touched are looked at, and
//! anything else (a file made, renamed or removed, a queue that overflowed) asks for a scan. What no notification
//! tells is found by the scan that comes every so often anyway; so all that fails here costs is time.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tracing::debug;

/// More touched paths than this are a scan.
const MOST_PATHS: usize = 1024;

/// What may have happened since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// These files may have grown or shrunk.
    pub(crate) paths: HashSet<PathBuf>,
    /// Files may have come, gone, or been renamed.
    pub(crate) scan: bool,
}

#[derive(Debug, Default)]
struct Shared {
    touched: Mutex<Touched>,
    woken: Notify,
}

impl Shared {
    fn hear(&self, event: notify::Result<Event>) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(event) if event.need_rescan() => touched.scan = true,
            Ok(event) => match event.kind {
                EventKind::Access(_) => return,
                EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Any)
                    if touched.paths.len() < MOST_PATHS =>
                {
                    touched.paths.extend(event.paths);
                }
                _ => touched.scan = true,
            },
            Err(_) => touched.scan = true,
        }
        drop(touched);
        self.woken.notify_one();
    }
}

/// Watches directories.
#[derive(Debug)]
pub(crate) struct Wakes {
    shared: Arc<Shared>,
    /// None where the system has no notifications to give, or no more of them.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let hears = Arc::clone(&shared);
        let watcher = notify::recommended_watcher(move |event| hears.hear(event))
            .inspect_err(|error| debug!("no notifications of file changes, polling: {error}"))
            .ok();
        Self { shared, watcher, watched: BTreeSet::new() }
    }

    /// From now on these directories are watched, and no others.
    pub(crate) fn watch(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(directories) {
            // It may be gone, and its watch with it.
            let _ = watcher.unwatch(gone);
        }
        let mut watched = BTreeSet::new();
        for directory in directories {
            if self.watched.contains(directory) {
                watched.insert(directory.clone());
                continue;
            }
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(directory.clone());
                }
                Err(error) => debug!("watch {}: {error}; polling it", directory.display()),
            }
        }
        self.watched = watched;
    }

    /// What may have happened since the last time.
    pub(crate) fn take(&self) -> Touched {
        std::mem::take(&mut self.shared.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something may have happened.
    pub(crate) async fn woken(&self) {
        self.shared.woken.notified().await;
    }
}

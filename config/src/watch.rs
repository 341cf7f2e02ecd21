//! Notices that the configuration has changed.
//!
//! The kernel wakes us up when anything happens in the directories where the files are; it never tells the truth.
//! So every wake-up reads the contents again and compares their hashes: a touched file is not a change, and a swap
//! of Kubernetes' `..data` symlink is one, although no file of that name was written. Directories are watched and not
//! files, since editors and Kubernetes put new files in place of old ones. Where the kernel does not wake us (network file
//! systems, a directory that appears later, no inotify instances left), a slow poll finds the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::files;
use crate::source::{MAX_FILE, content_hash, read_bounded};

/// How patient a [`Watch`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long nothing must happen before the files are read: a writer may still be writing.
    pub quiet: Duration,
    /// After how long they are read even if something keeps happening.
    pub at_most: Duration,
    /// How often they are read when nothing happens.
    pub poll: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(250),
            at_most: Duration::from_secs(2),
            poll: Duration::from_secs(30),
        }
    }
}

/// What a configuration was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Files and directories, also those that may come to be.
    pub(crate) paths: Vec<PathBuf>,
    /// What was read, with the hashes of the contents: what is found to differ later has changed since, even if
    /// that was while it was being read.
    pub(crate) contents: BTreeMap<PathBuf, u64>,
}

/// Watches the files and directories of one [`crate::Loaded`].
#[derive(Debug)]
pub struct Watch {
    watched: Watched,
    patience: Patience,
    woken: Arc<Notify>,
    /// Woken up, and the contents not compared since.
    unread: bool,
    /// None when the kernel has none to give: then there is only the poll.
    kernel: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches for contents that differ from those that were loaded.
    #[must_use]
    pub fn new(watched: &Watched, patience: Patience) -> Self {
        let woken = Arc::new(Notify::new());
        let kernel = kernel(&woken);
        let mut watch = Self { watched: watched.clone(), patience, woken, unread: false, kernel };
        watch.arm();
        // What has changed since the load is found at once.
        watch.woken.notify_one();
        watch
    }

    /// Goes on with another configuration, which may name other files.
    pub fn follow(&mut self, watched: &Watched) {
        if self.watched != *watched {
            *self = Self::new(watched, self.patience);
        }
    }

    /// Returns when the contents differ from those that were loaded, or that made it return before. Nothing is lost if
    /// it is dropped and called again.
    pub async fn changed(&mut self) {
        loop {
            let poll = Instant::now() + self.patience.poll;
            if !self.unread {
                tokio::select! {
                    () = self.woken.notified() => self.unread = true,
                    () = sleep_until(poll) => {}
                }
            }
            if self.unread {
                self.settle().await;
            }
            // New directories, and those that were put in place of others.
            self.arm();
            let paths = self.watched.paths.clone();
            let Ok(contents) = tokio::task::spawn_blocking(move || contents(&paths)).await else { continue };
            self.unread = false;
            if contents != self.watched.contents {
                self.watched.contents = contents;
                return;
            }
        }
    }

    /// Waits until nothing has happened for a while.
    async fn settle(&self) {
        let end = Instant::now() + self.patience.at_most;
        while Instant::now() < end {
            let quiet = (Instant::now() + self.patience.quiet).min(end);
            if timeout_at(quiet, self.woken.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Asks to be woken by every directory in which the paths, or what they link to, are.
    fn arm(&mut self) {
        let Some(kernel) = &mut self.kernel else { return };
        let mut directories = BTreeSet::new();
        for path in &self.watched.paths {
            let target = path.canonicalize().unwrap_or_else(|_| path.clone());
            directories.extend([path.parent(), target.parent()].into_iter().flatten().map(Path::to_owned));
            if target.is_dir() {
                directories.insert(target);
            }
        }
        for directory in &directories {
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            // One that is not there, or may not be watched, is left to the poll.
            if let Err(error) = notify::Watcher::watch(kernel, directory, RecursiveMode::NonRecursive) {
                tracing::debug!(directory = %directory.display(), %error, "watch the configuration by polling");
            }
        }
    }
}

fn kernel(woken: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let woken = Arc::clone(woken);
    let wake = move |event: notify::Result<notify::Event>| {
        // Our own reading is no reason to read again.
        if event.is_ok_and(|event| event.kind.is_access()) {
            return;
        }
        woken.notify_one();
    };
    match notify::recommended_watcher(wake) {
        Ok(kernel) => Some(kernel),
        Err(error) => {
            tracing::warn!(%error, "watch the configuration: only polling is left");
            None
        }
    }
}

/// What would be read now. What cannot be read is as good as absent: a load would tell why.
fn contents(paths: &[PathBuf]) -> BTreeMap<PathBuf, u64> {
    let mut files = files::find(paths, None).files;
    files.retain(|file| file.is_file());
    let read = |file: PathBuf| read_bounded(&file, MAX_FILE).ok().map(|bytes| (file, content_hash(&bytes)));
    files.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests;

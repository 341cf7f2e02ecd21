//! Files that are not held open.
//!
//! Descriptors are few, files many. One that was read to its end, of which all is settled and that nobody has written
//! to for a while is closed; what is known of it is in the store, as if the agent had been stopped. When it
//! changes it is opened and told by its content, as after a start. Where more files have something new than may
//! be open, they take turns.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tracing::debug;

use super::{Birth, Follower, Told};
use crate::file::Followed;
use crate::identity::FileId;
use crate::meters::Loss;
use crate::store::Entry;

/// How long a file is held open that nobody writes to.
const IDLE: Duration = Duration::from_secs(300);

/// A closed file.
#[derive(Debug, Clone)]
pub(super) struct Asleep {
    /// What it was called when it was first seen.
    pub(super) path: PathBuf,
    /// Size and `st_mtime` in nanoseconds: it is opened when they change.
    pub(super) look: (u64, i128),
    pub(super) born: Option<SystemTime>,
    /// Up to where it was read, which is settled.
    pub(super) read: u64,
    /// Up to where its growth was counted: what is between is still to be read.
    pub(super) counted: u64,
}

impl Asleep {
    /// How many bytes were not read when it was closed.
    pub(super) fn lag(&self) -> u64 {
        self.counted.saturating_sub(self.read)
    }
}

/// How many files each of a source's `followers` may hold open: a quarter of what the process may is for all of
/// them, as there are other sources, and sockets.
pub(super) fn most_open(followers: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let all = usize::try_from(limit / 4).unwrap_or(usize::MAX).min(16384);
    (all / followers.max(1)).max(8)
}

impl Follower {
    /// The source has so many followers now, this one among them.
    pub(crate) fn is_one_of(&mut self, followers: usize) {
        self.may_open = most_open(followers);
        self.most_open = self.most_open.min(self.may_open);
    }

    /// Begins to follow what is at `path`, or says why not.
    pub(super) fn meet(&mut self, path: &Path, birth: Birth, told: &Told) {
        if self.files.len() >= self.most_open {
            self.close_read(told.now);
            // What was there at first sight is looked at now: later nobody could tell it from what came since.
            if self.files.len() >= self.most_open && birth == Birth::Later {
                self.parts.meters.descriptor_shortages.inc();
                self.crowded = true;
                return;
            }
        }
        let mut began = self.begin(path, birth, told);
        if began.as_ref().is_err_and(is_shortage) {
            // Others have more of them than was thought.
            self.parts.meters.descriptor_shortages.inc();
            self.most_open = (self.files.len() * 3 / 4).max(8);
            self.close_read(told.now);
            self.close_unread();
            began = self.begin(path, birth, told);
        }
        if let Err(error) = began {
            self.fails("open", path, &error);
        }
        self.close_unread();
    }

    /// Closes files that were read to their ends: those that are idle and, if too many are open, others.
    pub(super) fn close_read(&mut self, now: Instant) {
        let excess = if self.files.len() < self.most_open {
            0
        } else {
            // Some more, so that it is not done for each file.
            self.files.len() - self.most_open + 1 + self.most_open / 8
        };
        let is_idle = |active: Instant| now.saturating_duration_since(active) >= IDLE;
        let mut read: Vec<(Instant, FileId)> = self
            .files
            .values()
            .filter(|file| can_be_closed(file) && is_read(file) && (excess > 0 || is_idle(file.active)))
            .map(|file| (file.active, file.id))
            .collect();
        read.sort_unstable();
        for (number, (active, id)) in read.into_iter().enumerate() {
            if number >= excess && !is_idle(active) {
                break;
            }
            self.close(id);
        }
    }

    /// Closes files that have something new, if too many are open all the same: they wait for a scan.
    pub(super) fn close_unread(&mut self) {
        let excess = self.files.len().saturating_sub(self.most_open);
        if excess == 0 {
            return;
        }
        let mut unread: Vec<(Instant, FileId)> = self
            .files
            .values()
            .filter(|file| can_be_closed(file))
            .map(|file| (file.active, file.id))
            .collect();
        unread.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in unread.into_iter().take(excess) {
            self.parts.meters.descriptor_shortages.inc();
            self.crowded = true;
            self.close(id);
        }
    }

    fn close(&mut self, id: FileId) {
        let Some(mut file) = self.files.remove(&id) else { return };
        debug!("close {}", file.path.display());
        self.families.forget(&file.family, id);
        self.waiting.forget(id);
        self.parts.meters.written_bytes.inc_by(file.growth());
        // What has something new is opened again when it is seen again.
        let look = if is_read(&file) { file.last_look() } else { (u64::MAX, 0) };
        let (read, counted) = (file.position().offset, file.size);
        self.asleep.insert(id, Asleep { born: file.born, path: file.path, look, read, counted });
    }

    /// Whether files were closed that have something new, and there is time for them now.
    pub(crate) fn is_crowded(&mut self) -> bool {
        self.ready.is_empty() && std::mem::take(&mut self.crowded)
    }

    /// Closed files that no path leads to any more: follows those to their ends that were renamed.
    pub(super) fn wake_renamed(&mut self, seen: &std::collections::HashSet<FileId>, told: &Told) {
        let gone: Vec<FileId> = self.asleep.keys().filter(|id| !seen.contains(id)).copied().collect();
        let mut entries: Vec<(FileId, Entry)> = Vec::new();
        for id in &gone {
            entries.extend(self.parts.claim.find(*id).map(|entry| (*id, entry)));
        }
        self.find_by_inode(entries, told);
        for id in gone {
            // Those that were found are awake.
            if let Some(file) = self.asleep.remove(&id) {
                self.parts.meters.lost(file.lag(), Loss::Closed);
            }
        }
    }
}

fn is_read(file: &Followed) -> bool {
    !file.queued && file.lag() == 0
}

/// Whether the store knows all that is known of it.
fn can_be_closed(file: &Followed) -> bool {
    let is_settled = file.offsets.is_settled() && file.assembly().is_empty();
    file.gone.is_none() && !file.failing && is_settled && !file.succession.is_open() && file.cuts.bytes() == 0
}

/// Whether it is because too many files are open.
fn is_shortage(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error())).contains(&error.raw_os_error())
}

//! Files that no path leads to any more: read to their ends, and let go.
//!
//! A renamed or deleted file is read like any other; when all is read and settled and nobody has written to it for
//! a while, it is let go. While the destinations take nothing, a deleted file keeps its space on the disk for as
//! long as it is held, and its lines are nowhere else. So it is held for long, but not for ever: a day, as outages
//! that somebody cares about are over by then, and only until the disk is nearly full, because then the machine
//! would lose more than lines. What is given up is counted in bytes and said in the log.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use tracing::{debug, warn};
use vigie_pipeline::outlet::Offer;

use super::{Follower, Told, queue};
use crate::file::Followed;
use crate::identity::FileId;
use crate::meters::Loss;
use crate::records::Records;

/// How long a deleted file is held after its last change: its writer may not have noticed yet.
const HOLD_DELETED: Duration = Duration::from_secs(5);

/// How long a renamed file that no pattern matches is held after its last change.
const HOLD_RENAMED: Duration = Duration::from_secs(60);

/// How long a deleted file is held that is not read to its end.
pub(super) const HELD_AT_MOST: Duration = Duration::from_secs(24 * 3600);

/// A deleted file is not held while less than this part of its file system is free: 1 in 20.
const LEAST_FREE: u64 = 20;

impl Follower {
    /// Looks at the files that no path leads to: reads what was written to them, and lets those go that are
    /// done with.
    pub(crate) fn tend_gone(&mut self, told: &Told) -> Vec<Offer> {
        self.parts.recorder.begin(told.now);
        let mut offers = Vec::new();
        let gone: Vec<FileId> =
            self.files.values().filter(|file| file.gone.is_some()).map(|file| file.id).collect();
        for id in gone {
            let Some(file) = self.files.get_mut(&id) else { continue };
            let Ok(meta) = file.look() else { continue };
            let is_deleted = meta.nlink() == 0;
            if file.has_changed(&meta) {
                queue(&mut self.ready, &mut self.files, id);
                continue;
            }
            let hold = if is_deleted { HOLD_DELETED } else { HOLD_RENAMED };
            let since = file.active.max(file.gone.unwrap_or(told.now));
            if file.queued || told.now.saturating_duration_since(since) < hold {
                continue;
            }
            if file.lag() > 0 || !file.assembly().is_empty() {
                let mut records = Records::default();
                let read = file.read_rest(&mut self.parts.recorder, &mut records, told.observed);
                self.waiting.note(file, &self.parts.recorder);
                match read {
                    Ok(()) => {
                        self.parts.meters.written_bytes.inc_by(file.growth());
                        offers.extend(self.offer(id, records, told));
                    }
                    Err(_) => self.parts.meters.file_error("read"),
                }
            } else if file.offsets.is_settled() && !file.succession.handed_over {
                debug!("let go of {}", file.path.display());
                self.families.forget(&file.family, id);
                self.files.remove(&id);
                self.waiting.forget(id);
                if is_deleted {
                    self.parts.claim.forget(id);
                }
            }
        }
        self.parts.recorder.flush();
        offers
    }

    /// Lets go of deleted files that can be held no longer, the largest first.
    pub(crate) fn give_up_held(&mut self, told: &Told) {
        let mut gone: Vec<(u64, FileId)> =
            self.files.values().filter(|file| file.gone.is_some()).map(|file| (file.size, file.id)).collect();
        gone.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in gone {
            let Some(file) = self.files.get(&id) else { continue };
            if let Some(loss) = is_held_too_long(file, told.now)
                && let Ok(meta) = file.look()
                && meta.nlink() == 0
            {
                self.give_up(id, meta.len(), loss);
            }
        }
    }

    /// Lets go of a deleted file of `size` bytes although it was not read to its end.
    fn give_up(&mut self, id: FileId, size: u64, loss: Loss) {
        let Some(mut file) = self.files.remove(&id) else { return };
        file.size = file.size.max(size);
        let meters = &self.parts.meters;
        meters.written_bytes.inc_by(file.growth());
        meters.lost(file.lag(), loss);
        warn!(
            source = meters.source,
            "let go of the deleted {}, {}: its last {} bytes are lost, nobody knows how many lines",
            file.path.display(),
            if loss == Loss::DiskFull { "its file system is nearly full" } else { "it was held for a day" },
            file.lag()
        );
        self.families.forget(&file.family, id);
        self.waiting.forget(id);
        self.parts.claim.forget(id);
    }
}

/// Whether a deleted file can be held no longer.
fn is_held_too_long(file: &Followed, now: Instant) -> Option<Loss> {
    let gone = file.gone?;
    if now.saturating_duration_since(gone) >= HELD_AT_MOST {
        return Some(Loss::HeldTooLong);
    }
    let is_stalled = now.saturating_duration_since(gone.max(file.active)) >= HOLD_DELETED;
    (is_stalled && file.free_space_is_below(LEAST_FREE)).then_some(Loss::DiskFull)
}

//! What truncations took: read from a copy instead, or lost.
//!
//! copytruncate copies a file and then cuts it off. What was not read by then is lost with the file, unless the
//! patterns match the copy: it is there whole before the file is cut off, so the first scan after that has found
//! it. Until then nothing is counted as lost.

use super::Follower;
use crate::identity::FileId;
use crate::meters::Loss;

impl Follower {
    /// `copy` is followed from where `original` stood.
    pub(super) fn is_copied(&mut self, original: FileId, copy: FileId) {
        if let Some(file) = self.files.get_mut(&original) {
            file.cuts.found(copy);
        }
    }

    /// Counts what the truncations before this scan took.
    pub(super) fn settle_cuts(&mut self) {
        let cut: Vec<FileId> =
            self.files.values().filter(|file| file.cuts.bytes() > 0).map(|file| file.id).collect();
        for id in cut {
            let Some(file) = self.files.get_mut(&id) else { continue };
            for cut in file.cuts.take() {
                let in_copy = cut.copy.map_or(0, |copy| cut.bytes_before(self.seen_size(copy)));
                self.parts.meters.copied_bytes.inc_by(in_copy);
                self.parts.meters.lost(cut.bytes() - in_copy, Loss::Truncated);
            }
        }
    }

    fn seen_size(&self, id: FileId) -> u64 {
        let open = self.files.get(&id).map(|file| file.size);
        open.or_else(|| self.asleep.get(&id).map(|file| file.counted)).unwrap_or(0)
    }
}

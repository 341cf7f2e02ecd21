//! Files of which lines wait for what follows them, and for how long.

use std::collections::HashMap;
use std::time::Instant;

use vigie_pipeline::outlet::Offer;

use super::{Follower, Told, queue};
use crate::file::Followed;
use crate::identity::FileId;
use crate::join::Flush;
use crate::record::Recorder;
use crate::records::Records;
use crate::transforms::Ending;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    files: HashMap<FileId, Held>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    due: Instant,
    bytes: usize,
}

impl Waiting {
    /// Remembers what waits of `file` now.
    pub(super) fn note(&mut self, file: &Followed, recorder: &Recorder) {
        if !recorder.joins() {
            return;
        }
        self.forget(file.id);
        if let Some(due) = recorder.due(file.assembly()) {
            let bytes = file.assembly().held();
            self.bytes += bytes;
            self.files.insert(file.id, Held { due, bytes });
        }
    }

    pub(super) fn forget(&mut self, id: FileId) {
        if let Some(held) = self.files.remove(&id) {
            self.bytes -= held.bytes;
        }
    }

    /// How much memory is held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The files that have waited long enough.
    fn due(&self, now: Instant) -> Vec<FileId> {
        self.files.iter().filter(|(_, held)| held.due <= now).map(|(id, _)| *id).collect()
    }

    /// The file that holds most, if all hold more than `most` together.
    fn too_much(&self, most: usize) -> Option<FileId> {
        let largest = || self.files.iter().max_by_key(|(_, held)| held.bytes).map(|(id, _)| *id);
        (self.bytes > most).then(largest).flatten()
    }
}

impl Follower {
    /// When something has waited long enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        let waiting = self.waiting.files.values().map(|held| held.due).min();
        waiting.into_iter().chain(self.parts.recorder.tells_at()).min()
    }

    /// Before reading: what follows may have been written while nobody looked.
    pub(crate) fn look_at_due(&mut self, told: &Told) {
        for id in self.waiting.due(told.now) {
            let changed = |file: &Followed| file.look().is_ok_and(|meta| file.has_changed(&meta));
            if self.files.get(&id).is_some_and(changed) {
                queue(&mut self.ready, &mut self.files, id);
            }
        }
    }

    /// After reading: what has waited long enough, or takes too much memory, waits no longer.
    pub(crate) fn flush_due(&mut self, told: &Told) -> Vec<Offer> {
        let mut offers = Vec::new();
        for id in self.waiting.due(told.now) {
            // What is behind it is still to be read.
            if !self.files.get(&id).is_some_and(|file| file.queued) {
                offers.extend(self.flush(id, Flush::Due, told));
            }
        }
        while let Some(id) = self.waiting.too_much(self.parts.most_waiting) {
            offers.extend(self.flush(id, Flush::Early, told));
        }
        if self.parts.recorder.tells_at().is_some_and(|at| at <= told.now) {
            offers.extend(self.tell(Ending::Due, told.now, told.observed));
        }
        self.parts.recorder.flush();
        offers
    }

    /// What transforms have to tell that no line brings about. It is of no file, and no position waits for it.
    pub(crate) fn tell(&mut self, which: Ending, now: Instant, observed: u64) -> Vec<Offer> {
        let mut records = Records::default();
        self.parts.recorder.tell(which, now, observed, &mut records);
        let (offers, by) = self.offers(records);
        if !offers.is_empty() {
            self.await_for(None, by);
        }
        offers
    }

    /// Whether transforms have something to tell.
    pub(crate) fn has_to_tell(&self) -> bool {
        self.parts.recorder.tells_at().is_some()
    }

    fn flush(&mut self, id: FileId, which: Flush, told: &Told) -> Vec<Offer> {
        let Some(file) = self.files.get_mut(&id) else {
            self.waiting.forget(id);
            return Vec::new();
        };
        let mut records = Records::default();
        let recorder = &mut self.parts.recorder;
        recorder.begin(told.now);
        if file.flush_waiting(which, recorder, &mut records, told.observed).is_err() {
            // The position stays behind what was encoded.
            self.parts.meters.file_error("read");
        }
        self.waiting.note(file, &self.parts.recorder);
        self.offer(id, records, told)
    }
}

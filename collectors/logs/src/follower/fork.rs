//! A follower of its own for a destination that lags behind.
//!
//! Where all destinations keep up, a line is read and encoded once for all of them. One that takes nothing for a
//! while must hold up neither the others nor their offsets: it gets a follower of its own, a copy that begins where
//! the destination stands, reads the same files again when there is room for them, and saves its own positions.
//! It holds the descriptors that it needs, and never passes the follower it was copied from; when both stand at the
//! same places, each has told its destinations what its transforms had left out, and nothing is on its way, it is not
//! needed any more.

use std::collections::HashSet;
use std::sync::Arc;

use super::asleep::Asleep;
use super::{Follower, Parts, queue};
use crate::file::Followed;
use crate::identity::FileId;
use crate::store::Claim;

impl Parts {
    /// For `destination` alone. What is read again is not counted again.
    fn of_laggard(&self, destination: &Arc<str>) -> Self {
        let meters = self.meters.again_for(destination);
        Self {
            patterns: self.patterns.clone(),
            start_at: self.start_at,
            recorder: self.recorder.again(meters.clone()),
            claim: self.claim.of_laggard(destination),
            meters,
            envelope: Arc::clone(&self.envelope),
            batch_bytes: self.batch_bytes,
            most_waiting: self.most_waiting,
            buffers: self.buffers.clone(),
        }
    }
}

impl Follower {
    /// A follower for `destination`, which has got everything that was read so far or will get it; this one no
    /// longer waits for it.
    pub(crate) fn fork(&mut self, destination: &Arc<str>, seconds: u64) -> Self {
        let mut fork = Self {
            parts: self.parts.of_laggard(destination),
            files: self.files.clone(),
            asleep: self.asleep.clone(),
            most_open: self.most_open,
            may_open: self.may_open,
            crowded: self.crowded,
            names: self.names.clone(),
            ignored: self.ignored.clone(),
            failing: HashSet::new(),
            failed: HashSet::new(),
            shown: HashSet::new(),
            growing: self.growing.clone(),
            remembered: Vec::new(),
            ready: self.ready.clone(),
            waiting: self.waiting.clone(),
            families: self.families.clone(),
            tokens: self.tokens.clone(),
            destinations: vec![Arc::clone(destination)],
            others: None,
            next_token: self.next_token,
            scanned_before: self.scanned_before,
            exist_at: None,
        };
        fork.wait_only_for(|other| other == &**destination, seconds);
        for file in fork.files.values() {
            fork.parts.claim.put(file.id, file.entry(file.offsets.position(), seconds));
        }
        for id in fork.asleep.keys() {
            // All of a closed file is settled.
            if let Some(entry) = self.parts.claim.find(*id) {
                fork.parts.claim.put(*id, entry);
            }
        }
        self.wait_only_for(|other| other != &**destination, seconds);
        fork
    }

    /// A follower for `destination`, which lagged behind when the agent was ended.
    pub(crate) fn resumed(&self, destination: &Arc<str>) -> Self {
        let mut follower = Self::new(self.parts.of_laggard(destination));
        // It stands somewhere else.
        follower.parts.recorder.forget();
        follower.offer_to(vec![Arc::clone(destination)]);
        follower.others = None;
        follower
    }

    /// The destinations that lagged behind when the agent was ended.
    pub(crate) fn laggards(&self) -> Vec<Arc<str>> {
        self.parts.claim.laggards()
    }

    fn wait_only_for(&mut self, wanted: impl Fn(&str) -> bool, seconds: u64) {
        let mut done = Vec::new();
        for (token, awaited) in &mut self.tokens {
            awaited.by.retain(|destination| wanted(destination));
            if awaited.by.is_empty() {
                done.push(*token);
            }
        }
        done.sort_unstable();
        for token in done {
            self.done(token, seconds);
        }
    }

    /// From now on files are read as far as `lead` has read them.
    pub(crate) fn stay_behind(&mut self, lead: &Self) {
        let mut further = Vec::new();
        for file in self.files.values_mut() {
            let bound = lead.stands(file.id).map_or(u64::MAX, |(read, _)| read);
            if bound > file.bound || bound < file.position().offset {
                further.push(file.id);
            }
            file.bound = bound;
        }
        for id in further {
            queue(&mut self.ready, &mut self.files, id);
        }
    }

    /// Whether everything was read that `lead` has read.
    pub(crate) fn is_level_with(&self, lead: &Self) -> bool {
        let mut files = lead.files.keys().chain(lead.asleep.keys());
        self.scanned_before && !self.is_ready() && files.all(|id| self.stands(*id) == lead.stands(*id))
    }

    /// How many bytes were not read yet that `lead` has read.
    pub(crate) fn lag_behind(&self, lead: &Self) -> u64 {
        let behind = |file: &Followed| {
            let end = lead.stands(file.id).map_or(file.size, |(read, _)| read);
            end.saturating_sub(file.position().offset)
        };
        let closed = |(id, file): (&FileId, &Asleep)| {
            let end = lead.stands(*id).map_or(file.counted, |(read, _)| read);
            end.saturating_sub(file.read)
        };
        self.files.values().map(behind).sum::<u64>() + self.asleep.iter().map(closed).sum::<u64>()
    }

    /// Forgets the positions: from now on they are those of the follower it was copied from.
    pub(crate) fn dissolve(self) {
        let claim: Claim = self.parts.claim;
        claim.dissolve();
    }
}

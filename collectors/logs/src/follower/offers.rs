//! What was read, as offers: to whom each goes, and who has to be done with it until the position passes it.

use std::sync::Arc;

use vigie_pipeline::batch::{Batch, Signal};
use vigie_pipeline::outlet::{Offer, Route};

use super::{Follower, Told, spans};
use crate::identity::FileId;
use crate::records::Records;

/// A batch on its way.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    /// None if it is of no file: nothing can be read again for it.
    pub(super) file: Option<FileId>,
    /// Those that are not done with it, as often as they have something of it to do. One without a name says so if
    /// nobody takes it.
    pub(super) by: Vec<Arc<str>>,
}

impl Follower {
    /// From now on batches are offered to these.
    pub(crate) fn offer_to(&mut self, destinations: Vec<Arc<str>>) {
        self.destinations = destinations;
    }

    /// From now on others read for these: what is routed to them alone is not offered here.
    pub(crate) fn leave_to_others(&mut self, others: Vec<Arc<str>>) {
        self.others = self.others.is_some().then_some(others);
    }

    /// A destination is done with a batch.
    pub(crate) fn settled(&mut self, token: u64, destination: &str, seconds: u64) {
        if let Some(token) = spans::token_of(token) {
            return self.settled_by(token, &spans::awaited(destination), seconds);
        }
        self.settled_by(token, destination, seconds);
    }

    fn settled_by(&mut self, token: u64, destination: &str, seconds: u64) {
        let Some(awaited) = self.tokens.get_mut(&token) else { return };
        if let Some(at) = awaited.by.iter().position(|other| **other == *destination) {
            awaited.by.swap_remove(at);
        }
        if awaited.by.is_empty() {
            self.done(token, seconds);
        }
    }

    /// All destinations are done with a batch.
    pub(super) fn done(&mut self, token: u64, seconds: u64) {
        self.settled_before(token, seconds);
        let file = self.tokens.remove(&token).and_then(|awaited| self.files.get_mut(&awaited.file?));
        if let Some(file) = file
            && let Some(mark) = file.offsets.settled(token)
        {
            self.parts.claim.put(file.id, file.entry(mark, seconds));
        }
    }

    /// What was read of a file, as offers of one token that its position waits for: one for each set of
    /// destinations.
    pub(super) fn offer(&mut self, id: FileId, records: Records, told: &Told) -> Vec<Offer> {
        let (offers, by) = self.offers(records);
        let Some(file) = self.files.get_mut(&id) else { return Vec::new() };
        let end = file.complete();
        if !file.succession.heir_of.is_empty() && !file.assembly().has_inherited() {
            let before = std::mem::take(&mut file.succession.heir_of);
            let token = (!offers.is_empty()).then_some(self.next_token);
            self.are_succeeded(before, token, told.seconds());
        }
        let Some(file) = self.files.get_mut(&id) else { return Vec::new() };
        if offers.is_empty() {
            if end != file.offsets.position()
                && let Some(mark) = file.offsets.passed(end)
            {
                self.parts.claim.put(id, file.entry(mark, told.seconds()));
            }
            return Vec::new();
        }
        file.active = told.now;
        file.offsets.offered(self.next_token, end);
        self.await_for(Some(id), by);
        offers
    }

    /// Waits until all these are done with what is offered next.
    pub(super) fn await_for(&mut self, file: Option<FileId>, by: Vec<Arc<str>>) {
        self.tokens.insert(self.next_token, Awaited { file, by });
        self.next_token += 1;
    }

    /// Records as offers of the next token, and whose words are to be waited for: all that is not for others.
    pub(super) fn offers(&self, records: Records) -> (Vec<Offer>, Vec<Arc<str>>) {
        let (mut offers, mut awaited) = (Vec::new(), Vec::new());
        let routed = records.routed.into_iter().map(|routed| (Some(routed.to), routed.bytes, routed.count));
        for (to, bytes, count) in routed.chain([(None, records.bytes, records.count)]) {
            let Some(by) = self.awaited(to.as_ref()).filter(|_| count > 0) else { continue };
            awaited.extend(by);
            let batch = Batch {
                signal: Signal::Logs,
                envelope: Arc::clone(&self.parts.envelope),
                records: self.parts.buffers.freeze(bytes),
                count,
            };
            offers.push(Offer { batch, token: self.next_token, to });
        }
        if records.spans.count > 0 {
            offers.push(self.spans(records.spans));
            awaited.push(spans::NOT_OFFERED.into());
        }
        (offers, awaited)
    }

    /// Who says that it is done with what goes `to` these, or to all: one without a name if nobody takes it.
    /// `None` if others read it.
    fn awaited(&self, to: Option<&Route>) -> Option<Vec<Arc<str>>> {
        let is_for = |name: &Arc<str>| to.is_none_or(|to| to.contains(name));
        let own: Vec<_> = self.destinations.iter().filter(|name| is_for(name)).cloned().collect();
        if !own.is_empty() {
            return Some(own);
        }
        let others = self.others.as_ref()?;
        let is_theirs = to.is_some() && others.iter().any(is_for);
        (!is_theirs).then(|| vec!["".into()])
    }
}

//! What a spool has in memory: batches on their way out. No file is touched here.
//!
//! Events are numbered from the spool's birth, and each is at one place:
//!
//! ```text
//!   … delivered … │ in hand, ready … │ … in the files only … │ not written yet
//!              cursor             read_to                   end
//! ```

use std::collections::{BTreeMap, VecDeque};

use super::allowance::Hold;
use super::files::Place;
use crate::batch::Batch;

/// A batch on its way out, with its place in the files.
#[derive(Debug)]
pub(crate) struct Item {
    pub(super) event: u64,
    pub(super) place: Place,
    pub(super) written: u64,
    pub(super) batch: Batch,
    pub(super) hold: Hold,
}

impl Item {
    /// The batch.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    fn end(&self) -> u64 {
        self.event + u64::from(self.batch.count)
    }
}

/// What a batch costs to hold: its bytes, and what stands around them.
pub(super) fn cost(batch: &Batch) -> usize {
    batch.bytes() + 256
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// A group is on its way into the files.
    pub(super) writing: bool,
    /// Read or just written, oldest first.
    ready: VecDeque<Item>,
    /// What exporters have, by the number of its first event: when it was written.
    in_hand: BTreeMap<u64, u64>,
    /// Memory and events of what is ready or in hand.
    held: usize,
    held_events: u64,
    /// The next event that is read from the files.
    pub(super) read_to: u64,
    /// The number behind the last event that is durable.
    pub(super) end: u64,
    /// Events before it are in the files no more.
    pub(super) base: u64,
    /// When the first event behind the cursor was written, as far as it is known: nanoseconds since the epoch.
    written: u64,
    /// Lost, dropped or delivered since the cursor was saved.
    pub(super) moved: bool,
}

impl Shelf {
    /// The files have been opened: they hold the events from `position` to `end`.
    pub(super) fn open(&mut self, position: u64, end: u64) {
        (self.read_to, self.base, self.end) = (position, position, end);
    }

    /// All before is delivered, or dropped and counted.
    pub(super) fn cursor(&self) -> u64 {
        let ready = self.ready.front().map(|item| item.event);
        let in_hand = self.in_hand.keys().next().copied();
        let outstanding = [ready, in_hand].into_iter().flatten().min();
        outstanding.unwrap_or(self.read_to).max(self.base)
    }

    /// Events that are durable and not delivered.
    pub(super) fn waiting(&self) -> u64 {
        (self.end - self.read_to) + self.held_events
    }

    /// When the oldest event that waits was written, nanoseconds since the epoch; 0 if none waits or it is
    /// not known.
    pub(super) fn oldest(&self) -> u64 {
        let in_hand = self.in_hand.first_key_value().map(|(event, written)| (*event, *written));
        let ready = self.ready.front().map(|item| (item.event, item.written));
        match in_hand.into_iter().chain(ready).min() {
            Some((_, written)) => written,
            None if self.read_to < self.end => self.written,
            None => 0,
        }
    }

    /// Memory of what is ready or in hand.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether anything can be taken now.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether anything is only in the files.
    pub(super) fn has_unread(&self) -> bool {
        self.read_to < self.end
    }

    /// A batch was read, or has just been written: the events up to its own that were not read before are
    /// lost. Returns how many.
    pub(super) fn ready(&mut self, item: Item) -> u64 {
        let lost = item.event.saturating_sub(self.read_to);
        self.read_to = self.read_to.max(item.end());
        self.held += cost(&item.batch);
        self.held_events += u64::from(item.batch.count);
        self.ready.push_back(item);
        lost
    }

    /// What is left of the files cannot be read. Returns how many events are lost.
    pub(super) fn lose_unread(&mut self) -> u64 {
        let lost = self.end - self.read_to;
        self.read_to = self.end;
        lost
    }

    /// Takes the oldest that is ready, if `fits` says so.
    pub(super) fn take(&mut self, fits: impl FnOnce(&Batch) -> bool) -> Option<Item> {
        if !fits(&self.ready.front()?.batch) {
            return None;
        }
        let item = self.ready.pop_front()?;
        self.in_hand.insert(item.event, item.written);
        Some(item)
    }

    /// A batch has come back. Returns how many of its events are lost, because they are in the files no more.
    pub(super) fn give_back(&mut self, item: Item) -> u64 {
        self.in_hand.remove(&item.event);
        if item.event < self.base {
            return self.let_go(&item.batch);
        }
        let at = self.ready.partition_point(|other| other.event < item.event);
        self.ready.insert(at, item);
        0
    }

    /// The destination is done with a batch.
    pub(super) fn settled(&mut self, event: u64, batch: &Batch) {
        if let Some(written) = self.in_hand.remove(&event) {
            self.written = written;
            self.let_go(batch);
        }
    }

    fn let_go(&mut self, batch: &Batch) -> u64 {
        let events = u64::from(batch.count);
        self.held -= cost(batch);
        self.held_events -= events;
        events
    }

    /// Lets go of the newest that is ready, to be read from the files again; tells where it stands there.
    pub(super) fn put_down(&mut self) -> Option<Place> {
        let newest = self.ready.back()?;
        if self.ready.len() == 1 || newest.end() != self.read_to {
            return None;
        }
        let item = self.ready.pop_back()?;
        self.let_go(&item.batch);
        self.read_to = item.event;
        Some(item.place)
    }

    /// The events before `base` are in the files no more. Returns how many are lost by that: what is in hand
    /// may still be delivered.
    pub(super) fn drop_before(&mut self, base: u64) -> u64 {
        let mut lost = base.saturating_sub(self.read_to);
        while let Some(item) = self.ready.pop_front_if(|item| item.event < base) {
            lost += self.let_go(&item.batch);
        }
        self.read_to = self.read_to.max(base);
        self.base = self.base.max(base);
        lost
    }
}

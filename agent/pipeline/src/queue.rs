//! The queue of one destination and signal: first in, first out, bounded by the bytes its batches reserve.
//!
//! A [`Delivery`] that is dropped unsettled goes back to the front: an exporter that panics or is built
//! anew loses nothing. Queues belong to the agent and outlive the exporters that empty them.
//!
//! A queue may have a [spool](crate::spool). Then what waits here waits to be written: the spool's clerk
//! takes it and settles it when it is durable, and exporters are given what the spool holds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::batch::Batch;
use crate::receipt::{DropReason, Fate, Receipt};
use crate::spool::{Ending, Spool, Stored};

/// See the module.
#[derive(Debug)]
pub struct Queue {
    /// The destination's name.
    name: Arc<str>,
    state: Mutex<State>,
    /// Told of each new batch, and of the end.
    changed: Notify,
    spool: OnceLock<Arc<Spool>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Receipt>>,
    bytes: usize,
    events: u64,
    /// Bytes of events that can be read again which were promised to this destination and are not settled:
    /// what waits, what is in an exporter's hands, and what a source is about to offer.
    owed: usize,
    closed: bool,
    /// Nobody will ever take what comes: it is dropped for this reason.
    abandoned: Option<DropReason>,
}

impl State {
    /// Gives the receipt back, with the reason, if nobody will ever take it.
    fn put(&mut self, receipt: Arc<Receipt>, at_front: bool) -> Option<(Arc<Receipt>, DropReason)> {
        if let Some(reason) = self.abandoned {
            return Some((receipt, reason));
        }
        self.bytes += receipt.batch.bytes();
        self.events += u64::from(receipt.batch.count);
        if at_front {
            self.waiting.push_front(receipt);
        } else {
            self.waiting.push_back(receipt);
        }
        None
    }

    fn take(&mut self, at: usize) -> Option<Arc<Receipt>> {
        let receipt = self.waiting.remove(at)?;
        self.bytes -= receipt.batch.bytes();
        self.events -= u64::from(receipt.batch.count);
        Some(receipt)
    }
}

impl Queue {
    /// The queue of the destination called `name`.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), state: Mutex::default(), changed: Notify::new(), spool: OnceLock::new() }
    }

    /// The name of its destination.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Promises `bytes` to this destination if it then owes no more than `bound`, or owed nothing.
    pub(crate) fn owe(&self, bytes: usize, bound: usize) -> bool {
        let mut state = self.state();
        let fits = state.owed == 0 || state.owed.saturating_add(bytes) <= bound;
        if fits {
            state.owed += bytes;
        }
        fits
    }

    /// Takes back what was promised and is not needed.
    pub(crate) fn forgive(&self, bytes: usize) {
        let mut state = self.state();
        state.owed = state.owed.saturating_sub(bytes);
    }

    /// Adds a batch. If it can be read again, its bytes are owed already.
    pub(crate) fn push(&self, receipt: Arc<Receipt>) {
        self.put(receipt, false);
    }

    fn put(&self, receipt: Arc<Receipt>, at_front: bool) {
        let refused = self.state().put(receipt, at_front);
        match refused {
            Some((receipt, reason)) => self.settle(&receipt, Fate::dropped(receipt.batch.count, reason)),
            None => self.notify(),
        }
    }

    fn settle(&self, receipt: &Receipt, fate: Fate) {
        if receipt.replayable {
            self.forgive(receipt.batch.bytes());
        }
        receipt.settle(&self.name, fate);
    }

    /// There is something to take or to write, or the end has come.
    fn notify(&self) {
        match self.spool.get() {
            Some(spool) if spool.writes() => spool.poke(),
            _ => {}
        }
        self.notify_takers();
    }

    /// Something may be taken.
    pub(crate) fn notify_takers(&self) {
        self.changed.notify_one();
    }

    /// From now on the spool keeps what waits.
    pub(crate) fn attach(&self, spool: Arc<Spool>) {
        // One that has a spool keeps it: the caller has looked.
        let _ = self.spool.set(spool);
    }

    /// Whether it has a spool.
    #[must_use]
    pub fn has_spool(&self) -> bool {
        self.spool.get().is_some()
    }

    pub(crate) fn spool(&self) -> Option<&Arc<Spool>> {
        self.spool.get()
    }

    /// Takes the next batch if one is there and `fits` says so.
    pub fn try_next(self: &Arc<Self>, fits: impl FnOnce(&Batch) -> bool) -> Option<Delivery> {
        let Some(spool) = self.spool.get() else { return self.take_waiting(|receipt| fits(&receipt.batch)) };
        if spool.goes_first() {
            let item = spool.take(fits)?;
            return Some(Delivery { content: Some(Content::Stored(item)), queue: Arc::clone(self) });
        }
        self.take_waiting(|receipt| fits(&receipt.batch))
    }

    /// Takes the next batch that is in memory alone.
    pub(crate) fn take_waiting(self: &Arc<Self>, fits: impl FnOnce(&Receipt) -> bool) -> Option<Delivery> {
        let mut state = self.state();
        if !fits(state.waiting.front()?) {
            return None;
        }
        let receipt = state.take(0)?;
        Some(Delivery { content: Some(Content::Receipt(receipt)), queue: Arc::clone(self) })
    }

    /// Whether anything is in memory alone.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Whether what would be taken next from memory loses nothing by waiting there.
    pub(crate) fn can_wait(&self) -> bool {
        self.state().waiting.front().is_some_and(|receipt| receipt.replayable)
    }

    /// Waits for the next batch; `None` when the queue is closed and empty.
    pub async fn next(self: &Arc<Self>) -> Option<Delivery> {
        loop {
            let changed = self.changed.notified();
            if let Some(delivery) = self.try_next(|_| true) {
                return Some(delivery);
            }
            if self.is_drained() {
                // The next waiter, if any, sees the end as well.
                self.changed.notify_one();
                return None;
            }
            changed.await;
        }
    }

    /// No more batches will come; what waits can still be taken.
    pub fn close(&self) {
        self.state().closed = true;
        self.notify();
    }

    /// Whether it is closed and nothing waits.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let state = self.state();
        // In this order: what the clerk takes is known to the spool before it leaves the queue.
        let drained = state.closed && state.waiting.is_empty();
        drop(state);
        drained && self.spool.get().is_none_or(|spool| spool.is_empty())
    }

    /// Bytes of the batches that wait in memory to be taken or written, and events that wait here or in the
    /// spool.
    #[must_use]
    pub fn depth(&self) -> (usize, u64) {
        let state = self.state();
        let (bytes, events) = (state.bytes, state.events);
        drop(state);
        (bytes, events + self.stored())
    }

    /// Events that wait in the spool: they outlive the agent.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.spool.get().map_or(0, |spool| spool.waiting())
    }

    /// Asks the spool's clerk to end. One that has no spool is abandoned if its destination is gone.
    pub fn end(&self, ending: Ending) {
        match (self.spool.get(), ending) {
            (Some(spool), _) => spool.end(ending),
            (None, Ending::Removed(reason)) => self.abandon(reason),
            (None, Ending::Shutdown) => {}
        }
    }

    /// Drops the oldest batch that its source cannot read again; false if there is none.
    pub(crate) fn shed(&self) -> bool {
        let mut state = self.state();
        let Some(at) = state.waiting.iter().position(|receipt| !receipt.replayable) else { return false };
        let Some(receipt) = state.take(at) else { return false };
        drop(state);
        self.settle(&receipt, Fate::dropped(receipt.batch.count, DropReason::BufferFull));
        true
    }

    /// Drops all that waits, because nobody will ever take it.
    pub fn abandon(&self, reason: DropReason) {
        let mut state = self.state();
        state.closed = true;
        state.abandoned = Some(reason);
        let waiting: Vec<_> = std::iter::from_fn(|| state.take(0)).collect();
        drop(state);
        self.changed.notify_one();
        for receipt in waiting {
            self.settle(&receipt, Fate::dropped(receipt.batch.count, reason));
        }
    }
}

/// A batch in an exporter's hands. Settle it; dropped unsettled, it goes back to the front of its queue.
#[derive(Debug)]
pub struct Delivery {
    content: Option<Content>,
    queue: Arc<Queue>,
}

#[derive(Debug)]
enum Content {
    Receipt(Arc<Receipt>),
    Stored(Stored),
}

impl Delivery {
    fn content(&self) -> &Content {
        self.content.as_ref().expect("a delivery holds its batch until it is settled")
    }

    /// The batch.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        match self.content() {
            Content::Receipt(receipt) => &receipt.batch,
            Content::Stored(item) => item.batch(),
        }
    }

    /// The name of its source, if the batch comes from there and not from the spool.
    pub(crate) fn source(&self) -> &str {
        match self.content() {
            Content::Receipt(receipt) => &receipt.name,
            Content::Stored(_) => "",
        }
    }

    /// Says what became of it here.
    pub fn settle(mut self, fate: Fate) {
        match (self.content.take(), self.queue.spool.get()) {
            (Some(Content::Receipt(receipt)), _) => self.queue.settle(&receipt, fate),
            (Some(Content::Stored(item)), Some(spool)) => spool.settled(item, fate),
            _ => {}
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        match (self.content.take(), self.queue.spool.get()) {
            (Some(Content::Receipt(receipt)), _) => self.queue.put(receipt, true),
            (Some(Content::Stored(item)), Some(spool)) => {
                spool.give_back(item);
                self.queue.notify_takers();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

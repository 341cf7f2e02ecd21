//! The queue of one destination and signal: first in, first out, bounded by the bytes its batches reserve.
//!
//! A [`Delivery`] that is dropped unsettled goes back to the front: an exporter that panics or is built
//! anew loses nothing. Queues belong to the agent and outlive the exporters that empty them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::batch::Batch;
use crate::receipt::{DropReason, Fate, Receipt};

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Told of each new batch, and of the end.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Receipt>>,
    bytes: usize,
    events: u64,
    closed: bool,
    /// Nobody will ever take what comes: it is dropped for this reason.
    abandoned: Option<DropReason>,
}

impl State {
    fn put(&mut self, receipt: Arc<Receipt>, at_front: bool) {
        if let Some(reason) = self.abandoned {
            receipt.settle(Fate::dropped(receipt.batch.count, reason));
            return;
        }
        self.bytes += receipt.batch.bytes();
        self.events += u64::from(receipt.batch.count);
        if at_front {
            self.waiting.push_front(receipt);
        } else {
            self.waiting.push_back(receipt);
        }
    }

    fn take(&mut self, at: usize) -> Option<Arc<Receipt>> {
        let receipt = self.waiting.remove(at)?;
        self.bytes -= receipt.batch.bytes();
        self.events -= u64::from(receipt.batch.count);
        Some(receipt)
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, receipt: Arc<Receipt>) {
        self.state().put(receipt, false);
        self.changed.notify_one();
    }

    fn give_back(&self, receipt: Arc<Receipt>) {
        self.state().put(receipt, true);
        self.changed.notify_one();
    }

    /// Takes the next batch if one is there and `fits` says so.
    pub fn try_next(self: &Arc<Self>, fits: impl FnOnce(&Batch) -> bool) -> Option<Delivery> {
        let mut state = self.state();
        if !fits(&state.waiting.front()?.batch) {
            return None;
        }
        let receipt = state.take(0)?;
        Some(Delivery { receipt: Some(receipt), queue: Arc::clone(self) })
    }

    /// Waits for the next batch; `None` when the queue is closed and empty.
    pub async fn next(self: &Arc<Self>) -> Option<Delivery> {
        loop {
            let changed = self.changed.notified();
            if let Some(delivery) = self.try_next(|_| true) {
                return Some(delivery);
            }
            if self.state().closed {
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
        self.changed.notify_one();
    }

    /// Whether it is closed and nothing waits.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let state = self.state();
        state.closed && state.waiting.is_empty()
    }

    /// Batches' bytes and events that wait now.
    #[must_use]
    pub fn depth(&self) -> (usize, u64) {
        let state = self.state();
        (state.bytes, state.events)
    }

    /// Drops the oldest batch that its source cannot read again; false if there is none.
    pub(crate) fn shed(&self) -> bool {
        let mut state = self.state();
        let Some(at) = state.waiting.iter().position(|receipt| !receipt.replayable) else { return false };
        let Some(receipt) = state.take(at) else { return false };
        drop(state);
        receipt.settle(Fate::dropped(receipt.batch.count, DropReason::BufferFull));
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
            receipt.settle(Fate::dropped(receipt.batch.count, reason));
        }
    }
}

/// A batch in an exporter's hands. Settle it; dropped unsettled, it goes back to the front of its queue.
#[derive(Debug)]
pub struct Delivery {
    receipt: Option<Arc<Receipt>>,
    queue: Arc<Queue>,
}

impl Delivery {
    /// The batch.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.receipt.as_ref().expect("a delivery holds its receipt until it is settled").batch
    }

    /// Says what became of it here.
    pub fn settle(mut self, fate: Fate) {
        if let Some(receipt) = self.receipt.take() {
            receipt.settle(fate);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            self.queue.give_back(receipt);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::batch::{Envelope, Signal};
    use crate::budget::Budget;
    use crate::instruments::Instruments;
    use crate::ledger::Ledger;
    use crate::outlet::{Offer, Outlet, Switch, Trunk};
    use crate::page::Page;
    use crate::snapshot::Snapshot;
    use proptest::prelude::*;

    struct Rig {
        trunk: Trunk,
        outlet: Outlet,
        instruments: Instruments,
        queues: Vec<Arc<Queue>>,
    }

    fn rig(destinations: usize, memory: usize) -> Rig {
        let instruments = Instruments::default();
        let trunk = Trunk {
            switch: Switch::default(),
            budget: Budget::new(memory),
            ledger: Ledger::new(&instruments),
        };
        let queues: Vec<Arc<Queue>> = (0..destinations).map(|_| Arc::default()).collect();
        trunk.switch.set(queues.iter().map(|q| (Signal::Logs, Arc::clone(q))).collect());
        let slot = Snapshot::new().0.slot("logs");
        Rig { outlet: Outlet::new("app", trunk.clone(), slot), trunk, instruments, queues }
    }

    fn offer(token: u64, bytes: usize) -> Offer {
        let batch = Batch {
            signal: Signal::Logs,
            envelope: Arc::new(Envelope::default()),
            records: vec![0; bytes].into(),
            count: 1,
        };
        Offer { batch, token }
    }

    /// read, delivered, dropped, in flight
    fn ledger(rig: &Rig) -> (f64, f64, f64, f64) {
        let mut page = Page::default();
        rig.instruments.write(&mut page);
        let sum = |wanted: &str, family: &str| {
            page.families()
                .filter(|(f, _)| f.name == family)
                .flat_map(|(_, rows)| rows)
                .filter(|row| row.labels.contains(wanted))
                .map(|row| row.value)
                .sum()
        };
        (
            sum("\"read\"", "vigie_events_total"),
            sum("\"delivered\"", "vigie_events_total"),
            sum("\"dropped\"", "vigie_events_total"),
            sum("", "vigie_events_in_flight"),
        )
    }

    #[tokio::test]
    async fn a_source_hears_of_a_batch_when_the_last_destination_is_done() {
        let mut rig = rig(2, 1 << 20);
        rig.outlet.events.offer(offer(7, 10)).await;
        rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
        assert!(rig.outlet.settled.try_recv().is_err());
        assert_eq!(rig.trunk.budget.replayable.held(), 10);
        rig.queues[1].next().await.unwrap().settle(Fate::dropped(1, DropReason::Rejected));
        let settled = rig.outlet.settled.try_recv().unwrap();
        assert_eq!((settled.token, settled.fate), (7, Fate::dropped(1, DropReason::Rejected)));
        assert_eq!(rig.trunk.budget.replayable.held(), 0);
        assert_eq!(ledger(&rig), (1.0, 0.0, 1.0, 0.0));
    }

    #[tokio::test]
    async fn a_delivery_that_is_dropped_unsettled_is_the_next_one_again() {
        let rig = rig(1, 1 << 20);
        rig.outlet.events.offer(offer(1, 10)).await;
        rig.outlet.events.offer(offer(2, 20)).await;
        let first = rig.queues[0].next().await.unwrap();
        assert_eq!(first.batch().bytes(), 10);
        drop(first);
        assert_eq!(rig.queues[0].next().await.unwrap().batch().bytes(), 10);
    }

    #[tokio::test]
    async fn a_replayable_source_waits_while_the_buffer_is_full() {
        let rig = rig(1, 200);
        rig.outlet.events.offer(offer(1, 100)).await;
        let events = rig.outlet.events.clone();
        let waiting = tokio::spawn(async move { events.offer(offer(2, 100)).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
        waiting.await.unwrap();
        assert_eq!(rig.queues[0].depth(), (100, 1));
    }

    #[tokio::test]
    async fn what_no_exporter_takes_is_dropped_with_that_reason() {
        let mut rig = rig(0, 1 << 20);
        rig.outlet.events.offer(offer(1, 10)).await;
        assert_eq!(rig.outlet.settled.try_recv().unwrap().fate, Fate::dropped(1, DropReason::NoExporter));
        assert_eq!(ledger(&rig), (1.0, 0.0, 1.0, 0.0));
    }

    #[tokio::test]
    async fn an_abandoned_queue_drops_what_waits_and_what_comes_back() {
        let rig = rig(1, 1 << 20);
        rig.outlet.events.offer(offer(1, 10)).await;
        rig.outlet.events.offer(offer(2, 10)).await;
        let in_hand = rig.queues[0].next().await.unwrap();
        rig.queues[0].abandon(DropReason::ExporterRemoved);
        drop(in_hand);
        assert!(rig.queues[0].next().await.is_none());
        assert_eq!(ledger(&rig), (2.0, 0.0, 2.0, 0.0));
    }

    proptest! {
        /// Whatever is offered, taken, settled or given back in any order: the ledger balances, the bytes
        /// stay within the share, and each queue keeps its order.
        #[test]
        fn the_ledger_balances_whatever_happens(
            steps in proptest::collection::vec((0u8..5, 0usize..2, 1usize..60), 1..200)
        ) {
            let mut rig = rig(2, 8 * 128);
            let mut in_hand: Vec<Delivery> = Vec::new();
            for (token, (step, which, bytes)) in steps.into_iter().enumerate() {
                match step {
                    0 | 1 => rig.outlet.events.offer_volatile(offer(token as u64, bytes)),
                    2 => in_hand.extend(rig.queues[which].try_next(|_| true)),
                    3 => {
                        if !in_hand.is_empty() {
                            in_hand.remove(0).settle(Fate::DELIVERED);
                        }
                    }
                    _ => drop(in_hand.pop()),
                }
                let (read, delivered, dropped, in_flight) = ledger(&rig);
                prop_assert_eq!(read, delivered + dropped + in_flight);
                prop_assert!(rig.trunk.budget.volatile.held() <= 128);
            }
            drop(in_hand);
            for queue in &rig.queues {
                while let Some(delivery) = queue.try_next(|_| true) {
                    delivery.settle(Fate::DELIVERED);
                }
            }
            let (read, delivered, dropped, in_flight) = ledger(&rig);
            prop_assert_eq!((in_flight, rig.trunk.budget.volatile.held()), (0.0, 0));
            prop_assert_eq!(read, delivered + dropped);
            let mut told = 0.0;
            while rig.outlet.settled.try_recv().is_ok() {
                told += 1.0;
            }
            prop_assert_eq!(told, read);
        }
    }
}

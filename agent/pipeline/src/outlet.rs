//! What a source is given: where its events go, and how it hears what became of them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use crate::batch::{Batch, Envelope, Signal};
use crate::budget::{Budget, Reservation};
use crate::ledger::{Counts, Ledger};
use crate::queue::Queue;
use crate::receipt::{DropReason, Fate, Receipt, Settled};
use crate::snapshot::Slot;

/// The queues that events fan out to, by signal. The agent changes it as exporters come and go. Cheap to
/// clone; clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Switch(Arc<ArcSwap<Queues>>);

type Queues = Vec<(Signal, Arc<Queue>)>;

impl Switch {
    /// From now on events go to these queues, and to no other.
    pub fn set(&self, queues: Queues) {
        self.0.store(Arc::new(queues));
    }

    fn queues(&self, signal: Signal) -> Vec<Arc<Queue>> {
        self.0.load().iter().filter(|(s, _)| *s == signal).map(|(_, q)| Arc::clone(q)).collect()
    }
}

/// What all sources share.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Where events go.
    pub switch: Switch,
    /// The memory they may take.
    pub budget: Budget,
    /// Where they are counted.
    pub ledger: Ledger,
}

/// One source's end of the pipeline.
#[derive(Debug)]
pub struct Outlet {
    /// Where it offers events.
    pub events: Events,
    /// Where it hears what became of them.
    pub settled: mpsc::UnboundedReceiver<Settled>,
    /// Where it publishes its metrics.
    pub slot: Slot,
}

impl Outlet {
    /// The end of the source called `source`, with its place in the snapshot.
    #[must_use]
    pub fn new(source: impl Into<Arc<str>>, trunk: Trunk, slot: Slot) -> Self {
        let (tell, settled) = mpsc::unbounded_channel();
        Self { events: Events { source: source.into(), trunk, tell }, settled, slot }
    }
}

/// Encoded events as a source hands them over.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The events.
    pub batch: Batch,
    /// What the source calls them: comes back in [`Settled`].
    pub token: u64,
}

/// Offers events of one source. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    source: Arc<str>,
    trunk: Trunk,
    /// Not bounded by a number: each message answers one offer, and offers are bounded in bytes.
    tell: mpsc::UnboundedSender<Settled>,
}

impl Events {
    /// Offers events that the source can read again: waits while the buffer is full. The wait can be
    /// given up; then nothing was offered.
    pub async fn offer(&self, offer: Offer) {
        let held = self.trunk.budget.replayable.reserve(offer.batch.bytes()).await;
        self.admit(offer, true, Some(held));
    }

    /// Offers events that exist nowhere else: when the buffer is full the oldest of their kind make room,
    /// and are counted.
    pub fn offer_volatile(&self, offer: Offer) {
        let share = &self.trunk.budget.volatile;
        let held = loop {
            if let Some(held) = share.try_reserve(offer.batch.bytes()) {
                break Some(held);
            }
            let queues = self.trunk.switch.0.load();
            // Every queue: the room is free only when the last one has let go.
            if !queues.iter().fold(false, |any, (_, queue)| queue.shed() || any) {
                break None;
            }
        };
        match held {
            Some(held) => self.admit(offer, false, Some(held)),
            None => {
                // All the room is in the hands of exporters that are sending.
                let count = offer.batch.count;
                let receipt = self.receipt(offer, false, 1, None);
                receipt.settle(Fate::dropped(count, DropReason::BufferFull));
            }
        }
    }

    fn admit(&self, offer: Offer, replayable: bool, held: Option<Reservation>) {
        let queues = self.trunk.switch.queues(offer.batch.signal);
        let count = offer.batch.count;
        let receipt = self.receipt(offer, replayable, queues.len().max(1), held);
        if queues.is_empty() {
            receipt.settle(Fate::dropped(count, DropReason::NoExporter));
        }
        for queue in queues {
            queue.push(Arc::clone(&receipt));
        }
    }

    fn receipt(
        &self,
        offer: Offer,
        replayable: bool,
        destinations: usize,
        held: Option<Reservation>,
    ) -> Arc<Receipt> {
        let counts = self.counts(offer.batch.signal);
        Receipt::new(offer.batch, offer.token, replayable, destinations, counts, self.tell.clone(), held)
    }

    /// The ledger's columns of this source, for what it filters and drops itself.
    #[must_use]
    pub fn counts(&self, signal: Signal) -> Arc<Counts> {
        self.trunk.ledger.counts(&self.source, signal)
    }

    /// The memory budget, for the source's own buffers.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.trunk.budget
    }

    /// The name of the source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Collects encoded records of one signal into a [`Batch`].
#[derive(Debug)]
pub struct Gathering {
    signal: Signal,
    envelope: Arc<Envelope>,
    records: Vec<u8>,
    count: u32,
}

impl Gathering {
    /// Nothing yet.
    #[must_use]
    pub fn new(signal: Signal, envelope: Arc<Envelope>) -> Self {
        Self { signal, envelope, records: Vec::new(), count: 0 }
    }

    /// Adds one record that `encode` writes as a field 2 with tag and length.
    pub fn add(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.records);
        self.count += 1;
    }

    /// What was gathered, as an offer; `None` if nothing was.
    #[must_use]
    pub fn take(&mut self, token: u64) -> Option<Offer> {
        let count = std::mem::take(&mut self.count);
        let records = std::mem::take(&mut self.records).into();
        let batch = Batch { signal: self.signal, envelope: Arc::clone(&self.envelope), records, count };
        (count > 0).then_some(Offer { batch, token })
    }
}

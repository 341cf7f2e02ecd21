//! What a source is given: where its events go, and how it hears what became of them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, mpsc};

use crate::batch::{Batch, Envelope, Signal};
use crate::budget::{Budget, Reservation};
use crate::ledger::{Counts, Ledger};
use crate::queue::Queue;
use crate::receipt::{DropReason, Fate, Origin, Receipt, Settled};
use crate::room::{Lacking, Room};
use crate::snapshot::Slot;

/// The queues that events fan out to, by signal. The agent changes it as exporters come and go. Cheap to
/// clone; clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Switch {
    queues: Arc<ArcSwap<Queues>>,
    /// Told whenever there may be more room than there was.
    room: Arc<Notify>,
}

type Queues = Vec<(Signal, Arc<Queue>)>;

impl Switch {
    /// From now on events go to these queues, and to no other.
    pub fn set(&self, queues: Queues) {
        self.queues.store(Arc::new(queues));
        self.room.notify_waiters();
    }

    fn queues(&self, signal: Signal) -> Vec<Arc<Queue>> {
        self.queues.load().iter().filter(|(s, _)| *s == signal).map(|(_, q)| Arc::clone(q)).collect()
    }
}

/// The destination of what nobody takes.
const NOBODY: &str = "";

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
    /// Where they go, if not to all destinations of their signal.
    pub to: Option<Route>,
}

/// The names of some destinations.
pub type Route = Arc<[Arc<str>]>;

/// Offers events of one source. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    source: Arc<str>,
    trunk: Trunk,
    /// Not bounded by a number: each message answers one offer, and offers are bounded in bytes.
    tell: mpsc::UnboundedSender<Settled>,
}

impl Events {
    /// The names of the destinations of `signal`, now.
    #[must_use]
    pub fn destinations(&self, signal: Signal) -> Vec<Arc<str>> {
        self.trunk.switch.queues(signal).iter().map(|queue| Arc::clone(queue.name())).collect()
    }

    /// Room at all destinations of `signal` that are `among` these for `bytes` of events which the source can
    /// read again, before it reads them: waits for no destination.
    ///
    /// No destination may hold more than its part of the memory, so that one which takes nothing leaves the
    /// others theirs. A single one has all of it.
    ///
    /// # Errors
    /// The destinations that have no room. [`Events::room_returns`] says when to ask again.
    pub async fn room(&self, signal: Signal, among: &[Arc<str>], bytes: usize) -> Result<Room, Lacking> {
        let share = &self.trunk.budget.replayable;
        let mut queues = self.trunk.switch.queues(signal);
        let bound = share.size() / queues.len().max(1);
        queues.retain(|queue| among.contains(queue.name()));
        let promised = Room::promised(queues, bytes, bound, Arc::clone(&self.trunk.switch.room))?;
        Ok(promised.holding(share.reserve(bytes).await))
    }

    /// Ends when there may be more room than there was when this was called.
    pub fn room_returns(&self) -> OwnedNotified {
        // It hears of what happens from now on, even if it is awaited later.
        Arc::clone(&self.trunk.switch.room).notified_owned()
    }

    /// Offers events that the source can read again to the destinations that `room` was made for, or to those of
    /// them that the offer names. Waits only if they take more than was asked for. Events that are read `again`, for a
    /// destination that lags behind the others, are in the ledger already.
    pub async fn offer(&self, offer: Offer, room: &mut Room, again: bool) {
        let bytes = offer.batch.bytes();
        let queues = room.queues(offer.to.as_ref());
        let held = match room.take(bytes, &queues) {
            Some(held) => held,
            None => self.trunk.budget.replayable.reserve(bytes).await,
        };
        if again {
            for queue in &queues {
                self.trunk.ledger.again(&self.source, queue.name(), offer.batch.count);
            }
        } else {
            self.pass_by(&offer);
        }
        let receipt = self.receipt(offer, true, !again, queues.len(), Some(held));
        self.admit(receipt, &queues);
    }

    /// Counts what is not for all destinations where it does not go.
    fn pass_by(&self, offer: &Offer) {
        let Some(to) = &offer.to else { return };
        for queue in self.trunk.switch.queues(offer.batch.signal) {
            if !to.contains(queue.name()) {
                self.trunk.ledger.passes_by(&self.source, queue.name(), offer.batch.count);
            }
        }
    }

    /// Offers events that exist nowhere else: when the buffer is full the oldest of their kind make room,
    /// and are counted. Returns who will say that it is done with them: one without a name if nobody takes them.
    pub fn offer_volatile(&self, offer: Offer) -> Vec<Arc<str>> {
        let share = &self.trunk.budget.volatile;
        let mut queues = self.trunk.switch.queues(offer.batch.signal);
        if let Some(to) = &offer.to {
            queues.retain(|queue| to.contains(queue.name()));
            self.pass_by(&offer);
        }
        let held = loop {
            if let Some(held) = share.try_reserve(offer.batch.bytes()) {
                break held;
            }
            // The one that holds most pays first; the room is free only when the last one has let go.
            let all = self.trunk.switch.queues.load();
            let mut holders: Vec<_> = all.iter().map(|(_, queue)| queue).collect();
            holders.sort_by_key(|queue| std::cmp::Reverse(queue.depth().0));
            if !holders.into_iter().any(|queue| queue.shed()) {
                // All the room is in the hands of exporters that are sending.
                let count = offer.batch.count;
                let receipt = self.receipt(offer, false, true, 1, None);
                receipt.settle(&NOBODY.into(), Fate::dropped(count, DropReason::BufferFull));
                return vec![NOBODY.into()];
            }
        };
        let receipt = self.receipt(offer, false, true, queues.len(), Some(held));
        self.admit(receipt, &queues);
        if queues.is_empty() {
            return vec![NOBODY.into()];
        }
        queues.iter().map(|queue| Arc::clone(queue.name())).collect()
    }

    fn admit(&self, receipt: Arc<Receipt>, queues: &[Arc<Queue>]) {
        if queues.is_empty() {
            let count = receipt.batch.count;
            receipt.settle(&NOBODY.into(), Fate::dropped(count, DropReason::NoExporter));
        }
        for queue in queues {
            queue.push(Arc::clone(&receipt));
        }
    }

    fn receipt(
        &self,
        offer: Offer,
        replayable: bool,
        counted: bool,
        destinations: usize,
        held: Option<Reservation>,
    ) -> Arc<Receipt> {
        let origin = Origin {
            name: Arc::clone(&self.source),
            token: offer.token,
            replayable,
            counts: counted.then(|| self.counts(offer.batch.signal)),
            source: self.tell.clone(),
            room: Arc::clone(&self.trunk.switch.room),
        };
        Receipt::new(offer.batch, origin, destinations.max(1), held)
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
        (count > 0).then_some(Offer { batch, token, to: None })
    }
}

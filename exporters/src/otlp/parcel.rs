//! What one request carries, and how it is gathered from a queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use vigie_pipeline::otlp::request;
use vigie_pipeline::queue::{Delivery, Queue};
use vigie_pipeline::receipt::{DropReason, Fate};

/// The batches of one request. Dropped unsettled, they go back to the front of their queue in their order.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    deliveries: Vec<Delivery>,
    bytes: usize,
    events: u64,
}

impl Parcel {
    fn add(&mut self, delivery: Delivery) {
        self.bytes += delivery.batch().bytes();
        self.events += u64::from(delivery.batch().count);
        self.deliveries.push(delivery);
    }

    fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// How many records it has.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The request that carries it: chunks to be written one behind the other.
    pub(super) fn chunks(&self) -> Vec<Bytes> {
        request::chunks(self.deliveries.iter().map(Delivery::batch))
    }

    /// `rejected` of its records were refused for good, the others delivered. A destination does not say
    /// which: they are counted against the first batches, and never against more records than there are.
    pub(super) fn settle(mut self, rejected: u64) {
        let mut rest = rejected;
        for delivery in std::mem::take(&mut self.deliveries) {
            let lost = delivery.batch().count.min(u32::try_from(rest).unwrap_or(u32::MAX));
            rest -= u64::from(lost);
            delivery.settle(Fate::dropped(lost, DropReason::Rejected));
        }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        // Each goes to the front of the queue: the last has to go first.
        while let Some(delivery) = self.deliveries.pop() {
            drop(delivery);
        }
    }
}

/// Gathers parcels: up to so many bytes, or for so long after the first batch.
#[derive(Debug)]
pub(super) struct Gathering {
    max_bytes: usize,
    max_delay: Duration,
    parcel: Parcel,
    /// When the parcel leaves, even if it is not full.
    leaves: Instant,
    over: bool,
}

impl Gathering {
    pub(super) fn new(max_bytes: usize, max_delay: Duration) -> Self {
        Self { max_bytes, max_delay, parcel: Parcel::default(), leaves: Instant::now(), over: false }
    }

    /// The next parcel; `None` when the queue is closed and all of it was handed out. The wait can be
    /// given up at any time: what was gathered stays.
    pub(super) async fn next(&mut self, queue: &Arc<Queue>) -> Option<Parcel> {
        while !self.over {
            if self.parcel.is_empty() {
                match queue.next().await {
                    Some(first) => drop(self.start(first)),
                    None => self.over = true,
                }
                continue;
            }
            if self.take_what_fits(queue) {
                break;
            }
            match timeout_at(self.leaves, queue.next()).await {
                Ok(Some(more)) if self.fits(more.batch().bytes()) => self.parcel.add(more),
                Ok(Some(more)) => return Some(self.start(more)),
                Ok(None) => self.over = true,
                Err(_) => break,
            }
        }
        let parcel = std::mem::take(&mut self.parcel);
        (!parcel.is_empty()).then_some(parcel)
    }

    /// Begins a parcel with `first`; gives back the one before.
    fn start(&mut self, first: Delivery) -> Parcel {
        self.leaves = Instant::now() + self.max_delay;
        let mut parcel = Parcel::default();
        parcel.add(first);
        std::mem::replace(&mut self.parcel, parcel)
    }

    fn fits(&self, more: usize) -> bool {
        self.parcel.bytes + more <= self.max_bytes
    }

    /// Takes what is there already; whether the parcel is full.
    fn take_what_fits(&mut self, queue: &Arc<Queue>) -> bool {
        let mut full = self.parcel.bytes >= self.max_bytes;
        while !full {
            let room = self.max_bytes - self.parcel.bytes;
            let taken = queue.try_next(|batch| {
                full = batch.bytes() > room;
                !full
            });
            match taken {
                Some(delivery) => self.parcel.add(delivery),
                None => break,
            }
        }
        full
    }

    /// Whether the queue has ended and nothing is left here.
    pub(super) fn is_over(&self) -> bool {
        self.over && self.parcel.is_empty()
    }

    /// Gives back what was gathered and not handed out.
    pub(super) fn give_back(&mut self) {
        drop(std::mem::take(&mut self.parcel));
    }
}

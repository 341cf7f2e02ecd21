//! What one request carries, and how it is gathered from a queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use vigie_pipeline::queue::{Delivery, Queue};
use vigie_pipeline::receipt::{DropReason, Fate};

use super::portion::Portion;
use super::search::Search;

/// The batches of one request. Dropped unsettled, they go back to the front of their queue in their order.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    deliveries: Vec<Delivery>,
    bytes: usize,
    /// Of each batch, how many records were refused for good.
    refused: Vec<u32>,
    /// Begins with the first request.
    search: Option<Search>,
}

impl Parcel {
    fn add(&mut self, delivery: Delivery) {
        self.bytes += delivery.batch().bytes();
        self.deliveries.push(delivery);
        self.refused.push(0);
    }

    fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// What is to be sent: all of it at first, parts of it once it was refused. `hopeless` says that the
    /// destination refused all of the parcel before. `None` if all of it is done or under way.
    pub(super) fn next(&mut self, hopeless: bool) -> Option<Portion> {
        let deliveries = &self.deliveries;
        let whole = || Portion::of(deliveries.iter().map(Delivery::batch));
        self.search.get_or_insert_with(|| Search::new(whole(), hopeless)).next()
    }

    /// Nothing came of it: it is to be sent again.
    pub(super) fn again(&mut self, portion: Portion) {
        if let Some(search) = &mut self.search {
            search.again(portion);
        }
    }

    /// The destination took it, all but `rejected` of its records.
    pub(super) fn taken(&mut self, portion: &Portion, rejected: u64) {
        self.count_refused(portion, rejected);
        if let Some(search) = &mut self.search {
            search.taken();
        }
    }

    /// The destination refused it for good, and for what is in it where `cut` says so: what of it is given
    /// up now, if not parts of it are tried.
    pub(super) fn refused(&mut self, portion: Portion, cut: bool) -> Option<Portion> {
        let lost = match &mut self.search {
            Some(search) if cut => search.refused(portion)?,
            _ => portion,
        };
        self.count_refused(&lost, lost.events());
        Some(lost)
    }

    /// Whether any of it was taken.
    pub(super) fn is_fruitful(&self) -> bool {
        self.search.as_ref().is_some_and(Search::is_fruitful)
    }

    /// `rejected` of these records were refused for good, the others delivered. A destination does not say
    /// which: they are counted against the first batches, and never against more records than there are.
    fn count_refused(&mut self, portion: &Portion, rejected: u64) {
        let mut rest = rejected;
        for piece in portion.pieces() {
            let lost = piece.batch.count.min(u32::try_from(rest).unwrap_or(u32::MAX));
            rest -= u64::from(lost);
            self.refused[piece.place] += lost;
        }
    }

    /// Whether nothing of it is left to be sent, if nothing of it is under way.
    pub(super) fn is_done(&self) -> bool {
        self.search.as_ref().is_some_and(Search::is_empty)
    }

    /// All of it is done.
    pub(super) fn settle(mut self) {
        for (delivery, lost) in std::mem::take(&mut self.deliveries).into_iter().zip(&self.refused) {
            delivery.settle(Fate::dropped(*lost, DropReason::Rejected));
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

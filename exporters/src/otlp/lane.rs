//! One signal on its way to one destination: gathered, sent, answered, settled.
//!
//! A few requests are under way at once, so that writing one overlaps with waiting for the answer to
//! another; of one parcel never more than one, so that the search for records that the destination refuses
//! (see [`super::search`]) takes its steps in order. The parcels stay here while copies of their bodies' handles travel: whatever ends the lane, what
//! is not settled goes back to the queue in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;
use vigie_pipeline::queue::Queue;
use vigie_pipeline::stop::Stop;

use super::answer::{Answer, Fault};
use super::backoff::Pace;
use super::destination::{Destination, Sent};
use super::failure::Failure;
use super::news::News;
use super::parcel::{Gathering, Parcel};
use super::portion::Portion;
use super::rejects::Rejects;
use super::tally::{Outcome, Tally};

/// How many requests of one signal may be under way at once.
pub(super) const MOST_UNDER_WAY: usize = 4;

/// After a stop, what is under way may take so long to finish.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// The place of a parcel in the order they were gathered in.
type Number = u64;

/// A request that has come back.
struct Landed {
    number: Number,
    portion: Portion,
    sent_at: Instant,
    sent: Sent,
}

/// See the module.
pub(super) struct Lane {
    queue: Arc<Queue>,
    destination: Arc<Destination>,
    gathering: Gathering,
    pace: Pace,
    tally: Tally,
    news: News,
    rejects: Rejects,
    parcels: BTreeMap<Number, Parcel>,
    /// Parcels of which something has to be sent, or sent again.
    again: BTreeSet<Number>,
    /// Whether the destination refused all of a parcel, and has taken nothing since.
    hopeless: bool,
    under_way: FuturesUnordered<Pin<Box<dyn Future<Output = Landed> + Send>>>,
    next_number: Number,
}

impl Lane {
    pub(super) fn new(
        queue: Arc<Queue>,
        destination: Arc<Destination>,
        gathering: Gathering,
        pace: Pace,
        tally: Tally,
        news: News,
        rejects: Rejects,
    ) -> Self {
        Self {
            queue,
            destination,
            gathering,
            pace,
            tally,
            news,
            rejects,
            parcels: BTreeMap::new(),
            again: BTreeSet::new(),
            hopeless: false,
            under_way: FuturesUnordered::new(),
            next_number: 0,
        }
    }

    /// Delivers until stopped, or until the queue is closed and everything is settled.
    pub(super) async fn run(mut self, mut stop: Stop) {
        while !(self.gathering.is_over() && self.parcels.is_empty()) {
            let now = Instant::now();
            let allowed = self.pace.allowed(now, MOST_UNDER_WAY);
            while self.under_way.len() < allowed
                && let Some(number) = self.again.pop_first()
            {
                self.send(number);
            }
            let room = self.under_way.len() < allowed && !self.gathering.is_over();
            let wait_ends = self.pace.waits_until(now);
            tokio::select! {
                biased;
                () = stop.stopped() => return self.finish().await,
                Some(landed) = self.under_way.next() => self.landed(landed),
                parcel = self.gathering.next(&self.queue), if room => {
                    if let Some(parcel) = parcel {
                        let number = self.next_number;
                        self.next_number += 1;
                        self.parcels.insert(number, parcel);
                        self.send(number);
                    }
                }
                () = until(wait_ends) => {}
            }
        }
    }

    fn send(&mut self, number: Number) {
        let Some(portion) = self.parcels.get_mut(&number).and_then(|parcel| parcel.next(self.hopeless))
        else {
            return;
        };
        let span = self.news.span(portion.events());
        let chunks = portion.chunks();
        let destination = Arc::clone(&self.destination);
        let send = async move {
            let sent_at = Instant::now();
            let sent = destination.send(chunks).await;
            Landed { number, portion, sent_at, sent }
        };
        self.under_way.push(Box::pin(send.instrument(span)));
    }

    fn landed(&mut self, Landed { number, portion, sent_at, sent }: Landed) {
        let now = Instant::now();
        self.tally.took(now - sent_at);
        let events = portion.events();
        match sent.answer {
            Ok(Answer::Accepted { rejected, message }) => {
                let rejected = rejected.min(events);
                self.tally.delivered(events, rejected, sent.bytes);
                self.answered(now);
                self.news.accepted(now, rejected, &message);
                self.hopeless = false;
                self.settle(number, |parcel| parcel.taken(&portion, rejected));
            }
            Ok(Answer::Refused { why, fault }) => {
                self.answered(now);
                let mut lost = None;
                self.settle(number, |parcel| lost = parcel.refused(portion, fault == Fault::Records));
                match lost {
                    Some(lost) => {
                        self.tally.count(Outcome::Dropped, events, sent.bytes);
                        self.news.refused(now, events, &why);
                        self.rejects.keep(&lost, &why);
                    }
                    None => {
                        self.tally.count(Outcome::Retried, events, sent.bytes);
                        self.news.searching(events, &why);
                    }
                }
            }
            Ok(Answer::Later { after, why }) => {
                self.tally.count(Outcome::Retried, events, sent.bytes);
                self.again(number, portion, now, after, sent_at, &why);
            }
            Err(failure) => {
                let Failure { phase, .. } = failure;
                self.tally.count(Outcome::Retried, events, sent.bytes);
                self.tally.failed(phase);
                self.again(number, portion, now, None, sent_at, &failure.to_string());
            }
        }
    }

    fn answered(&mut self, now: Instant) {
        self.pace.answered();
        self.news.answered(now);
    }

    fn again(
        &mut self,
        number: Number,
        portion: Portion,
        now: Instant,
        after: Option<Duration>,
        sent_at: Instant,
        why: &str,
    ) {
        self.pace.failed(sent_at, now, after, fastrand::f64());
        self.news.retrying(now, why);
        self.settle(number, |parcel| parcel.again(portion));
    }

    /// Tells a parcel what became of a part of it. What is left of it is sent next; if nothing is left, it
    /// is done.
    fn settle(&mut self, number: Number, tell: impl FnOnce(&mut Parcel)) {
        let Some(parcel) = self.parcels.get_mut(&number) else { return };
        tell(parcel);
        if !parcel.is_done() {
            self.again.insert(number);
        } else if let Some(parcel) = self.parcels.remove(&number) {
            self.hopeless = self.hopeless || !parcel.is_fruitful();
            parcel.settle();
        }
    }

    /// Lets what is under way finish; what does not goes back, and is sent again by whoever comes next.
    async fn finish(mut self) {
        let all = async {
            while let Some(landed) = self.under_way.next().await {
                self.landed(landed);
            }
        };
        let _ = timeout(STOP_PATIENCE, all).await;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Each goes to the front of the queue: the last has to go first.
        self.gathering.give_back();
        while let Some((_, parcel)) = self.parcels.pop_last() {
            drop(parcel);
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

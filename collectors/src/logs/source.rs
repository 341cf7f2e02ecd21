//! The shell around the [`Follower`]: when it takes a turn, where its offers go, when offsets are saved.
//!
//! A turn blocks on the file system, so it is run on a thread for that; a disk that hangs keeps that thread and
//! this source, and nobody else. Between turns the source waits for a notification, for the next scan, or, while
//! the buffer is full, for room in it; meanwhile acknowledgements move the offsets on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tracing::{debug, error, info};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::outlet::{Events, Offer, Outlet};
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::readiness::{Latch, Readiness};
use vigie_pipeline::receipt::Settled;
use vigie_pipeline::stop::Stop;

use super::file::CHUNK;
use super::follower::{Follower, Parts, Told};
use super::store::Store;
use super::wake::Wakes;

/// At most so often a turn is taken for notifications alone: writers that write line by line are read in
/// handfuls.
const PACE: Duration = Duration::from_millis(10);

/// So often everything is looked at, whatever notifications say. Longer when there are many files.
const SCAN_EVERY: Duration = Duration::from_secs(1);

/// One file more in a scan makes it come so much later.
const SCAN_PER_FILE: Duration = Duration::from_millis(1);

/// At most so often offsets are saved.
const SAVE_EVERY: Duration = Duration::from_millis(100);

/// A source of log records.
pub(crate) struct Tail {
    /// `None` while it is in the hands of a turn.
    follower: Option<Follower>,
    store: Arc<Store>,
    clock: Clock,
    batch_bytes: usize,
    wakes: Wakes,
    scan_at: Instant,
    save_at: Instant,
    readiness: Readiness,
    /// Held while offsets cannot be saved.
    failing_to_save: Option<Latch>,
}

/// What a turn found.
struct Turned {
    follower: Follower,
    offers: Vec<Offer>,
    /// The directories to watch, after a scan.
    directories: Option<BTreeSet<PathBuf>>,
}

impl Tail {
    pub(crate) fn new(parts: Parts, clock: Clock, readiness: Readiness) -> Self {
        let now = clock.monotonic();
        Self {
            store: Arc::clone(parts.claim.store()),
            batch_bytes: parts.batch_bytes,
            follower: Some(Follower::new(parts)),
            clock,
            wakes: Wakes::new(),
            scan_at: now,
            save_at: now + SAVE_EVERY,
            readiness,
            failing_to_save: None,
        }
    }

    fn follower(&mut self) -> &mut Follower {
        self.follower.as_mut().expect("the follower is here between turns")
    }

    /// Lets the follower scan if it is time to, and read what is new.
    async fn turn(&mut self) -> Result<Vec<Offer>, Error> {
        let now = self.clock.monotonic();
        let mut touched = self.wakes.take();
        touched.scan |= now >= self.scan_at;
        let told = Told { touched, now, observed: self.clock.unix_nanos() };
        let most = 2 * self.batch_bytes;
        let Some(mut follower) = self.follower.take() else { return Err("the last turn did not end".into()) };
        let is_first = follower.open_files() == 0;
        let store = Arc::clone(&self.store);
        let turn = move || {
            follower.touch(&told.touched);
            let (mut directories, mut offers) = (None, Vec::new());
            if told.touched.scan {
                directories = Some(follower.scan(&told));
                if is_first {
                    // What was there at first sight is known before anything is read. A failure shows at the
                    // next saving.
                    let _ = store.save(told.observed / 1_000_000_000);
                }
                offers = follower.tend_gone(&told);
                follower.measure();
            }
            follower.look_at_due(&told);
            offers.extend(follower.read(&told, most));
            offers.extend(follower.flush_due(&told));
            Turned { follower, offers, directories }
        };
        let turned = tokio::task::spawn_blocking(turn).await?;
        if let Some(directories) = turned.directories {
            self.wakes.watch(&directories);
            let files = u32::try_from(turned.follower.open_files()).unwrap_or(u32::MAX);
            self.scan_at = now + SCAN_EVERY.max(SCAN_PER_FILE * files);
        }
        self.follower = Some(turned.follower);
        Ok(turned.offers)
    }

    /// Hears of settled batches, as many as there are.
    fn hear(&mut self, first: Option<Settled>, settled: &mut mpsc::UnboundedReceiver<Settled>) {
        let seconds = self.clock.unix_nanos() / 1_000_000_000;
        let mut next = first.or_else(|| settled.try_recv().ok());
        while let Some(Settled { token, .. }) = next {
            self.follower().settled(token, seconds);
            next = settled.try_recv().ok();
        }
    }

    async fn save(&mut self) {
        self.save_at = self.clock.monotonic() + SAVE_EVERY;
        let (store, seconds) = (Arc::clone(&self.store), self.clock.unix_nanos() / 1_000_000_000);
        let saved = tokio::task::spawn_blocking(move || store.save(seconds)).await;
        match saved.map_err(std::io::Error::other).flatten() {
            Ok(()) if self.failing_to_save.take().is_some() => info!("offsets are saved again"),
            Ok(()) => {}
            Err(error) => {
                self.follower().meters().save_failures.inc();
                if self.failing_to_save.is_none() {
                    error!(
                        "save offsets: {error}; what is delivered from now on comes again after a restart"
                    );
                    self.failing_to_save = Some(self.readiness.latch(format!("save offsets: {error}")));
                }
            }
        }
    }

    /// Offers in order, waiting for room. Says whether all were offered: the rest is not, if it is stopped.
    async fn offer(
        &mut self,
        offers: Vec<Offer>,
        events: &Events,
        settled: &mut mpsc::UnboundedReceiver<Settled>,
        stop: &mut Stop,
    ) -> bool {
        for offer in offers {
            let offering = events.offer(offer);
            tokio::pin!(offering);
            loop {
                let save_at = self.save_at.into();
                tokio::select! {
                    biased;
                    () = &mut offering => break,
                    () = stop.stopped() => return false,
                    first = settled.recv() => self.hear(first, settled),
                    () = sleep_until(save_at) => self.save().await,
                }
            }
        }
        true
    }
}

#[async_trait]
impl Source for Tail {
    async fn run(mut self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Outlet { events, mut settled, slot: _slot } = outlet;
        self.follower().count_in(events.counts(Signal::Logs));
        let read = events.budget().read.clone();
        while !stop.is_stopped() {
            let began = self.clock.monotonic();
            {
                // A chunk, the batches of a turn, each of which may be larger by a chunk's lines, and the
                // longest line.
                let room = CHUNK + 3 * self.batch_bytes;
                let _held = tokio::select! {
                    held = read.reserve(room) => held,
                    () = stop.stopped() => break,
                };
                let offers = self.turn().await?;
                if !self.offer(offers, &events, &mut settled, &mut stop).await {
                    break;
                }
            }
            self.hear(None, &mut settled);
            if self.clock.monotonic() >= self.save_at && self.store.is_changed() {
                self.save().await;
            }
            if !self.follower().is_ready() {
                self.wait(began, &mut settled, &mut stop).await;
            }
        }
        self.finish(&mut settled).await;
        Ok(())
    }
}

impl Tail {
    /// Waits until there may be something to do, but not less than the pace.
    async fn wait(
        &mut self,
        began: Instant,
        settled: &mut mpsc::UnboundedReceiver<Settled>,
        stop: &mut Stop,
    ) {
        loop {
            let due = self.follower().due().map_or(self.scan_at, |due| due.min(self.scan_at));
            let (due, save_at) = (due.into(), self.save_at.into());
            let changed = self.store.is_changed();
            tokio::select! {
                () = stop.stopped() => return,
                () = self.wakes.woken() => break,
                () = sleep_until(due) => break,
                () = sleep_until(save_at), if changed => self.save().await,
                first = settled.recv() => self.hear(first, settled),
            }
        }
        sleep_until((began + PACE).into()).await;
    }

    /// Waits until all that was offered is settled and saves the offsets. Whoever stopped this decides how
    /// long that may take; so what is settled is saved as it comes.
    async fn finish(&mut self, settled: &mut mpsc::UnboundedReceiver<Settled>) {
        while let Some(follower) = &self.follower
            && follower.in_flight() > 0
        {
            debug!(batches = follower.in_flight(), "wait for what was offered to be settled");
            let Some(first) = settled.recv().await else { break };
            self.hear(Some(first), settled);
            self.save().await;
        }
        if self.follower.is_some() {
            self.save().await;
        }
    }
}

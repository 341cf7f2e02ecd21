//! The shell around the [`Follower`]: when it takes a turn, where its offers go, when offsets are saved.
//!
//! A turn blocks on the file system, so it is run on a thread for that; a disk that hangs keeps that thread and
//! this source, and nobody else. Between turns the source waits for a notification, for the next scan, or, while
//! the buffer is full, for room in it; meanwhile acknowledgements move the offsets on.

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
use super::wake::{Wakes, Watch, Watched};

/// At most so often a turn is taken for notifications alone: writers that write line by line are read in
/// handfuls. The first line after a pause does not wait.
const PACE: Duration = Duration::from_millis(50);

/// Notifications that have gathered are heard in so much time.
const GATHER: Duration = Duration::from_millis(2);

/// So often everything is looked at, whatever notifications say. Longer when there are so many files that a scan
/// takes longer than a few milliseconds.
const SCAN_EVERY: Duration = Duration::from_secs(1);

/// Even when scans take long.
const SCAN_EVERY_AT_MOST: Duration = Duration::from_secs(30);

/// The share of time that scans may take: one part of so many when nothing has happened, ...
const SCAN_SHARE: u32 = 400;

/// ... and when notifications ask for them.
const ASKED_SCAN_SHARE: u32 = 20;

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
    /// `None` while it is in the hands of a turn.
    watch: Option<Watch>,
    /// When everything is looked at, whatever notifications say.
    scan_at: Instant,
    /// When it may be looked at because notifications ask for it.
    may_scan_at: Instant,
    /// Whether they do.
    scan_asked: bool,
    save_at: Instant,
    readiness: Readiness,
    /// Held while offsets cannot be saved.
    failing_to_save: Option<Latch>,
}

/// What a turn found.
struct Turned {
    follower: Follower,
    watch: Watch,
    offers: Vec<Offer>,
    /// What came of watching directories, after a scan, and how long that took.
    scanned: Option<(Watched, Duration)>,
    /// Whether something was touched that only a scan finds out about.
    asks_scan: bool,
}

impl Tail {
    pub(crate) fn new(parts: Parts, clock: Clock, readiness: Readiness) -> Self {
        let now = clock.monotonic();
        let wakes = Wakes::default();
        Self {
            store: Arc::clone(parts.claim.store()),
            batch_bytes: parts.batch_bytes,
            follower: Some(Follower::new(parts)),
            clock,
            watch: Some(Watch::new(wakes.clone())),
            wakes,
            scan_at: now,
            may_scan_at: now,
            scan_asked: false,
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
        self.scan_asked |= touched.scan;
        touched.scan = now >= self.scan_at || self.scan_asked && now >= self.may_scan_at;
        let told = Told { touched, now, observed: self.clock.unix_nanos() };
        let most = 2 * self.batch_bytes;
        let (Some(mut follower), Some(mut watch)) = (self.follower.take(), self.watch.take()) else {
            return Err("the last turn did not end".into());
        };
        let is_first = follower.open_files() == 0;
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        let turn = move || {
            watch.forget(&told.touched);
            follower.meters().watch_overflows.inc_by(told.touched.overflows);
            let asks_scan = follower.touch(&told);
            let (mut scanned, mut offers) = (None, Vec::new());
            if told.touched.scan {
                let directories = follower.scan(&told);
                if is_first {
                    // What was there at first sight is known before anything is read. A failure shows at the
                    // next saving.
                    let _ = store.save(told.observed / 1_000_000_000);
                }
                offers = follower.tend_gone(&told);
                follower.measure();
                let took = clock.monotonic().saturating_duration_since(now);
                let watched = watch.set(&directories);
                follower.meters().unwatched_directories.set(watched.missing as i64);
                scanned = Some((watched, took));
            }
            follower.look_at_due(&told);
            offers.extend(follower.read(&told, most));
            offers.extend(follower.flush_due(&told));
            Turned { follower, watch, offers, scanned, asks_scan }
        };
        let turned = tokio::task::spawn_blocking(turn).await?;
        self.scan_asked |= turned.asks_scan;
        if let Some((watched, took)) = turned.scanned {
            let now = self.clock.monotonic();
            // What happened in a directory before it was watched is found by another scan.
            self.scan_asked = watched.more;
            self.scan_at = now + (SCAN_SHARE * took).clamp(SCAN_EVERY, SCAN_EVERY_AT_MOST);
            self.may_scan_at = now + ASKED_SCAN_SHARE * took;
        }
        self.follower = Some(turned.follower);
        self.watch = Some(turned.watch);
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
            let scan_at = if self.scan_asked { self.may_scan_at.min(self.scan_at) } else { self.scan_at };
            let due = self.follower().due().map_or(scan_at, |due| due.min(scan_at));
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
        sleep_until((began + PACE).max(self.clock.monotonic() + GATHER).into()).await;
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

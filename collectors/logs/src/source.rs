//! The shell around the followers: when they take a turn, where their offers go, when offsets are saved.
//!
//! Before a turn that reads, room is asked for at every destination; while there is none the lines wait in their
//! files, which are looked at all the same, so that none is missed that comes and goes. Between turns the source
//! waits for a notification, for the next scan, or for room; meanwhile acknowledgements move the offsets on.
//!
//! The first [`strand`] serves all destinations that keep up, and each of the others one that does not. A
//! destination is set apart when the others have waited for it for longer than their [`patience`], and comes back
//! when it has caught up.

mod patience;
mod saving;
mod strand;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tracing::{debug, info, warn};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::outlet::{Events, Outlet};
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::readiness::Readiness;
use vigie_pipeline::receipt::Settled;
use vigie_pipeline::room::Lacking;
use vigie_pipeline::stop::Stop;

use super::follower::{Follower, Parts};
use super::meters::Meters;
use super::wake::{Wakes, Watch};
use patience::Patience;
use saving::Saving;
use strand::{Progress, Strand, Turned};

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

/// So often it is seen whether those that others wait for have used up their patience.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// For so long the first strand reads nothing, so that another one that has read as much gets its
/// acknowledgements and can end.
const HOLD: Duration = Duration::from_secs(1);

/// At most so often it does.
const HOLD_EVERY: Duration = Duration::from_secs(30);

/// A source of log records.
pub(crate) struct Tail {
    /// The first serves all destinations that keep up; each of the others one that does not.
    strands: Vec<Strand>,
    patience: Patience,
    saving: Saving,
    meters: Meters,
    clock: Clock,
    wakes: Wakes,
    /// When everything is looked at, whatever notifications say.
    scan_at: Instant,
    /// When it may be looked at because notifications ask for it.
    may_scan_at: Instant,
    /// Whether they do.
    scan_asked: bool,
    held_until: Instant,
    hold_at: Instant,
}

impl Tail {
    pub(crate) fn new(parts: Parts, clock: Clock, readiness: Readiness) -> Self {
        let now = clock.monotonic();
        let wakes = Wakes::default();
        Self {
            patience: Patience::default(),
            saving: Saving::new(&parts, clock.clone(), readiness),
            meters: parts.meters.clone(),
            strands: vec![Strand::lead(Follower::new(parts), Watch::new(wakes.clone()), now)],
            clock,
            wakes,
            scan_at: now,
            may_scan_at: now,
            scan_asked: false,
            held_until: now,
            hold_at: now,
        }
    }

    /// Hands on what notifications and the time say: which files to look at, and whether to look for others.
    fn wake(&mut self, now: Instant) {
        let mut touched = self.wakes.take();
        self.scan_asked |= touched.scan;
        touched.scan = now >= self.scan_at || self.scan_asked && now >= self.may_scan_at;
        if let Some((lead, others)) = self.strands.split_first_mut() {
            for strand in others {
                strand.touch(touched.clone());
            }
            lead.touch(touched);
        }
    }

    /// Lets the strand of this number scan if it is time to, and read what is new if there is room for it.
    async fn turn(&mut self, at: usize, events: &Events) -> Result<Progress, Error> {
        let now = self.clock.monotonic();
        if let Some((lead, others)) = self.strands.split_first_mut().filter(|_| at > 0) {
            others[at - 1].follower().stay_behind(lead.follower());
        }
        if !self.strands[at].has_work(now) {
            return Ok(Progress::Idle);
        }
        // Without destinations of its own the first strand waits for the others to catch up and come back.
        let may_read =
            at > 0 || now >= self.held_until && (self.strands.len() == 1 || self.strands[0].serves_any());
        let mut room = None;
        if may_read {
            let strand = &self.strands[at];
            match events.room(Signal::Logs, strand.members(), strand.need()).await {
                Ok(found) => room = Some(found),
                Err(lacking) if at == 0 => self.lacks(&lacking, now),
                Err(_) => {}
            }
        }
        let (found_room, is_lead) = (room.is_some(), at == 0);
        if found_room && is_lead {
            self.patience.no_wait(now);
        }
        if found_room || self.strands[at].is_touched() {
            let followers = self.strands.len();
            self.strands[at].follower().is_one_of(followers);
            let Turned { watched, asks_scan } =
                self.strands[at].turn(events, room, !is_lead, &self.clock).await?;
            self.scan_asked |= asks_scan;
            if let Some((watched, took)) = watched {
                let now = self.clock.monotonic();
                // What happened in a directory before it was watched is found by another scan.
                self.scan_asked = watched.more;
                self.scan_at = now + (SCAN_SHARE * took).clamp(SCAN_EVERY, SCAN_EVERY_AT_MOST);
                self.may_scan_at = now + ASKED_SCAN_SHARE * took;
            }
        }
        Ok(if found_room { Progress::Made } else { Progress::HeldUp })
    }

    /// Hears of settled batches, as many as there are.
    fn hear(&mut self, first: Option<Settled>, settled: &mut mpsc::UnboundedReceiver<Settled>) {
        let now = self.clock.monotonic();
        let seconds = self.clock.unix_nanos() / 1_000_000_000;
        let mut next = first.or_else(|| settled.try_recv().ok());
        while let Some(Settled { token, destination, .. }) = next {
            // The first strand hears what no other does: also of destinations that are there no more.
            let at = self.strands.iter().skip(1).position(|strand| strand.serves(&destination));
            self.strands[at.map_or(0, |at| at + 1)].settled(token, &destination, seconds, now);
            next = settled.try_recv().ok();
        }
        // What is settled can be closed, so that other files can be opened.
        self.scan_asked |= self.strands.iter_mut().any(|strand| strand.follower().is_crowded());
    }

    /// Some destinations of the first strand have no room. Those that the others have waited for long enough go on
    /// by themselves; where none has room there is nobody to wait.
    fn lacks(&mut self, lacking: &Lacking, now: Instant) {
        if lacking.0.len() == self.strands[0].members().len() {
            return self.patience.no_wait(now);
        }
        for name in self.patience.waited(&lacking.0, now) {
            warn!(
                source = self.meters.source,
                exporter = &*name,
                "takes nothing, or too little: the others go on, and this one reads for itself until it has caught up"
            );
            let seconds = self.clock.unix_nanos() / 1_000_000_000;
            let fork = self.strands[0].fork(&name, seconds, now);
            self.strands.push(fork);
        }
    }

    /// Destinations come and go with the configuration.
    fn follow_destinations(&mut self, events: &Events) {
        let now = self.clock.monotonic();
        let present = events.destinations(Signal::Logs);
        if self.strands.iter().map(|strand| strand.members().len()).sum::<usize>() == present.len()
            && present.iter().all(|name| self.strands.iter().any(|strand| strand.serves(name)))
        {
            return;
        }
        // What one that is gone had not got yet stays saved under its name, should it come back.
        self.strands[0].keep_members(&present);
        let is_gone = |strand: &Strand| !present.contains(&strand.members()[0]);
        for gone in self.strands.extract_if(1.., |strand| is_gone(strand)) {
            self.meters.keeps_up(&gone.members()[0]);
        }
        let laggards = self.strands[0].follower().laggards();
        for name in present {
            if self.strands.iter().any(|strand| strand.serves(&name)) {
                continue;
            }
            if laggards.contains(&name) {
                info!(source = self.meters.source, exporter = &*name, "goes on where it was");
                let follower = self.strands[0].follower().resumed(&name);
                self.strands.push(Strand::new(follower, vec![name], now));
            } else {
                self.strands[0].add_member(name);
            }
        }
    }

    /// Takes back those that have caught up.
    fn rejoin(&mut self) {
        let now = self.clock.monotonic();
        for at in (1..self.strands.len()).rev() {
            let (lead, others) = self.strands.split_at_mut(at);
            let strand = &mut others[0];
            let name = Arc::clone(&strand.members()[0]);
            self.meters.lags_behind(&name, strand.follower().lag_behind(lead[0].follower()));
            if !strand.follower().is_level_with(lead[0].follower()) {
                continue;
            }
            if strand.follower().in_flight() == 0 {
                self.meters.keeps_up(&name);
                info!(source = self.meters.source, exporter = &*name, "has caught up");
                self.strands.remove(at).dissolve();
                self.strands[0].add_member(name);
                self.held_until = now;
            } else if now >= self.hold_at && strand.heard_within(HOLD, now) {
                self.held_until = now + HOLD;
                self.hold_at = now + HOLD_EVERY;
            }
        }
    }

    /// Waits until there may be something to do, but for notifications alone not less than the pace.
    async fn wait(
        &mut self,
        began: Instant,
        held_up: bool,
        room_returns: impl Future<Output = ()>,
        settled: &mut mpsc::UnboundedReceiver<Settled>,
        stop: &mut Stop,
    ) {
        let looks = (began + LOOK_EVERY).max(self.held_until.min(began + HOLD));
        tokio::pin!(room_returns);
        loop {
            let scan_at = if self.scan_asked { self.may_scan_at.min(self.scan_at) } else { self.scan_at };
            // What waits for the lines that follow it is flushed in time, unless there is no room for it.
            let flushes =
                self.strands.iter_mut().filter(|_| !held_up).filter_map(|strand| strand.follower().due());
            let due = flushes.fold(scan_at, Instant::min).into();
            let save_at = self.saving.at().into();
            let changed = self.saving.is_due();
            tokio::select! {
                () = stop.stopped() => return,
                () = self.wakes.woken() => break,
                () = sleep_until(due) => break,
                () = &mut room_returns, if held_up => return,
                () = sleep_until(looks.into()), if held_up || self.strands.len() > 1 => return,
                () = sleep_until(save_at), if changed => self.saving.save().await,
                first = settled.recv() => self.hear(first, settled),
            }
        }
        sleep_until((began + PACE).max(self.clock.monotonic() + GATHER).into()).await;
    }

    /// Waits until all that was offered is settled and saves the offsets. Whoever stopped this decides how
    /// long that may take; so what is settled is saved as it comes.
    async fn finish(&mut self, settled: &mut mpsc::UnboundedReceiver<Settled>) {
        loop {
            self.saving.save().await;
            let batches: usize = self.strands.iter().map(Strand::in_flight).sum();
            if batches == 0 {
                break;
            }
            debug!(batches, "wait for what was offered to be settled");
            let Some(first) = settled.recv().await else { break };
            self.hear(Some(first), settled);
        }
    }
}

#[async_trait]
impl Source for Tail {
    async fn run(mut self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Outlet { events, mut settled, slot: _slot } = outlet;
        self.strands[0].follower().count_in(events.counts(Signal::Logs));
        while !stop.is_stopped() {
            let began = self.clock.monotonic();
            let room_returns = events.room_returns();
            self.follow_destinations(&events);
            self.wake(began);
            let (mut held_up, mut ready) = (false, false);
            // A strand that is added meanwhile takes its turn the next time.
            for at in 0..self.strands.len() {
                let progress = self.turn(at, &events).await?;
                held_up |= progress == Progress::HeldUp;
                ready |= progress == Progress::Made && self.strands[at].follower().is_ready();
            }
            self.hear(None, &mut settled);
            self.rejoin();
            if self.clock.monotonic() >= self.saving.at() && self.saving.is_due() {
                self.saving.save().await;
            }
            if !ready {
                self.wait(began, held_up, room_returns, &mut settled, &mut stop).await;
            }
        }
        self.finish(&mut settled).await;
        Ok(())
    }
}

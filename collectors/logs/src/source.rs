//! The shell around the followers: when they take a turn, where their offers go, when offsets are saved.
//!
//! Before a turn that reads, room is asked for at every destination; while there is none the lines wait in their
//! files, which are looked at all the same, so that none is missed that comes and goes. Between turns the source
//! waits for a notification, for the next scan, or for room; meanwhile acknowledgements move the offsets on.
//!
//! The first [`strand`] serves all destinations that keep up, and each of the others one that does not ([`laggards`]).
//! A destination is set apart when the others have waited for it for longer than their [`patience`], and comes back
//! when it has caught up and was told what was left out for it meanwhile.

mod laggards;
mod patience;
mod publishing;
mod saving;
mod strand;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tracing::debug;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::legacy::Legacy;
use vigie_pipeline::outlet::{Events, Outlet};
use vigie_pipeline::plug::{Error, Source, Surroundings};
use vigie_pipeline::receipt::Settled;
use vigie_pipeline::stop::Stop;

use super::follower::{Follower, Parts, spans};
use super::meters::Meters;
use super::wake::{Wakes, Watch};
use patience::Patience;
use publishing::Publishing;
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

/// A source of log records.
pub(crate) struct Tail {
    /// The first serves all destinations that keep up; each of the others one that does not.
    strands: Vec<Strand>,
    patience: Patience,
    saving: Saving,
    publishing: Publishing,
    meters: Meters,
    clock: Clock,
    legacy: Legacy,
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
    pub(crate) fn new(parts: Parts, surroundings: &Surroundings) -> Self {
        let Surroundings { clock, readiness, legacy, .. } = surroundings.clone();
        let now = clock.monotonic();
        let wakes = Wakes::default();
        Self {
            patience: Patience::default(),
            publishing: Publishing::new(now),
            saving: Saving::new(&parts, clock.clone(), readiness),
            meters: parts.meters.clone(),
            strands: vec![Strand::lead(Follower::new(parts), Watch::new(wakes.clone()), now)],
            clock,
            legacy,
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
            let (elders, others) = (self.elders(at), members(&self.strands[1..]));
            if is_lead {
                self.strands[at].follower().leave_to_others(others);
            }
            let Turned { watched, asks_scan } =
                self.strands[at].turn(events, room, elders.as_deref(), &self.clock).await?;
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

    /// For whom the strands before the one of this number read; `None` if it is the first.
    fn elders(&self, at: usize) -> Option<Vec<Arc<str>>> {
        (at > 0).then(|| members(&self.strands[..at]))
    }

    /// Hears of settled batches, as many as there are.
    fn hear(&mut self, first: Option<Settled>, settled: &mut mpsc::UnboundedReceiver<Settled>) {
        let now = self.clock.monotonic();
        let seconds = self.clock.unix_nanos() / 1_000_000_000;
        let mut next = first.or_else(|| settled.try_recv().ok());
        while let Some(Settled { token, destination, .. }) = next {
            // The first strand hears what no other does: also of destinations that are there no more.
            let others = if spans::token_of(token).is_some() { 0 } else { self.strands.len() };
            let at = self.strands.iter().take(others).skip(1).position(|strand| strand.serves(&destination));
            self.strands[at.map_or(0, |at| at + 1)].settled(token, &destination, seconds, now);
            next = settled.try_recv().ok();
        }
        // What is settled can be closed, so that other files can be opened.
        self.scan_asked |= self.strands.iter_mut().any(|strand| strand.follower().is_crowded());
    }

    /// Offers what the transforms of the strand of this number have to tell, if there is room at once.
    async fn tell(&mut self, at: usize, events: &Events) {
        let elders = self.elders(at);
        self.strands[at].tell(events, elders.as_deref(), &self.clock).await;
    }

    /// Shows what metrics have come to, if it is time to.
    fn publish(&mut self) {
        let now = self.clock.monotonic();
        self.publishing.publish(self.strands[0].follower(), now);
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
        let looks = (began + LOOK_EVERY).max(self.held_until.min(began + laggards::HOLD));
        tokio::pin!(room_returns);
        loop {
            let scan_at = if self.scan_asked { self.may_scan_at.min(self.scan_at) } else { self.scan_at };
            // What waits for the lines that follow it is flushed in time, unless there is no room for it.
            let flushes =
                self.strands.iter_mut().filter(|_| !held_up).filter_map(|strand| strand.follower().due());
            let due = flushes.fold(scan_at, Instant::min).into();
            let save_at = self.saving.at().into();
            let changed = self.saving.is_due();
            let publish_at = self.publishing.at(self.strands[0].follower());
            tokio::select! {
                () = stop.stopped() => return,
                () = self.wakes.woken() => break,
                () = sleep_until(due) => break,
                () = &mut room_returns, if held_up => return,
                () = sleep_until(looks.into()), if held_up || self.strands.len() > 1 => return,
                () = sleep_until(save_at), if changed => self.saving.save().await,
                () = sleep_until(publish_at.unwrap_or(began).into()), if publish_at.is_some() => self.publish(),
                first = settled.recv() => self.hear(first, settled),
            }
        }
        sleep_until((began + PACE).max(self.clock.monotonic() + GATHER).into()).await;
    }

    /// Offers what transforms have to tell of what was left out, waits until all is settled, and saves the offsets.
    /// Whoever stopped this decides how long that may take; so what is settled is saved as it comes.
    async fn finish(&mut self, events: &Events, settled: &mut mpsc::UnboundedReceiver<Settled>) {
        // Before what may take longer than there is time: nothing is counted any more.
        self.legacy.leave(self.strands[0].follower().hand_over());
        self.saving.end().await;
        for at in 0..self.strands.len() {
            self.tell(at, events).await;
        }
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
        self.strands[0].follower().tend_exceptions(self.clock.monotonic());
        self.saving.end().await;
    }
}

fn members(strands: &[Strand]) -> Vec<Arc<str>> {
    strands.iter().flat_map(Strand::members).cloned().collect()
}

#[async_trait]
impl Source for Tail {
    async fn run(mut self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Outlet { events, mut settled, slot } = outlet;
        self.publishing.publish_into(slot);
        if self.strands[0].follower().makes_spans() {
            // The ledger has its columns from here on.
            let _ = events.counts(Signal::Traces);
        }
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
            self.publish();
            self.hear(None, &mut settled);
            self.rejoin(&events).await;
            if self.clock.monotonic() >= self.saving.at() && self.saving.is_due() {
                self.saving.save().await;
            }
            if !ready {
                self.wait(began, held_up, room_returns, &mut settled, &mut stop).await;
            }
        }
        self.finish(&events, &mut settled).await;
        Ok(())
    }
}

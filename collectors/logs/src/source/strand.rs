//! A follower and the destinations it reads for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::batch::Signal;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::outlet::{Events, Offer};
use vigie_pipeline::plug::Error;
use vigie_pipeline::room::Room;

use crate::file::CHUNK;
use crate::follower::{Follower, Told};
use crate::transforms::Ending;
use crate::wake::{Touched, Watch, Watched};

/// How a strand's turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There was nothing to do.
    Idle,
    /// It did what there was, as far as a turn goes.
    Made,
    /// There was no room to read.
    HeldUp,
}

/// What a turn found.
pub(super) struct Turned {
    /// What came of watching directories, after a scan, and how long that took.
    pub(super) watched: Option<(Watched, Duration)>,
    /// Whether something was touched that only a scan finds out about.
    pub(super) asks_scan: bool,
}

/// See the module.
pub(super) struct Strand {
    /// `None` while it is in the hands of a turn.
    follower: Option<Follower>,
    members: Vec<Arc<str>>,
    /// Watches directories for all strands; the first has it.
    watch: Option<Watch>,
    /// What may have happened since its last turn.
    touched: Touched,
    batch_bytes: usize,
    has_scanned: bool,
    /// When a destination was last done with a batch.
    heard_at: Instant,
}

impl Strand {
    pub(super) fn new(mut follower: Follower, members: Vec<Arc<str>>, now: Instant) -> Self {
        follower.offer_to(members.clone());
        let batch_bytes = follower.batch_bytes();
        let touched = Touched { scan: true, ..Touched::default() };
        let watch = None;
        Self {
            follower: Some(follower),
            members,
            watch,
            touched,
            batch_bytes,
            has_scanned: false,
            heard_at: now,
        }
    }

    /// The first one.
    pub(super) fn lead(follower: Follower, watch: Watch, now: Instant) -> Self {
        Self { watch: Some(watch), ..Self::new(follower, Vec::new(), now) }
    }

    pub(super) fn follower(&mut self) -> &mut Follower {
        self.follower.as_mut().expect("the follower is here between turns")
    }

    pub(super) fn in_flight(&self) -> usize {
        self.follower.as_ref().map_or(0, Follower::in_flight)
    }

    /// The destinations it reads for.
    pub(super) fn members(&self) -> &[Arc<str>] {
        &self.members
    }

    pub(super) fn serves(&self, destination: &Arc<str>) -> bool {
        self.members.contains(destination)
    }

    pub(super) fn serves_any(&self) -> bool {
        !self.members.is_empty()
    }

    pub(super) fn keep_members(&mut self, present: &[Arc<str>]) {
        self.members.retain(|name| present.contains(name));
        let members = self.members.clone();
        self.follower().offer_to(members);
    }

    pub(super) fn add_member(&mut self, destination: Arc<str>) {
        self.members.push(destination);
        let members = self.members.clone();
        self.follower().offer_to(members);
    }

    /// Sets `destination` apart: a strand of its own.
    pub(super) fn fork(&mut self, destination: &Arc<str>, seconds: u64, now: Instant) -> Self {
        let fork = self.follower().fork(destination, seconds);
        self.members.retain(|name| name != destination);
        let members = self.members.clone();
        self.follower().offer_to(members);
        Self { has_scanned: true, ..Self::new(fork, vec![Arc::clone(destination)], now) }
    }

    /// Its destination is served by another strand now.
    pub(super) fn dissolve(self) {
        if let Some(follower) = self.follower {
            follower.dissolve();
        }
    }

    /// A destination is done with a batch.
    pub(super) fn settled(&mut self, token: u64, destination: &str, seconds: u64, now: Instant) {
        self.heard_at = now;
        self.follower().settled(token, destination, seconds);
    }

    /// Whether a destination was done with a batch not longer ago than `time`.
    pub(super) fn heard_within(&self, time: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.heard_at) <= time
    }

    /// Hears what may have happened.
    pub(super) fn touch(&mut self, touched: Touched) {
        self.touched.add(touched);
    }

    /// Whether there is something to look at.
    pub(super) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(super) fn has_work(&mut self, now: Instant) -> bool {
        self.is_touched() || self.follower().is_ready() || self.follower().due().is_some_and(|due| due <= now)
    }

    /// How much memory a turn needs: a chunk, and the batches of a turn, each of which may be larger by a chunk's
    /// lines.
    pub(super) fn need(&self) -> usize {
        CHUNK + 3 * self.batch_bytes
    }

    /// Looks at what was touched, scans if it is time to, and reads if there is room. What it reads for one that
    /// lags behind the `elders` is in the ledger already, as far as it was read for them.
    ///
    /// It blocks on the file system, so it is run on a thread for that; a disk that hangs keeps that thread and
    /// this source, and nobody else.
    pub(super) async fn turn(
        &mut self,
        events: &Events,
        room: Option<Room>,
        elders: Option<&[Arc<str>]>,
        clock: &Clock,
    ) -> Result<Turned, Error> {
        let Some(mut follower) = self.follower.take() else { return Err("the last turn did not end".into()) };
        let (mut watch, clock) = (self.watch.take(), clock.clone());
        let touched = std::mem::take(&mut self.touched);
        let is_first = touched.scan && !self.has_scanned;
        self.has_scanned |= touched.scan;
        let told = Told { touched, now: clock.monotonic(), observed: clock.unix_nanos() };
        // What is read has a place in the room; this is for what is being read, and what a batch may outgrow.
        let reading =
            events.budget().read.reserve(if room.is_some() { CHUNK + self.batch_bytes } else { 0 }).await;
        let (reads, most) = (room.is_some(), 2 * self.batch_bytes);
        let turn = move || {
            if let Some(watch) = &mut watch {
                watch.forget(&told.touched);
            }
            follower.meters().watch_overflows.inc_by(told.touched.overflows);
            let mut turned = Turned { watched: None, asks_scan: follower.touch(&told) };
            let mut offers = Vec::new();
            if told.touched.scan {
                let began = clock.monotonic();
                let directories = follower.scan(&told);
                // The first one says little of the others: it meets all files, and may have to unpack some.
                let took = if is_first {
                    Duration::ZERO
                } else {
                    clock.monotonic().saturating_duration_since(began)
                };
                follower.give_up_held(&told);
                if is_first {
                    // What was there at first sight is known before anything is read. A failure shows at the
                    // next saving.
                    let _ = follower.save();
                }
                if reads {
                    offers = follower.tend_gone(&told);
                }
                follower.measure();
                if let Some(watch) = &mut watch {
                    let watched = watch.set(&directories);
                    follower.meters().unwatched_directories.set(watched.missing as i64);
                    turned.watched = Some((watched, took));
                }
            }
            if reads {
                follower.look_at_due(&told);
                offers.extend(follower.read(&told, most));
                offers.extend(follower.flush_due(&told));
            }
            follower.tend_exceptions(told.now);
            (follower, watch, offers, turned)
        };
        let (follower, watch, offers, turned) = tokio::task::spawn_blocking(turn).await?;
        (self.follower, self.watch) = (Some(follower), watch);
        // Who reads next must not wait for room that comes late.
        drop(reading);
        if let Some(room) = room {
            self.offer(events, offers, room, elders).await;
        }
        Ok(turned)
    }

    /// Whether transforms have something to tell of what they left out.
    pub(super) fn has_to_tell(&self) -> bool {
        self.follower.as_ref().is_some_and(Follower::has_to_tell)
    }

    /// Offers all that transforms have to tell of what they left out, if there is room at once.
    pub(super) async fn tell(&mut self, events: &Events, elders: Option<&[Arc<str>]>, clock: &Clock) {
        if self.has_to_tell()
            && let Ok(room) = events.room(Signal::Logs, &self.members, self.batch_bytes).await
        {
            let offers = self.follower().tell(Ending::All, clock.monotonic(), clock.unix_nanos());
            self.offer(events, offers, room, elders).await;
        }
    }

    async fn offer(
        &mut self,
        events: &Events,
        offers: Vec<Offer>,
        mut room: Room,
        elders: Option<&[Arc<str>]>,
    ) {
        for offer in offers {
            if offer.batch.signal == Signal::Traces {
                let token = offer.token;
                let destinations = events.offer_volatile(offer);
                self.follower().offered_spans(token, &destinations);
                continue;
            }
            let was_for = |name: &Arc<str>| offer.to.as_ref().is_none_or(|to| to.contains(name));
            let again = elders.is_some_and(|elders| offer.to.is_none() || elders.iter().any(was_for));
            events.offer(offer, &mut room, again).await;
        }
    }
}

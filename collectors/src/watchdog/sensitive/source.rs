//! When files are looked at, and what is done with what a look finds.
//!
//! They are looked at every interval, and soon after the kernel says that something has happened where they are: a hint,
//! which may be lost or wrong, so that every look goes over all of them. Looking may block (a file system of a network
//! may never answer) and is left to a thread; while it hangs nothing is told, and the series with the time of the last
//! look stands still.
//!
//! What the files are like is saved when all that was told of them is settled: a change is told again after a crash
//! rather than not at all.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};
use tracing::{error, info, warn};
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::outlet::{Events, Gathering, Outlet};
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::readiness::{Latch, Readiness};
use vigie_pipeline::receipt::Settled;
use vigie_pipeline::stop::Stop;

use super::memory;
use super::meters::Meters;
use super::roster::{Look, Roster};
use vigie_logs::wake::{Wakes, Watch, Watched};

/// Between a hint and the look that it asks for: whoever writes a file may go on for a moment.
const QUIET: Duration = Duration::from_millis(100);

/// Between two looks there is at least so much, and ...
const PACE: Duration = Duration::from_millis(250);

/// ... so many times what the last one took, so that files which change all the time cost little.
const SHARE: u32 = 20;

/// A look that takes longer is said to.
const SLOW: Duration = Duration::from_secs(30);

/// So long a look is waited for when the part is to end.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// So many changes of a look, and so many unreadable paths, are in the agent's own log; the rest is a number there.
const MOST_LOGGED: usize = 20;

/// So many records are offered at once.
const MOST_OFFERED: usize = 256;

/// The part. See the module.
pub(super) struct Sentry {
    pub(super) roster: Roster,
    /// Whether the roster remembers earlier looks.
    pub(super) remembers: bool,
    pub(super) interval: Duration,
    pub(super) state_dir: PathBuf,
    pub(super) clock: Clock,
    pub(super) envelope: Arc<Envelope>,
    pub(super) readiness: Readiness,
}

/// What looks, on a thread of its own.
struct Eye {
    roster: Roster,
    watch: Watch,
    clock: Clock,
}

struct Seen {
    eye: Eye,
    look: Look,
    watched: Watched,
    took: Duration,
}

impl Eye {
    fn look(mut self) -> Seen {
        let began = self.clock.monotonic();
        let look = self.roster.look(self.clock.wall());
        let took = self.clock.monotonic().saturating_duration_since(began);
        let watched = self.watch.set(&look.directories);
        Seen { eye: self, look, watched, took }
    }
}

#[async_trait]
impl Source for Sentry {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Outlet { events, mut settled, slot } = outlet;
        let Self { roster, remembers, interval, state_dir, clock, envelope, readiness } = *self;
        let wakes = Wakes::default();
        let mut teller = Teller::new(events, envelope);
        let mut saving = Saving { state_dir, readiness, is_due: false, failing: None };
        let mut meters = Meters::new(slot);
        meters.know(&roster);
        meters.publish(&roster);
        let mut eye = Eye { roster, watch: Watch::new(wakes.clone()), clock: clock.clone() };
        let mut at_start = true;
        'looks: loop {
            let began = clock.monotonic();
            let looking = tokio::task::spawn_blocking(move || eye.look());
            let Some(seen) = wait_for(looking, &mut stop).await? else { return Ok(()) };
            let Seen { eye: back, look, watched, took } = seen;
            eye = back;
            let ended = clock.monotonic();
            if at_start && !remembers {
                info!(files = eye.roster.present(), "sensitive files are as they should be from now on");
            }
            teller.tell(&look, at_start && remembers, clock.unix_nanos());
            at_start = false;
            saving.is_due |= look.is_news;
            saving.save(&mut teller, &eye.roster, &mut meters).await;
            meters.count(&look, &eye.roster, clock.wall(), took);
            meters.unwatched = watched.missing;
            meters.publish(&eye.roster);

            let earliest = ended + PACE.max(SHARE * took);
            let mut due = (began + interval).max(earliest);
            if watched.more {
                // What happened in a directory before it was watched.
                due = earliest;
            }
            while !stop.is_stopped() {
                tokio::select! {
                    () = stop.stopped() => {}
                    () = sleep_until(due.into()) => continue 'looks,
                    () = wakes.woken() => {
                        let touched = wakes.take();
                        eye.watch.forget(&touched);
                        meters.overflows += touched.overflows;
                        let mut paths = touched.paths.iter().chain(&touched.born);
                        if touched.scan || paths.any(|path| eye.roster.wants(path)) {
                            due = due.min(earliest.max(clock.monotonic() + QUIET));
                        }
                    }
                    Some(told) = settled.recv() => {
                        teller.hear(&told);
                        saving.save(&mut teller, &eye.roster, &mut meters).await;
                    }
                }
            }
            break;
        }
        // Whoever stopped this decides how long that may take.
        while !teller.is_settled() {
            let Some(told) = settled.recv().await else { break };
            teller.hear(&told);
        }
        saving.save(&mut teller, &eye.roster, &mut meters).await;
        Ok(())
    }
}

/// What the thread has seen; `None` if the part is to end before.
async fn wait_for(mut looking: JoinHandle<Seen>, stop: &mut Stop) -> Result<Option<Seen>, Error> {
    tokio::select! {
        seen = timeout(SLOW, &mut looking) => match seen {
            Ok(seen) => return Ok(Some(seen?)),
            Err(_) => warn!("looking at sensitive files takes longer than {} s", SLOW.as_secs()),
        },
        () = stop.stopped() => {}
    }
    tokio::select! {
        seen = &mut looking => {
            return Ok(Some(seen?));
        }
        () = stop.stopped() => {}
    }
    Ok(match timeout(LAST_LOOK, looking).await {
        Ok(seen) => Some(seen?),
        Err(_) => None,
    })
}

/// Tells what has changed, and knows what became of it.
struct Teller {
    events: Events,
    records: Gathering,
    token: u64,
    /// By token: the destinations that are not done with it.
    open: HashMap<u64, HashSet<Arc<str>>>,
}

impl Teller {
    fn new(events: Events, envelope: Arc<Envelope>) -> Self {
        // The ledger has its columns from here on.
        let _ = events.counts(Signal::Logs);
        let records = Gathering::new(Signal::Logs, envelope);
        Self { events, records, token: 0, open: HashMap::new() }
    }

    fn tell(&mut self, look: &Look, at_start: bool, now: u64) {
        for event in look.events.iter().take(MOST_LOGGED) {
            warn!("{}", event.body(at_start));
        }
        for (path, reason) in look.unreadable.iter().take(MOST_LOGGED) {
            warn!("sensitive file {} cannot be read: {reason}", path.display());
        }
        for path in look.readable.iter().take(MOST_LOGGED) {
            info!("sensitive file {} can be read again", path.display());
        }
        for (more, what) in [
            (look.events.len(), "changes of sensitive files"),
            (look.unreadable.len(), "sensitive files that cannot be read"),
            (look.readable.len(), "sensitive files that can be read again"),
        ] {
            if let Some(more @ 1..) = more.checked_sub(MOST_LOGGED) {
                warn!("{more} more {what}");
            }
        }
        for events in look.events.chunks(MOST_OFFERED) {
            for event in events {
                self.records.add(|out| event.encode(now, at_start, out));
            }
            self.token += 1;
            let Some(offer) = self.records.take(self.token) else { continue };
            let destinations = self.events.destinations(Signal::Logs).into_iter().collect();
            self.open.insert(self.token, destinations);
            self.events.offer_volatile(offer);
        }
    }

    fn hear(&mut self, told: &Settled) {
        if let Some(open) = self.open.get_mut(&told.token) {
            open.remove(&told.destination);
        }
    }

    /// Whether every destination that is there is done with all that was told.
    fn is_settled(&mut self) -> bool {
        if !self.open.is_empty() {
            let present = self.events.destinations(Signal::Logs);
            self.open.retain(|_, open| open.iter().any(|name| present.contains(name)));
        }
        self.open.is_empty()
    }
}

/// Saves what the files are like.
struct Saving {
    state_dir: PathBuf,
    readiness: Readiness,
    is_due: bool,
    /// Held while it cannot be saved.
    failing: Option<Latch>,
}

impl Saving {
    async fn save(&mut self, teller: &mut Teller, roster: &Roster, meters: &mut Meters) {
        if !self.is_due || !teller.is_settled() {
            return;
        }
        let (memory, state_dir) = (roster.memory().clone(), self.state_dir.clone());
        let saved = tokio::task::spawn_blocking(move || memory::save(&memory, &state_dir)).await;
        match saved.map_err(std::io::Error::other).flatten() {
            Ok(()) => {
                self.is_due = false;
                if self.failing.take().is_some() {
                    info!("what sensitive files are like is saved again");
                }
            }
            Err(error) => {
                meters.save_failures += 1;
                if self.failing.is_none() {
                    error!(
                        "save what sensitive files are like: {error}; changes are told again after a restart"
                    );
                    self.failing =
                        Some(self.readiness.latch(format!("save what sensitive files are like: {error}")));
                }
            }
        }
    }
}

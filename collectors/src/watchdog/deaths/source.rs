//! Waits for members to end, and tells.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::sleep_until;
use tracing::{info, warn};
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::outlet::{Events, Gathering, Outlet};
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::snapshot::Slot;
use vigie_pipeline::stop::Stop;

use super::ending::{Cause, Ending};
use super::pidfd::Pidfd;
use super::ration::Ration;
use super::register::{Identity, Register, Watched};
use super::report::Report;
use crate::processes::procfs::Procfs;

static DEATHS: Family = Family::counter(
    "vigie_process_deaths_total",
    "Processes of the group that were seen alive and have ended, by cause: exited (with status 0), failed (with another), \
     signal, oom, unknown.",
);

static LEFT_OUT: Family = Family::counter(
    "vigie_process_death_reports_left_out_total",
    "Deaths without a report of their own, because too many came within a minute.",
);

static WATCHED: Family = Family::gauge(
    "vigie_process_deaths_watched",
    "Living processes whose end will be told at once (by=\"descriptor\"), noticed at the next look (by=\"look\"), or \
     missed, because there are too many (by=\"nobody\").",
);

/// To the next look after a death: whoever was started in the place of the dead is to be known soon.
const SOON: Duration = Duration::from_secs(1);

/// The part. See the module.
pub(super) struct Vigil {
    pub(super) register: Register,
    pub(super) groups: Vec<Arc<str>>,
    /// From one look to the next.
    pub(super) interval: Duration,
    pub(super) procfs: PathBuf,
    pub(super) clock: Clock,
    pub(super) envelope: Arc<Envelope>,
}

type Awaited = Pin<Box<dyn Future<Output = (Identity, Option<Ending>)> + Send>>;

#[async_trait]
impl Source for Vigil {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Outlet { events, mut settled, slot } = outlet;
        let Self { mut register, groups, interval, procfs, clock, envelope } = *self;
        let mut told = Told::new(events, envelope, slot, &groups);
        told.publish(Watched::default());
        let mut awaited: FuturesUnordered<Awaited> = FuturesUnordered::new();
        let mut look_at = clock.monotonic();
        let mut complained = false;
        loop {
            let mut ended = Vec::new();
            tokio::select! {
                () = stop.stopped() => return Ok(()),
                () = sleep_until(look_at.into()) => {
                    let (now, held) = (clock.monotonic(), awaited.len());
                    let look = tokio::task::spawn_blocking(move || {
                        let look = register.look(now, held);
                        (register, look)
                    });
                    let looked = tokio::select! {
                        () = stop.stopped() => return Ok(()),
                        looked = look => looked?,
                    };
                    register = looked.0;
                    look_at = now + interval;
                    match looked.1 {
                        Ok(look) => {
                            complained = false;
                            for (identity, descriptor) in look.descriptors {
                                match Pidfd::new(descriptor, identity.0, identity.1) {
                                    Ok(pidfd) => awaited.push(wait(identity, pidfd, procfs.clone())),
                                    Err(_) => register.give_up_descriptor(identity),
                                }
                            }
                            ended.extend(look.gone.into_iter().map(|identity| (identity, None)));
                        }
                        Err(error) if !complained => {
                            warn!("deaths of processes are not watched: {error}");
                            complained = true;
                        }
                        Err(_) => {}
                    }
                }
                Some(end) = awaited.next() => ended.push(end),
                // Nothing is kept for a batch: what became of it is in the ledger.
                Some(_) = settled.recv() => continue,
            }
            if !ended.is_empty() {
                look_at = look_at.min(clock.monotonic() + SOON);
            }
            for (identity, ending) in ended {
                let (now, wall) = (clock.monotonic(), clock.unix_nanos());
                // It reads the kernel's log and the process's.
                let burial = tokio::task::spawn_blocking(move || {
                    let report = register.bury(identity, ending, now, wall);
                    (register, report)
                });
                let report;
                (register, report) = burial.await?;
                if let Some(report) = report {
                    told.tell(&report, now);
                }
            }
            told.tell_left_out(clock.monotonic(), clock.unix_nanos());
            told.publish(register.watched());
        }
    }
}

fn wait(identity: Identity, pidfd: Pidfd, procfs: PathBuf) -> Awaited {
    Box::pin(async move { (identity, pidfd.ending(|| Procfs::open(&procfs)).await) })
}

/// What is told and counted.
struct Told {
    events: Events,
    records: Gathering,
    token: u64,
    slot: Slot,
    page: Page,
    groups: Vec<Group>,
}

struct Group {
    name: Arc<str>,
    ration: Ration,
    deaths: [u64; Cause::ALL.len()],
    left_out: u64,
}

impl Told {
    fn new(events: Events, envelope: Arc<Envelope>, slot: Slot, groups: &[Arc<str>]) -> Self {
        // The ledger has its columns from here on.
        let _ = events.counts(Signal::Logs);
        let group = |name: &Arc<str>| Group {
            name: Arc::clone(name),
            ration: Ration::default(),
            deaths: [0; Cause::ALL.len()],
            left_out: 0,
        };
        let records = Gathering::new(Signal::Logs, envelope);
        let groups = groups.iter().map(group).collect();
        Self { events, records, token: 0, slot, page: Page::default(), groups }
    }

    fn tell(&mut self, report: &Report, now: Instant) {
        let Some(group) = self.groups.iter_mut().find(|group| group.name == report.group) else { return };
        group.deaths[report.cause as usize] += 1;
        if !group.ration.admits(report.cause, now) {
            group.left_out += 1;
            return;
        }
        match report.cause {
            Cause::Exited => info!("{}", report.body()),
            _ => warn!("{}", report.body()),
        }
        self.records.add(|out| report.encode(out));
        self.offer();
    }

    fn tell_left_out(&mut self, now: Instant, wall: u64) {
        for group in &mut self.groups {
            if let Some(left_out) = group.ration.left_out(now) {
                warn!("{}", left_out.body(&group.name));
                self.records.add(|out| left_out.encode(&group.name, wall, out));
            }
        }
        self.offer();
    }

    fn offer(&mut self) {
        self.token += 1;
        if let Some(offer) = self.records.take(self.token) {
            self.events.offer_volatile(offer);
        }
    }

    fn publish(&mut self, watched: Watched) {
        let mut page = std::mem::take(&mut self.page);
        for group in &self.groups {
            for (cause, count) in Cause::ALL.iter().zip(group.deaths) {
                let labels = page.labels(&[("cause", cause.as_str()), ("groupname", &group.name)]);
                page.set(&DEATHS, labels, count as f64);
            }
            let labels = page.labels(&[("groupname", &group.name)]);
            page.set(&LEFT_OUT, labels, group.left_out as f64);
        }
        for (by, count) in
            [("descriptor", watched.by_descriptor), ("look", watched.by_look), ("nobody", watched.not_at_all)]
        {
            let labels = page.labels(&[("by", by)]);
            page.set(&WATCHED, labels, count as f64);
        }
        self.page = self.slot.publish(page);
    }
}

//! One entry of the configuration as a part: runs its targets when they are due, until it is stopped, and tells what
//! it finds.
//!
//! All runs of an entry are driven by its one task; at most `concurrency` of them at a time. A target that is due
//! while all places are taken waits, and its lag says how long.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::dependencies::Dependencies;
use vigie_pipeline::metric::Family;
use vigie_pipeline::outlet::Outlet;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Source, Surroundings};
use vigie_pipeline::snapshot::Slot;
use vigie_pipeline::stop::Stop;

use super::attempt::Attempt;
use super::failure::Failure;
use super::prober::{Aim, Prober};
use super::record::Record;
use super::station::{Next, Station};
use super::targets::Target;
use super::targets::files::{self, Files, ReadTargets};
use super::telemetry::{Run, Telemetry, Trace};
use super::{Config, Shared};
use crate::standings::{Standing, Standings};

static TARGETS: Family = Family::gauge("vigie_probe_targets", "Targets of the probe.");

/// More addresses of one name are not probed.
const MOST_ADDRESSES: usize = 32;

/// What a run of a target has found: of the target, or of each of its addresses.
#[derive(Debug)]
pub(super) enum Outcome {
    One(Box<Attempt>),
    Addresses(Vec<(IpAddr, Attempt)>),
}

impl Outcome {
    /// All attempts, at least one.
    pub(super) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        let (one, many) = match self {
            Self::One(attempt) => (Some(&**attempt), &[][..]),
            Self::Addresses(many) => (None, many.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|(_, attempt)| attempt))
    }

    /// The attempt that tells how the target stands: the first that failed, else the first.
    pub(super) fn telling(&self) -> Option<&Attempt> {
        self.attempts().find(|attempt| attempt.verdict.is_err()).or_else(|| self.attempts().next())
    }

    /// Why it failed, if it did.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.telling().and_then(|attempt| attempt.verdict.as_ref().err())
    }
}

/// What all runs of an entry need.
#[derive(Debug, Clone)]
struct Means {
    prober: Arc<dyn Prober>,
    shared: Arc<Shared>,
    clock: Clock,
    trace: bool,
    all_addresses: bool,
}

impl Means {
    /// One run.
    async fn run(self, id: u64, target: Arc<Target>) -> (u64, Outcome) {
        if self.all_addresses
            && let Some(addresses) = self.addresses(&target).await
        {
            let attempts = addresses.into_iter().map(async |address| {
                let attempt = self.attempt(&target, Some(address)).await;
                (address, attempt)
            });
            return (id, Outcome::Addresses(join_all(attempts).await));
        }
        (id, Outcome::One(Box::new(self.attempt(&target, None).await)))
    }

    async fn attempt(&self, target: &Target, address: Option<IpAddr>) -> Attempt {
        let trace = self.trace.then(Trace::random);
        let aim = Aim { address, trace: trace.as_ref(), ..Aim::at(&target.text) };
        let record = Record::new(self.clock.clone());
        Attempt::make(&*self.prober, aim, target.timeout, &self.clock, record).await
    }

    /// The addresses to probe apart; `None` if there are none, or nothing to look up: then the run itself says so.
    async fn addresses(&self, target: &Target) -> Option<Vec<IpAddr>> {
        let host = self.prober.host(&target.text)?;
        let lookup =
            self.shared.resolver.resolve(&host.name, host.preferred, host.fallback, self.clock.monotonic());
        let mut found = tokio::time::timeout(target.timeout, lookup).await.ok()?.ok()?;
        found.truncate(MOST_ADDRESSES);
        Some(found)
    }
}

/// See the module.
pub(super) struct Entry {
    config: Config,
    means: Means,
    read: ReadTargets,
    envelope: Arc<Envelope>,
    dependencies: Dependencies,
    /// Of the entry itself: up, and the first of its targets'.
    standing: Standing,
}

/// The targets of an entry as they stand.
struct Post<'a> {
    entry: &'a Entry,
    /// The entry's own series; those of targets are beside it.
    slot: Slot,
    stations: HashMap<u64, Station>,
    /// By when they are due.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// The number of the next target.
    next: u64,
    telemetry: Telemetry,
    /// An empty page, to be filled next.
    spare: Page,
}

impl Entry {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: Arc<Shared>,
        read: ReadTargets,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let kind = config.kind().ok_or("no kind of probe given")?;
        let means = Means {
            prober: kind.prober(&shared, surroundings)?.into(),
            shared,
            clock: surroundings.clock.clone(),
            trace: config.trace,
            all_addresses: config.all_addresses,
        };
        // Whatever is known is known of the targets.
        let mut standing = Standings::shared(&surroundings.commons).register(&config.name);
        standing.report(true);
        Ok(Self {
            config: config.clone(),
            means,
            read,
            envelope: Arc::new(Envelope {
                resource: surroundings.resource.clone(),
                scope: surroundings.scope.clone(),
            }),
            dependencies: surroundings.dependencies.clone(),
            standing,
        })
    }

    async fn keep_probing(&self, outlet: Outlet) -> Infallible {
        // Nobody waits here for what becomes of the events; the ledger knows.
        let Outlet { events, slot, settled } = outlet;
        drop(settled);
        let mut post = Post {
            entry: self,
            slot,
            stations: HashMap::new(),
            due: BinaryHeap::new(),
            next: 0,
            telemetry: Telemetry::new(events, Arc::clone(&self.envelope), self.config.trace),
            spare: Page::default(),
        };
        let files = Files::new(&self.config, self.read);
        let watches = !files.is_empty();
        post.apply(Target::configured(&self.config));
        post.publish(&files);
        let mut looking = pin!(look(files, Duration::ZERO));
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.config.concurrency
                && let Some((id, target)) = post.take_due()
            {
                running.push(self.means.clone().run(id, target));
            }
            let wait = if running.len() < self.config.concurrency { post.wait() } else { None };
            tokio::select! {
                Some((id, outcome)) = running.next() => post.ended(id, &outcome),
                (files, changed) = &mut looking, if watches => {
                    if changed {
                        post.apply(Target::configured(&self.config).into_iter().chain(files.all()));
                        post.publish(&files);
                    }
                    looking.set(look(files, files::PACE));
                }
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                else => std::future::pending().await,
            }
        }
    }
}

impl Post<'_> {
    fn now(&self) -> Instant {
        self.entry.means.clock.monotonic()
    }

    fn name(&self) -> &str {
        &self.entry.config.name
    }

    /// From now on these are the targets, each once. Those that stay keep what is known of them; the series of those
    /// that are new are there at once.
    fn apply(&mut self, targets: impl IntoIterator<Item = Target>) {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for target in targets {
            // Two with the same labels would be the same series.
            if seen.insert(target.labels.clone()) {
                wanted.push(target);
            } else {
                tracing::warn!(probe = %self.name(), target = target.instance(), "the same target twice");
            }
        }
        let mut known: HashMap<Target, u64> =
            self.stations.iter().map(|(id, station)| (Target::clone(&station.target), *id)).collect();
        let new: Vec<Target> = wanted.into_iter().filter(|target| known.remove(target).is_none()).collect();
        for gone in known.values() {
            self.stations.remove(gone);
        }
        self.add(new);
    }

    fn add(&mut self, targets: Vec<Target>) {
        let now = self.now();
        let config = &self.entry.config;
        for target in targets {
            let dependency = config
                .required
                .then(|| self.entry.dependencies.register(config.name.as_str(), target.instance()));
            let slot = self.slot.sibling();
            let station = Station::new(
                &config.name,
                target,
                &config.buckets,
                slot,
                dependency,
                self.entry.standing.sibling(),
                now,
            );
            let spare = std::mem::take(&mut self.spare);
            self.spare = station.publish(self.name(), &*self.entry.means.prober, None, spare);
            self.due.push(Reverse((station.first_due(), self.next)));
            self.stations.insert(self.next, station);
            self.next += 1;
        }
    }

    /// The entry's own series.
    fn publish(&self, files: &Files) {
        let mut page = Page::default();
        let labels = page.labels(&[("probe", self.name())]);
        page.set(&TARGETS, labels, self.stations.len() as f64);
        files.write(&mut page, labels);
        let _ = self.slot.publish(page);
    }

    /// The next target that is to run now.
    fn take_due(&mut self) -> Option<(u64, Arc<Target>)> {
        let now = self.now();
        while let Some(Reverse((at, id))) = self.due.peek().copied() {
            if at > now {
                return None;
            }
            self.due.pop();
            if let Some(station) = self.stations.get_mut(&id) {
                station.begins(now);
                return Some((id, Arc::clone(&station.target)));
            }
        }
        None
    }

    /// How long until one is due; `None` if there is none at all.
    fn wait(&self) -> Option<Duration> {
        let Reverse((at, _)) = self.due.peek()?;
        Some(at.saturating_duration_since(self.now()))
    }

    /// A run has ended. Nobody is told of one whose target has left meanwhile.
    fn ended(&mut self, id: u64, outcome: &Outcome) {
        let now = self.now();
        let name = &self.entry.config.name;
        let Some(station) = self.stations.get_mut(&id) else { return };
        let target = Arc::clone(&station.target);
        let told = |attempt| Run { name, instance: target.instance(), attempt };
        for attempt in outcome.attempts() {
            self.telemetry.spans(&told(attempt), self.entry.means.prober.span_name());
        }
        let due = match station.ended(outcome, now) {
            Next::Retry(at) => at,
            Next::Counts { due, changed } => {
                if changed && let Some(attempt) = outcome.telling() {
                    station.log_change(name, outcome.failure());
                    self.telemetry.changed(&told(attempt));
                }
                let spare = std::mem::take(&mut self.spare);
                self.spare = station.publish(name, &*self.entry.means.prober, Some(outcome), spare);
                due
            }
        };
        self.due.push(Reverse((due, id)));
    }
}

/// Looks at the files after a pause: whether what they say has changed.
async fn look(mut files: Files, pause: Duration) -> (Files, bool) {
    tokio::time::sleep(pause).await;
    let looked = tokio::task::spawn_blocking(move || {
        let changed = files.look();
        (files, changed)
    });
    match looked.await {
        Ok(looked) => looked,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

#[async_trait]
impl Source for Entry {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        tokio::select! {
            () = stop.stopped() => Ok(()),
            never = self.keep_probing(outlet) => match never {},
        }
    }
}

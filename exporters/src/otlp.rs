//! OTLP push: events from the queues, and metrics from the snapshot, to an OpenTelemetry receiver.
//!
//! * A [`lane`] for each signal gathers batches into a [`parcel`], has its [`destination`] send it, and
//!   settles it by the [`answer`]. The records are not touched: a request is their bytes behind a few of
//!   its own.
//! * What may pass is sent again for ever, at the pace of a [`backoff`]. Which is which is the OTLP
//!   specification's word, not ours.
//! * Of what a destination refuses for good, a [`search`] finds the records that it is about: those are
//!   dropped, counted, and set aside by [`rejects`]; the others are delivered.
//! * [`metrics`] reads the snapshot at an interval and sends what it finds.
//! * A closed queue is delivered to its end; a stop lets what is under way finish, and the rest stays in
//!   the queue.
//!
//! Nothing here spawns: the lanes are futures of the one task that the supervisor runs the part in, and a
//! connection is driven by the request on it.

mod answer;
mod backoff;
mod body;
mod compress;
mod config;
mod connect;
mod connection;
mod credentials;
mod destination;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod grpc;
mod http;
pub mod json;
mod lane;
mod metrics;
mod news;
mod parcel;
mod portion;
mod progress;
mod proxy;
mod rejects;
#[cfg(test)]
mod rig;
mod search;
mod tally;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval};
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::plug::{Error, Exporter, Intake, Part, Surroundings};
use vigie_pipeline::queue::Queue;
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::snapshot::Snapshot;
use vigie_pipeline::stop::Stop;

pub use config::{Batch, Compression, Config, MetricNames, Protocol, Retry, Spool, SpoolMode, Tls, WhenFull};

use backoff::Pace;
use destination::Destination;
use lane::Lane;
use metrics::Readings;
use news::News;
use parcel::Gathering;
use rejects::Keeper;
use tally::Tally;

/// How the part is built.
#[must_use]
pub fn recipe(config: &Config) -> Recipe {
    Recipe::new("otlp", config.name.as_str(), config, |config, surroundings| {
        Ok(Part::Exporter(Box::new(Push::new(config, surroundings)?)))
    })
    .taking(&config.signals)
    .spooled(config.spool.settings())
}

/// One destination.
struct Push {
    config: Config,
    surroundings: Surroundings,
    /// Made when the part is built, so that what is wrong with them shows then.
    destinations: Vec<(Signal, Arc<Destination>)>,
}

/// How often the depth of the queues is written down.
const DEPTH_EVERY: Duration = Duration::from_secs(1);

impl Push {
    fn new(config: &Config, surroundings: &Surroundings) -> Result<Self, Error> {
        config.backoff()?;
        let memory = surroundings.budget.export.part();
        let destinations = config.signals.iter().map(|signal| {
            let destination = Destination::new(config, *signal, surroundings, &memory)
                .map_err(|error| format!("set up {}: {error}", signal.as_str()))?;
            tally(config, *signal, surroundings);
            Ok((*signal, Arc::new(destination)))
        });
        let destinations = destinations.collect::<Result<_, Error>>()?;
        Ok(Self { config: config.clone(), surroundings: surroundings.clone(), destinations })
    }

    fn lane(
        &self,
        signal: Signal,
        queue: &Arc<Queue>,
        destination: &Arc<Destination>,
        keeper: &Keeper,
    ) -> Result<Lane, Error> {
        let batch = &self.config.batch;
        let gathering = Gathering::new(batch.max_bytes.bytes(), batch.max_delay.0);
        let pace = Pace::new(self.config.backoff()?);
        let tally = tally(&self.config, signal, &self.surroundings);
        let news = self.news(signal)?;
        let rejects = keeper.rejects(signal, &self.config.target(signal)?.authority);
        Ok(Lane::new(Arc::clone(queue), Arc::clone(destination), gathering, pace, tally, news, rejects))
    }

    fn news(&self, signal: Signal) -> Result<News, Error> {
        Ok(News::new(&self.config.name, &self.config.target(signal)?.authority, signal))
    }

    /// What sends metrics, if they are named.
    fn readings(&self, snapshot: &Snapshot) -> Result<Option<Readings>, Error> {
        let metrics = self.destinations.iter().find(|(signal, _)| *signal == Signal::Metrics);
        let Some((signal, destination)) = metrics else { return Ok(None) };
        let Surroundings { resource, scope, clock, .. } = &self.surroundings;
        Ok(Some(Readings {
            snapshot: snapshot.clone(),
            destination: Arc::clone(destination),
            envelope: Arc::new(Envelope { resource: resource.clone(), scope: scope.clone() }),
            names: self.config.metric_names,
            interval: self.config.metric_interval.unwrap_or(metrics::INTERVAL),
            max_bytes: self.config.batch.max_bytes.bytes(),
            clock: clock.clone(),
            pace: Pace::new(self.config.backoff()?),
            tally: tally(&self.config, *signal, &self.surroundings),
            news: self.news(*signal)?,
        }))
    }
}

fn tally(config: &Config, signal: Signal, surroundings: &Surroundings) -> Tally {
    Tally::new(&surroundings.instruments, &config.name, signal, surroundings.clock.clone())
}

#[async_trait]
impl Exporter for Push {
    async fn run(self: Box<Self>, intake: Intake, stop: Stop) -> Result<(), Error> {
        let keeper = Keeper::new(&self.config.name, &self.surroundings);
        let mut lanes = FuturesUnordered::new();
        let mut depths = Vec::new();
        for (signal, destination) in &self.destinations {
            let Some((_, queue)) = intake.queues.iter().find(|(s, _)| s == signal) else { continue };
            depths.push((Arc::clone(queue), tally(&self.config, *signal, &self.surroundings)));
            lanes.push(self.lane(*signal, queue, destination, &keeper)?.run(stop.clone()));
        }
        let all = async { while lanes.next().await.is_some() {} };
        let readings = self.readings(&intake.snapshot)?;
        let work = async {
            tokio::select! {
                () = all => {}
                () = watch_depths(&depths) => {}
                // Until the lanes end: that of metrics, though nothing queues in it, is one of them.
                () = send_readings(readings) => {}
            }
        };
        keeper.write_during(work).await;
        write_depths(&depths);
        Ok(())
    }
}

/// For ever.
async fn send_readings(readings: Option<Readings>) {
    match readings {
        Some(readings) => readings.run().await,
        None => std::future::pending().await,
    }
}

/// For ever: a lane that waits for its destination does not move, and its queue grows.
async fn watch_depths(depths: &[(Arc<Queue>, Tally)]) {
    let mut tick = interval(DEPTH_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        write_depths(depths);
    }
}

fn write_depths(depths: &[(Arc<Queue>, Tally)]) {
    for (queue, tally) in depths {
        let (bytes, events) = queue.depth();
        tally.waiting(bytes, events);
    }
}

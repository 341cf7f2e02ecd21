//! Keeps one part going: builds it from its recipe, runs it, and builds it again when it falls.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use prometheus::{IntCounterVec, IntGaugeVec};
use tokio::sync::oneshot;
use tracing::{error, info, warn};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::outlet::{Outlet, Trunk};
use vigie_pipeline::plug::{Error, Intake, Part, Surroundings};
use vigie_pipeline::queue::Queue;
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::snapshot::Snapshot;
use vigie_pipeline::stop::Stop;

use super::backoff::Backoff;
use crate::driver::{self, words};

/// What every keeper builds with.
pub(super) struct Workshop {
    pub(super) surroundings: Surroundings,
    pub(super) trunk: Trunk,
    snapshot: Snapshot,
    driver: driver::Handle,
    falls: IntCounterVec,
    up: IntGaugeVec,
}

impl Workshop {
    pub(super) fn new(
        surroundings: Surroundings,
        trunk: Trunk,
        snapshot: Snapshot,
        driver: driver::Handle,
    ) -> Self {
        let instruments = &surroundings.instruments;
        let falls = instruments.counters(
            "vigie_part_failures_total",
            "How often a part could not be built, ended with an error, or panicked, and was built again.",
            &["part", "reason"],
        );
        let up = instruments.gauges("vigie_part_up", "Whether a part runs.", &["part"]);
        Self { surroundings, trunk, snapshot, driver, falls, up }
    }
}

/// How a part fell. Becomes the `reason` label.
enum Fall {
    Build(Error),
    Error(Error),
    Panic(String),
    /// It returned though nobody had asked it to.
    Ended,
}

impl Fall {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Build(_) => "build",
            Self::Error(_) => "error",
            Self::Panic(_) => "panic",
            Self::Ended => "ended",
        }
    }
}

/// See the module.
pub(super) struct Keeper {
    workshop: Arc<Workshop>,
    id: String,
    recipe: Recipe,
    queues: Vec<(Signal, Arc<Queue>)>,
    /// Dropped when the part has been built for the first time, or could not be.
    placing: Option<oneshot::Sender<()>>,
}

impl Keeper {
    pub(super) fn new(
        workshop: Arc<Workshop>,
        id: String,
        recipe: Recipe,
        queues: Vec<(Signal, Arc<Queue>)>,
        placing: oneshot::Sender<()>,
    ) -> Self {
        Self { workshop, id, recipe, queues, placing: Some(placing) }
    }

    /// Keeps the part going until it is stopped, or has ended because its queues are closed and empty.
    pub(super) async fn keep(mut self, mut stop: Stop) {
        let up = self.workshop.up.with_label_values(&[&self.id]);
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            up.set(1);
            let fall = self.run(stop.clone()).await;
            up.set(0);
            self.placing = None;
            let Some(fall) = fall.filter(|_| !stop.is_stopped()) else { break };
            let again = backoff.is_troubled();
            let wait = backoff.fell(started, Instant::now());
            self.tell(&fall, again, wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.stopped() => break,
            }
        }
        let _ = self.workshop.up.remove_label_values(&[&self.id]);
    }

    fn tell(&self, fall: &Fall, again: bool, wait: std::time::Duration) {
        let part = self.id.as_str();
        self.workshop.falls.with_label_values(&[part, fall.reason()]).inc();
        match fall {
            Fall::Build(error) => warn!(part, ?wait, "cannot be built: {error}"),
            Fall::Error(error) => warn!(part, ?wait, "failed: {error}"),
            Fall::Panic(words) => error!(part, ?wait, "panicked: {words}"),
            Fall::Ended => warn!(part, ?wait, "ended by itself"),
        }
        if !again {
            info!(part, "will be built again from its recipe");
        }
    }

    /// Builds and runs the part once. `None` if it ended because it was meant to.
    async fn run(&mut self, stop: Stop) -> Option<Fall> {
        let built =
            std::panic::catch_unwind(AssertUnwindSafe(|| self.recipe.build(&self.workshop.surroundings)));
        match built {
            Err(panic) => Some(Fall::Panic(words(&*panic))),
            Ok(Err(error)) => Some(Fall::Build(error)),
            Ok(Ok(Part::Sampler(sampling))) => {
                let driver = &self.workshop.driver;
                let falls = driver.add(&self.id, self.collector(), sampling).await;
                self.placing = None;
                let mut stop = stop;
                let fell = tokio::select! {
                    words = falls => words.ok(),
                    () = stop.stopped() => None,
                };
                driver.remove(&self.id).await;
                fell.map(Fall::Panic)
            }
            Ok(Ok(Part::Source(source))) => {
                self.placing = None;
                let slot = self.workshop.snapshot.slot(self.collector());
                let outlet = Outlet::new(Arc::clone(&self.recipe.name), self.workshop.trunk.clone(), slot);
                fall(AssertUnwindSafe(source.run(outlet, stop)).catch_unwind().await).or(Some(Fall::Ended))
            }
            Ok(Ok(Part::Exporter(exporter))) => {
                self.placing = None;
                let intake = Intake { queues: self.queues.clone(), snapshot: self.workshop.snapshot.clone() };
                let fall = fall(AssertUnwindSafe(exporter.run(intake, stop)).catch_unwind().await);
                let drained = self.queues.iter().all(|(_, queue)| queue.is_drained());
                fall.or((!drained).then_some(Fall::Ended))
            }
        }
    }

    /// What `collect[]` calls it: a group of the host by its own name, anything else by its kind.
    fn collector(&self) -> &str {
        if self.recipe.kind == "system" { &self.recipe.name } else { self.recipe.kind }
    }
}

fn fall(ended: Result<Result<(), Error>, Box<dyn std::any::Any + Send>>) -> Option<Fall> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Fall::Error(error)),
        Err(panic) => Some(Fall::Panic(words(&*panic))),
    }
}

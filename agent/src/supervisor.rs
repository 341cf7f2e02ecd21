//! Runs the parts: starts, restarts after an error or a panic, replaces what has changed, stops in order.
//!
//! Only the supervisor spawns. Each part has a keeper task of its own, so nothing that a part does
//! (return, err, panic, hang) reaches another. Queues belong to the supervisor: they outlive the
//! exporters that empty them and the sources that fill them.

mod backoff;
mod clerks;
mod keeper;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus::GaugeVec;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info, warn};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::outlet::Trunk;
use vigie_pipeline::plug::Surroundings;
use vigie_pipeline::queue::Queue;
use vigie_pipeline::receipt::DropReason;
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::snapshot::Snapshot;
use vigie_pipeline::spool::Ending;
use vigie_pipeline::stop::{Stopper, stop};

use crate::driver;
use clerks::Clerks;
use keeper::{Keeper, Workshop};

/// What happened to the parts when a configuration was applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Parts that had not been there.
    pub started: usize,
    /// Parts that are gone.
    pub stopped: usize,
    /// Parts whose configuration had changed.
    pub replaced: usize,
    /// Parts that run on as they were.
    pub kept: usize,
}

struct Running {
    recipe: Recipe,
    stopper: Stopper,
    task: JoinHandle<()>,
}

/// See the module.
pub(crate) struct Supervisor {
    workshop: Arc<Workshop>,
    running: BTreeMap<String, Running>,
    queues: BTreeMap<(Arc<str>, Signal), Arc<Queue>>,
    clerks: Clerks,
    started: GaugeVec,
    /// How long a part that is stopped because its section changed may take.
    patience: Duration,
}

impl Supervisor {
    /// A supervisor of no parts yet.
    pub(crate) fn new(
        surroundings: Surroundings,
        trunk: Trunk,
        snapshot: Snapshot,
        driver: driver::Handle,
        patience: Duration,
    ) -> Self {
        let started = surroundings.instruments.real_gauges(
            "vigie_part_start_time_seconds",
            "When a part was started, since the Unix epoch; an unchanged part keeps it through a reload.",
            &["part"],
        );
        let clerks = Clerks::new(&surroundings);
        let workshop = Arc::new(Workshop::new(surroundings, trunk, snapshot, driver));
        Self { workshop, running: BTreeMap::new(), queues: BTreeMap::new(), clerks, started, patience }
    }

    /// Makes the running parts those of `recipes`: what is the same runs on untouched.
    pub(crate) async fn apply(&mut self, recipes: Vec<Recipe>) -> Changes {
        let wanted = recipes.into_iter().map(|recipe| {
            let id = recipe.id();
            match self.running.get(&id) {
                Some(part) => (id, recipe.following(&part.recipe)),
                None => (id, recipe),
            }
        });
        let wanted: BTreeMap<String, Recipe> = wanted.collect();
        let gone: Vec<String> = self
            .running
            .iter()
            .filter(|(id, part)| !wanted.get(*id).is_some_and(|recipe| recipe.is_same(&part.recipe)))
            .map(|(id, _)| id.clone())
            .collect();
        let mut changes = Changes::default();
        let mut leaving = Vec::new();
        for id in gone {
            if wanted.contains_key(&id) {
                changes.replaced += 1;
            } else {
                changes.stopped += 1;
                let _ = self.started.remove_label_values(&[&id]);
            }
            leaving.extend(self.running.remove(&id));
        }
        end(leaving, self.patience).await;

        self.route(wanted.values());
        let mut placing = Vec::new();
        for (id, recipe) in wanted {
            if self.running.contains_key(&id) {
                changes.kept += 1;
            } else {
                placing.push(self.start(id, recipe));
            }
        }
        // Whoever reads the snapshot next finds every sampler in its place.
        let placed = futures_util::future::join_all(placing);
        if tokio::time::timeout(self.patience, placed).await.is_err() {
            warn!("some parts are still being built");
        }
        changes.started = self.running.len() - changes.kept - changes.replaced;
        changes
    }

    /// Gives every exporter a queue for each signal it takes, with a spool if it wants one. The queues of
    /// those that are gone are emptied with a count; their spools stay.
    fn route<'a>(&mut self, recipes: impl Iterator<Item = &'a Recipe>) {
        let wanted: BTreeMap<(Arc<str>, Signal), &Recipe> = recipes
            .flat_map(|recipe| recipe.takes.iter().map(move |signal| (recipe, *signal)))
            .map(|(recipe, signal)| ((Arc::clone(&recipe.name), signal), recipe))
            .collect();
        let gone: Vec<_> = self.queues.extract_if(.., |key, _| !wanted.contains_key(key)).collect();
        for (key, recipe) in wanted {
            let new = || Arc::new(Queue::new(Arc::clone(&key.0)));
            let queue = Arc::clone(self.queues.entry(key.clone()).or_insert_with(new));
            self.clerks.attach(&queue, &key.0, key.1, recipe.spool);
        }
        self.clerks.tell_left_alone();
        let routes = self.queues.iter().map(|((_, signal), queue)| (*signal, Arc::clone(queue)));
        self.workshop.trunk.switch.set(routes.collect());
        for (_, queue) in gone {
            queue.end(Ending::Removed(DropReason::ExporterRemoved));
        }
    }

    /// Starts a part; the receiver ends when it has been built for the first time, or could not be.
    fn start(&mut self, id: String, recipe: Recipe) -> oneshot::Receiver<()> {
        debug!(part = id, "start");
        let (stopper, stop) = stop();
        let (placing, placed) = oneshot::channel();
        let queues = recipe
            .takes
            .iter()
            .filter_map(|signal| {
                Some((*signal, Arc::clone(self.queues.get(&(Arc::clone(&recipe.name), *signal))?)))
            })
            .collect();
        let wall = self.workshop.surroundings.clock.unix_nanos();
        self.started.with_label_values(&[&id]).set(wall as f64 / 1e9);
        let keeper = Keeper::new(Arc::clone(&self.workshop), id.clone(), recipe.clone(), queues, placing);

        let task = tokio::spawn(keeper.keep(stop));
        self.running.insert(id, Running { recipe, stopper, task });
        placed
    }

    /// Ends everything in order within `grace`: what collects, then, when it has saved where it stands,
    /// what delivers, which first empties its queues. Says whether all was delivered.
    pub(crate) async fn shut_down(mut self, grace: Duration) -> bool {
        let end_at = Instant::now() + grace;
        let (exporters, collectors): (Vec<_>, Vec<_>) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|(_, part)| !part.recipe.takes.is_empty());
        // Collectors wait for what they have offered to be settled, so both end together; a collector
        // offers nothing once it is stopped.
        for (_, part) in &collectors {
            part.stopper.stop();
        }
        let late = join(collectors, end_at).await;
        for queue in self.queues.values() {
            queue.close();
        }
        let undelivered = join(exporters, end_at).await;
        for part in late.iter().chain(&undelivered) {
            warn!(part, "still busy at the end of the grace period");
        }
        for queue in self.queues.values() {
            queue.end(Ending::Shutdown);
        }
        self.clerks.join(end_at).await;
        let stored: u64 = self.queues.values().map(|queue| queue.stored()).sum();
        let left = self.queues.values().map(|queue| queue.depth().1).sum::<u64>() - stored;
        if left > 0 {
            warn!(events = left, "undelivered: they stay behind their files' offsets");
        }
        if stored > 0 {
            info!(events = stored, "undelivered: they stay in the spool");
        }
        if left + stored == 0 {
            info!("all delivered");
        }
        left + stored == 0 && late.is_empty() && undelivered.is_empty()
    }
}

/// Waits for parts until `end_at`; then ends them, and says who they were.
async fn join(parts: Vec<(String, Running)>, end_at: Instant) -> Vec<String> {
    let mut late = Vec::new();
    for (id, mut part) in parts {
        if timeout_at(end_at, &mut part.task).await.is_err() {
            part.task.abort();
            late.push(id);
        }
    }
    late
}

/// Stops parts and waits for them, all at once; those that do not end in time are cut off.
async fn end(parts: Vec<Running>, patience: Duration) {
    let mut ending = JoinSet::new();
    for part in parts {
        ending.spawn(async move {
            let Running { recipe, stopper, mut task } = part;
            stopper.stop();
            if tokio::time::timeout(patience, &mut task).await.is_err() {
                warn!(part = recipe.id(), "did not stop in time: cut off");
                task.abort();
                let _ = task.await;
            }
        });
    }
    while ending.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;

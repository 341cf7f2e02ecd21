//! The clerks of the spools: each on a thread of its own, for it blocks on the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{error, warn};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::plug::Surroundings;
use vigie_pipeline::queue::Queue;
use vigie_pipeline::spool::{Clerk, Settings, Spools};

use crate::driver::words;

/// A clerk that has fallen is replaced so much later.
const REPLACE_AFTER: Duration = Duration::from_secs(1);

/// At the end clerks have a moment more than the grace period: they write down what is delivered.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Clerks {
    spools: Spools,
    running: JoinSet<()>,
    told_left_alone: bool,
}

impl Clerks {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        Self { spools: Spools::new(surroundings), running: JoinSet::new(), told_left_alone: false }
    }

    /// Gives `queue` the spool that its destination wants. One that wants none has one all the same as long as
    /// there is something in it.
    pub(super) fn attach(
        &mut self,
        queue: &Arc<Queue>,
        exporter: &Arc<str>,
        signal: Signal,
        settings: Option<Settings>,
    ) {
        if settings.is_none() && !queue.has_spool() {
            if !self.spools.holds(exporter, signal) {
                return;
            }
            let signal = signal.as_str();
            warn!(%exporter, signal, "its spool is not empty: it is delivered first, and not written any more");
        }
        if let Some(clerk) = self.spools.attach(queue, exporter, signal, settings) {
            self.running.spawn(keep(clerk, Arc::clone(queue)));
        }
        // Those of exporters that are gone.
        while self.running.try_join_next().is_some() {}
    }

    /// Says which spools wait for an exporter that is not there. Not at a reload: then who takes an exporter out
    /// has just been told.
    pub(super) fn tell_left_alone(&mut self) {
        if std::mem::replace(&mut self.told_left_alone, true) {
            return;
        }
        match self.spools.left_alone() {
            Ok(left) => left.iter().for_each(|one| {
                let (exporter, signal, directory) = (&one.exporter, one.signal.as_str(), one.path.display());
                warn!(
                    exporter,
                    signal,
                    "no such exporter: its spool stays in {directory}, to be delivered when it comes back"
                );
            }),
            Err(error) => warn!("list the spools: {error}"),
        }
    }

    /// Waits for all of them, until `end_at` and a moment more.
    pub(super) async fn join(&mut self, end_at: Instant) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if timeout_at(end_at + LAST_WORDS, all).await.is_err() {
            warn!("a spool is still being written at the end of the grace period");
        }
    }
}

/// Runs clerks until one has ended as it was asked to.
async fn keep(first: Clerk, queue: Arc<Queue>) {
    let mut next = Some(first);
    while let Some(clerk) = next {
        match tokio::task::spawn_blocking(move || clerk.run()).await {
            Ok(()) => return,
            Err(fall) if fall.is_panic() => {
                error!(wait = ?REPLACE_AFTER, "the clerk of a spool panicked: {}", words(&*fall.into_panic()));
            }
            Err(_) => return,
        }
        tokio::time::sleep(REPLACE_AFTER).await;
        next = Clerk::of(&queue);
    }
}

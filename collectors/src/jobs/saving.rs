//! Saves how jobs stand, and tells those who wait for it.
//!
//! One save at a time, beside everything else: what changes meanwhile is saved together by the next one. When nothing
//! can be saved, who waits is told so, the agent is not ready, and it is tried again.

use std::io;
use std::path::PathBuf;

use prometheus::IntCounter;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{error, info};
use vigie_pipeline::plug::Surroundings;
use vigie_pipeline::readiness::{Latch, Readiness};

use super::listener::Answer;
use super::mailbox::Letter;
use super::store;

/// What has to be saved before somebody is told that it is.
#[derive(Debug)]
pub(super) enum Waiting {
    Question(oneshot::Sender<Answer>),
    Letter(Letter),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Saving {
    state_dir: PathBuf,
    readiness: Readiness,
    failures: IntCounter,
    /// Whether something has changed since the last save began.
    changed: bool,
    /// Who waits for the next save.
    waiting: Vec<Waiting>,
    /// The present one, and who waits for it.
    task: Option<(JoinHandle<io::Result<()>>, Vec<Waiting>)>,
    /// Held while nothing can be saved.
    failing: Option<Latch>,
}

impl Saving {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        let failures = surroundings.instruments.counters(
            "vigie_job_save_failures_total",
            "How often the state of jobs could not be saved.",
            &[],
        );
        Self {
            state_dir: surroundings.state_dir.clone(),
            readiness: surroundings.readiness.clone(),
            failures: failures.with_label_values::<&str>(&[]),
            changed: false,
            waiting: Vec::new(),
            task: None,
            failing: None,
        }
    }

    /// Something has changed.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// Somebody is to be told when all that has changed until now is saved.
    pub(super) fn wait(&mut self, waiting: Waiting) {
        self.waiting.push(waiting);
    }

    /// Whether somebody waits for the next save.
    pub(super) fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether no report that was taken in is still there.
    pub(super) fn has_no_letters(&self) -> bool {
        let present = self.task.iter().flat_map(|(_, waiting)| waiting);
        !self.waiting.iter().chain(present).any(|waiting| matches!(waiting, Waiting::Letter(_)))
    }

    /// Begins to save what has changed, unless it is saving already.
    pub(super) fn begin(&mut self, body: impl FnOnce() -> Vec<u8>) {
        if self.task.is_some() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        if !std::mem::take(&mut self.changed) {
            // What they wait for is there already.
            return release(waiting, true);
        }
        let (state_dir, body) = (self.state_dir.clone(), body());
        self.task = Some((tokio::task::spawn_blocking(move || store::save(&state_dir, &body)), waiting));
    }

    /// Waits until the present save has ended; for ever if there is none.
    pub(super) async fn ended(&mut self) {
        let Some((task, _)) = &mut self.task else { return std::future::pending().await };
        let saved = task.await.map_err(io::Error::other).flatten();
        let waiting = self.task.take().map(|(_, waiting)| waiting).unwrap_or_default();
        release(waiting, saved.is_ok());
        match saved {
            Ok(()) if self.failing.take().is_some() => info!("the state of jobs is saved again"),
            Ok(()) => {}
            Err(error) => {
                self.failures.inc();
                self.changed = true;
                if self.failing.is_none() {
                    error!(
                        "save the state of jobs: {error}; what they say from now on is lost with the agent"
                    );
                    self.failing = Some(self.readiness.latch(format!("save the state of jobs: {error}")));
                }
            }
        }
    }

    /// Saves what is left to be saved.
    pub(super) async fn finish(mut self, body: impl Fn() -> Vec<u8>) {
        if self.task.is_some() {
            self.ended().await;
        }
        self.begin(body);
        if self.task.is_some() {
            self.ended().await;
        }
    }
}

/// Tells those who have waited. A report that is not saved stays where it is.
fn release(waiting: Vec<Waiting>, saved: bool) {
    for one in waiting {
        match one {
            // An error means that who asked has gone away.
            Waiting::Question(tell) => {
                let _ = tell.send(if saved { Answer::Saved } else { Answer::NotSaved });
            }
            Waiting::Letter(letter) if saved => letter.remove(),
            Waiting::Letter(_) => {}
        }
    }
}

//! What a destination refuses for good, set aside for a person to look at and to send again.
//!
//! * Each refusal becomes one JSON file under `state_dir/rejected/<exporter>/`: who refused it, when and in
//!   which words, and the records as an OTLP/JSON request ([`json`]), which any OTLP/HTTP receiver takes:
//!   `jq .request FILE | curl -H 'content-type: application/json' --data-binary @- http://…/v1/logs`.
//! * A directory has at most [`MOST_FILES`] files of together [`MOST_BYTES`]; the oldest leave first.
//! * It is help, and no buffer: a file is written aside, off the lane's way, and what cannot be kept (a full
//!   disk, more refusals than the disk takes, no memory to hold them) is counted. The records are counted
//!   as dropped either way.

mod directory;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prometheus::IntCounter;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use vigie_pipeline::batch::{Batch, Signal};
use vigie_pipeline::budget::Reservation;
use vigie_pipeline::plug::Surroundings;

use super::json;
use super::portion::Portion;
use directory::Directory;

/// How many files one exporter may leave.
const MOST_FILES: usize = 1_000;
/// And how many bytes in them.
const MOST_BYTES: u64 = 64 << 20;
/// How many refusals may wait for the disk.
const MOST_WAITING: usize = 256;
/// How long an exporter that ends waits for the disk.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// What became of a refusal's file. A closed set: it becomes the `outcome` label.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Written.
    Kept,
    /// Could not be written.
    Failed,
    /// Not tried: too many came at once.
    Skipped,
    /// Written once, and left for a newer one.
    Expired,
}

impl Outcome {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Kept, "kept"),
        (Self::Failed, "failed"),
        (Self::Skipped, "skipped"),
        (Self::Expired, "expired"),
    ];
}

/// Files of one exporter by what became of them.
#[derive(Debug, Clone)]
struct Counts([IntCounter; Outcome::ALL.len()]);

impl Counts {
    fn add(&self, outcome: Outcome, count: usize) {
        self.0[outcome as usize].inc_by(count as u64);
    }
}

/// A refusal that waits to be written.
#[derive(Debug)]
struct Refusal {
    signal: Signal,
    at: SystemTime,
    endpoint: Arc<str>,
    answer: String,
    batches: Vec<Batch>,
    _held: Reservation,
}

/// Takes the refusals of one signal. Never waits.
#[derive(Debug)]
pub(super) struct Rejects {
    signal: Signal,
    endpoint: Arc<str>,
    waiting: mpsc::Sender<Refusal>,
    counts: Counts,
    surroundings: Surroundings,
}

/// Writes what the [`Rejects`] of one exporter took.
#[derive(Debug)]
pub(super) struct Keeper {
    exporter: String,
    directory: PathBuf,
    /// Until the first of [`Keeper::rejects`] ends, there may be more.
    offer: mpsc::Sender<Refusal>,
    waiting: mpsc::Receiver<Refusal>,
    counts: Counts,
    surroundings: Surroundings,
}

impl Keeper {
    pub(super) fn new(exporter: &str, surroundings: &Surroundings) -> Self {
        let counters = surroundings.instruments.counters(
            "vigie_export_rejected_files_total",
            "Files with what a destination refused for good, by what became of them.",
            &["exporter", "outcome"],
        );
        let counts =
            Counts(Outcome::ALL.map(|(_, outcome)| counters.with_label_values(&[exporter, outcome])));
        let (offer, waiting) = mpsc::channel(MOST_WAITING);
        Self {
            exporter: exporter.to_owned(),
            directory: surroundings.state_dir.join("rejected").join(file_name(exporter)),
            offer,
            waiting,
            counts,
            surroundings: surroundings.clone(),
        }
    }

    /// What takes the refusals of one signal, which `endpoint` refuses.
    pub(super) fn rejects(&self, signal: Signal, endpoint: &str) -> Rejects {
        Rejects {
            signal,
            endpoint: endpoint.into(),
            waiting: self.offer.clone(),
            counts: self.counts.clone(),
            surroundings: self.surroundings.clone(),
        }
    }

    /// Writes until `work` is done, and then what is still waiting, for a while.
    pub(super) async fn write_during(self, work: impl Future<Output = ()>) {
        let Self { exporter, directory, offer, mut waiting, counts, .. } = self;
        let mut directory = Some(Directory::new(directory));
        let mut in_trouble = false;
        let write = async {
            while let Some(refusal) = waiting.recv().await {
                let Some(mut taken) = directory.take() else { break };
                let name = exporter.clone();
                let done = spawn_blocking(move || {
                    let written = taken.write(&refusal.name(), &refusal.text(&name), MOST_FILES, MOST_BYTES);
                    (taken, written)
                });
                // It fails only where the runtime ends.
                let Ok((back, written)) = done.await else { break };
                match written {
                    Ok(expired) => {
                        in_trouble = false;
                        counts.add(Outcome::Kept, 1);
                        counts.add(Outcome::Expired, expired);
                    }
                    Err(error) => {
                        counts.add(Outcome::Failed, 1);
                        if !std::mem::replace(&mut in_trouble, true) {
                            tracing::warn!(%exporter, directory = %back.path().display(), "cannot keep what was refused: {error}");
                        }
                    }
                }
                directory = Some(back);
            }
        };
        let mut write = std::pin::pin!(write);
        tokio::select! {
            () = work => drop(offer),
            () = &mut write => return,
        }
        // Ends when the last refusal is written: nobody is left to bring another.
        let _ = timeout(END_PATIENCE, write).await;
    }
}

impl Rejects {
    /// Has these records set aside, which were refused in these words.
    pub(super) fn keep(&self, portion: &Portion, answer: &str) {
        let Ok(place) = self.waiting.try_reserve() else { return self.counts.add(Outcome::Skipped, 1) };
        let Some(held) = self.surroundings.budget.export.try_reserve(portion.bytes()) else {
            return self.counts.add(Outcome::Skipped, 1);
        };
        // Copied: a part of a batch would keep all of it in memory, which is counted as given back.
        let copy = |batch: &Batch| Batch { records: Bytes::copy_from_slice(&batch.records), ..batch.clone() };
        place.send(Refusal {
            signal: self.signal,
            at: self.surroundings.clock.wall(),
            endpoint: Arc::clone(&self.endpoint),
            answer: answer.to_owned(),
            batches: portion.pieces().iter().map(|piece| copy(&piece.batch)).collect(),
            _held: held,
        });
    }
}

impl Refusal {
    /// In the order of time.
    fn name(&self) -> String {
        format!("{:020}-{}", vigie_pipeline::clock::unix_nanos(self.at), self.signal.as_str())
    }

    fn text(&self, exporter: &str) -> String {
        let time = jiff::Timestamp::try_from(self.at).map(|at| at.to_string()).unwrap_or_default();
        let events: u64 = self.batches.iter().map(|batch| u64::from(batch.count)).sum();
        let file = serde_json::json!({
            "exporter": exporter,
            "endpoint": &*self.endpoint,
            "signal": self.signal.as_str(),
            "time": time,
            "answer": self.answer,
            "events": events,
            "sources": json::scopes(&self.batches),
            "request": json::request(self.signal, &self.batches),
        });
        format!("{file:#}\n")
    }
}

/// The name as a file name: what could mean something to a path does not come through.
fn file_name(exporter: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    exporter.chars().map(safe).take(100).collect()
}

#[cfg(test)]
mod tests;

//! Samples what is read on demand: decides when, measures, and cuts off what hangs.
//!
//! A reader asks for fresh values ([`Snapshot::refresh`]); the driver hands every sampler that is wanted
//! and older than [`FRESH`] to one sampling thread as a [`round`], because what samplers read blocks in
//! the kernel. When the sampler at work passes its deadline, the driver leaves it that thread, takes its
//! values away and goes on with the rest on a new thread; the sampler is not asked again until it
//! returns. So a hung thing costs one thread and its own values, once.

mod meter;
mod round;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, info, warn};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{SPANS, Sampling};
use vigie_pipeline::snapshot::{Refresh, Selection, Snapshot};

use meter::Meter;
pub(crate) use round::words;
use round::{Crew, Entry, Outcome, Sampled, Verdict};

/// Values younger than this are served again instead of sampled again.
const FRESH: Duration = Duration::from_secs(1);

/// Adds and removes samplers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    commands: mpsc::Sender<Command>,
    snapshot: Snapshot,
}

#[derive(Debug)]
enum Command {
    Add { id: Arc<str>, sampler: Arc<round::Seat>, sampling: Entry, fell: oneshot::Sender<String> },
    Remove { id: Arc<str> },
}

impl Handle {
    /// Takes a sampler in. The receiver is told, once, with what words the sampler panicked; by then it
    /// is out again.
    pub(crate) async fn add(
        &self,
        id: &str,
        collector: &str,
        sampling: Sampling,
    ) -> oneshot::Receiver<String> {
        let (fell, falls) = oneshot::channel();
        let id: Arc<str> = id.into();
        let seat = Arc::new(round::Seat {
            id: Arc::clone(&id),
            collector: collector.into(),
            slot: self.snapshot.slot(collector),
            deadline: sampling.deadline,
        });
        let entry = Entry { seat: Arc::clone(&seat), sampler: sampling.sampler, page: Page::default() };
        let add = Command::Add { id, sampler: seat, sampling: entry, fell };
        // An error means that the agent is ending.
        let _ = self.commands.send(add).await;
        falls
    }

    /// Lets a sampler go, and its values with it.
    pub(crate) async fn remove(&self, id: &str) {
        let _ = self.commands.send(Command::Remove { id: id.into() }).await;
    }
}

/// A sampler between two rounds.
struct Member {
    seat: Arc<round::Seat>,
    /// Absent while it is in a round, or hung.
    entry: Option<Entry>,
    fell: Option<oneshot::Sender<String>>,
    sampled: Option<std::time::Instant>,
    failing: bool,
}

/// See the module.
pub(crate) struct Driver {
    members: BTreeMap<Arc<str>, Member>,
    commands: mpsc::Receiver<Command>,
    requests: mpsc::Receiver<Refresh>,
    crew: Crew,
    /// Entries whose thread had been given up, come back.
    late: mpsc::UnboundedReceiver<Sampled>,
    meter: Meter,
    clock: Clock,
}

/// A driver that answers the snapshot's readers, and the handle to feed it.
pub(crate) fn driver(
    snapshot: &Snapshot,
    requests: mpsc::Receiver<Refresh>,
    clock: Clock,
) -> (Driver, Handle) {
    let (commands, inbox) = mpsc::channel(16);
    let (crew, late) = Crew::new();
    let driver = Driver {
        members: BTreeMap::new(),
        commands: inbox,
        requests,
        crew,
        late,
        meter: Meter::new(snapshot),
        clock,
    };
    (driver, Handle { commands, snapshot: snapshot.clone() })
}

impl Driver {
    /// Runs until every handle is gone.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                // A sampler that was added before somebody asked is sampled for them.
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(returned) = self.late.recv() => {
                    info!(collector = &*returned.entry.seat.id, "hung sampler has returned");
                    self.take_back(returned, true);
                }
                Some(request) = self.requests.recv() => {
                    self.sample(&request.selection).await;
                    // An error means that the reader has gone away.
                    let _ = request.done.send(());
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add { id, sampler, sampling, fell } => {
                let member = Member {
                    seat: sampler,
                    entry: Some(sampling),
                    fell: Some(fell),
                    sampled: None,
                    failing: false,
                };
                self.members.insert(id, member);
            }
            Command::Remove { id } => {
                if let Some(member) = self.members.remove(&id) {
                    member.seat.slot.withdraw();
                }
                self.meter.forget(&id);
            }
        }
    }

    async fn sample(&mut self, selection: &Selection) {
        let now = self.clock.monotonic();
        let due = |member: &Member| {
            selection.wants(&member.seat.collector)
                && member.sampled.is_none_or(|at| now.duration_since(at) >= FRESH)
        };
        let entries: Vec<Entry> = self
            .members
            .values_mut()
            .filter(|member| due(member))
            .filter_map(|member| member.entry.take())
            .collect();
        if entries.is_empty() {
            return;
        }
        let span = tracing::info_span!(target: SPANS, "collect", samplers = entries.len());
        let mut verdicts = self.crew.start(entries, self.clock.clone());
        while let Some(verdict) = verdicts.next(&mut self.crew).await {
            match verdict {
                Verdict::Sampled(sampled) => self.take_back(sampled, false),
                Verdict::Hung(seat) => self.quarantine(&seat),
            }
        }
        drop(span);
        self.meter.publish(self.clock.monotonic());
    }

    fn quarantine(&mut self, seat: &round::Seat) {
        seat.slot.withdraw();
        error!(collector = &*seat.id, deadline = ?seat.deadline, "sampler hangs: quarantined until it returns");
        self.meter.hung(seat);
        if let Some(member) = self.members.get_mut(&seat.id) {
            member.failing = true;
        }
    }

    fn take_back(&mut self, sampled: Sampled, late: bool) {
        let Sampled { entry, outcome, took } = sampled;
        let id = Arc::clone(&entry.seat.id);
        // A sampler that was removed or replaced meanwhile is dropped here.
        let Some(member) = self.members.get_mut(&id).filter(|m| Arc::ptr_eq(&m.seat, &entry.seat)) else {
            return;
        };
        let now = self.clock.monotonic();
        if !late {
            self.meter.sampled(&entry.seat, took, matches!(outcome, Outcome::Fine), now);
            member.sampled = Some(now);
        }
        match outcome {
            Outcome::Fine if member.failing && !late => {
                member.failing = false;
                info!(collector = &*id, "sampler works again");
            }
            Outcome::Fine => {}
            Outcome::NoData(why) => debug!(collector = &*id, "no data: {why}"),
            Outcome::Failed(error) if !member.failing => {
                member.failing = true;
                warn!(collector = &*id, "sampler fails: {error}");
            }
            Outcome::Failed(error) => debug!(collector = &*id, "sampler still fails: {error}"),
            Outcome::Panicked(words) => {
                entry.seat.slot.withdraw();
                self.meter.forget(&id);
                if let Some(mut member) = self.members.remove(&id)
                    && let Some(fell) = member.fell.take()
                {
                    // An error means that nobody wants it built again.
                    let _ = fell.send(words);
                }
                return;
            }
        }
        member.entry = Some(entry);
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.seat.id).finish()
    }
}

#[cfg(test)]
mod tests;

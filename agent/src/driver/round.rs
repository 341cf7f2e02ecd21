//! One round of sampling on a thread of its own, watched from outside.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as sync_mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::page::{Page, Repeats};
use vigie_pipeline::plug::{NoData, Sampler};
use vigie_pipeline::snapshot::Slot;

/// What stays of a sampler wherever it is: its name, its place in the snapshot, its bound.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: Arc<str>,
    pub(super) collector: Arc<str>,
    pub(super) slot: Slot,
    pub(super) deadline: Duration,
}

/// A sampler with the page it fills next.
pub(super) struct Entry {
    pub(super) seat: Arc<Seat>,
    pub(super) sampler: Box<dyn Sampler>,
    pub(super) page: Page,
}

/// How one sampling went.
#[derive(Debug)]
pub(super) enum Outcome {
    Fine,
    NoData(String),
    Failed(String),
    Panicked(String),
}

/// An entry that has been sampled.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) entry: Entry,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

/// What a round says of one sampler.
pub(super) enum Verdict {
    Sampled(Sampled),
    Hung(Arc<Seat>),
}

/// The sampling thread, and how it is replaced. The thread sleeps between rounds.
pub(super) struct Crew {
    worker: Option<sync_mpsc::Sender<Arc<Round>>>,
    late: mpsc::UnboundedSender<Sampled>,
}

/// What the driver and the thread share.
struct Round {
    state: Mutex<State>,
    ended: Notify,
    clock: Clock,
}

#[derive(Default)]
struct State {
    todo: VecDeque<Entry>,
    running: Option<(Arc<Seat>, Instant)>,
    done: Vec<Sampled>,
    ended: bool,
    /// The driver has given the thread up: what it still holds is late.
    abandoned: bool,
}

impl Round {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crew {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Sampled>) {
        let (late, returns) = mpsc::unbounded_channel();
        (Self { worker: None, late }, returns)
    }

    /// Begins to sample `entries` in their order.
    pub(super) fn start(&mut self, entries: Vec<Entry>, clock: Clock) -> Verdicts {
        Verdicts { round: self.assign(entries.into(), clock), ready: VecDeque::new() }
    }

    fn assign(&mut self, todo: VecDeque<Entry>, clock: Clock) -> Arc<Round> {
        let round = Arc::new(Round {
            state: Mutex::new(State { todo, ..State::default() }),
            ended: Notify::new(),
            clock,
        });
        let unassigned = match &self.worker {
            Some(worker) => worker.send(Arc::clone(&round)).is_err(),
            None => true,
        };
        if unassigned {
            let (worker, rounds) = sync_mpsc::channel();
            let late = self.late.clone();
            let thread = thread::Builder::new().name("sampler".into());
            match thread.spawn(move || work(&rounds, &late)) {
                Ok(_) => {
                    let _ = worker.send(Arc::clone(&round));
                    self.worker = Some(worker);
                }
                Err(error) => {
                    // No thread to be had: the samplers are not asked this time.
                    tracing::error!("start sampling thread: {error}");
                    give_up(&round);
                }
            }
        }
        round
    }
}

/// Ends a round that nobody will work on: every sampler counts as failed.
fn give_up(round: &Round) {
    let mut state = round.state();
    while let Some(entry) = state.todo.pop_front() {
        let outcome = Outcome::Failed("no sampling thread".into());
        state.done.push(Sampled { entry, outcome, took: Duration::ZERO });
    }
    state.ended = true;
    round.ended.notify_one();
}

fn work(rounds: &sync_mpsc::Receiver<Arc<Round>>, late: &mpsc::UnboundedSender<Sampled>) {
    let mut repeats = Repeats::default();
    for round in rounds {
        loop {
            let mut state = round.state();
            let Some(mut entry) = state.todo.pop_front() else {
                state.ended = true;
                round.ended.notify_one();
                break;
            };
            let started = round.clock.monotonic();
            state.running = Some((Arc::clone(&entry.seat), started));
            drop(state);

            let mut page = std::mem::take(&mut entry.page);
            let outcome = sample(&mut *entry.sampler, &mut page, &mut repeats);
            let took = round.clock.monotonic().saturating_duration_since(started);

            let mut state = round.state();
            state.running = None;
            if state.abandoned {
                drop(state);
                page.clear();
                entry.page = page;
                // An error means that the agent is ending.
                let _ = late.send(Sampled { entry, outcome, took });
                return;
            }
            entry.page = entry.seat.slot.publish(page);
            state.done.push(Sampled { entry, outcome, took });
        }
    }
}

fn sample(sampler: &mut dyn Sampler, page: &mut Page, repeats: &mut Repeats) -> Outcome {
    let sampled = catch_unwind(AssertUnwindSafe(|| sampler.sample(page)));
    let repeats = repeats.drop_from(page);
    match sampled {
        Ok(Ok(())) if repeats > 0 => {
            Outcome::Failed(format!("{repeats} series came twice: the first ones count"))
        }
        Ok(Ok(())) => Outcome::Fine,
        Ok(Err(error)) if error.is::<NoData>() => Outcome::NoData(error.to_string()),
        Ok(Err(error)) => Outcome::Failed(error.to_string()),
        Err(panic) => {
            page.clear();
            Outcome::Panicked(words(&*panic))
        }
    }
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

/// The verdicts of one round, as they become known.
pub(super) struct Verdicts {
    round: Arc<Round>,
    ready: VecDeque<Verdict>,
}

impl Verdicts {
    /// The next one; `None` when every sampler of the round has been judged.
    pub(super) async fn next(&mut self, crew: &mut Crew) -> Option<Verdict> {
        loop {
            if let Some(verdict) = self.ready.pop_front() {
                return Some(verdict);
            }
            let wait = {
                let mut state = self.round.state();
                self.ready.extend(state.done.drain(..).map(Verdict::Sampled));
                match &state.running {
                    _ if state.ended => None,
                    Some((seat, since)) => {
                        let ran = self.round.clock.monotonic().saturating_duration_since(*since);
                        Some(seat.deadline.saturating_sub(ran))
                    }
                    // Between two samplers, or not begun yet.
                    None => Some(Duration::from_millis(100)),
                }
            };
            match wait {
                None if self.ready.is_empty() => return None,
                None => {}
                Some(Duration::ZERO) => self.abandon(crew),
                Some(wait) if self.ready.is_empty() => {
                    // Told at the end of the round, not after each sampler: a wake-up costs more than most
                    // samplers do.
                    let _ = tokio::time::timeout(wait, self.round.ended.notified()).await;
                }
                Some(_) => {}
            }
        }
    }

    /// Leaves the thread to the sampler that hangs and goes on with the others on a new one.
    fn abandon(&mut self, crew: &mut Crew) {
        let mut state = self.round.state();
        // It may have returned in the meantime.
        let Some((seat, _)) = state.running.take() else { return };
        state.abandoned = true;
        self.ready.extend(state.done.drain(..).map(Verdict::Sampled));
        self.ready.push_back(Verdict::Hung(seat));
        let todo = std::mem::take(&mut state.todo);
        drop(state);
        crew.worker = None;
        let clock = self.round.clock.clone();
        self.round = crew.assign(todo, clock);
    }
}

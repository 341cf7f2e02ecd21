//! The part: takes in what jobs say, notices what they do not say, and keeps how they stand.
//!
//! A check-in is answered when it is saved ([`Saving`]). Reports that were left in files are looked for now and then.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prometheus::IntCounterVec;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{info, warn};
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::outlet::Outlet;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Source, Surroundings};
use vigie_pipeline::snapshot::Slot;
use vigie_pipeline::stop::Stop;

use super::board::Board;
use super::check_in::CheckIn;
use super::config::Config;
use super::listener::{Answer, Asked, Listener, Question};
use super::mailbox::{self, Post};
use super::saving::{Saving, Waiting};
use super::standing::{Moment, Standing, now};
use super::telemetry::Telemetry;
use super::{metrics, store};

/// How late a job may be noticed to be overdue.
const TICK: Duration = Duration::from_secs(1);
/// How often it looks for reports that were left for it, in ticks.
const LOOK: u64 = 5;
/// As many questions wait at most; those who ask wait then.
const QUESTIONS: usize = 64;

/// See the module.
pub(super) struct Jobs {
    pub(super) config: Config,
    /// How the jobs stood.
    pub(super) kept: Vec<Standing>,
    pub(super) surroundings: Surroundings,
}

impl Jobs {
    /// With what is kept of the jobs.
    pub(super) fn new(config: &Config, surroundings: &Surroundings) -> Self {
        let kept = store::load(&surroundings.state_dir);
        if kept.is_none() {
            info!("nothing is known of earlier runs of jobs");
        }
        let kept = kept.unwrap_or_default();
        Self { config: config.clone(), kept, surroundings: surroundings.clone() }
    }
}

#[async_trait]
impl Source for Jobs {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Self { config, kept, surroundings } = *self;
        let refused = refused(&surroundings);
        let (ask, questions) = mpsc::channel(QUESTIONS);
        let listening = async {
            if let Some(address) = config.address() {
                Listener::new(address, ask, refused.clone(), &surroundings).run(stop).await;
            } else {
                stop.stopped().await;
                drop(ask);
            }
        };
        let board = Board::new(&config, kept, now(&surroundings.clock));
        let office = Office::open(board, &surroundings, refused.clone(), outlet);
        // The office closes when nobody can ask any more, and what was asked is answered.
        tokio::join!(listening, office.run(questions));
        Ok(())
    }
}

/// Counts what is not taken in, by why.
fn refused(surroundings: &Surroundings) -> IntCounterVec {
    let refused = surroundings.instruments.counters(
        "vigie_job_check_ins_refused_total",
        "Check-ins of jobs that were not taken in, by why.",
        &["reason"],
    );
    for reason in ["browser", "report", "request", "slow", "too_large", "too_many_jobs"] {
        refused.with_label_values(&[reason]);
    }
    refused
}

/// What the part works with while it runs.
struct Office {
    surroundings: Surroundings,
    board: Board,
    saving: Saving,
    telemetry: Telemetry,
    refused: IntCounterVec,
    slot: Slot,
    settled: mpsc::UnboundedReceiver<vigie_pipeline::receipt::Settled>,
    page: Page,
    /// While reports are read.
    reading: Option<JoinHandle<io::Result<Post>>>,
    /// Whether more than those wait.
    more: bool,
    /// Whether it was said that they cannot be read.
    complained: bool,
}

impl Office {
    /// The jobs are to be seen from here on.
    fn open(board: Board, surroundings: &Surroundings, refused: IntCounterVec, outlet: Outlet) -> Self {
        let Outlet { events, settled, slot } = outlet;
        let (resource, scope) = (surroundings.resource.clone(), surroundings.scope.clone());
        let mut office = Self {
            board,
            saving: Saving::new(surroundings),
            telemetry: Telemetry::new(events, Arc::new(Envelope { resource, scope })),
            surroundings: surroundings.clone(),
            refused,
            slot,
            settled,
            page: Page::default(),
            reading: None,
            more: false,
            complained: false,
        };
        // Jobs that are new to the configuration are known since now, over restarts too.
        office.saving.change();
        office.publish();
        office
    }

    async fn run(mut self, mut questions: mpsc::Receiver<Question>) {
        let mut ticks: Interval = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0_u64;
        let mut asked = Vec::new();
        loop {
            tokio::select! {
                several = questions.recv_many(&mut asked, QUESTIONS) => {
                    if several == 0 {
                        break;
                    }
                    for question in asked.drain(..) {
                        self.answer(question);
                    }
                }
                () = self.saving.ended() => {
                    if std::mem::take(&mut self.more) {
                        self.look();
                    }
                    if !self.saving.is_awaited() {
                        continue;
                    }
                }
                post = read(&mut self.reading) => self.take_in(post),
                _ = ticks.tick() => {
                    self.tick();
                    if count.is_multiple_of(LOOK) {
                        self.look();
                    }
                    count += 1;
                }
            }
            self.publish();
            self.saving.begin(|| store::write(self.board.jobs()));
        }
        self.publish();
        let Self { saving, board, .. } = self;
        saving.finish(|| store::write(board.jobs())).await;
    }

    fn answer(&mut self, Question { asked, answer }: Question) {
        match asked {
            Asked::CheckIn(check_in) => match self.check_in(check_in) {
                true => self.saving.wait(Waiting::Question(answer)),
                false => tell(answer, Answer::Full),
            },
            Asked::Forget(job) => {
                let forgotten = self.board.forget(&job);
                self.saving.change();
                tell(answer, Answer::Forgotten(forgotten));
            }
        }
    }

    /// Whether there was room for it.
    fn check_in(&mut self, check_in: CheckIn) -> bool {
        let job = check_in.job.clone();
        let Ok(news) = self.board.check_in(check_in, Moment::of(&self.surroundings.clock)) else {
            self.refused.with_label_values(&["too_many_jobs"]).inc();
            return false;
        };
        for news in &news {
            self.telemetry.tell(&job, news);
        }
        self.saving.change();
        true
    }

    fn tick(&mut self) {
        let news = self.board.tick(now(&self.surroundings.clock));
        for (job, news) in &news {
            self.telemetry.tell(job, news);
            self.saving.change();
        }
    }

    /// Looks for reports, unless those that were found are still there.
    fn look(&mut self) {
        if self.reading.is_none() && self.saving.has_no_letters() {
            let state_dir = self.surroundings.state_dir.clone();
            self.reading = Some(tokio::task::spawn_blocking(move || mailbox::read(&state_dir)));
        }
    }

    fn take_in(&mut self, post: io::Result<Post>) {
        self.reading = None;
        match post {
            Ok(post) => {
                self.refused.with_label_values(&["report"]).inc_by(post.rejected);
                self.more = post.more;
                for letter in post.letters {
                    match self.check_in(letter.check_in.clone()) {
                        true => self.saving.wait(Waiting::Letter(letter)),
                        false => letter.reject(),
                    }
                }
                self.complained = false;
            }
            Err(error) if !self.complained => {
                warn!("reports of jobs that wait are not read: {error}");
                self.complained = true;
            }
            Err(_) => {}
        }
    }

    /// Shows how the jobs stand, and hands over what is new.
    fn publish(&mut self) {
        let mut page = std::mem::take(&mut self.page);
        for job in self.board.jobs() {
            metrics::write(&mut page, job);
        }
        self.page = self.slot.publish(page);
        self.telemetry.offer();
        // Nothing is kept for a batch: what became of it is in the ledger.
        while self.settled.try_recv().is_ok() {}
    }
}

/// Answers whoever asked, unless they have gone away.
fn tell(answer: oneshot::Sender<Answer>, what: Answer) {
    let _ = answer.send(what);
}

/// What was read; waits for ever if nothing is being read.
async fn read(reading: &mut Option<JoinHandle<io::Result<Post>>>) -> io::Result<Post> {
    match reading {
        Some(task) => task.await.map_err(io::Error::other).flatten(),
        None => std::future::pending().await,
    }
}

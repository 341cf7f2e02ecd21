//! A lane against a destination that the test plays, in time that the test owns.

use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::receipt::{DropReason, Fate};
use vigie_pipeline::stop::{Stopper, stop};

use crate::otlp::answer::{Answer, Fault};
use crate::otlp::backoff::{Backoff, Pace};
use crate::otlp::destination::{Asked, Destination};
use crate::otlp::lane::{Lane, MOST_UNDER_WAY};
use crate::otlp::news::News;
use crate::otlp::parcel::Gathering;
use crate::otlp::rejects::Keeper;
use crate::otlp::rig::{Rig, lines};
use crate::otlp::tally::Tally;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

struct Play {
    rig: Rig,
    asked: mpsc::UnboundedReceiver<Asked>,
    stopper: Stopper,
    running: JoinHandle<()>,
    /// What is refused waits there, and is not written.
    _keeper: Keeper,
}

/// A request that waits for its answer.
struct Waiting(Asked);

impl Waiting {
    fn lines(&self) -> Vec<String> {
        lines(&self.0.body)
    }

    fn accept(self) {
        self.answer(Answer::Accepted { rejected: 0, message: String::new() });
    }

    fn later(self, after: Option<Duration>) {
        self.answer(Answer::Later { after, why: "busy".into() });
    }

    fn answer(self, answer: Answer) {
        self.0.answer.send(Ok(answer)).unwrap();
    }
}

impl Play {
    fn start(max_bytes: usize, max_delay: Duration) -> Self {
        let rig = Rig::new();
        let (script, asked) = mpsc::unbounded_channel();
        let destination = Destination::played(script, Duration::from_secs(10));
        let pace = Pace::new(Backoff::new(ms(500), ms(30_000)).unwrap());
        let surroundings = &rig.surroundings;
        let tally =
            Tally::new(&surroundings.instruments, "default", Signal::Logs, surroundings.clock.clone());
        let keeper = Keeper::new("default", surroundings);
        let lane = Lane::new(
            rig.queues[0].1.clone(),
            destination.into(),
            Gathering::new(max_bytes, max_delay),
            pace,
            tally,
            News::new("default", "127.0.0.1:4318", Signal::Logs),
            keeper.rejects(Signal::Logs, "127.0.0.1:4318"),
        );
        let (stopper, stop) = stop();
        let running = tokio::spawn(lane.run(stop));
        Self { rig, asked, stopper, running, _keeper: keeper }
    }

    /// The next request.
    async fn request(&mut self) -> Waiting {
        Waiting(self.asked.recv().await.unwrap())
    }

    /// Whether no request comes for so long.
    async fn is_quiet(&mut self, duration: Duration) -> bool {
        timeout(duration, self.asked.recv()).await.is_err()
    }

    async fn offer_each(&self, bodies: &[&str]) {
        for (token, body) in bodies.iter().enumerate() {
            self.rig.offer(token as u64, &[body]).await;
        }
    }

    /// What waits in the queue, in its order.
    fn waiting(&self) -> Vec<String> {
        let queue = &self.rig.queues[0].1;
        let mut bodies = Vec::new();
        while let Some(delivery) = queue.try_next(|_| true) {
            let chunks = vigie_pipeline::otlp::request::chunks([delivery.batch()]);
            bodies.extend(lines(&chunks.concat()));
            delivery.settle(Fate::DELIVERED);
        }
        bodies
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_batch_waits_for_others_but_not_for_long() {
    let mut play = Play::start(1 << 20, ms(200));
    let start = Instant::now();
    play.offer_each(&["a"]).await;
    tokio::task::yield_now().await;
    tokio::time::advance(ms(150)).await;
    play.offer_each(&["b"]).await;
    let request = play.request().await;
    assert_eq!((request.lines(), start.elapsed()), (vec!["a".into(), "b".into()], ms(200)));
}

#[tokio::test(start_paused = true)]
async fn a_full_request_waits_for_nothing() {
    // One record of one letter takes 16 bytes.
    let mut play = Play::start(40, ms(200));
    let start = Instant::now();
    play.offer_each(&["a", "b", "c"]).await;
    let full = play.request().await;
    assert_eq!((full.lines(), start.elapsed()), (vec!["a".into(), "b".into()], ms(0)));
    assert_eq!(play.request().await.lines(), ["c"]);
    assert_eq!(start.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn a_few_requests_are_under_way_at_once_and_no_more() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a", "b", "c", "d", "e", "f"]).await;
    let mut under_way = Vec::new();
    for _ in 0..MOST_UNDER_WAY {
        under_way.push(play.request().await);
    }
    assert!(play.is_quiet(ms(1_000)).await);
    under_way.remove(2).accept();
    assert_eq!(play.request().await.lines(), ["e"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_all_wait_and_then_the_oldest_tries_alone() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a", "b", "c", "d", "e", "f"]).await;
    let mut under_way = Vec::new();
    for _ in 0..MOST_UNDER_WAY {
        under_way.push(play.request().await);
    }
    while let Some(request) = under_way.pop() {
        request.later(None);
    }
    assert!(play.is_quiet(ms(249)).await);
    let start = Instant::now();
    let alone = play.request().await;
    assert!(start.elapsed() <= ms(252), "{:?}", start.elapsed());
    assert_eq!(alone.lines(), ["a"]);
    assert!(play.is_quiet(ms(5_000)).await);
    alone.accept();
    for expected in ["b", "c", "d", "e"] {
        assert_eq!(play.request().await.lines(), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_says_when_is_asked_then() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a"]).await;
    play.request().await.later(Some(ms(7_000)));
    assert!(play.is_quiet(ms(6_999)).await);
    assert!(!play.is_quiet(ms(2)).await);
    // Nothing is asked of it while the play waits for the second request, which was just taken.
    assert_eq!(play.rig.events("retried"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_stays_silent_is_asked_again_for_ever() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a"]).await;
    let mut last = play.request().await;
    for _ in 0..50 {
        let start = Instant::now();
        let next = play.request().await;
        assert!(start.elapsed() >= ms(10_250) && start.elapsed() <= ms(40_000));
        drop(std::mem::replace(&mut last, next));
    }
    assert_eq!(play.rig.connection_errors("wait"), 50.0);
    last.accept();
    assert_eq!(play.rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_batch_is_settled_as_such_and_the_next_one_as_delivered() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a", "b"]).await;
    let (first, second) = (play.request().await, play.request().await);
    second.accept();
    assert_eq!(play.rig.outlet.settled.recv().await.unwrap().token, 1);
    first.answer(Answer::Refused { why: "odd".into(), fault: Fault::Records });
    let settled = play.rig.outlet.settled.recv().await.unwrap();
    assert_eq!((settled.token, settled.fate), (0, Fate::dropped(1, DropReason::Rejected)));
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_never_rejects_more_than_was_sent() {
    let mut play = Play::start(1 << 20, ms(10));
    play.offer_each(&["a", "b"]).await;
    play.request().await.answer(Answer::Accepted { rejected: u64::MAX, message: "no".into() });
    for _ in 0..2 {
        let settled = play.rig.outlet.settled.recv().await.unwrap();
        assert_eq!(settled.fate, Fate::dropped(1, DropReason::Rejected));
    }
    assert_eq!((play.rig.events("delivered"), play.rig.events("dropped")), (0.0, 2.0));
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_is_delivered_to_its_end() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a", "b"]).await;
    play.rig.close();
    play.request().await.later(None);
    play.request().await.accept();
    let again = play.request().await;
    assert_eq!(again.lines(), ["a"]);
    assert!(!play.running.is_finished());
    again.accept();
    play.running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_what_is_under_way_may_finish_and_the_rest_goes_back_in_order() {
    let mut play = Play::start(1, ms(0));
    play.offer_each(&["a", "b", "c", "d", "e", "f"]).await;
    let mut under_way = Vec::new();
    for _ in 0..MOST_UNDER_WAY {
        under_way.push(play.request().await);
    }
    play.stopper.stop();
    tokio::task::yield_now().await;
    under_way.remove(1).accept();
    let start = Instant::now();
    (&mut play.running).await.unwrap();
    assert_eq!(start.elapsed(), ms(2_000));
    assert_eq!(play.rig.outlet.settled.recv().await.unwrap().token, 1);
    assert_eq!(play.waiting(), ["a", "c", "d", "e", "f"]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_cut_off_gives_everything_back_in_order() {
    let mut play = Play::start(40, ms(200));
    play.offer_each(&["a", "b", "c", "d", "e"]).await;
    let _under_way = (play.request().await, play.request().await);
    // The fifth is gathered and not sent yet.
    tokio::task::yield_now().await;
    play.running.abort();
    assert!((&mut play.running).await.unwrap_err().is_cancelled());
    assert_eq!(play.waiting(), ["a", "b", "c", "d", "e"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However a destination answers: what was read is delivered or dropped, once each.
    #[test]
    fn the_ledger_balances_whatever_a_destination_answers(
        answers in proptest::collection::vec((0u8..5, 0u64..4), 1..60), batches in 1usize..30, max_bytes in 1usize..100,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut play = Play::start(max_bytes, ms(10));
            let bodies: Vec<String> = (0..batches).map(|n| n.to_string()).collect();
            play.offer_each(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
            play.rig.close();
            let mut answers = answers.into_iter();
            while let Some(asked) = play.asked.recv().await {
                let request = Waiting(asked);
                match answers.next().unwrap_or((0, 0)) {
                    (0 | 1, rejected) => request.answer(Answer::Accepted { rejected, message: String::new() }),
                    (2, seconds) => request.later(Some(Duration::from_secs(seconds))),
                    (3, _) => drop(request),
                    (_, n) => {
                        let fault = if n % 2 == 0 { Fault::Records } else { Fault::Request };
                        request.answer(Answer::Refused { why: "no".into(), fault });
                    }
                }
            }
            play.running.await.unwrap();
            let (delivered, dropped) = (play.rig.events("delivered"), play.rig.events("dropped"));
            assert_eq!(delivered + dropped, batches as f64);
            let mut tokens = Vec::new();
            let mut lost = 0;
            while let Ok(settled) = play.rig.outlet.settled.try_recv() {
                tokens.push(settled.token);
                lost += settled.fate.dropped.map_or(0, |(count, _)| count);
            }
            tokens.sort_unstable();
            assert_eq!(tokens, (0..batches as u64).collect::<Vec<_>>());
            assert_eq!(f64::from(lost), dropped);
        });
    }
}

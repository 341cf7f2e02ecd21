#![allow(clippy::unwrap_used)]
use super::super::check_in::Exit;
use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// A job, and a time that a test moves.
struct Rig {
    job: Standing,
    now: Moment,
}

impl Rig {
    fn new(max_age: Option<u64>) -> Self {
        let now = Moment { wall: "2026-01-10T03:00:00Z".parse().unwrap(), monotonic: Instant::now() };
        let mut job = Standing::new("backup".parse().unwrap(), now.wall);
        let max_age = max_age.map(Duration::from_secs);
        job.expect(Some(Expected { max_age, ..Expected::default() }));
        Self { job, now }
    }

    fn pass(&mut self, seconds: u64) -> Option<News> {
        self.now.wall += Duration::from_secs(seconds);
        self.now.monotonic += Duration::from_secs(seconds);
        self.job.tick(self.now.wall)
    }

    fn told(&mut self, run: Option<&str>, at: Timestamp, what: What) -> Vec<News> {
        let run = run.map(str::to_owned);
        self.job.check_in(CheckIn { job: self.job.name.clone(), at, max_age: None, run, what }, self.now)
    }

    fn start(&mut self, run: Option<&str>) -> Vec<News> {
        self.told(run, self.now.wall, What::Start)
    }

    fn end(&mut self, run: Option<&str>, code: u8) -> Vec<News> {
        self.told(run, self.now.wall, ended(code))
    }

    fn runs(&self) -> [u64; 3] {
        Outcome::ALL.map(|outcome| self.job.runs(outcome))
    }
}

fn ended(code: u8) -> What {
    What::End(Ending { exit: Exit::Code(code), duration: None, peak_memory: None, output: None })
}

#[test]
fn a_run_is_counted_by_how_it_ends_and_lasts_from_start_to_end() {
    let mut rig = Rig::new(None);
    assert_eq!(rig.start(None), []);
    assert!(rig.job.running.is_some());
    rig.pass(7);
    let news = rig.end(None, 0);
    assert!(
        matches!(&news[..], [News::Ended { ending, .. }] if ending.duration == Some(7 * SECOND)),
        "{news:?}"
    );
    assert_eq!(rig.job.last_duration, 7 * SECOND);
    assert_eq!(rig.job.last_success, Some(rig.now.wall));
    assert!(rig.job.running.is_none());
    rig.pass(1);
    rig.end(None, 3);
    assert_eq!((rig.runs(), rig.job.last_exit_code), ([1, 1, 0], 3));
    assert_eq!(rig.job.last_success, Some(rig.now.wall - SECOND));
    assert_eq!(rig.job.last_duration, 7 * SECOND, "the second told of no start");
}

#[test]
fn a_run_that_the_next_one_overtakes_is_lost() {
    let mut rig = Rig::new(None);
    rig.start(Some("a"));
    let started = rig.now.wall;
    rig.pass(60);
    assert_eq!(rig.start(Some("a")), [], "told twice");
    assert_eq!(rig.start(Some("b")), [News::Lost { at: rig.now.wall, started }]);
    rig.pass(5);
    rig.end(Some("b"), 0);
    assert_eq!(rig.runs(), [1, 0, 1]);
    assert_eq!(rig.job.last_duration, 5 * SECOND);
    // The one that was overtaken ends after all, and does not end the next.
    rig.start(Some("c"));
    assert_eq!(rig.end(Some("a"), 0).len(), 1);
    assert!(rig.job.running.is_some());
}

#[test]
fn an_end_that_is_told_twice_counts_once_and_a_start_that_is_told_after_it_not_at_all() {
    let mut rig = Rig::new(None);
    rig.end(Some("a"), 0);
    assert_eq!(rig.end(Some("a"), 0), []);
    assert_eq!(rig.start(Some("a")), []);
    assert!(rig.job.running.is_none());
    assert_eq!(rig.runs(), [1, 0, 0]);
}

#[test]
fn what_is_told_late_changes_nothing_of_the_last_run() {
    let mut rig = Rig::new(None);
    let before = rig.now.wall;
    rig.pass(100);
    rig.end(Some("new"), 3);
    rig.told(Some("old"), before, ended(0));
    assert_eq!((rig.runs(), rig.job.last_exit_code), ([1, 1, 0], 3));
    assert_eq!(rig.job.last_success, Some(before));
}

#[test]
fn a_job_is_overdue_when_its_last_success_is_too_old_and_back_with_the_next() {
    let mut rig = Rig::new(Some(60));
    assert_eq!(rig.pass(60), None, "not before");
    let news = rig.pass(1).unwrap();
    assert!(matches!(news, News::Overdue { last_success: None, .. }), "{news:?}");
    assert_eq!(rig.pass(1), None, "told once");
    assert_eq!(rig.end(None, 1).len(), 1, "a failure does not help");
    assert!(rig.job.overdue);
    assert_eq!(rig.end(None, 0).last(), Some(&News::Back { at: rig.now.wall }));
    assert!(rig.pass(61).is_some());
    let kept: Standing = serde_json::from_slice(&serde_json::to_vec(&rig.job).unwrap()).unwrap();
    rig.job = kept;
    rig.job.expect(Some(Expected { max_age: Some(60 * SECOND), ..Expected::default() }));
    assert_eq!(rig.pass(1), None, "a restart tells nothing again");
}

#[test]
fn a_job_brings_its_max_age_unless_the_configuration_has_one() {
    let mut rig = Rig::new(None);
    let mut told = |max_age| {
        let max_age = Some(Duration::from_secs(max_age));
        let check_in =
            CheckIn { job: rig.job.name.clone(), at: rig.now.wall, max_age, run: None, what: ended(0) };
        rig.job.check_in(check_in, rig.now);
        rig.job.deadline.unwrap()
    };
    assert_eq!(told(10), rig.now.wall + 10 * SECOND);
    assert_eq!(told(20), rig.now.wall + 20 * SECOND);
    rig.end(None, 0);
    assert_eq!(rig.job.deadline, Some(rig.now.wall + 20 * SECOND), "kept if nothing else is said");
    rig.job.expect(Some(Expected { max_age: Some(5 * SECOND), ..Expected::default() }));
    assert_eq!(rig.job.deadline, Some(rig.now.wall + 5 * SECOND));
}

#[test]
fn a_clock_that_is_set_back_does_not_hide_a_job() {
    let mut rig = Rig::new(Some(60));
    rig.end(None, 0);
    rig.now.wall -= 86_400 * SECOND;
    assert_eq!(rig.job.tick(rig.now.wall), None);
    assert_eq!(rig.job.last_success, Some(rig.now.wall), "taken to be now");
    assert!(matches!(rig.pass(61), Some(News::Overdue { .. })));
}

#[test]
fn a_clock_that_leaps_ahead_makes_a_job_overdue_until_it_is_set_back() {
    let mut rig = Rig::new(Some(60));
    rig.end(None, 0);
    let wall = rig.now.wall;
    assert!(matches!(rig.job.tick(wall + 365 * 86_400 * SECOND), Some(News::Overdue { .. })));
    assert!(matches!(rig.job.tick(wall + SECOND), Some(News::Back { .. })));
}

proptest! {
    /// Whatever comes in whatever order: counters only grow, each run that has a name is counted once.
    #[test]
    fn no_run_is_counted_twice_and_no_counter_goes_back(
        steps in prop::collection::vec((0u8..3, 0u8..5, 0u64..100), 1..60)
    ) {
        let mut rig = Rig::new(Some(50));
        let mut ends = std::collections::HashSet::new();
        let mut before = rig.runs();
        for (what, run, seconds) in steps {
            rig.pass(seconds);
            let run = format!("r{run}");
            match what {
                0 => drop(rig.start(Some(&run))),
                code => {
                    rig.end(Some(&run), code - 1);
                    ends.insert(run);
                }
            }
            let runs = rig.runs();
            prop_assert!(before.iter().zip(&runs).all(|(before, now)| before <= now));
            prop_assert_eq!(runs[0] + runs[1], ends.len() as u64);
            before = runs;
            prop_assert_eq!(rig.job.overdue, rig.job.deadline.is_some_and(|deadline| deadline < rig.now.wall));
        }
    }
}

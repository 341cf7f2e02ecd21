#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use vigie_pipeline::batch::{Batch, Envelope};
use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::ledger::Ledger;
use vigie_pipeline::outlet::{Offer, Outlet, Switch};
use vigie_pipeline::plug::{Error, Exporter, Intake, Part, Source};
use vigie_pipeline::receipt::Fate;
use vigie_pipeline::stop::Stop;

use super::*;

/// Offers one event, then waits until it is settled and it is stopped.
struct One;
#[async_trait]
impl Source for One {
    async fn run(self: Box<Self>, mut outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let batch = Batch {
            signal: Signal::Logs,
            envelope: Arc::new(Envelope::default()),
            records: vec![0].into(),
            count: 1,
        };
        let among = outlet.events.destinations(Signal::Logs);
        let mut room = outlet.events.room(Signal::Logs, &among, 1).await?;
        outlet.events.offer(Offer { batch, token: 1, to: None }, &mut room, false).await;
        let _ = outlet.settled.recv().await;
        stop.stopped().await;
        Ok(())
    }
}

/// Counts what it is given; panics at the first event of its life if told to.
struct Sink {
    seen: Arc<AtomicUsize>,
    panics: bool,
}
#[async_trait]
impl Exporter for Sink {
    async fn run(self: Box<Self>, intake: Intake, mut stop: Stop) -> Result<(), Error> {
        let queue = &intake.queues[0].1;
        loop {
            tokio::select! {
                delivery = queue.next() => {
                    let Some(delivery) = delivery else { return Ok(()) };
                    assert!(!self.panics, "poisoned");
                    self.seen.fetch_add(1, Ordering::Relaxed);
                    delivery.settle(Fate::DELIVERED);
                }
                () = stop.stopped() => return Ok(()),
            }
        }
    }
}

struct Rig {
    supervisor: Supervisor,
    instruments: Instruments,
    seen: Arc<AtomicUsize>,
    built: Arc<AtomicUsize>,
}

fn rig() -> Rig {
    let clock = Clock::system();
    let (snapshot, requests) = Snapshot::new();
    let (driver, handle) = driver::driver(&snapshot, requests, clock.clone());
    tokio::spawn(driver.run());
    let budget = Budget::new(1 << 20);
    let surroundings = Surroundings::new(std::env::temp_dir(), clock, budget.clone());
    let instruments = surroundings.instruments.clone();
    let trunk = Trunk { switch: Switch::default(), budget, ledger: Ledger::new(&instruments) };
    let supervisor = Supervisor::new(surroundings, trunk, snapshot, handle, Duration::from_secs(1));
    Rig { supervisor, instruments, seen: Arc::default(), built: Arc::default() }
}

impl Rig {
    fn sink(&self, version: u8, panics_once: bool) -> Recipe {
        let (seen, built) = (Arc::clone(&self.seen), Arc::clone(&self.built));
        let build = move |_: &u8, _: &Surroundings| -> Result<Part, Error> {
            let panics = panics_once && built.fetch_add(1, Ordering::Relaxed) == 0;
            Ok(Part::Exporter(Box::new(Sink { seen: Arc::clone(&seen), panics })))
        };
        Recipe::new("sink", "sink", &version, build).taking(&[Signal::Logs])
    }

    async fn until_seen(&self, count: usize) {
        while self.seen.load(Ordering::Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn one(name: &str, version: u8) -> Recipe {
    Recipe::new("one", name, &version, |_, _| Ok(Part::Source(Box::new(One))))
}

/// A part that knows how many there were before it.
fn heir(name: &str, version: u8, before: &Arc<AtomicUsize>) -> Recipe {
    let before = Arc::clone(before);
    Recipe::new("heir", name, &version, move |_, surroundings| {
        let left = surroundings.legacy.take::<usize>().unwrap_or_default();
        surroundings.legacy.leave(left + 1);
        before.store(left, Ordering::Relaxed);
        Ok(Part::Source(Box::new(One)))
    })
}

#[tokio::test]
async fn a_part_that_is_replaced_leaves_something_and_one_that_is_removed_does_not() {
    let mut rig = rig();
    let before = Arc::default();
    for (recipes, left) in [
        (vec![heir("a", 0, &before)], 0),
        (vec![heir("a", 1, &before)], 1),
        (vec![heir("a", 1, &before), one("b", 0)], 1),
        (vec![heir("a", 2, &before), one("b", 0)], 2),
        (vec![heir("other", 2, &before), one("b", 0)], 0),
        (vec![heir("a", 2, &before)], 0),
    ] {
        rig.supervisor.apply(recipes).await;
        assert_eq!(before.load(Ordering::Relaxed), left);
    }
}

#[tokio::test]
async fn an_unchanged_part_runs_on_when_others_change() {
    let mut rig = rig();
    let sink = rig.sink(0, false);
    let first = rig.supervisor.apply(vec![sink.clone(), one("a", 0), one("b", 0)]).await;
    assert_eq!(first, Changes { started: 3, ..Changes::default() });
    rig.until_seen(2).await;
    let second = rig.supervisor.apply(vec![sink, one("a", 0), one("b", 1), one("c", 0)]).await;
    assert_eq!(second, Changes { started: 1, replaced: 1, kept: 2, stopped: 0 });
    rig.until_seen(4).await;
    assert!(rig.supervisor.shut_down(Duration::from_secs(5)).await);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_panics_is_built_again_and_loses_nothing() {
    let mut rig = rig();
    let recipes = vec![rig.sink(0, true), one("a", 0)];
    rig.supervisor.apply(recipes).await;
    rig.until_seen(1).await;
    assert_eq!(rig.built.load(Ordering::Relaxed), 2);
    let falls = rig.instruments.counters("vigie_part_failures_total", "", &["part", "reason"]);
    assert_eq!(falls.with_label_values(&["sink/sink", "panic"]).get(), 1);
    assert!(rig.supervisor.shut_down(Duration::from_secs(5)).await);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_removed_exporter_is_dropped_with_a_count() {
    let mut rig = rig();
    let stuck = Recipe::new("sink", "stuck", &0, |_, _| Err("never".into())).taking(&[Signal::Logs]);
    rig.supervisor.apply(vec![stuck, one("a", 0)]).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    rig.supervisor.apply(vec![one("a", 0)]).await;
    let events =
        rig.instruments.counters("vigie_events_total", "", &["source", "signal", "outcome", "reason"]);
    assert_eq!(events.with_label_values(&["a", "logs", "dropped", "exporter_removed"]).get(), 1);
    assert!(rig.supervisor.shut_down(Duration::from_secs(5)).await);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_does_not_end_is_cut_off_at_the_end_of_the_grace_period() {
    struct Deaf;
    #[async_trait]
    impl Source for Deaf {
        async fn run(self: Box<Self>, _: Outlet, _: Stop) -> Result<(), Error> {
            std::future::pending().await
        }
    }
    let mut rig = rig();
    let deaf = Recipe::new("deaf", "deaf", &0, |_, _| Ok(Part::Source(Box::new(Deaf))));
    rig.supervisor.apply(vec![deaf]).await;
    assert!(!rig.supervisor.shut_down(Duration::from_secs(5)).await);
}

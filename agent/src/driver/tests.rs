#![allow(clippy::unwrap_used)]

use std::sync::mpsc as sync_mpsc;

use super::*;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Labels;
use vigie_pipeline::plug::{Error, Sampler};

static VALUE: Family = Family::gauge("value", "A value.");

struct Fixed(f64);
impl Sampler for Fixed {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        page.set(&VALUE, Labels::NONE, self.0);
        self.0 += 1.0;
        Ok(())
    }
}

struct Fails;
impl Sampler for Fails {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        page.set(&VALUE, Labels::NONE, 7.0);
        Err("half of it is unreadable".into())
    }
}

struct Repeats;
impl Sampler for Repeats {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        page.set(&VALUE, Labels::NONE, 1.0);
        page.set(&VALUE, Labels::NONE, 2.0);
        Ok(())
    }
}

struct Panics;
impl Sampler for Panics {
    fn sample(&mut self, _: &mut Page) -> Result<(), Error> {
        panic!("a mistake")
    }
}

/// Hangs until it is let go, as a dead NFS server makes it.
struct Hangs(sync_mpsc::Receiver<()>);
impl Sampler for Hangs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let _ = self.0.recv();
        page.set(&VALUE, Labels::NONE, 1.0);
        Ok(())
    }
}

struct Rig {
    snapshot: Snapshot,
    handle: Handle,
    hand: vigie_pipeline::clock::Hand,
}

fn rig() -> Rig {
    let (snapshot, requests) = Snapshot::new();
    let (clock, hand) = Clock::manual(std::time::UNIX_EPOCH);
    let (driver, handle) = driver(&snapshot, requests, clock);
    tokio::spawn(driver.run());
    Rig { snapshot, handle, hand }
}

fn sampling(sampler: impl Sampler + 'static) -> Sampling {
    Sampling { sampler: Box::new(sampler), deadline: Duration::from_secs(5) }
}

impl Rig {
    async fn scrape(&self) -> BTreeMap<String, f64> {
        self.snapshot.refresh(Selection::default()).await;
        let mut rows = BTreeMap::new();
        for published in self.snapshot.read(&Selection::default()) {
            for (family, samples) in published.page.families() {
                for sample in samples {
                    let key = match &*family.name {
                        "value" => published.collector.to_string(),
                        name => format!("{name}{{{}}}", sample.labels),
                    };
                    rows.insert(key, sample.value);
                }
            }
        }
        rows
    }
}

#[tokio::test]
async fn values_younger_than_a_second_are_served_again() {
    let rig = rig();
    let _falls = rig.handle.add("system/a", "a", sampling(Fixed(1.0))).await;
    assert_eq!(rig.scrape().await["a"], 1.0);
    rig.hand.advance(Duration::from_millis(999));
    assert_eq!(rig.scrape().await["a"], 1.0);
    rig.hand.advance(Duration::from_millis(1));
    let rows = rig.scrape().await;
    assert_eq!(rows["a"], 2.0);
    assert_eq!(rows["node_scrape_collector_success{collector=\"a\"}"], 1.0);
    rig.handle.remove("system/a").await;
    assert!(!rig.scrape().await.contains_key("a"));
}

#[tokio::test]
async fn a_failing_sampler_keeps_what_it_wrote_and_says_so() {
    let rig = rig();
    let _falls = rig.handle.add("processes/groups", "processes", sampling(Fails)).await;
    let rows = rig.scrape().await;
    assert_eq!(rows["processes"], 7.0);
    assert_eq!(rows["vigie_sampler_success{sampler=\"processes/groups\"}"], 0.0);
}

#[tokio::test]
async fn of_a_series_that_comes_twice_the_first_is_served_and_the_sampler_has_failed() {
    let rig = rig();
    let _falls = rig.handle.add("system/a", "a", sampling(Repeats)).await;
    let rows = rig.scrape().await;
    assert_eq!(rows["a"], 1.0);
    assert_eq!(rows["node_scrape_collector_success{collector=\"a\"}"], 0.0);
}

#[tokio::test]
async fn a_panic_is_told_to_who_builds_it_again_and_the_others_are_served() {
    let rig = rig();
    let falls = rig.handle.add("system/a", "a", sampling(Panics)).await;
    let _falls = rig.handle.add("system/b", "b", sampling(Fixed(3.0))).await;
    assert_eq!(rig.scrape().await["b"], 3.0);
    assert_eq!(falls.await.unwrap(), "a mistake");
}

#[tokio::test]
async fn a_hung_sampler_is_cut_off_and_asked_again_when_it_returns() {
    let rig = rig();
    let (let_go, hangs) = sync_mpsc::channel();
    let _first = rig.handle.add("system/a", "a", sampling(Fixed(1.0))).await;
    let _hung = rig.handle.add("system/b", "b", sampling(Hangs(hangs))).await;
    let _last = rig.handle.add("system/c", "c", sampling(Fixed(3.0))).await;
    let hand = rig.hand.clone();
    let time = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            hand.advance(Duration::from_secs(1));
        }
    });
    let rows = rig.scrape().await;
    assert_eq!((rows["a"], rows["c"]), (1.0, 3.0));
    assert!(!rows.contains_key("b"));
    assert_eq!(rows["node_scrape_collector_success{collector=\"b\"}"], 0.0);
    assert_eq!(rows["node_scrape_collector_duration_seconds{collector=\"b\"}"], 5.0);

    // Quarantined: the next scrape does not wait for it.
    rig.hand.advance(Duration::from_secs(2));
    assert!(!rig.scrape().await.contains_key("b"));

    drop(let_go);
    while !rig.scrape().await.contains_key("b") {
        rig.hand.advance(Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    time.abort();
}

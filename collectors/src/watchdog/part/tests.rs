#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord as Decoded, ScopeLogs};
use prost::Message;
use tokio::task::JoinHandle;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::budget::Budget;
use vigie_pipeline::commons::Commons;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::ledger::Ledger;
use vigie_pipeline::outlet::{Switch, Trunk};
use vigie_pipeline::queue::Queue;
use vigie_pipeline::receipt::Fate;
use vigie_pipeline::snapshot::{Selection, Snapshot};
use vigie_pipeline::stop::{Stopper, stop};

use super::super::entry::{Expectation, Sort};
use super::super::kind::Kind;
use super::*;
use crate::standings::Stands;

/// Finds what a test says.
#[derive(Clone)]
struct Told(Arc<Mutex<Option<Reason>>>);

impl Told {
    fn new(wrong: Option<Reason>) -> Self {
        Self(Arc::new(Mutex::new(wrong)))
    }

    fn say(&self, wrong: Option<Reason>) {
        *self.0.lock().unwrap() = wrong;
    }
}

impl Observer for Told {
    fn look(&mut self, _now: Now) -> Sight {
        let wrong = *self.0.lock().unwrap();
        Sight { findings: vec![Finding::new(wrong, "has 0 processes").of(0.0)], members: Vec::new() }
    }
}

struct Running {
    snapshot: Snapshot,
    queue: Arc<Queue>,
    standings: Arc<Standings>,
    _stopper: Stopper,
    _part: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// A group called `api` of which at least one process is expected.
    fn new(observer: Box<dyn Observer>) -> Self {
        let (clock, _hand) = Clock::manual(UNIX_EPOCH + Duration::from_secs(9));
        let standings = Standings::shared(&Commons::default());
        let watchdog = Watchdog {
            interval: Duration::from_millis(10),
            entries: vec![(
                Entry {
                    sort: Sort::Group,
                    name: "api".into(),
                    expectations: vec![Expectation::bounded(Kind::Min, Duration::ZERO, 1.0)],
                    actions: Vec::new(),
                },
                Vec::new(),
            )],
            observers: vec![(0..1, observer)],
            clock,
            envelope: Arc::default(),
            standings: Arc::clone(&standings),
        };
        let trunk = Trunk {
            switch: Switch::default(),
            budget: Budget::new(1 << 20),
            ledger: Ledger::new(&Instruments::default()),
        };
        let queue = Arc::new(Queue::new("sink"));
        trunk.switch.set(vec![(Signal::Logs, Arc::clone(&queue))]);
        let (snapshot, _requests) = Snapshot::new();
        let outlet = Outlet::new("watchdog", trunk, snapshot.slot("watchdog"));
        let (stopper, stop) = stop();
        let part = tokio::spawn(Box::new(watchdog).run(outlet, stop));
        Self { snapshot, queue, standings, _stopper: stopper, _part: part }
    }

    async fn next_record(&self) -> Decoded {
        let delivery = self.queue.next().await.unwrap();
        let mut records = ScopeLogs::decode(delivery.batch().records.clone()).unwrap().log_records;
        delivery.settle(Fate::DELIVERED);
        assert_eq!(records.len(), 1);
        records.remove(0)
    }

    fn series(&self) -> Vec<String> {
        let published = self.snapshot.read(&Selection::default());
        let lines =
            published.iter().flat_map(|published| published.page.families()).flat_map(|(family, rows)| {
                rows.map(|row| format!("{}{{{}}} {}", family.name, row.labels, row.value)).collect::<Vec<_>>()
            });
        lines.collect()
    }
}

fn attribute(record: &Decoded, key: &str) -> Option<Value> {
    let found = record.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.clone()?.value
}

fn text(text: &str) -> Option<Value> {
    Some(Value::StringValue(text.to_owned()))
}

#[tokio::test]
async fn a_change_becomes_a_log_record_and_a_series_although_nobody_scrapes() {
    let told = Told::new(Some(Reason::TooFew));
    let running = Running::new(Box::new(told.clone()));
    let missing = running.next_record().await;
    assert_eq!((missing.severity_number, missing.time_unix_nano), (17, 9_000_000_000));
    assert_eq!(missing.body.clone().unwrap().value, text("process group api has 0 processes"));
    assert_eq!(attribute(&missing, "vigie.process_group"), text("api"));
    assert_eq!(attribute(&missing, "vigie.expectation.kind"), text("min"));
    assert_eq!(attribute(&missing, "vigie.expectation.reason"), text("too_few"));
    assert_eq!(attribute(&missing, "vigie.expectation.met"), Some(Value::BoolValue(false)));
    assert_eq!(attribute(&missing, "vigie.expectation.limit"), Some(Value::IntValue(1)));
    assert_eq!(attribute(&missing, "vigie.expectation.value"), Some(Value::IntValue(0)));
    assert_eq!(
        running.series(),
        [
            r#"vigie_expectation_met{collector="processes",name="api",kind="min"} 0"#,
            r#"vigie_expectation_unmet_info{collector="processes",name="api",kind="min",reason="too_few"} 1"#,
        ]
    );
    assert_eq!(running.standings.of("api"), Stands::Down);

    told.say(None);
    let back = running.next_record().await;
    assert_eq!(back.severity_number, 9);
    assert_eq!(
        back.body.clone().unwrap().value,
        text("as expected again: process group api has 0 processes")
    );
    assert_eq!(attribute(&back, "vigie.expectation.reason"), None);
    while running.series() != [r#"vigie_expectation_met{collector="processes",name="api",kind="min"} 1"#] {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.standings.of("api"), Stands::Up);
}

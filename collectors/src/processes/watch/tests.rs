#![allow(clippy::unwrap_used)]

use std::time::UNIX_EPOCH;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord as Decoded, ScopeLogs};
use prost::Message;
use vigie_pipeline::budget::Budget;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::ledger::Ledger;
use vigie_pipeline::outlet::{Switch, Trunk};
use vigie_pipeline::queue::Queue;
use vigie_pipeline::receipt::Fate;
use vigie_pipeline::snapshot::Snapshot;
use vigie_pipeline::stop::stop;

use super::*;
use crate::processes::config::Expect;
use crate::processes::fixture::{FakeProc, Process, groups};

fn config(min: Option<u32>, max: Option<u32>) -> Config {
    let mut config = groups(&["api"]);
    config.groups[0].expect = Expect { min, max };
    config
}

#[test]
fn only_changes_are_told() {
    let mut judge = Judge::new(&config(Some(1), Some(2)));
    let mut told = |count| judge.changes(&[count]).iter().map(Change::body).collect::<Vec<_>>();
    assert_eq!(told(1), [] as [&str; 0]);
    assert_eq!(told(0), ["process group api has 0 processes, at least 1 expected"]);
    assert_eq!(told(0), [] as [&str; 0]);
    assert_eq!(
        told(3),
        [
            "process group api has 3 processes again, at least 1 as expected",
            "process group api has 3 processes, at most 2 expected"
        ]
    );
    assert_eq!(told(2), ["process group api has 2 processes again, at most 2 as expected"]);
}

async fn next_record(queue: &Arc<Queue>) -> Decoded {
    let delivery = queue.next().await.unwrap();
    let mut records = ScopeLogs::decode(delivery.batch().records.clone()).unwrap().log_records;
    delivery.settle(Fate::DELIVERED);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn attribute(record: &Decoded, key: &str) -> Value {
    let found = record.attributes.iter().find(|attribute| attribute.key == key).unwrap();
    found.value.clone().unwrap().value.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_change_becomes_a_log_record_although_nobody_scrapes() {
    let fake = FakeProc::new();
    let (clock, _hand) = Clock::manual(UNIX_EPOCH + Duration::from_secs(9));
    let watch = Watch {
        config: config(Some(1), None),
        root: fake.path().to_owned(),
        clock,
        envelope: Arc::default(),
    };
    let trunk = Trunk {
        switch: Switch::default(),
        budget: Budget::new(1 << 20),
        ledger: Ledger::new(&Instruments::default()),
    };
    let queue = Arc::new(Queue::new("sink"));
    trunk.switch.set(vec![(Signal::Logs, Arc::clone(&queue))]);
    let outlet = Outlet::new("processes", trunk, Snapshot::new().0.slot("processes"));
    let (stopper, stop) = stop();
    let running = tokio::spawn(Box::new(watch).run(outlet, stop));

    let missing = next_record(&queue).await;
    assert_eq!((missing.severity_number, missing.time_unix_nano), (17, 9_000_000_000));
    assert_eq!(attribute(&missing, "vigie.process_group"), Value::StringValue("api".to_owned()));
    assert_eq!(attribute(&missing, "vigie.expectation.count"), Value::IntValue(0));
    fake.set(&Process { pid: 7, comm: "api", ..Process::default() });
    let back = next_record(&queue).await;
    assert_eq!(back.severity_text, "INFO");
    assert_eq!(attribute(&back, "vigie.expectation.met"), Value::BoolValue(true));

    stopper.stop();
    running.await.unwrap().unwrap();
}

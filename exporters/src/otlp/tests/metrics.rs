//! Metrics on their way: by HTTP, and against a destination that the test plays in time that it owns.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::Instant;
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::snapshot::Slot;

use crate::otlp::answer::Answer;
use crate::otlp::backoff::{Backoff, Pace};
use crate::otlp::config::{Config, MetricNames};
use crate::otlp::destination::{Asked, Destination};
use crate::otlp::metrics::Readings;
use crate::otlp::news::News;
use crate::otlp::rig::{Receiver, Rig, config, exported};
use crate::otlp::tally::Tally;

static LOAD: Family = Family::gauge("load1", "Load.");

fn publish(slot: &Slot, value: f64) {
    let mut page = Page::default();
    page.set(&LOAD, Labels::NONE, value);
    let _ = slot.publish(page);
}

fn names(body: &[u8]) -> Vec<String> {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let resource = request.resource_metrics.into_iter().next().unwrap();
    assert_eq!(resource.resource.unwrap().attributes[0].key, "host.name");
    resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics).map(|metric| metric.name).collect()
}

fn counted(rig: &Rig, outcome: &str) -> f64 {
    rig.metric("vigie_export_events_total", &exported("metrics", outcome))
}

#[tokio::test]
async fn metrics_are_sent_when_they_are_named_and_end_with_their_queue() {
    let mut rig = Rig::new();
    rig.queues = vec![(Signal::Metrics, Arc::new(vigie_pipeline::queue::Queue::new("sink")))];
    let slot = rig.snapshot.slot("load");
    publish(&slot, 1.0);
    let mut receiver = Receiver::start([]).await;
    let config = Config {
        signals: vec![Signal::Metrics],
        metric_interval: Some(Duration::ZERO),
        ..config(&receiver.endpoint())
    };
    let (_stopper, running) = rig.run(&config);
    let got = receiver.next().await;
    assert_eq!((got.path.as_str(), names(&got.body)), ("/v1/metrics", vec!["load1".to_owned()]));
    rig.close();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn values_that_could_not_be_sent_are_given_up_for_newer_ones() {
    let rig = Rig::new();
    let (script, mut asked) = mpsc::unbounded_channel::<Asked>();
    let surroundings = &rig.surroundings;
    let readings = Readings {
        snapshot: rig.snapshot.clone(),
        destination: Destination::played(script, Duration::from_secs(10)).into(),
        envelope: Arc::new(Envelope {
            resource: surroundings.resource.clone(),
            scope: surroundings.scope.clone(),
        }),
        names: MetricNames::Prometheus,
        interval: Duration::from_secs(60),
        max_bytes: 1 << 20,
        clock: surroundings.clock.clone(),
        pace: Pace::new(Backoff::new(Duration::from_millis(500), Duration::from_secs(30)).unwrap()),
        tally: Tally::new(&surroundings.instruments, "default", Signal::Metrics, surroundings.clock.clone()),
        news: News::new("default", "127.0.0.1:4318", Signal::Metrics),
    };
    let slot = rig.snapshot.slot("load");
    publish(&slot, 1.0);
    let start = Instant::now();
    let running = tokio::spawn(readings.run());
    let mut bodies = Vec::new();
    while start.elapsed() < Duration::from_secs(120) {
        let request = asked.recv().await.unwrap();
        bodies.push(request.body);
        publish(&slot, bodies.len() as f64);
        let _ = request.answer.send(Ok(Answer::Later { after: None, why: "busy".into() }));
    }
    bodies.dedup();
    // The values of the first minute, tried again and again, and then those of the second.
    assert_eq!(bodies.len(), 2);
    assert_eq!(counted(&rig, "dropped"), 1.0);
    assert!(counted(&rig, "retried") > 3.0);
    running.abort();
}

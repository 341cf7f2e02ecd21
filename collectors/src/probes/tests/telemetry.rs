//! Log records at changes, and spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::rig::{Running, config};
use super::servers::{answer, redirect, silent, web};
use crate::probes::Config;

fn attribute(all: &[KeyValue], key: &str) -> Option<String> {
    let value = all.iter().find(|pair| pair.key == key)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(truth) => truth.to_string(),
        other => panic!("{other:?}"),
    })
}

fn text(value: &Option<AnyValue>) -> String {
    match value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_is_written_at_each_change_and_only_then() {
    let status = Arc::new(AtomicU16::new(200));
    let current = Arc::clone(&status);
    let (at, _) = web(move |_| answer(current.load(SeqCst), "")).await;
    let url = format!("http://{at}/");
    let running = Running::new(&config(&url));
    running.after_runs(2.0).await;
    assert!(running.records().is_empty());
    status.store(503, SeqCst);
    running.after_runs(5.0).await;
    status.store(200, SeqCst);
    running.after_runs(8.0).await;
    let records = running.records();
    let told: Vec<(i32, &str)> =
        records.iter().map(|r| (r.severity_number, r.severity_text.as_str())).collect();
    assert_eq!(told, [(17, "ERROR"), (9, "INFO")]);
    assert_eq!(
        text(&records[0].body),
        format!("probe test is down ({url}): http_status in processing: status 503")
    );
    assert_eq!(text(&records[1].body), format!("probe test is up ({url})"));
    let of = |key| attribute(&records[0].attributes, key);
    assert_eq!(of("error.type").as_deref(), Some("http_status"));
    assert_eq!(of("vigie.probe.phase").as_deref(), Some("processing"));
    assert_eq!(of("vigie.probe.name").as_deref(), Some("test"));
    assert_eq!(of("vigie.probe.success").as_deref(), Some("false"));
    assert_eq!(of("url.full"), Some(url));
    assert_eq!(of("http.response.status_code").as_deref(), Some("503"));
    assert!(records[0].time_unix_nano > 1_700_000_000_000_000_000);
    assert_eq!(attribute(&records[1].attributes, "error.type"), None);
    assert!(running.spans().is_empty());
}

#[tokio::test]
async fn a_target_that_is_down_at_first_sight_is_news() {
    let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = Running::new(&config(format!("http://{at}/")));
    running.after_runs(3.0).await;
    assert_eq!(running.records().len(), 1);
}

#[tokio::test]
async fn a_traced_run_is_a_client_span_with_its_phases_and_the_target_knows_it() {
    let (at, seen) = web(|request| match request.uri().path() {
        "/" => redirect(302, "/home"),
        _ => answer(200, ""),
    })
    .await;
    let running = Running::new(&Config { trace: true, ..config(format!("http://{at}/")) });
    running.after_runs(1.0).await;
    let spans = running.spans();
    let root = spans.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    assert_eq!((root.name.as_str(), root.kind), ("GET", SpanKind::Client as i32));
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let context = format!("00-{}-{}-01", hex(&root.trace_id), hex(&root.span_id));
    for request in &seen.all()[..2] {
        assert_eq!(request.headers()["traceparent"].to_str().unwrap(), context);
    }
    let of = |key| attribute(&root.attributes, key);
    assert_eq!(of("url.full"), Some(format!("http://{at}/")));
    assert_eq!(of("server.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(of("server.port"), Some(at.port().to_string()));
    assert_eq!(of("network.peer.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(of("network.protocol.version").as_deref(), Some("1.1"));
    assert_eq!(of("http.request.method").as_deref(), Some("GET"));
    assert_eq!(of("http.response.status_code").as_deref(), Some("200"));
    assert_eq!((of("error.type"), root.status.clone()), (None, None));
    let children: Vec<&str> = spans
        .iter()
        .filter(|span| span.parent_span_id == root.span_id && span.trace_id == root.trace_id)
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(children, ["connect", "processing", "transfer", "connect", "processing", "transfer"]);
    for span in &spans {
        assert!(root.start_time_unix_nano <= span.start_time_unix_nano);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano);
    }
}

#[tokio::test]
async fn a_failed_run_says_so_on_its_span_and_on_the_phase() {
    let at = silent().await;
    let slow = Config {
        trace: true,
        timeout: vigie_pipeline::units::HumanDuration::millis(50),
        ..config(format!("http://{at}/"))
    };
    let running = Running::new(&slow);
    running.after_runs(1.0).await;
    let spans = running.spans();
    let failed: Vec<(&str, i32)> = spans
        .iter()
        .filter_map(|span| Some((span.name.as_str(), span.status.as_ref()?.code)))
        .take(2)
        .collect();
    assert_eq!(failed, [("processing", 2), ("GET", 2)]);
    assert!(
        spans.iter().filter(|span| span.status.is_some()).all(|span| attribute(
            &span.attributes,
            "error.type"
        )
        .as_deref()
            == Some("http_timeout"))
    );
    let record = running.records().remove(0);
    assert_eq!(record.trace_id, spans[0].trace_id);
}

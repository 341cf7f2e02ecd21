#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use proptest::prelude::*;
use prost::Message;
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::budget::Share;
use vigie_pipeline::otlp::log::LogRecord;
use vigie_pipeline::otlp::span::{Span, SpanKind};
use vigie_pipeline::otlp::{attributes, envelope, request};

use super::*;
use crate::otlp::rig::{Rig, records};

fn batch(signal: Signal, records: Vec<u8>, count: u32) -> Batch {
    let envelope =
        Envelope { resource: envelope::resource([("host.name", "h")]), scope: envelope::scope("app", "1") };
    Batch { signal, envelope: Arc::new(envelope), records: records.into(), count }
}

fn files(rig: &Rig, outcome: &str) -> f64 {
    rig.metric("vigie_export_rejected_files_total", &format!("exporter=\"a/../b\",outcome=\"{outcome}\""))
}

fn read(directory: &Path) -> Vec<serde_json::Value> {
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_refusal_is_a_file_that_says_what_happened_and_can_be_sent_again() {
    let rig = Rig::new();
    let keeper = Keeper::new("a/../b", &rig.surroundings);
    let rejects = keeper.rejects(Signal::Logs, "otlp.example:4318");
    let refused = batch(Signal::Logs, records(&["odd"]), 1);
    keeper
        .write_during(async {
            let rejects = rejects;
            rejects.keep(&Portion::of([&refused]), "400 Bad Request: odd");
            assert!(rig.surroundings.budget.export.held() > 0);
        })
        .await;
    let found = read(&rig.state.path().join("rejected/a____b"));
    let [file] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&file["exporter"], &file["signal"]), (&"a/../b".into(), &"logs".into()));
    assert_eq!((&file["endpoint"], &file["events"]), (&"otlp.example:4318".into(), &1.into()));
    assert_eq!((&file["answer"], &file["sources"][0]), (&"400 Bad Request: odd".into(), &"app".into()));
    assert!(file["time"].as_str().unwrap().ends_with('Z'));
    let again: ExportLogsServiceRequest = serde_json::from_value(file["request"].clone()).unwrap();
    assert_eq!(again, ExportLogsServiceRequest::decode(&*request::chunks([&refused]).concat()).unwrap());
    assert_eq!((files(&rig, "kept"), rig.surroundings.budget.export.held()), (1.0, 0));
}

#[tokio::test]
async fn what_cannot_be_kept_is_counted_and_stops_nothing() {
    let rig = Rig::new();
    fs::write(rig.state.path().join("rejected"), "in the way").unwrap();
    let keeper = Keeper::new("a/../b", &rig.surroundings);
    let rejects = keeper.rejects(Signal::Logs, "x");
    let portion = Portion::of([&batch(Signal::Logs, records(&["odd"]), 1)]);
    keeper
        .write_during(async {
            let rejects = rejects;
            for _ in 0..MOST_WAITING + 3 {
                rejects.keep(&portion, "no");
            }
        })
        .await;
    assert_eq!((files(&rig, "failed"), files(&rig, "skipped")), (MOST_WAITING as f64, 3.0));
}

#[tokio::test]
async fn what_there_is_no_memory_for_is_not_kept() {
    let mut rig = Rig::new();
    rig.surroundings.budget.export = Share::new("test", 10);
    let _all = rig.surroundings.budget.export.reserve(10).await;
    let keeper = Keeper::new("a/../b", &rig.surroundings);
    keeper.rejects(Signal::Logs, "x").keep(&Portion::of([&batch(Signal::Logs, records(&["odd"]), 1)]), "no");
    assert_eq!(files(&rig, "skipped"), 1.0);
}

#[test]
fn spans_are_shown_as_well() {
    let mut span = Vec::new();
    let mut pairs = Vec::new();
    attributes::put_int(&mut pairs, attributes::field::SPAN, "n", -7);
    Span {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent: None,
        name: "probe",
        kind: SpanKind::Client,
        start: 1,
        end: u64::MAX,
        attributes: &pairs,
        error: Some("no"),
    }
    .encode(&mut span);
    let shown = json::request(Signal::Traces, &[batch(Signal::Traces, span, 1)]);
    let span = &shown["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "01".repeat(16));
    assert_eq!(span["endTimeUnixNano"], u64::MAX.to_string());
    assert_eq!(span["attributes"][0]["value"]["intValue"], "-7");
    assert_eq!(span["status"]["message"], "no");
}

proptest! {
    #[test]
    fn the_official_reader_of_json_reads_what_the_official_decoder_of_protobuf_does(
        body in "\\PC{0,40}", text in "\\PC{0,10}", int in any::<i64>(), number in any::<f64>(), flag in any::<bool>(),
        time in any::<u64>(), ids in any::<Option<([u8; 16], [u8; 8])>>(),
    ) {
        let mut pairs = Vec::new();
        attributes::put_str(&mut pairs, attributes::field::LOG, "text", &text);
        attributes::put_int(&mut pairs, attributes::field::LOG, "int", int);
        attributes::put_double(&mut pairs, attributes::field::LOG, "number", number);
        attributes::put_bool(&mut pairs, attributes::field::LOG, "flag", flag);
        let (trace_id, span_id) = ids.unzip();
        let mut out = Vec::new();
        let record = LogRecord { time, observed: 2, body: &body, attributes: &pairs, trace_id, span_id, ..LogRecord::default() };
        record.encode(&mut out);
        let batch = batch(Signal::Logs, out, 1);
        let shown: ExportLogsServiceRequest =
            serde_json::from_value(json::request(Signal::Logs, std::slice::from_ref(&batch))).unwrap();
        prop_assert_eq!(shown, ExportLogsServiceRequest::decode(&*request::chunks([&batch]).concat()).unwrap());
    }

    #[test]
    fn no_record_is_too_odd_to_be_shown(bytes in any::<Vec<u8>>()) {
        let batch = batch(Signal::Logs, bytes, 1);
        let _ = json::request(Signal::Logs, std::slice::from_ref(&batch)).to_string();
        let _ = json::scopes(&[batch]);
    }
}

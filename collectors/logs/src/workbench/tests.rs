#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use super::*;

fn bench(config: &str) -> Workbench {
    let config: Config = serde_json::from_str(config).unwrap();
    let (clock, _) = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_100));
    Workbench::new(&config, clock).unwrap()
}

fn moved(outcome: &Outcome, name: &str) -> Vec<(String, f64)> {
    let series = outcome.series.iter().filter(|series| series.name == name);
    series.map(|series| (series.labels.clone(), series.by)).collect()
}

#[test]
fn each_line_is_told_with_the_format_that_understood_it() {
    let mut bench = bench(r#"{"name": "app", "parse": ["json", {"regex": "^(?P<word>[a-z]+)$"}]}"#);
    let outcome = bench.feed(b"{\"a\": 1}\nword\nSome Words\n", None);
    let formats: Vec<_> = outcome.texts.iter().map(|told| (told.format, told.refused.as_slice())).collect();
    let json = ("json", "format");
    assert_eq!(
        formats,
        [(Some("json"), &[][..]), (Some("regex"), &[json][..]), (None, &[json, ("regex", "format")][..])]
    );
    assert!(outcome.texts.iter().all(|told| told.filtered.is_none() && !told.sent.is_empty()));
    let errors = moved(&outcome, "vigie_log_parse_errors_total");
    assert_eq!(errors, [("reason=\"format\",source=\"app\"".to_owned(), 1.0)]);
    assert!(bench.finish(None).texts.is_empty());
}

#[test]
fn an_event_is_told_when_it_is_complete() {
    let mut bench = bench(r#"{"name": "app", "multiline": {"start": "^\\S"}}"#);
    assert!(bench.feed(b"one\n  two\n", None).texts.is_empty());
    let outcome = bench.feed(b"three\n", None);
    let texts = |outcome: &Outcome| outcome.texts.iter().map(|told| told.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&outcome), ["one\n  two"]);
    assert_eq!(texts(&bench.finish(None)), ["three"]);
}

#[test]
fn what_is_filtered_has_a_reason_and_no_record() {
    let mut bench = bench(r#"{"name": "app", "drop": [{"regex": "noise"}]}"#);
    let outcome = bench.feed(b"noise\nnews\n", None);
    let told: Vec<_> = outcome.texts.iter().map(|told| (told.filtered, told.sent.is_empty())).collect();
    assert_eq!(told, [(Some("drop"), true), (None, false)]);
}

#[test]
fn a_secret_is_never_told() {
    let mut bench = bench(r#"{"name": "app", "drop": [{"regex": "noise"}]}"#);
    let outcome = bench.feed(b"noise password=hunter2x\n", None);
    assert!(!outcome.texts[0].text.contains("hunter2x"), "{}", outcome.texts[0].text);
}

#[test]
fn what_the_rules_of_the_source_find_is_told_of_no_text_and_counted_for_records_alone() {
    let rules = r#"["email", {"pattern": "ORD-[0-9]+", "name": "order", "replace": "<order>"}]"#;
    let mut bench =
        bench(&format!(r#"{{"name": "app", "drop": [{{"regex": "noise"}}], "redact": {rules}}}"#));
    let outcome = bench.feed(b"noise of joe@example.com about ORD-7, token=hunter2x\nnews\n", None);
    assert_eq!(outcome.texts[0].text, "noise of <email> about <order>, token=<redacted>");
    assert_eq!(moved(&outcome, "vigie_log_redactions_total"), []);
}

#[test]
fn a_span_is_told_with_its_line_and_a_line_without_one_with_what_it_lacks() {
    let mut bench = bench(
        r#"{"name": "web", "parse": "json", "timestamp": {"field": "time"}, "spans": {"enabled": true, "duration": "took_ms"},
            "drop": [{"field": "path", "equals": "/health"}], "transforms": [{"drop": {"field": "path", "equals": "/later"}}]}"#,
    );
    let line = |more: &str| {
        format!(
            "{{\"time\": \"2026-01-02T03:04:05Z\", \"http.response.status_code\": 200, \"took_ms\": 5, \"trace_id\": \"4bf92f3577b34da6a3ce929d0e0e4736\"{more}}}\n"
        )
    };
    let lines = [
        line(""),
        line(", \"trace_id\": \"-\""),
        line(", \"took_ms\": \"soon\""),
        line(", \"time\": \"-\""),
        line(", \"http.response.status_code\": null"),
        line(", \"path\": \"/health\""),
        line(", \"path\": \"/later\""),
    ];
    let outcome = bench.feed(lines.concat().as_bytes(), None);
    let told: Vec<_> = outcome.texts.iter().map(|told| (!told.spans.is_empty(), told.no_span)).collect();
    assert_eq!(
        told,
        [
            (true, None),
            (false, Some("no_trace")),
            (false, Some("no_duration")),
            (false, Some("no_time")),
            (false, Some("no_request")),
            // Nobody looks at what is dropped first; what a transform drops was looked at before.
            (false, None),
            (true, None),
        ]
    );
}

#[test]
fn no_span_is_missed_where_none_is_to_be_made() {
    let mut bench = bench(r#"{"name": "web", "parse": "json"}"#);
    let outcome = bench.feed(b"{\"http.response.status_code\": 200}\n", None);
    assert_eq!(outcome.texts[0].no_span, None);
}

#[test]
fn what_auto_takes_a_line_for_is_told() {
    let mut bench = bench(r#"{"name": "app", "parse": "auto"}"#);
    assert_eq!(bench.choice(), None);
    let outcome = bench.feed(b"{\"a\": 1}\nsome words\n{\"b\": 2}\n", None);
    let told: Vec<_> = outcome.texts.iter().map(|told| (told.format, told.by_auto)).collect();
    assert_eq!(told, [(Some("json"), true), (None, true), (Some("json"), true)]);
    assert_eq!(bench.choice(), Some(Choice { format: Some("json"), lines: 3, understood: 2 }));
    // When the choice is made, it is what 20 lines spoke for, and other lines are of no format.
    bench.feed("{\"a\": 1}\n".repeat(17).as_bytes(), None);
    let outcome = bench.feed(b"a=b c=d\n", None);
    assert_eq!(
        (outcome.texts[0].format, outcome.texts[0].refused.as_slice()),
        (None, &[("auto", "format")][..])
    );
    assert_eq!(bench.choice(), Some(Choice { format: Some("json"), lines: 20, understood: 19 }));
}

#![allow(clippy::unwrap_used)]
use super::*;
use crate::config::{Severity as SeverityField, Timestamp};
use crate::parse::format::LineFormat;
use crate::parse::testing::{Understood, understood};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn json() -> Config {
    Config { parse: LineFormat::Json.into(), ..Config::default() }
}

fn ids(understood: &Understood) -> (bool, bool) {
    let Fields { trace_id, span_id, .. } = &understood.fields;
    (*trace_id == hex(TRACE) && trace_id.is_some(), *span_id == hex(SPAN) && span_id.is_some())
}

#[test]
fn trace_context_is_found_where_the_configuration_names_none() {
    for line in [
        format!(r#"{{"trace_id":"{TRACE}","spanId":"{SPAN}","a":1}}"#),
        format!(r#"{{"a":1,"traceparent":"00-{TRACE}-{SPAN}-01"}}"#),
        format!(r#"{{"a":1,"trace":{{"id":"{TRACE}"}},"span":{{"id":"{SPAN}"}}}}"#),
        format!(r#"{{"a":1,"dd":{{"trace_id":"{TRACE}","span_id":"67667974448284343"}}}}"#),
    ] {
        let understood = understood(&json(), &line).unwrap();
        assert_eq!(ids(&understood), (true, true), "{line}");
        assert!(understood.fields.faults.is_empty());
        let shown = understood.shown().join(" ");
        assert!(shown.contains("a=1") && !shown.contains(TRACE) && !shown.contains(SPAN), "{shown}");
    }
    let logfmt = Config { parse: LineFormat::Logfmt.into(), ..Config::default() };
    let understood = understood(&logfmt, &format!("a=1 trace_id={TRACE} span_id={SPAN}")).unwrap();
    assert_eq!((ids(&understood), understood.shown()), ((true, true), vec!["a=1".to_owned()]));
}

#[test]
fn what_is_no_trace_context_stays_and_is_no_fault() {
    let line = r#"{"trace_id":"none","span_id":7,"traceparent":"x","trace":{"id":"y"},"request_id":"r1","x-request-id":"r2"}"#;
    let understood = understood(&json(), line).unwrap();
    assert_eq!((ids(&understood), understood.fields.faults.len()), ((false, false), 0));
    assert_eq!(understood.attributes.len(), 6);
}

#[test]
fn where_the_configuration_names_a_field_no_other_one_is_taken() {
    let config = Config { trace_id: Some("tid".into()), ..json() };
    let line = format!(r#"{{"tid":"{TRACE}","span_id":"{SPAN}"}}"#);
    let understood = understood(&config, &line).unwrap();
    assert_eq!(ids(&understood), (true, false));
    assert_eq!(understood.shown(), [format!("span_id={SPAN}")]);
}

#[test]
fn a_time_that_is_promised_and_missing_is_counted() {
    let timestamp = Timestamp { field: "ts".into(), ..Timestamp::default() };
    let config = Config { timestamp: Some(timestamp), ..json() };
    let faults = |line: &str| understood(&config, line).unwrap().fields.faults;
    assert_eq!(faults(r#"{"a":1}"#), [Reason::NoTimestamp]);
    assert_eq!(faults(r#"{"ts":"soon"}"#), [Reason::Timestamp]);
    assert_eq!(faults(r#"{"ts":"2026-01-02T03:04:05Z"}"#), []);
}

#[test]
fn what_a_number_of_severity_means_its_name_tells() {
    let severity = |field: &str| {
        let severity = Some(SeverityField { field: field.into() });
        let config = Config { severity, ..json() };
        understood(&config, &format!(r#"{{"{field}":30}}"#)).unwrap().fields.severity.0
    };
    assert_eq!((severity("level"), severity("levelno")), (9, 13));
}

#[test]
fn where_nobody_said_what_lines_are_time_and_severity_are_found_by_name() {
    let auto = Config { parse: LineFormat::Auto.into(), ..Config::default() };
    let line = r#"{"ts":1767323045.5,"level":"warn","msg":"x"}"#;
    let understood_by = |config: &Config, line: &str| {
        let understood = understood(config, line).unwrap();
        (understood.fields.time, understood.fields.severity.0, understood.attributes.len())
    };
    assert_eq!(understood_by(&auto, line), (1_767_323_045_500_000_000, 13, 1));
    assert_eq!(understood_by(&auto, "ts=soon level=loud msg=x"), (0, 0, 3));
    assert_eq!(understood_by(&json(), line), (0, 0, 3));
    let timestamp = Some(Timestamp { field: "at".into(), ..Timestamp::default() });
    let named = Config { timestamp, ..auto };
    assert_eq!(
        understood_by(&named, r#"{"ts":1,"at":"2026-01-02T03:04:05Z"}"#),
        (1_767_323_045_000_000_000, 0, 1)
    );
}

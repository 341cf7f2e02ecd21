//! What is expected against what was, and every difference in words.

use std::collections::BTreeMap;

use serde_json::Value;
use vigie_config::cases::{Exception, Expectation, Record as Expected, Span as ExpectedSpan};
use vigie_logs::Outcome;

use super::selector::Selector;
use crate::commands::plain;
use crate::commands::record::{Record, severity_name};
use crate::commands::span::Span;

/// So many others are told where something is not found.
const MOST_OTHERS: usize = 10;

/// Every difference.
pub(super) fn differences(expected: &Expectation, outcome: &Outcome) -> Vec<String> {
    let mut records: Vec<Record> = outcome.texts.iter().flat_map(|told| Record::all(&told.sent)).collect();
    records.extend(Record::all(&outcome.besides));
    let mut found = Vec::new();
    if let Some(expected) = &expected.records {
        compare_records(expected, &records, &mut found);
    }
    compare_dropped(&expected.dropped, outcome, &mut found);
    for (text, value) in &expected.metrics {
        compare_metric(text, *value, outcome, &mut found);
    }
    if let Some(expected) = &expected.exceptions {
        compare_exceptions(expected, &records, &mut found);
    }
    if let Some(expected) = &expected.spans {
        let spans: Vec<Span> = outcome.texts.iter().flat_map(|told| Span::all(&told.spans)).collect();
        compare_spans(expected, &spans, &mut found);
    }
    found
}

/// `what: expected …, was …`.
fn differ(what: &str, expected: &dyn std::fmt::Display, was: &dyn std::fmt::Display) -> String {
    format!("{what}: expected {expected}, was {was}")
}

fn compare_records(expected: &[Expected], records: &[Record], found: &mut Vec<String>) {
    if expected.len() != records.len() {
        found.push(differ("records", &expected.len(), &records.len()));
    }
    for (number, (expected, record)) in expected.iter().zip(records).enumerate() {
        compare_record(&format!("records[{number}]"), expected, record, found);
    }
    for (number, record) in records.iter().enumerate().skip(expected.len()) {
        found.push(format!("records[{number}]: not expected\n{}", record.otlp));
    }
    for (number, record) in expected.iter().enumerate().skip(records.len()) {
        let body = record.body.as_deref().unwrap_or("a record");
        found.push(format!("records[{number}]: missing: {body}"));
    }
}

fn compare_record(at: &str, expected: &Expected, record: &Record, found: &mut Vec<String>) {
    if let Some(body) = expected.body.as_ref().filter(|body| **body != record.body()) {
        found.push(differ(&format!("{at}.body"), &quoted(body), &quoted(&record.body())));
    }
    if let Some(severity) = &expected.severity {
        let was = record.severity();
        let same = match severity {
            Value::String(name) => name.eq_ignore_ascii_case(&severity_name(was)),
            number => number.as_u64() == Some(was),
        };
        if !same {
            let was = format!("{} ({was})", severity_name(was));
            found.push(differ(&format!("{at}.severity"), severity, &was));
        }
    }
    compare_time(&format!("{at}.time"), expected.nanos(), record.nanos(), found);
    compare_id(&format!("{at}.trace_id"), expected.trace_id.as_deref(), record.text("traceId"), found);
    compare_id(&format!("{at}.span_id"), expected.span_id.as_deref(), record.text("spanId"), found);
    if let Some(to) = expected.to.as_ref().filter(|to| Some(*to) != record.to.as_ref()) {
        let was = record.to.as_ref().map_or_else(|| "all".to_owned(), |to| to.join(", "));
        found.push(differ(&format!("{at}.to"), &to.join(", "), &was));
    }
    compare_attributes(at, &expected.attributes, &record.attributes, expected.exact, found);
}

fn compare_time(at: &str, expected: Option<i128>, was: i128, found: &mut Vec<String>) {
    if let Some(expected) = expected.filter(|expected| *expected != was) {
        let shown = |nanos| plain::time(nanos).unwrap_or_else(|| "not known".to_owned());
        found.push(differ(at, &shown(expected), &shown(was)));
    }
}

fn compare_id(at: &str, expected: Option<&str>, was: Option<&str>, found: &mut Vec<String>) {
    let was = was.unwrap_or("none");
    if let Some(expected) = expected.filter(|expected| !expected.eq_ignore_ascii_case(was)) {
        found.push(differ(at, &expected, &was));
    }
}

fn compare_attributes(
    at: &str,
    expected: &BTreeMap<String, Value>,
    were: &BTreeMap<String, Value>,
    is_exact: bool,
    found: &mut Vec<String>,
) {
    for (name, value) in expected {
        let was = were.get(name).unwrap_or(&Value::Null);
        if !same(value, was) {
            let shown =
                |value: &Value| if value.is_null() { "nothing".to_owned() } else { value.to_string() };
            found.push(differ(&format!("{at}.attributes.{name}"), &shown(value), &shown(was)));
        }
    }
    if is_exact {
        for (name, value) in were.iter().filter(|(name, _)| !expected.contains_key(*name)) {
            found.push(format!("{at}.attributes.{name}: not expected, was {value}"));
        }
    }
}

/// Numbers by their value: `1` is `1.0`.
fn same(expected: &Value, was: &Value) -> bool {
    match (expected, was) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        (one, other) => one == other,
    }
}

fn compare_dropped(expected: &BTreeMap<String, u64>, outcome: &Outcome, found: &mut Vec<String>) {
    let mut were: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for told in &outcome.texts {
        if let Some(reason) = told.filtered {
            were.entry(reason).or_default().push(&told.text);
        }
    }
    for (reason, count) in expected {
        let was = were.get(reason.as_str()).map_or(&[][..], Vec::as_slice);
        if was.len() as u64 != *count {
            let mut difference = differ(&format!("dropped.{reason}"), count, &was.len());
            for text in was.iter().take(MOST_OTHERS) {
                difference.push_str(&format!("\n{}", quoted(text)));
            }
            found.push(difference);
        }
    }
}

fn compare_metric(text: &str, expected: f64, outcome: &Outcome, found: &mut Vec<String>) {
    let at = format!("metrics.{text}");
    let Some(selector) = Selector::read(text) else {
        return found.push(format!("{at}: not a series such as name{{label=\"value\"}}"));
    };
    let was = selector.sum(&outcome.series);
    if (was - expected).abs() > 1e-9 * expected.abs() {
        let mut difference = differ(&at, &expected, &was);
        for series in selector.akin(&outcome.series).take(MOST_OTHERS) {
            difference.push_str(&format!("\n{}{{{}}} {}", series.name, series.labels, series.to));
        }
        found.push(difference);
    }
}

fn compare_exceptions(expected: &[Exception], records: &[Record], found: &mut Vec<String>) {
    // What tells that one is new is an event.
    let is_thrown = |record: &&Record| {
        record.attributes.contains_key("exception.type") && record.text("eventName").is_none()
    };
    let were: Vec<&Record> = records.iter().filter(is_thrown).collect();
    if expected.len() != were.len() {
        let mut difference = differ("exceptions", &expected.len(), &were.len());
        for record in were.iter().take(MOST_OTHERS) {
            difference.push_str(&format!("\n{}", record.attribute("exception.type").unwrap_or_default()));
        }
        found.push(difference);
    }
    for (number, (expected, record)) in expected.iter().zip(were).enumerate() {
        for (key, expected) in
            [("type", &expected.kind), ("message", &expected.message), ("fingerprint", &expected.fingerprint)]
        {
            let was = record.attribute(&format!("exception.{key}")).unwrap_or("nothing");
            if let Some(expected) = expected.as_deref().filter(|expected| *expected != was) {
                found.push(differ(&format!("exceptions[{number}].{key}"), &quoted(expected), &quoted(was)));
            }
        }
    }
}

fn compare_spans(expected: &[ExpectedSpan], spans: &[Span], found: &mut Vec<String>) {
    if expected.len() != spans.len() {
        let mut difference = differ("spans", &expected.len(), &spans.len());
        for span in spans.iter().take(MOST_OTHERS) {
            difference.push_str(&format!("\n{}", span.otlp));
        }
        found.push(difference);
    }
    for (number, (expected, span)) in expected.iter().zip(spans).enumerate() {
        let at = format!("spans[{number}]");
        let was = span.text("name").unwrap_or_default();
        if let Some(name) = expected.name.as_deref().filter(|name| *name != was) {
            found.push(differ(&format!("{at}.name"), &quoted(name), &quoted(was)));
        }
        for (key, name, expected) in [
            ("trace_id", "traceId", &expected.trace_id),
            ("span_id", "spanId", &expected.span_id),
            ("parent_span_id", "parentSpanId", &expected.parent_span_id),
        ] {
            compare_id(&format!("{at}.{key}"), expected.as_deref(), span.text(name), found);
        }
        compare_time(&format!("{at}.start"), expected.start(), span.start(), found);
        compare_time(&format!("{at}.end"), expected.end(), span.end(), found);
        if let Some(error) = expected.error.filter(|error| *error != span.is_error()) {
            found.push(differ(&format!("{at}.error"), &error, &span.is_error()));
        }
        compare_attributes(&at, &expected.attributes, &span.attributes, expected.exact, found);
    }
}

/// As JSON writes it: on one line, and blanks show.
fn quoted(text: &str) -> Value {
    Value::from(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_the_same_by_their_value() {
        assert!(same(&json!(1), &json!(1.0)));
        assert!(same(&json!({ "a": [1, "x"] }), &json!({ "a": [1.0, "x"] })));
        assert!(!same(&json!(1), &json!("1")));
        assert!(!same(&json!({ "a": 1 }), &json!({ "a": 1, "b": 2 })));
        assert!(!same(&json!(9007199254740993_i64), &json!("x")));
    }
}

//! `vigie explain line`: each text with all that is known of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use vigie_logs::{Config as Source, Moved, Outcome, Told, Workbench};

use super::{
    Destinations, filtered, named, object, open, put, reasons, redactions, series_name, shown, spans, sums,
    told_of, uncounted,
};
use crate::commands::Format;
use crate::commands::record::{Record, severity_name};

/// The longest input that is taken.
const LONGEST: u64 = 16 << 20;

pub(super) fn answer(
    mut bench: Workbench,
    source: &Source,
    to: &Destinations,
    line: &str,
    format: Format,
) -> Result<String, String> {
    let mut input = Vec::new();
    if line == "-" {
        let read = open(Path::new("-"))?.take(LONGEST).read_to_end(&mut input);
        read.map_err(|error| format!("read the standard input: {error}"))?;
    } else {
        input.extend_from_slice(line.as_bytes());
    }
    if !input.ends_with(b"\n") {
        input.push(b'\n');
    }
    let mut outcome = bench.feed(&input, None);
    let rest = bench.finish(None);
    outcome.texts.extend(rest.texts);
    outcome.besides.extend(rest.besides);
    outcome.series.extend(rest.series);
    Ok(match format {
        Format::Json => format!("{:#}\n", in_json(source, to, &outcome)),
        Format::Text => String::from_utf8_lossy(&in_words(to, &outcome)).into_owned(),
    })
}

fn in_json(source: &Source, to: &Destinations, outcome: &Outcome) -> Value {
    let texts: Vec<Value> = outcome.texts.iter().map(|told| text_in_json(to, told)).collect();
    let besides: Vec<Value> =
        Record::all(&outcome.besides).iter().map(|record| record_in_json(to, record)).collect();
    let series: Vec<Value> = told_of(&outcome.series).map(series_in_json).collect();
    json!({
        "source": source.name,
        "texts": texts,
        "besides": besides,
        "redacted": object(&redactions(&outcome.series)),
        "not_understood": object(&reasons(&outcome.series)),
        "uncounted": object(&uncounted(&outcome.series)),
        "series": series,
    })
}

fn text_in_json(to: &Destinations, told: &Told) -> Value {
    let refused = |(format, reason): &(&str, &str)| json!({ "format": format, "reason": reason });
    let records = Record::all(&told.sent);
    let of = |record: &Record| record_in_json(to, record);
    json!({
        "text": told.text,
        "format": told.format,
        "by_auto": told.by_auto,
        "refused": told.refused.iter().map(refused).collect::<Vec<_>>(),
        "faults": told.faults,
        "filtered": filtered(told),
        "records": records.iter().map(of).collect::<Vec<_>>(),
        "spans": spans::in_json(to, told),
        "no_span": told.no_span,
    })
}

fn record_in_json(to: &Destinations, record: &Record) -> Value {
    let exporters = record.to.as_deref().unwrap_or(&to.logs);
    json!({ "fields": record.attributes, "otlp": record.otlp, "exporters": exporters })
}

pub(super) fn series_in_json(moved: &Moved) -> Value {
    let labels: Value = vigie_pipeline::page::pairs(&moved.labels)
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    json!({ "name": moved.name, "labels": labels, "by": moved.by, "to": moved.to })
}

fn in_words(to: &Destinations, outcome: &Outcome) -> Vec<u8> {
    let mut text = Vec::new();
    if outcome.texts.is_empty() {
        put(&mut text, format_args!("nothing is made of it: empty lines are counted, and that is all"));
    }
    for told in &outcome.texts {
        text_in_words(to, told, &mut text);
        put(&mut text, format_args!(""));
    }
    for record in Record::all(&outcome.besides) {
        put(&mut text, format_args!("told by a transform"));
        record_in_words(to, &record, &mut text);
        put(&mut text, format_args!(""));
    }
    sums(&mut text, &outcome.series);
    let mut series = told_of(&outcome.series).peekable();
    if series.peek().is_some() {
        put(&mut text, format_args!("series:"));
    }
    for moved in series {
        put(&mut text, format_args!("  {} {:+} to {}", series_name(moved), moved.by, moved.to));
    }
    text
}

fn text_in_words(to: &Destinations, told: &Told, text: &mut Vec<u8>) {
    put(text, format_args!("{}", shown(&told.text)));
    row(text, "format", &format_of(told));
    if !told.faults.is_empty() {
        row(text, "odd", &format!("not understood of it: {}", told.faults.join(", ")));
    }
    let records = Record::all(&told.sent);
    if records.is_empty() {
        let by = filtered(told).map(|filter| format!("by {filter}"));
        row(text, "dropped", by.as_deref().unwrap_or("no record was made"));
    }
    for record in &records {
        record_in_words(to, record, text);
    }
    spans::in_words(to, told, text);
}

/// The format that understood it, and who says so.
fn format_of(told: &Told) -> String {
    let mut said = match (told.format, told.by_auto) {
        (Some(format), false) => format.to_owned(),
        (Some(format), true) => format!("auto: {format}"),
        (None, true) => "auto: none understands it, it is plain text".to_owned(),
        (None, false) => "none understood it, it is plain text".to_owned(),
    };
    for (number, (format, reason)) in told.refused.iter().enumerate() {
        said.push_str(match (number, told.format) {
            (0, Some(_)) => ", after ",
            (0, None) => ": ",
            _ => ", ",
        });
        said.push_str(&format!("{format} ({reason})"));
    }
    said
}

fn record_in_words(to: &Destinations, record: &Record, text: &mut Vec<u8>) {
    row(text, "time", record.time().as_deref().unwrap_or("not told: when it was read counts"));
    let severity = severity_name(record.severity());
    row(
        text,
        "severity",
        &match record.text("severityText") {
            Some(name) => format!("{severity} ({name})"),
            None => severity,
        },
    );
    if let Some(trace) = record.text("traceId") {
        let span = record.text("spanId").map(|span| format!(" {span}"));
        row(text, "trace", &format!("{trace}{}", span.unwrap_or_default()));
    }
    row(text, "body", &shown(&record.body()));
    fields(text, &record.attributes);
    if let Some(kind) = record.attribute("exception.type") {
        let print = record.attribute("exception.fingerprint").unwrap_or("none");
        row(text, "exception", &format!("{kind}, fingerprint {print}"));
    }
    row(text, "record", &record.otlp.to_string());
    row(text, "goes to", &named(record.to.as_deref().unwrap_or(&to.logs), "logs"));
}

/// Attributes, one in a row.
pub(super) fn fields(text: &mut Vec<u8>, attributes: &BTreeMap<String, Value>) {
    for (number, (name, value)) in attributes.iter().enumerate() {
        let label = if number == 0 { "fields" } else { "" };
        row(text, label, &shown(&format!("{name} = {value}")));
    }
}

/// A name and its value.
pub(super) fn row(text: &mut Vec<u8>, name: &str, value: &str) {
    put(text, format_args!("  {name:<11} {value}"));
}

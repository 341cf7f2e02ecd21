//! What is said of the spans that lines make, and of those that make none.

use serde_json::{Value, json};
use vigie_logs::Told;

use super::line::{fields, row};
use super::{Destinations, named};
use crate::commands::plain::time;
use crate::commands::span::Span;

/// What a line lacks, in words.
pub(super) fn lacks(reason: &str) -> &str {
    match reason {
        "no_trace" => "it has no trace id",
        "no_duration" => "it does not say how long it took, or not in the field of `duration`",
        "no_time" => "it does not say when it was",
        "no_request" => "it tells of no request: it has no status",
        other => other,
    }
}

pub(super) fn in_json(to: &Destinations, told: &Told) -> Vec<Value> {
    let of = |span: Span| json!({ "fields": span.attributes, "otlp": span.otlp, "exporters": to.traces });
    Span::all(&told.spans).into_iter().map(of).collect()
}

pub(super) fn in_words(to: &Destinations, told: &Told, text: &mut Vec<u8>) {
    if let Some(reason) = told.no_span {
        row(text, "span", &format!("none: {}", lacks(reason)));
    }
    for span in Span::all(&told.spans) {
        let status = if span.is_error() { ", error" } else { "" };
        let name = span.text("name").unwrap_or_default();
        row(text, "span", &format!("{name}, {}{status}", span.kind()));
        let id = |key: &str| span.text(key).unwrap_or("none");
        let parent = span.text("parentSpanId").map(|parent| format!(", below {parent}"));
        row(text, "trace", &format!("{} {}{}", id("traceId"), id("spanId"), parent.unwrap_or_default()));
        let [start, end] = [span.start(), span.end()].map(|nanos| time(nanos).unwrap_or_default());
        row(text, "took", &format!("{:?}, from {start} to {end}", span.duration()));
        fields(text, &span.attributes);
        row(text, "otlp", &span.otlp.to_string());
        row(text, "goes to", &named(&to.traces, "traces"));
    }
}

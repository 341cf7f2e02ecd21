//! What the watchdog tells besides its series: a log record when an expectation is met no longer or again, one of each
//! action that was done or was not, and a span of each that was done.

use std::sync::Arc;

use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::otlp::attributes::{field, put_bool, put_double, put_int, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::otlp::span::{Span, SpanKind};
use vigie_pipeline::outlet::{Events, Gathering};

use super::actions::{self, Action, Occasion};
use super::entry::{Entry, Expectation, Sort};
use super::judge::{Change, Finding};
use super::metrics::Outcome;
use super::post::{Done, News};
use crate::standings::Stands;

/// Emits what is told.
pub(super) struct Telemetry {
    events: Events,
    logs: Gathering,
    traces: Gathering,
}

impl Telemetry {
    /// The ledger has its columns from here on; those of spans if there are actions.
    pub(super) fn new(events: Events, envelope: Arc<Envelope>, acts: bool) -> Self {
        let _ = events.counts(Signal::Logs);
        if acts {
            let _ = events.counts(Signal::Traces);
        }
        Self {
            events,
            logs: Gathering::new(Signal::Logs, Arc::clone(&envelope)),
            traces: Gathering::new(Signal::Traces, envelope),
        }
    }

    /// An expectation is met no longer, or again, for what was found at `time`, in nanoseconds since the epoch.
    pub(super) fn changed(
        &mut self,
        entry: &Entry,
        expectation: &Expectation,
        finding: &Finding,
        change: Change,
        time: u64,
    ) {
        let body = words(entry, finding, change);
        let (severity, severity_text) = match finding.wrong {
            _ if change.is_met => (Severity::INFO, "INFO"),
            // It may well be as expected: nobody can see it.
            Some(reason) if reason.is_blind() => (Severity::WARN, "WARN"),
            _ => (Severity::ERROR, "ERROR"),
        };
        if change.is_met {
            tracing::info!("{body}");
        } else {
            tracing::warn!("{body}");
        }
        let mut attributes = Vec::new();
        put_entry(&mut attributes, field::LOG, entry);
        put_str(&mut attributes, field::LOG, "vigie.expectation.kind", expectation.kind.as_str());
        put_bool(&mut attributes, field::LOG, "vigie.expectation.met", change.is_met);
        if let Some(reason) = finding.wrong {
            put_str(&mut attributes, field::LOG, "vigie.expectation.reason", reason.as_str());
        }
        for (key, value) in
            [("vigie.expectation.limit", expectation.limit), ("vigie.expectation.value", finding.value)]
        {
            if let Some(value) = value {
                put_number(&mut attributes, key, value);
            }
        }
        let record = LogRecord {
            time,
            observed: time,
            severity,
            severity_text,
            body: &body,
            attributes: &attributes,
            ..LogRecord::default()
        };
        self.logs.add(|out| record.encode(out));
    }

    /// It was time for an action.
    pub(super) fn action(&mut self, entry: &Entry, action: &Action, news: &News, outcome: Outcome, now: u64) {
        let (sort, name) = (entry.sort.words(), &entry.name);
        let what = actions::what(action, name);
        let (occasion, words, output) = match news {
            News::DryRun(occasion) => (occasion, format!("dry run: it is time to {what}"), None),
            News::Suppressed(occasion, other, stands) => {
                let stands = if *stands == Stands::Down { "is down" } else { "is not known to be up" };
                (occasion, format!("it is time to {what}, which is not done while {other} {stands}"), None)
            }
            News::Exhausted(occasion) => {
                let (most, within) = (action.at_most.actions, action.at_most.within);
                let why = format!("it was done {most} times in {within}");
                (occasion, format!("it is time to {what}, which is not done any more: {why}"), None)
            }
            News::Done(done) => match &done.report.result {
                Ok(words) => (&done.occasion, words.clone(), done.report.output.as_deref()),
                Err(words) => {
                    (&done.occasion, format!("cannot {what}: {words}"), done.report.output.as_deref())
                }
            },
        };
        let wrong: Vec<String> = occasion.unmet.iter().map(|wrong| wrong.words.clone()).collect();
        let body = format!("{sort} {name}: {words} ({})", wrong.join("; "));
        let (severity, severity_text) = match outcome {
            Outcome::Succeeded | Outcome::DryRun | Outcome::Suppressed => (Severity::WARN, "WARN"),
            Outcome::Failed | Outcome::Exhausted => (Severity::ERROR, "ERROR"),
        };
        if severity == Severity::ERROR {
            tracing::error!("{body}");
        } else {
            tracing::warn!("{body}");
        }
        let mut attributes = Vec::new();
        put_action(&mut attributes, field::LOG, entry, action, occasion, outcome);
        if let Some(output) = output {
            put_str(&mut attributes, field::LOG, "vigie.action.output", output);
        }
        let span = matches!(news, News::Done(_)).then_some(occasion.trace);
        let record = LogRecord {
            time: now,
            observed: now,
            severity,
            severity_text,
            body: &body,
            attributes: &attributes,
            trace_id: span.map(|trace| trace.trace_id),
            span_id: span.map(|trace| trace.span_id),
        };
        self.logs.add(|out| record.encode(out));
        if let News::Done(done) = news {
            self.span(entry, action, done, outcome);
        }
    }

    fn span(&mut self, entry: &Entry, action: &Action, done: &Done, outcome: Outcome) {
        let mut attributes = Vec::new();
        put_action(&mut attributes, field::SPAN, entry, action, &done.occasion, outcome);
        let trace = done.occasion.trace;
        let span = Span {
            trace_id: trace.trace_id,
            span_id: trace.span_id,
            parent: None,
            name: action.key(),
            kind: if action.webhook.is_some() { SpanKind::Client } else { SpanKind::Internal },
            start: done.occasion.at,
            end: done.ended_at.max(done.occasion.at),
            attributes: &attributes,
            error: done.report.result.as_ref().err().map(String::as_str),
        };
        self.traces.add(|out| span.encode(out));
    }

    /// Sends what was told.
    pub(super) fn flush(&mut self) {
        for offer in [self.logs.take(0), self.traces.take(0)].into_iter().flatten() {
            self.events.offer_volatile(offer);
        }
    }
}

/// Whole numbers as such.
fn put_number(attributes: &mut Vec<u8>, key: &str, value: f64) {
    if value.fract() == 0.0 && value.abs() < (1_u64 << 53) as f64 {
        put_int(attributes, field::LOG, key, value as i64);
    } else {
        put_double(attributes, field::LOG, key, value);
    }
}

/// What an entry is called.
fn put_entry(attributes: &mut Vec<u8>, field: u32, entry: &Entry) {
    put_str(attributes, field, "vigie.expectation.name", &entry.name);
    if entry.sort == Sort::Group {
        put_str(attributes, field, "vigie.process_group", &entry.name);
    }
}

fn put_action(
    attributes: &mut Vec<u8>,
    field: u32,
    entry: &Entry,
    action: &Action,
    occasion: &Occasion,
    outcome: Outcome,
) {
    put_entry(attributes, field, entry);
    put_str(attributes, field, "vigie.action", action.key());
    put_str(attributes, field, "vigie.action.outcome", outcome.as_str());
    let kinds: Vec<&str> = occasion.unmet.iter().map(|wrong| wrong.kind.as_str()).collect();
    put_str(attributes, field, "vigie.expectation.kind", &kinds.join(","));
    if occasion.times > 0 {
        put_int(attributes, field, "vigie.action.times", occasion.times.into());
    }
}

/// The change as a sentence.
fn words(entry: &Entry, finding: &Finding, change: Change) -> String {
    let (sort, name, words) = (entry.sort.words(), &entry.name, &finding.words);
    // Of a group the words say what it does, of all others what is so.
    let separator = if entry.sort == Sort::Group { "" } else { ":" };
    let opening = if change.is_met { "as expected again: " } else { "" };
    format!("{opening}{sort} {name}{separator} {words}")
}

//! What a probe tells besides its values: a log record when it goes down or comes back, and its spans.
//!
//! A traced run is one client span whose children are its phases, in the order in which they happened; the
//! context that goes to the target names the run as the parent. The identifiers are random and mean
//! nothing.

use std::sync::Arc;

use http::HeaderValue;
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::otlp::attributes::{field, put_bool, put_int, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::otlp::span::{Span, SpanKind};
use vigie_pipeline::outlet::{Events, Gathering};

use super::attempt::Attempt;
use super::failure::Failure;

/// The trace of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
}

impl Trace {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self { trace_id: fastrand::u128(1..).to_be_bytes(), span_id: span_id() }
    }

    /// The same trace, from a span below this one.
    pub(crate) fn child(&self) -> Self {
        Self { trace_id: self.trace_id, span_id: span_id() }
    }

    /// As W3C Trace Context writes it, sampled.
    pub(crate) fn traceparent(&self) -> HeaderValue {
        let (trace, span) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id));
        HeaderValue::try_from(format!("00-{trace:032x}-{span:016x}-01"))
            .expect("hexadecimal digits and dashes make a header value")
    }
}

fn span_id() -> [u8; 8] {
    fastrand::u64(1..).to_be_bytes()
}

/// A run that has ended, with whose it was.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// The name of the probe.
    pub(super) name: &'a str,
    /// What its series call the target.
    pub(super) instance: &'a str,
    pub(super) attempt: &'a Attempt,
}

impl Run<'_> {
    fn failure(&self) -> Option<&Failure> {
        self.attempt.verdict.as_ref().err()
    }

    /// Attributes that records and spans share.
    fn put_common(&self, out: &mut Vec<u8>, field: u32) {
        self.attempt.record.about.encode(out, field);
        if let Some(failure) = self.failure() {
            put_str(out, field, "error.type", failure.reason.as_str());
            put_str(out, field, "vigie.probe.phase", failure.phase.as_str());
        }
        put_str(out, field, "vigie.probe.name", self.name);
        put_str(out, field, "vigie.probe.target", self.instance);
    }
}

/// Emits what is told of one probe.
#[derive(Debug)]
pub(super) struct Telemetry {
    events: Events,
    logs: Gathering,
    traces: Gathering,
}

impl Telemetry {
    /// For the probe that `events` belongs to. The ledger has its columns from here on.
    pub(super) fn new(events: Events, envelope: Arc<Envelope>, traces: bool) -> Self {
        let _ = events.counts(Signal::Logs);
        if traces {
            let _ = events.counts(Signal::Traces);
        }
        Self {
            events,
            logs: Gathering::new(Signal::Logs, Arc::clone(&envelope)),
            traces: Gathering::new(Signal::Traces, envelope),
        }
    }

    /// The state of the target has changed to what this run found.
    pub(super) fn changed(&mut self, run: &Run<'_>) {
        let attempt = run.attempt;
        let Run { name, instance, .. } = run;
        let (severity, severity_text, body) = match run.failure() {
            Some(failure) => {
                (Severity::ERROR, "ERROR", format!("probe {name} is down ({instance}): {failure}"))
            }
            None => (Severity::INFO, "INFO", format!("probe {name} is up ({instance})")),
        };
        let mut attributes = Vec::new();
        run.put_common(&mut attributes, field::LOG);
        put_bool(&mut attributes, field::LOG, "vigie.probe.success", run.failure().is_none());
        if let Some(excerpt) = run.failure().and_then(|_| attempt.record.excerpt.shown()) {
            put_str(&mut attributes, field::LOG, "vigie.probe.response", &excerpt);
        }
        let time = attempt.wall(attempt.ended);
        let record = LogRecord {
            time,
            observed: time,
            severity,
            severity_text,
            body: &body,
            attributes: &attributes,
            trace_id: attempt.trace.map(|trace| trace.trace_id),
            span_id: attempt.trace.map(|trace| trace.span_id),
        };
        self.logs.add(|out| record.encode(out));
        if let Some(offer) = self.logs.take(0) {
            self.events.offer_volatile(offer);
        }
    }

    /// The spans of the steps of a traced run, if it has such: what is asked for in them has them as its parents.
    fn steps(&mut self, run: &Run<'_>, trace: Trace) {
        let steps = run.attempt.record.timeline.steps();
        for (number, step) in steps.iter().enumerate() {
            let failed = run.failure().filter(|_| number + 1 == steps.len());
            let mut attributes = Vec::new();
            put_str(&mut attributes, field::SPAN, "vigie.probe.step", &step.name);
            if let Some(failure) = failed {
                put_str(&mut attributes, field::SPAN, "error.type", failure.reason.as_str());
            }
            let span = Span {
                trace_id: trace.trace_id,
                span_id: step.span,
                parent: Some(trace.span_id),
                name: &step.name,
                kind: SpanKind::Client,
                start: run.attempt.wall(step.start),
                end: run.attempt.wall(step.end),
                attributes: &attributes,
                error: failed.map(|failure| failure.detail.as_str()),
            };
            self.traces.add(|out| span.encode(out));
        }
    }

    /// The spans of a traced run; `name` is that of the first.
    pub(super) fn spans(&mut self, run: &Run<'_>, name: &str) {
        let attempt = run.attempt;
        let Some(trace) = attempt.trace else { return };
        let spells = attempt.record.timeline.spells();
        for (number, spell) in spells.iter().enumerate() {
            let failed = run.failure().filter(|failure| {
                failure.phase == spell.phase && spells.last().is_some_and(|last| last.hop == spell.hop)
            });
            let mut attributes = Vec::new();
            put_int(&mut attributes, field::SPAN, "vigie.probe.hop", i64::from(spell.hop));
            if let Some(failure) = failed {
                put_str(&mut attributes, field::SPAN, "error.type", failure.reason.as_str());
            }
            let span = Span {
                trace_id: trace.trace_id,
                span_id: span_id(),
                parent: attempt.record.timeline.span_of(number).or(Some(trace.span_id)),
                name: spell.phase.as_str(),
                kind: SpanKind::Internal,
                start: attempt.wall(spell.start),
                end: attempt.wall(spell.end),
                attributes: &attributes,
                error: failed.map(|failure| failure.detail.as_str()),
            };
            self.traces.add(|out| span.encode(out));
        }
        self.steps(run, trace);
        let mut attributes = Vec::new();
        run.put_common(&mut attributes, field::SPAN);
        let error = run.failure().map(Failure::to_string);
        let span = Span {
            trace_id: trace.trace_id,
            span_id: trace.span_id,
            parent: None,
            name,
            kind: SpanKind::Client,
            start: attempt.started_at,
            end: attempt.wall(attempt.ended),
            attributes: &attributes,
            error: error.as_deref(),
        };
        self.traces.add(|out| span.encode(out));
        if let Some(offer) = self.traces.take(0) {
            self.events.offer_volatile(offer);
        }
    }
}

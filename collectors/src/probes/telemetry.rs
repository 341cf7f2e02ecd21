//! What a probe tells besides its values: a log record when it goes down or comes back, and its spans.
//!
//! A traced run is one client span whose children are its phases, in the order in which they happened; the
//! context that goes to the target names the run as the parent. The identifiers are random and mean
//! nothing.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::otlp::attributes::{field, put_bool, put_int, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::otlp::span::{Span, SpanKind};
use vigie_pipeline::outlet::{Events, Gathering};

use super::failure::Failure;
use super::record::Record;
use super::target::Target;

/// The trace of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
}

impl Trace {
    /// A new one.
    pub(super) fn random() -> Self {
        Self { trace_id: fastrand::u128(1..).to_be_bytes(), span_id: span_id() }
    }

    /// As W3C Trace Context writes it, sampled.
    pub(super) fn traceparent(&self) -> HeaderValue {
        let (trace, span) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id));
        HeaderValue::try_from(format!("00-{trace:032x}-{span:016x}-01"))
            .expect("hexadecimal digits and dashes make a header value")
    }
}

fn span_id() -> [u8; 8] {
    fastrand::u64(1..).to_be_bytes()
}

/// A run that has ended.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) name: &'a str,
    pub(super) target: &'a Target,
    pub(super) method: &'a str,
    pub(super) record: &'a Record,
    /// When it ended.
    pub(super) ended: Instant,
    /// The wall clock when it began, in nanoseconds since the epoch.
    pub(super) started_at: u64,
    pub(super) failure: Option<&'a Failure>,
    pub(super) trace: Option<Trace>,
}

impl Run<'_> {
    /// A time of the run on the wall clock as it was when the run began.
    fn wall(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.record.started).as_nanos();
        self.started_at.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Attributes that records and spans share.
    fn put_common(&self, out: &mut Vec<u8>, field: u32) {
        put_str(out, field, "url.full", &self.target.to_string());
        put_str(out, field, "server.address", &self.target.host());
        put_int(out, field, "server.port", i64::from(self.target.port));
        if let Some(response) = &self.record.response {
            put_int(out, field, "http.response.status_code", i64::from(response.status));
        }
        if let Some(failure) = self.failure {
            put_str(out, field, "error.type", failure.reason.as_str());
            put_str(out, field, "vigie.probe.phase", failure.phase.as_str());
        }
        put_str(out, field, "vigie.probe.name", self.name);
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

    /// The state of the probe has changed to what this run found.
    pub(super) fn changed(&mut self, run: &Run<'_>) {
        let (severity, severity_text, body) = match run.failure {
            Some(failure) => (Severity::ERROR, "ERROR", format!("probe {} is down: {failure}", run.name)),
            None => (Severity::INFO, "INFO", format!("probe {} is up", run.name)),
        };
        let mut attributes = Vec::new();
        run.put_common(&mut attributes, field::LOG);
        put_bool(&mut attributes, field::LOG, "vigie.probe.success", run.failure.is_none());
        let time = run.wall(run.ended);
        let record = LogRecord {
            time,
            observed: time,
            severity,
            severity_text,
            body: &body,
            attributes: &attributes,
            trace_id: run.trace.map(|trace| trace.trace_id),
            span_id: run.trace.map(|trace| trace.span_id),
        };
        self.logs.add(|out| record.encode(out));
        if let Some(offer) = self.logs.take(0) {
            self.events.offer_volatile(offer);
        }
    }

    /// The spans of a traced run.
    pub(super) fn spans(&mut self, run: &Run<'_>) {
        let Some(trace) = run.trace else { return };
        for spell in run.record.timeline.spells() {
            let failed = run.failure.filter(|failure| {
                failure.phase == spell.phase
                    && run.record.timeline.spells().last().is_some_and(|last| last.hop == spell.hop)
            });
            let mut attributes = Vec::new();
            put_int(&mut attributes, field::SPAN, "vigie.probe.hop", i64::from(spell.hop));
            if let Some(failure) = failed {
                put_str(&mut attributes, field::SPAN, "error.type", failure.reason.as_str());
            }
            let span = Span {
                trace_id: trace.trace_id,
                span_id: span_id(),
                parent: Some(trace.span_id),
                name: spell.phase.as_str(),
                kind: SpanKind::Internal,
                start: run.wall(spell.start),
                end: run.wall(spell.end),
                attributes: &attributes,
                error: failed.map(|failure| failure.detail.as_str()),
            };
            self.traces.add(|out| span.encode(out));
        }
        let error = run.failure.map(Failure::to_string);
        let span = Span {
            trace_id: trace.trace_id,
            span_id: trace.span_id,
            parent: None,
            name: run.method,
            kind: SpanKind::Client,
            start: run.started_at,
            end: run.wall(run.ended),
            attributes: &root_attributes(run),
            error: error.as_deref(),
        };
        self.traces.add(|out| span.encode(out));
        if let Some(offer) = self.traces.take(0) {
            self.events.offer_volatile(offer);
        }
    }
}

fn root_attributes(run: &Run<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_str(&mut out, field::SPAN, "http.request.method", run.method);
    run.put_common(&mut out, field::SPAN);
    if let Some(peer) = run.record.peer {
        put_str(&mut out, field::SPAN, "network.peer.address", &peer.ip().to_string());
        put_int(&mut out, field::SPAN, "network.peer.port", i64::from(peer.port()));
    }
    if let Some(response) = &run.record.response {
        let version = match response.version {
            http::Version::HTTP_10 => "1.0",
            http::Version::HTTP_2 => "2",
            _ => "1.1",
        };
        put_str(&mut out, field::SPAN, "network.protocol.name", "http");
        put_str(&mut out, field::SPAN, "network.protocol.version", version);
    }
    if let Some((version, _)) = run.record.session.as_ref().and_then(|session| session.agreed.as_ref()) {
        put_str(&mut out, field::SPAN, "tls.protocol.name", "tls");
        put_str(&mut out, field::SPAN, "tls.protocol.version", version.trim_start_matches("TLS "));
    }
    if run.record.redirects > 0 {
        put_int(&mut out, field::SPAN, "vigie.probe.redirects", i64::from(run.record.redirects));
    }
    out
}

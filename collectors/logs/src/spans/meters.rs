//! What the agent counts of the spans that it makes from logs.

use prometheus::IntCounter;
use vigie_pipeline::instruments::Instruments;

/// What a record lacks to become a span. A closed set: it becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// It has no trace id.
    Trace,
    /// It does not say how long it took.
    Duration,
    /// It does not say when it was.
    Time,
    /// It tells of no request: nobody expects a span of it, and it is not counted.
    Request,
}

impl Lacking {
    const COUNTED: [Self; 3] = [Self::Trace, Self::Duration, Self::Time];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "no_trace",
            Self::Duration => "no_duration",
            Self::Time => "no_time",
            Self::Request => "no_request",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Meters([IntCounter; Lacking::COUNTED.len()]);

impl Meters {
    pub(super) fn new(instruments: &Instruments, source: &str) -> Self {
        let counters = instruments.counters(
            "vigie_log_requests_without_span_total",
            "Requests in access logs that could not become spans.",
            &["source", "reason"],
        );
        Self(Lacking::COUNTED.map(|reason| counters.with_label_values(&[source, reason.as_str()])))
    }

    pub(super) fn none(&self, reason: Lacking) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.inc();
        }
    }
}

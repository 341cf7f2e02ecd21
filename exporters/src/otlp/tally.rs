//! What is counted about one signal of one destination. Every series is there from the start, with 0.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::ledger;
use vigie_pipeline::receipt::DropReason;

use super::failure::Phase;

/// What became of a request and of what it carried. A closed set: it becomes the `outcome` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken.
    Delivered,
    /// Refused for good; of a request that was taken in part, the records that were not.
    Dropped,
    /// Not taken now: will be sent again. What was sent three times counts three times.
    Retried,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Delivered, Self::Dropped, Self::Retried];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Dropped => "dropped",
            Self::Retried => "retried",
        }
    }
}

/// From a request within one host to the longest that anybody waits.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0];

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    events: [IntCounter; 3],
    bytes: [IntCounter; 3],
    requests: [IntCounter; 3],
    partial_successes: IntCounter,
    connection_errors: [IntCounter; Phase::ALL.len()],
    duration: Histogram,
    last_success: Gauge,
    queue_bytes: IntGauge,
    queue_events: IntGauge,
    clock: Clock,
}

impl Tally {
    pub(super) fn new(instruments: &Instruments, exporter: &str, signal: Signal, clock: Clock) -> Self {
        let of = [exporter, signal.as_str()];
        let outcomes = |name, help| {
            let counters = instruments.counters(name, help, &["exporter", "signal", "outcome"]);
            Outcome::ALL.map(|outcome| counters.with_label_values(&[of[0], of[1], outcome.as_str()]))
        };
        let labels = ["exporter", "signal"];
        let errors = instruments.counters(
            "vigie_export_connection_errors_total",
            "Requests that got no answer, by how far they came.",
            &["exporter", "signal", "phase"],
        );
        Self {
            events: Outcome::ALL.map(|outcome| {
                let reason = if outcome == Outcome::Dropped { DropReason::Rejected.as_str() } else { "" };
                ledger::exported(instruments).with_label_values(&[of[0], of[1], outcome.as_str(), reason])
            }),
            bytes: outcomes(
                "vigie_export_bytes_total",
                "Bytes of request bodies sent to a destination, after compression.",
            ),
            requests: outcomes(
                "vigie_export_requests_total",
                "Requests sent to a destination, by what became of them there.",
            ),
            partial_successes: instruments
                .counters(
                    "vigie_export_partial_successes_total",
                    "Requests of which a destination took only a part.",
                    &labels,
                )
                .with_label_values(&of),
            connection_errors: Phase::ALL
                .map(|phase| errors.with_label_values(&[of[0], of[1], phase.as_str()])),
            duration: instruments
                .histograms(
                    "vigie_export_request_duration_seconds",
                    "How long requests took, from compression to the end of the answer.",
                    &labels,
                    &BUCKETS,
                )
                .with_label_values(&of),
            last_success: instruments
                .real_gauges(
                    "vigie_export_last_success_timestamp_seconds",
                    "When a destination last took a request; 0 if it has not yet.",
                    &labels,
                )
                .with_label_values(&of),
            queue_bytes: instruments
                .gauges(
                    "vigie_export_queue_bytes",
                    "Encoded events that wait for a destination, in bytes.",
                    &labels,
                )
                .with_label_values(&of),
            queue_events: instruments
                .gauges("vigie_export_queue_events", "Events that wait for a destination.", &labels)
                .with_label_values(&of),
            clock,
        }
    }

    /// A request was taken, all but `rejected` of its events.
    pub(super) fn delivered(&self, events: u64, rejected: u64, bytes: u64) {
        self.count(Outcome::Delivered, events - rejected, bytes);
        if rejected > 0 {
            self.partial_successes.inc();
            self.events[Outcome::Dropped as usize].inc_by(rejected);
        }
        self.last_success.set(self.clock.unix_nanos() as f64 / 1e9);
    }

    /// A request came to nothing.
    pub(super) fn count(&self, outcome: Outcome, events: u64, bytes: u64) {
        self.events[outcome as usize].inc_by(events);
        self.bytes[outcome as usize].inc_by(bytes);
        self.requests[outcome as usize].inc();
    }

    /// A request got no answer.
    pub(super) fn failed(&self, phase: Phase) {
        self.connection_errors[phase as usize].inc();
    }

    /// A request took so long.
    pub(super) fn took(&self, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
    }

    /// So much waits.
    pub(super) fn waiting(&self, bytes: usize, events: u64) {
        self.queue_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.queue_events.set(i64::try_from(events).unwrap_or(i64::MAX));
    }
}

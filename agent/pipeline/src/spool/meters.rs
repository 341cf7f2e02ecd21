//! What is counted about one spool. Every series is there from the start, with 0.

use std::io;
use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

use super::shelf::Shelf;
use crate::batch::Signal;
use crate::instruments::Instruments;
use crate::ledger;
use crate::receipt::DropReason;

/// From a disk with a battery behind its cache to one that is in trouble.
const BUCKETS: [f64; 10] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0, 10.0];

/// See the module.
#[derive(Debug)]
pub(super) struct Meters {
    exporter: String,
    signal: Signal,
    events: IntCounterVec,
    exported: IntCounterVec,
    failures: IntCounterVec,
    pub(super) written: IntCounter,
    pub(super) recovered: IntCounter,
    pub(super) delivered: IntCounter,
    waiting: IntGauge,
    bytes: IntGauge,
    segments: IntGauge,
    oldest: IntGauge,
    pub(super) writable: IntGauge,
    pub(super) corrupt: IntCounter,
    pub(super) torn: IntCounter,
    sync: Histogram,
}

impl Meters {
    pub(super) fn new(instruments: &Instruments, exporter: &str, signal: Signal) -> Self {
        let of = [exporter, signal.as_str()];
        let labels = ["exporter", "signal"];
        let gauge = |name, help| instruments.gauges(name, help, &labels).with_label_values(&of);
        let counter = |name, help| instruments.counters(name, help, &labels).with_label_values(&of);
        let events = instruments.counters(
            "vigie_spool_events_total",
            "Events by destination and by what became of them in its spool; \
             written + recovered = delivered + dropped + waiting.",
            &["exporter", "signal", "outcome", "reason"],
        );
        let outcome = |outcome| events.with_label_values(&[of[0], of[1], outcome, ""]);
        let meters = Self {
            written: outcome("written"),
            recovered: outcome("recovered"),
            delivered: outcome("delivered"),
            failures: instruments.counters(
                "vigie_spool_write_failures_total",
                "Attempts to write a spool that failed, by what stood in the way.",
                &["exporter", "signal", "reason"],
            ),
            waiting: gauge("vigie_spool_waiting_events", "Events in the spool that are not delivered yet."),
            bytes: gauge("vigie_spool_bytes", "What the segments of the spool take on disk."),
            segments: gauge("vigie_spool_segments", "Segments of the spool."),
            oldest: gauge(
                "vigie_spool_oldest_timestamp_seconds",
                "When the oldest event that waits in the spool was written to it, since the Unix epoch; \
                 0 if none waits.",
            ),
            writable: gauge("vigie_spool_writable", "Whether the last attempt to write the spool succeeded."),
            corrupt: counter(
                "vigie_spool_corrupt_records_total",
                "Damaged places of spool files, each one record or several side by side.",
            ),
            torn: counter(
                "vigie_spool_torn_writes_total",
                "Writes that a crash has cut short and that nobody was told of.",
            ),
            sync: instruments
                .histograms(
                    "vigie_spool_sync_duration_seconds",
                    "How long it took to write a group of batches and sync it.",
                    &labels,
                    &BUCKETS,
                )
                .with_label_values(&of),
            exporter: exporter.to_owned(),
            signal,
            events,
            exported: ledger::exported(instruments),
        };
        meters.writable.set(1);
        for reason in [DropReason::SpoolFull, DropReason::SpoolDamaged] {
            meters.count_dropped(0, reason);
        }
        meters
    }

    /// Events were dropped.
    pub(super) fn dropped(&self, events: u64, reason: DropReason) {
        if events > 0 {
            self.count_dropped(events, reason);
        }
    }

    fn count_dropped(&self, events: u64, reason: DropReason) {
        let labels = [self.exporter.as_str(), self.signal.as_str(), "dropped", reason.as_str()];
        self.events.with_label_values(&labels).inc_by(events);
        // What a destination rejects its exporter has counted.
        if reason != DropReason::Rejected {
            self.exported.with_label_values(&labels).inc_by(events);
        }
    }

    /// A group was written and synced.
    pub(super) fn synced(&self, duration: Duration) {
        self.sync.observe(duration.as_secs_f64());
    }

    /// Something could not be written.
    pub(super) fn failed(&self, error: &io::Error) {
        let labels = [self.exporter.as_str(), self.signal.as_str(), reason(error)];
        self.failures.with_label_values(&labels).inc();
    }

    /// What waits now.
    pub(super) fn shelf(&self, shelf: &Shelf) {
        self.waiting.set(i64::try_from(shelf.waiting()).unwrap_or(i64::MAX));
        self.oldest.set(i64::try_from(shelf.oldest() / 1_000_000_000).unwrap_or(i64::MAX));
    }

    /// What the files take.
    pub(super) fn files(&self, bytes: u64, segments: usize) {
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.segments.set(i64::try_from(segments).unwrap_or(i64::MAX));
    }
}

/// What stands in the way. A closed set: it becomes the `reason` label.
fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "disk_full",
        io::ErrorKind::QuotaExceeded => "quota",
        io::ErrorKind::ReadOnlyFilesystem => "read_only",
        io::ErrorKind::PermissionDenied => "permission",
        io::ErrorKind::ResourceBusy => "in_use",
        _ => "io",
    }
}

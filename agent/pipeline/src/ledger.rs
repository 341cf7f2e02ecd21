//! The ledger: for every source, `read = delivered + filtered + dropped + in flight`.
//!
//! It balances by construction: what is offered is counted as read and in flight in one step, and
//! leaves "in flight" only into one of the other columns, in one step again. No page shows half of one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::batch::Signal;
use crate::instruments::Instruments;
use crate::receipt::{DropReason, Fate};

type Accounts = HashMap<(String, Signal), Arc<Counts>>;

/// The columns of every source. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    instruments: Instruments,
    events: IntCounterVec,
    in_flight: IntGaugeVec,
    again: IntCounterVec,
    pub(crate) passed_by: IntCounterVec,
    counts: Arc<Mutex<Accounts>>,
}

/// The columns of one source and signal.
#[derive(Debug)]
pub struct Counts {
    instruments: Instruments,
    read: IntCounter,
    delivered: IntCounter,
    in_flight: IntGauge,
    others: IntCounterVec,
    source: String,
    signal: Signal,
}

impl Ledger {
    /// A ledger whose columns are exported by `instruments`.
    #[must_use]
    pub fn new(instruments: &Instruments) -> Self {
        Self {
            instruments: instruments.clone(),
            events: instruments.counters(
                "vigie_events_total",
                "Events by source and by what became of them; read = delivered + filtered + dropped + in flight.",
                &["source", "signal", "outcome", "reason"],
            ),
            in_flight: instruments.gauges(
                "vigie_events_in_flight",
                "Events read that are neither delivered nor filtered nor dropped yet.",
                &["source", "signal"],
            ),
            again: instruments.counters(
                "vigie_events_read_again_total",
                "Events read again for a destination that lags behind the others; they are in the ledger already.",
                &["source", "exporter"],
            ),
            passed_by: instruments.counters(
                "vigie_events_routed_elsewhere_total",
                "Events that a route sends to other destinations than this one.",
                &["source", "exporter"],
            ),
            counts: Arc::default(),
        }
    }

    /// `count` events of `source` are not for `destination`.
    pub(crate) fn passes_by(&self, source: &str, destination: &str, count: u32) {
        self.passed_by.with_label_values(&[source, destination]).inc_by(u64::from(count));
    }

    /// `count` events of `source` were read again for `destination`.
    pub(crate) fn again(&self, source: &str, destination: &str, count: u32) {
        self.again.with_label_values(&[source, destination]).inc_by(u64::from(count));
    }

    /// The columns of one source, made at the first call so that they show 0 from the start.
    #[must_use]
    pub fn counts(&self, source: &str, signal: Signal) -> Arc<Counts> {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry((source.to_owned(), signal)).or_insert_with(|| {
            let with = |outcome| self.events.with_label_values(&[source, signal.as_str(), outcome, ""]);
            Arc::new(Counts {
                instruments: self.instruments.clone(),
                read: with("read"),
                delivered: with("delivered"),
                in_flight: self.in_flight.with_label_values(&[source, signal.as_str()]),
                others: self.events.clone(),
                source: source.to_owned(),
                signal,
            })
        });
        Arc::clone(entry)
    }
}

/// The column of events by destination and by what became of them there, with the reason of what was dropped:
/// `[exporter, signal, outcome, reason]`. An exporter counts what it sends, a spool what it drops.
#[must_use]
pub fn exported(instruments: &Instruments) -> IntCounterVec {
    instruments.counters(
        "vigie_export_events_total",
        "Events by destination and by what became of them there; what was sent three times counts three times.",
        &["exporter", "signal", "outcome", "reason"],
    )
}

impl Counts {
    fn other(&self, outcome: &str, reason: &str) -> IntCounter {
        self.others.with_label_values(&[self.source.as_str(), self.signal.as_str(), outcome, reason])
    }

    /// Read and on their way.
    pub(crate) fn offered(&self, count: u32) {
        let _step = self.instruments.step();
        self.in_flight.add(i64::from(count));
        self.read.inc_by(u64::from(count));
    }

    /// All destinations are done with them.
    pub(crate) fn settled(&self, count: u32, fate: Fate) {
        let _step = self.instruments.step();
        let lost = match fate.dropped {
            Some((lost, reason)) => {
                let lost = lost.min(count);
                self.other("dropped", reason.as_str()).inc_by(u64::from(lost));
                lost
            }
            None => 0,
        };
        self.delivered.inc_by(u64::from(count - lost));
        self.in_flight.sub(i64::from(count));
    }

    /// Read and left out because the configuration says so.
    pub fn filtered(&self, count: u64, reason: &str) {
        let _step = self.instruments.step();
        self.read.inc_by(count);
        self.other("filtered", reason).inc_by(count);
    }

    /// Read and dropped before they were offered.
    pub fn dropped(&self, count: u64, reason: DropReason) {
        let _step = self.instruments.step();
        self.read.inc_by(count);
        self.other("dropped", reason.as_str()).inc_by(count);
    }
}

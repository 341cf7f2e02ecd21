//! What the agent counts of the metrics that it makes.

use prometheus::{IntCounter, IntCounterVec};
use vigie_pipeline::instruments::Instruments;

use super::number::Flaw;

/// The instruments of the metrics of one source.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    source: String,
    overflow: IntCounterVec,
    errors: IntCounterVec,
}

/// Fields of one metric that gave no number.
#[derive(Debug, Clone)]
pub(crate) struct Flaws([IntCounter; Flaw::ALL.len()]);

impl Meters {
    pub(crate) fn new(instruments: &Instruments, source: &str) -> Self {
        Self {
            source: source.to_owned(),
            overflow: instruments.counters(
                "vigie_log_metric_overflow_total",
                "Records that a metric counted in its series for others, because it has as many as it may have.",
                &["source", "metric"],
            ),
            errors: instruments.counters(
                "vigie_log_metric_errors_total",
                "Records that a metric could not count, because the field was missing, no number, or negative.",
                &["source", "metric", "reason"],
            ),
        }
    }

    pub(crate) fn overflow(&self, metric: &str) -> IntCounter {
        self.overflow.with_label_values(&[self.source.as_str(), metric])
    }

    pub(crate) fn flaws(&self, metric: &str) -> Flaws {
        let counter =
            |flaw: Flaw| self.errors.with_label_values(&[self.source.as_str(), metric, flaw.as_str()]);
        Flaws(Flaw::ALL.map(counter))
    }
}

impl Flaws {
    pub(crate) fn count(&self, flaw: Flaw) {
        self.0[flaw as usize].inc();
    }
}

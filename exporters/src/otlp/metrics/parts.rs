//! Histograms and summaries: their rows, put together again by their labels.

use std::collections::BTreeMap;

use vigie_pipeline::otlp::attributes::{field, put_str};
use vigie_pipeline::otlp::wire::{put_bytes, put_fixed64, put_message};
use vigie_pipeline::page::{Exemplar, Sample, Suffix, pairs};

/// One histogram or summary.
#[derive(Debug, Default)]
pub(super) struct Parts {
    labels: Vec<(String, String)>,
    /// Upper bounds with cumulative counts, or quantiles with values.
    steps: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
    exemplars: Vec<Exemplar>,
}

/// `SummaryDataPoint.attributes`
const SUMMARY_ATTRIBUTES: u32 = 7;

impl Parts {
    /// The rows that differ in the label `step` alone are one.
    pub(super) fn put_together<'a>(
        samples: impl Iterator<Item = Sample<'a>>,
        step: &str,
    ) -> impl Iterator<Item = Self> {
        let mut all: BTreeMap<Vec<(String, String)>, Self> = BTreeMap::new();
        for sample in samples {
            let mut at = None;
            let mut labels = Vec::new();
            for (name, value) in pairs(sample.labels) {
                if name == step {
                    at = value.parse::<f64>().ok();
                } else {
                    labels.push((name.to_owned(), value.into_owned()));
                }
            }
            let parts = all.entry(labels).or_default();
            parts.exemplars.extend(sample.exemplar);
            match (sample.suffix, at) {
                (Suffix::Sum, _) => parts.sum = sample.value,
                (Suffix::Count, _) => parts.count = sample.value,
                (Suffix::Bucket | Suffix::None, Some(at)) => parts.steps.push((at, sample.value)),
                (Suffix::Bucket | Suffix::None, None) => {}
            }
        }
        all.into_iter().map(|(labels, mut parts)| {
            parts.labels = labels;
            parts.steps.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            parts
        })
    }

    /// The rest of a `HistogramDataPoint`: counts of single buckets, the last without an upper bound.
    pub(super) fn histogram(&self, out: &mut Vec<u8>) {
        put_fixed64(out, 4, self.count as u64);
        put_fixed64(out, 5, self.sum.to_bits());
        let finite = || self.steps.iter().filter(|(bound, _)| bound.is_finite());
        put_message(out, 6, |counts| {
            let mut below = 0;
            for up_to in finite().map(|(_, up_to)| *up_to as u64).chain([self.count as u64]) {
                counts.extend_from_slice(&up_to.saturating_sub(below).to_le_bytes());
                below = below.max(up_to);
            }
        });
        put_message(out, 7, |bounds| {
            for (bound, _) in finite() {
                bounds.extend_from_slice(&bound.to_bits().to_le_bytes());
            }
        });
        for exemplar in &self.exemplars {
            put_message(out, 8, |out| {
                put_fixed64(out, 2, exemplar.at);
                put_fixed64(out, 3, exemplar.value.to_bits());
                if exemplar.span_id != [0; 8] {
                    put_bytes(out, 4, &exemplar.span_id);
                }
                put_bytes(out, 5, &exemplar.trace_id);
            });
        }
        self.attributes(out, field::HISTOGRAM);
    }

    /// The rest of a `SummaryDataPoint`.
    pub(super) fn summary(&self, out: &mut Vec<u8>) {
        put_fixed64(out, 4, self.count as u64);
        put_fixed64(out, 5, self.sum.to_bits());
        for (quantile, value) in &self.steps {
            put_message(out, 6, |step| {
                put_fixed64(step, 1, quantile.to_bits());
                put_fixed64(step, 2, value.to_bits());
            });
        }
        self.attributes(out, SUMMARY_ATTRIBUTES);
    }

    fn attributes(&self, out: &mut Vec<u8>, field: u32) {
        for (name, value) in &self.labels {
            put_str(out, field, name, value);
        }
    }
}

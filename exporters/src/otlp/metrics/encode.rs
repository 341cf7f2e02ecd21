//! Pages as `repeated Metric`, field 2 of `ScopeMetrics`.
//!
//! Counters become monotonic cumulative sums, gauges and values of unknown type gauges; the rows of
//! histograms and summaries are put together again by their labels.

use std::collections::BTreeMap;

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::otlp::attributes::{field, put_str};
use vigie_pipeline::otlp::wire::{put_bytes, put_fixed64, put_message, put_uint};
use vigie_pipeline::page::{Sample, Suffix, pairs};
use vigie_pipeline::snapshot::Published;

/// Nanoseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Since when the agent looks.
    pub(super) start: u64,
    /// When the values were read.
    pub(super) now: u64,
}

/// What one request carries.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// `ScopeMetrics.metrics`, with tags and lengths.
    pub(super) metrics: Vec<u8>,
    /// How many data points are in them.
    pub(super) points: u64,
}

/// So many points at most are one metric; a family with more becomes several, so that it can be cut.
const POINTS_PER_METRIC: usize = 1_000;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: u64 = 2;

/// Everything that was published, in pieces of about `max_bytes`, made one after the other.
pub(super) fn pieces(published: &[Published], times: Times, max_bytes: usize) -> impl Iterator<Item = Piece> {
    let mut metrics = metrics(published);
    std::iter::from_fn(move || {
        let mut piece = Piece::default();
        while piece.metrics.len() < max_bytes
            && let Some(metric) = metrics.next()
        {
            piece.points += metric.points.len() as u64;
            metric.encode(&mut piece.metrics, times);
        }
        (piece.points > 0).then_some(piece)
    })
}

/// One `Metric`.
struct Metric<'a> {
    family: &'a Family,
    points: Vec<Point<'a>>,
}

enum Point<'a> {
    Number(Sample<'a>),
    Parts(Parts),
}

/// One histogram or summary, put together from its rows.
#[derive(Default)]
struct Parts {
    labels: Vec<(String, String)>,
    /// Upper bounds with cumulative counts, or quantiles with values.
    steps: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

/// A family that several parts publish is still one family.
fn metrics(published: &[Published]) -> impl Iterator<Item = Metric<'_>> {
    let mut families: Vec<_> = published.iter().flat_map(|published| published.page.families()).collect();
    families.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut families = families.into_iter().peekable();
    let whole = std::iter::from_fn(move || {
        let (family, rows) = families.next()?;
        let mut samples: Vec<Sample<'_>> = rows.collect();
        while let Some((_, rows)) = families.next_if(|(next, _)| next.name == family.name) {
            samples.extend(rows);
        }
        let points = match family.kind {
            Kind::Histogram => put_together(&samples, "le"),
            Kind::Summary => put_together(&samples, "quantile"),
            Kind::Counter | Kind::Gauge | Kind::Untyped => samples.into_iter().map(Point::Number).collect(),
        };
        Some((family, points))
    });
    whole.flat_map(|(family, points)| {
        let mut points = points.into_iter();
        std::iter::from_fn(move || {
            let points: Vec<_> = points.by_ref().take(POINTS_PER_METRIC).collect();
            (!points.is_empty()).then_some(Metric { family, points })
        })
    })
}

/// The rows that differ in the label `step` alone are one.
fn put_together<'a>(samples: &[Sample<'a>], step: &str) -> Vec<Point<'a>> {
    let mut all: BTreeMap<Vec<(String, String)>, Parts> = BTreeMap::new();
    for sample in samples {
        let mut at = None;
        let mut labels = Vec::new();
        for (name, value) in pairs(sample.labels) {
            if name == step {
                at = value.parse::<f64>().ok();
            } else {
                labels.push((name.to_owned(), value));
            }
        }
        let parts = all.entry(labels).or_default();
        match (sample.suffix, at) {
            (Suffix::Sum, _) => parts.sum = sample.value,
            (Suffix::Count, _) => parts.count = sample.value,
            (Suffix::Bucket | Suffix::None, Some(at)) => parts.steps.push((at, sample.value)),
            (Suffix::Bucket | Suffix::None, None) => {}
        }
    }
    let parts = all.into_iter().map(|(labels, mut parts)| {
        parts.labels = labels;
        parts.steps.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Point::Parts(parts)
    });
    parts.collect()
}

impl Metric<'_> {
    fn encode(&self, out: &mut Vec<u8>, times: Times) {
        put_message(out, 2, |metric| {
            put_bytes(metric, 1, self.family.name.as_bytes());
            put_bytes(metric, 2, self.family.help.as_bytes());
            // The data's field of `Metric`, by kind: gauge, sum, histogram, summary.
            match self.family.kind {
                Kind::Gauge | Kind::Untyped => put_message(metric, 5, |data| self.points(data, times)),
                Kind::Counter => put_message(metric, 7, |data| {
                    self.points(data, times);
                    put_uint(data, 2, CUMULATIVE);
                    put_uint(data, 3, 1);
                }),
                Kind::Histogram => put_message(metric, 9, |data| {
                    self.points(data, times);
                    put_uint(data, 2, CUMULATIVE);
                }),
                Kind::Summary => put_message(metric, 11, |data| self.points(data, times)),
            }
        });
    }

    fn points(&self, data: &mut Vec<u8>, times: Times) {
        for point in &self.points {
            put_message(data, 1, |out| {
                if self.family.kind != Kind::Gauge && self.family.kind != Kind::Untyped {
                    put_fixed64(out, 2, times.start);
                }
                put_fixed64(out, 3, times.now);
                match point {
                    Point::Number(sample) => {
                        put_fixed64(out, 4, sample.value.to_bits());
                        for (name, value) in pairs(sample.labels) {
                            put_str(out, field::NUMBER, name, &value);
                        }
                    }
                    Point::Parts(parts) if self.family.kind == Kind::Histogram => parts.histogram(out),
                    Point::Parts(parts) => parts.summary(out),
                }
            });
        }
    }
}

/// `SummaryDataPoint.attributes`
const SUMMARY_ATTRIBUTES: u32 = 7;

impl Parts {
    /// The rest of a `HistogramDataPoint`: counts of single buckets, the last without an upper bound.
    fn histogram(&self, out: &mut Vec<u8>) {
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
        self.attributes(out, field::HISTOGRAM);
    }

    /// The rest of a `SummaryDataPoint`.
    fn summary(&self, out: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests;

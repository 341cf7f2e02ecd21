//! Metrics as `repeated Metric`, field 2 of `ScopeMetrics`, in requests of a bounded size.

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::otlp::attributes::{field, put_str};
use vigie_pipeline::otlp::wire::{put_bytes, put_fixed64, put_message, put_uint};
use vigie_pipeline::page::pairs;

use super::parts::Parts;
use super::semconv::Reading;

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

/// One `Metric`, or a part of it.
pub(super) struct Metric<'a> {
    head: Head<'a>,
    points: Vec<Point<'a>>,
}

/// What a metric says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    /// In UCUM's notation; empty if it is not known.
    pub(super) unit: &'a str,
    pub(super) data: Data,
    /// Whether its values are whole numbers, and sent as such.
    pub(super) whole: bool,
}

/// The instrument, as far as the wire tells it. All sums are cumulative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Gauge,
    /// A counter if it is monotonic, an up-down counter else.
    Sum {
        monotonic: bool,
    },
    Histogram,
    Summary,
}

pub(super) enum Point<'a> {
    /// A value with its labels, as `name="value",…`.
    Number {
        value: f64,
        labels: &'a str,
    },
    /// One under a convention's name.
    Reading(Reading<'a>),
    Parts(Parts),
}

/// So many points at most are one metric; one with more becomes several, so that it can be cut.
const POINTS_PER_METRIC: usize = 1_000;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: u64 = 2;

/// The metrics in pieces of about `max_bytes`, made one after the other.
pub(super) fn pieces<'a>(
    mut metrics: impl Iterator<Item = Metric<'a>>,
    times: Times,
    max_bytes: usize,
) -> impl Iterator<Item = Piece> {
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

impl<'a> Head<'a> {
    /// Counters are monotonic sums; values of unknown type are gauges.
    pub(super) fn of(family: &'a Family) -> Self {
        let data = match family.kind {
            Kind::Gauge | Kind::Untyped => Data::Gauge,
            Kind::Counter => Data::Sum { monotonic: true },
            Kind::Histogram => Data::Histogram,
            Kind::Summary => Data::Summary,
        };
        Self { name: &family.name, description: &family.help, unit: "", data, whole: false }
    }

    /// A metric of these points, in several parts if they are many.
    pub(super) fn over(
        self,
        mut points: impl Iterator<Item = Point<'a>>,
    ) -> impl Iterator<Item = Metric<'a>> {
        std::iter::from_fn(move || {
            let points: Vec<_> = points.by_ref().take(POINTS_PER_METRIC).collect();
            (!points.is_empty()).then_some(Metric { head: self, points })
        })
    }
}

impl Metric<'_> {
    fn encode(&self, out: &mut Vec<u8>, times: Times) {
        put_message(out, 2, |metric| {
            put_bytes(metric, 1, self.head.name.as_bytes());
            put_bytes(metric, 2, self.head.description.as_bytes());
            if !self.head.unit.is_empty() {
                put_bytes(metric, 3, self.head.unit.as_bytes());
            }
            // The data's field of `Metric`: gauge, sum, histogram, summary.
            match self.head.data {
                Data::Gauge => put_message(metric, 5, |data| self.points(data, times)),
                Data::Sum { monotonic } => put_message(metric, 7, |data| {
                    self.points(data, times);
                    put_uint(data, 2, CUMULATIVE);
                    put_uint(data, 3, u64::from(monotonic));
                }),
                Data::Histogram => put_message(metric, 9, |data| {
                    self.points(data, times);
                    put_uint(data, 2, CUMULATIVE);
                }),
                Data::Summary => put_message(metric, 11, |data| self.points(data, times)),
            }
        });
    }

    fn points(&self, data: &mut Vec<u8>, times: Times) {
        for point in &self.points {
            put_message(data, 1, |out| {
                if self.head.data != Data::Gauge {
                    put_fixed64(out, 2, times.start);
                }
                put_fixed64(out, 3, times.now);
                match point {
                    Point::Number { value, labels } => {
                        self.number(out, *value);
                        for (name, value) in pairs(labels) {
                            put_str(out, field::NUMBER, name, &value);
                        }
                    }
                    Point::Reading(reading) => {
                        self.number(out, reading.value);
                        reading.attributes(out);
                    }
                    Point::Parts(parts) if self.head.data == Data::Histogram => parts.histogram(out),
                    Point::Parts(parts) => parts.summary(out),
                }
            });
        }
    }

    /// `NumberDataPoint.as_double`, or `.as_int` where the metric's values are whole numbers.
    fn number(&self, out: &mut Vec<u8>, value: f64) {
        if self.head.whole && value.is_finite() {
            put_fixed64(out, 6, (value as i64) as u64);
        } else {
            put_fixed64(out, 4, value.to_bits());
        }
    }
}

#[cfg(test)]
mod tests;

//! How often values were how large, with a trace to look at for each bucket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Exemplar, Labels, Page};

/// At most so often a bucket gets another exemplar.
const PACE: Duration = Duration::from_secs(1);

/// Upper bounds that ascend, shared by all series of a metric.
pub(crate) type Bounds = Arc<[f64]>;

/// Counts by bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    /// Values in each bucket alone, those above the last bound at the end; empty as long as there is none.
    counts: Box<[u64]>,
    sum: f64,
    count: u64,
    /// For each bucket the newest value that had a trace, and when it was taken; empty until there is one.
    exemplars: Box<[Option<(Exemplar, Instant)>]>,
}

impl Histogram {
    /// Another value, with the trace that tells of it.
    pub(crate) fn observe(&mut self, bounds: &Bounds, value: f64, exemplar: Option<Exemplar>, now: Instant) {
        let buckets = bounds.len() + 1;
        if self.counts.is_empty() {
            self.counts = vec![0; buckets].into();
        }
        let bucket = bounds.partition_point(|bound| value > *bound);
        self.counts[bucket] += 1;
        self.sum += value;
        self.count += 1;
        if let Some(exemplar) = exemplar {
            if self.exemplars.is_empty() {
                self.exemplars = vec![None; buckets].into();
            }
            let place = &mut self.exemplars[bucket];
            if place.as_ref().is_none_or(|(_, taken)| now >= *taken + PACE) {
                *place = Some((exemplar, now));
            }
        }
    }

    /// Whether nothing was observed.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes it as `family`.
    pub(crate) fn write(&self, bounds: &Bounds, page: &mut Page, family: &Arc<Family>, labels: Labels) {
        let mut cumulative = 0;
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        let buckets: Vec<(f64, u64)> = bounds
            .iter()
            .zip(counts)
            .map(|(bound, count)| {
                cumulative += count;
                (*bound, cumulative)
            })
            .collect();
        let exemplars = self.exemplars.iter().flatten().map(|(exemplar, _)| *exemplar);
        page.set_histogram_with(family, labels, &buckets, self.sum, self.count, exemplars);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vigie_pipeline::metric::Kind;

    fn written(histogram: &Histogram, bounds: &Bounds) -> (Vec<f64>, Vec<Option<f64>>) {
        let family = Arc::new(Family::met("h".to_owned(), Kind::Histogram, String::new()));
        let mut page = Page::default();
        histogram.write(bounds, &mut page, &family, Labels::NONE);
        let rows = || page.families().flat_map(|(_, rows)| rows);
        (rows().map(|row| row.value).collect(), rows().map(|row| row.exemplar.map(|one| one.value)).collect())
    }

    fn measured(value: f64) -> Exemplar {
        Exemplar { trace_id: [1; 16], span_id: [2; 8], value, at: 3 }
    }

    #[test]
    fn a_bucket_shows_the_newest_trace_but_not_more_than_one_a_second() {
        let bounds: Bounds = [1.0, 2.0].into();
        let mut histogram = Histogram::default();
        let start = Instant::now();
        for (value, milliseconds) in [(0.5, 0), (0.6, 999), (1.5, 999), (0.7, 1000), (9.0, 1001), (0.8, 1500)]
        {
            let now = start + Duration::from_millis(milliseconds);
            histogram.observe(&bounds, value, Some(measured(value)), now);
        }
        assert_eq!(written(&histogram, &bounds).1, [Some(0.7), Some(1.5), Some(9.0), None, None]);
    }

    #[test]
    fn one_of_nothing_is_all_zeros() {
        let bounds: Bounds = [1.0].into();
        let histogram = Histogram::default();
        assert!(histogram.is_empty());
        assert_eq!(written(&histogram, &bounds).0, [0.0, 0.0, 0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn it_counts_as_one_would_by_hand(
            values in proptest::collection::vec(prop_oneof![-5.0f64..5.0, Just(1.0)], 0..50),
            bounds in proptest::collection::btree_set(-4i8..4, 1..6),
        ) {
            let bounds: Bounds = bounds.into_iter().map(f64::from).collect();
            let mut histogram = Histogram::default();
            for value in &values {
                histogram.observe(&bounds, *value, None, Instant::now());
            }
            let below = |bound: f64| values.iter().filter(|value| **value <= bound).count() as f64;
            let mut expected: Vec<f64> = bounds.iter().map(|bound| below(*bound)).collect();
            let count = values.len() as f64;
            expected.extend([count, values.iter().fold(0.0, |sum, value| sum + value), count]);
            prop_assert_eq!(written(&histogram, &bounds).0, expected);
        }
    }
}

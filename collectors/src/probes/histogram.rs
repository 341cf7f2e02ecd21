//! How often runs took how long.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Exemplar, Labels, Page};

/// Counts by upper bounds that ascend.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    /// Upper bounds in seconds, with the number of values at or below each.
    buckets: Box<[(f64, u64)]>,
    sum: f64,
    count: u64,
    /// The last value of each bucket that had a trace, that of `+Inf` last; empty until there is one.
    exemplars: Vec<Option<Exemplar>>,
}

impl Histogram {
    /// Of nothing yet. Without bounds it is not exposed.
    pub(super) fn new(bounds: &[f64]) -> Self {
        Self {
            buckets: bounds.iter().map(|bound| (*bound, 0)).collect(),
            sum: 0.0,
            count: 0,
            exemplars: Vec::new(),
        }
    }

    /// Another value, in seconds, with the trace that tells of it.
    pub(super) fn observe(&mut self, value: f64, exemplar: Option<Exemplar>) {
        if exemplar.is_some() && !self.buckets.is_empty() {
            let bucket = self.buckets.partition_point(|(bound, _)| value > *bound);
            self.exemplars.resize(self.buckets.len() + 1, None);
            self.exemplars[bucket] = exemplar;
        }
        for (_, count) in self.buckets.iter_mut().filter(|(bound, _)| value <= *bound) {
            *count += 1;
        }
        self.sum += value;
        self.count += 1;
    }

    /// Writes it as `family`.
    pub(super) fn write(&self, page: &mut Page, family: &'static Family, labels: Labels) {
        if !self.buckets.is_empty() {
            let exemplars = self.exemplars.iter().flatten().copied();
            page.set_histogram_with(family, labels, &self.buckets, self.sum, self.count, exemplars);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static H: Family = Family::histogram("h", "H.");

    fn values(histogram: &Histogram) -> Vec<f64> {
        let mut page = Page::default();
        histogram.write(&mut page, &H, Labels::NONE);
        page.families().flat_map(|(_, rows)| rows.map(|row| row.value).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn a_value_counts_in_every_bucket_that_it_fits() {
        let mut histogram = Histogram::new(&[0.1, 1.0]);
        for value in [0.1, 0.5, 7.0] {
            histogram.observe(value, None);
        }
        assert_eq!(values(&histogram), [1.0, 2.0, 3.0, 7.6, 3.0]);
    }

    #[test]
    fn without_bounds_there_is_no_histogram() {
        let mut histogram = Histogram::new(&[]);
        histogram.observe(1.0, None);
        assert!(values(&histogram).is_empty());
    }
}

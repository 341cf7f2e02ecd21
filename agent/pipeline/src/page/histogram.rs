//! Histograms, with the exemplars of their buckets.

use super::{FamilyRef, Labels, Page, Suffix, number};

/// One of the values that a bucket counts, and the trace it was measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// Of the trace; not all zero.
    pub trace_id: [u8; 16],
    /// Of the span; all zero if that is not known.
    pub span_id: [u8; 8],
    /// What was measured.
    pub value: f64,
    /// When, in nanoseconds since the epoch.
    pub at: u64,
}

impl Page {
    /// Writes a whole histogram: `buckets` are upper bounds with cumulative counts, without `+Inf`.
    pub fn set_histogram(
        &mut self,
        family: impl Into<FamilyRef>,
        labels: Labels,
        buckets: &[(f64, u64)],
        sum: f64,
        count: u64,
    ) {
        self.set_histogram_with(family, labels, buckets, sum, count, std::iter::empty());
    }

    /// The same with exemplars, in any order: each belongs to the bucket that its value falls into, and of several in
    /// one bucket the last stays. One whose value is not a number is left out.
    pub fn set_histogram_with(
        &mut self,
        family: impl Into<FamilyRef>,
        labels: Labels,
        buckets: &[(f64, u64)],
        sum: f64,
        count: u64,
        exemplars: impl Iterator<Item = Exemplar> + Clone,
    ) {
        let family = family.into();
        // Not a number: below the first bucket there is none.
        let mut above = f64::NAN;
        for (bound, cumulative) in buckets.iter().copied().chain([(f64::INFINITY, count)]) {
            let le = self.labels_after(labels, &[("le", number(bound).as_str())]);
            let within =
                |exemplar: &Exemplar| exemplar.value <= bound && (exemplar.value > above || above.is_nan());
            if let Some(exemplar) = exemplars.clone().filter(within).last() {
                self.exemplars.push((self.rows.len() as u32, exemplar));
            }
            above = bound;
            self.push(family.clone(), Suffix::Bucket, le, cumulative as f64);
        }
        self.push(family.clone(), Suffix::Sum, labels, sum);
        self.push(family, Suffix::Count, labels, count as f64);
    }

    /// What stands beside a row.
    pub(super) fn exemplar(&self, row: u32) -> Option<&Exemplar> {
        let at = self.exemplars.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(&self.exemplars[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Repeats;
    use super::*;
    use crate::metric::Family;
    use proptest::prelude::*;

    static H: Family = Family::histogram("h", "H.");

    fn measured(value: f64) -> Exemplar {
        Exemplar { trace_id: [1; 16], span_id: [2; 8], value, at: 3 }
    }

    fn exemplars(page: &Page) -> Vec<Option<f64>> {
        let rows = page.families().flat_map(|(_, rows)| rows);
        rows.map(|row| row.exemplar.map(|exemplar| exemplar.value)).collect()
    }

    #[test]
    fn histograms_end_with_inf_sum_and_count() {
        let mut page = Page::default();
        let base = page.labels(&[("p", "x")]);
        page.set_histogram(&H, base, &[(0.5, 1), (1.0, 2)], 3.5, 4);
        let text: Vec<String> = page
            .families()
            .flat_map(|(f, rows)| {
                rows.map(|r| format!("{}{}{{{}}} {}", f.name, r.suffix.as_str(), r.labels, number(r.value)))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(
            text,
            [
                "h_bucket{p=\"x\",le=\"0.5\"} 1",
                "h_bucket{p=\"x\",le=\"1\"} 2",
                "h_bucket{p=\"x\",le=\"+Inf\"} 4",
                "h_sum{p=\"x\"} 3.5",
                "h_count{p=\"x\"} 4"
            ]
        );
    }

    #[test]
    fn an_exemplar_stands_in_the_bucket_of_its_value_and_of_two_the_last() {
        let mut page = Page::default();
        page.set(&H, Labels::NONE, 0.0);
        let measured = [9.0, 0.5, 0.75, 0.6, f64::NAN].map(measured);
        page.set_histogram_with(&H, Labels::NONE, &[(0.5, 1), (1.0, 3)], 10.85, 4, measured.iter().copied());
        assert_eq!(exemplars(&page), [None, Some(0.5), Some(0.6), Some(9.0), None, None]);
        page.clear();
        page.set_histogram(&H, Labels::NONE, &[(0.5, 1), (1.0, 3)], 10.85, 4);
        assert_eq!(exemplars(&page), [None; 5]);
    }

    #[test]
    fn an_exemplar_goes_with_its_row_when_another_is_taken_out() {
        let mut page = Page::default();
        let labels = page.labels(&[("a", "b")]);
        for value in [1.0, 2.0] {
            page.set_histogram_with(&H, Labels::NONE, &[], value, 1, [measured(value)].into_iter());
        }
        page.set_histogram_with(&H, labels, &[], 3.0, 1, [measured(3.0)].into_iter());
        assert_eq!(Repeats::default().drop_from(&mut page), 3);
        assert_eq!(exemplars(&page), [Some(1.0), None, None, Some(3.0), None, None]);
    }

    proptest! {
        #[test]
        fn every_number_has_its_one_bucket(
            value in prop_oneof![any::<f64>(), -3.0f64..3.0, Just(f64::NEG_INFINITY), Just(1.0)],
            bounds in proptest::collection::btree_set(-3i8..3, 0..5),
        ) {
            let buckets: Vec<(f64, u64)> = bounds.iter().map(|bound| (f64::from(*bound), 0)).collect();
            let mut page = Page::default();
            page.set_histogram_with(&H, Labels::NONE, &buckets, 0.0, 0, [measured(value)].into_iter());
            let place = exemplars(&page).iter().position(Option::is_some);
            let expected = buckets.iter().position(|(bound, _)| value <= *bound).unwrap_or(buckets.len());
            prop_assert_eq!(place, (!value.is_nan()).then_some(expected));
        }
    }
}

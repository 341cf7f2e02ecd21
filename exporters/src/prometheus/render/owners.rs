//! Whose a series is, where several pages have a family: the first page that has it.
//!
//! Series are found by a hash that does not depend on the order of their labels, so that nothing is sorted or copied
//! for each of them; where two hashes are alike the labels decide.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;

use vigie_pipeline::metric::Kind;

use super::label::Metric;

/// The owners of one family's series.
pub(super) struct Owners<'a> {
    kind: Kind,
    /// Its keys are not to be foreseen: labels may come from a peer.
    hashes: RandomState,
    /// By the hash, or the first number behind it that was free.
    owners: HashMap<u64, (Metric<'a>, usize)>,
    /// What was asked for last, with who owns it.
    last: Option<(Metric<'a>, usize, usize)>,
}

impl<'a> Owners<'a> {
    /// `pages` is how many have a family of this kind.
    pub(super) fn new(kind: Kind, pages: usize) -> Self {
        Self { kind, hashes: RandomState::new(), owners: HashMap::with_capacity(pages), last: None }
    }

    /// Whose the metric is that has a row with these labels: `page` itself if none before has it. A metric is told
    /// apart without `le` and `quantile`: a histogram is taken from one page only.
    pub(super) fn of(&mut self, labels: &'a str, page: usize) -> usize {
        let metric = Metric::new(labels, self.kind);
        // The parts of a histogram follow one another.
        if let Some((last, asker, owner)) = &self.last
            && *asker == page
            && last.reads_as(&metric)
        {
            return *owner;
        }
        let hash = |pair: &str| self.hashes.hash_one(pair);
        let mut key = metric.pairs().map(hash).fold(0, u64::wrapping_add);
        let owner = loop {
            match self.owners.entry(key) {
                Entry::Vacant(free) => break free.insert((metric, page)).1,
                Entry::Occupied(known) if known.get().0.is(&metric) => break known.get().1,
                Entry::Occupied(_) => key = key.wrapping_add(1),
            }
        };
        self.last = Some((metric, page, owner));
        owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Labels as a page would write them, with what tells the metric from others.
    fn labels() -> impl Strategy<Value = (String, Vec<String>)> {
        let pairs =
            proptest::sample::subsequence(vec!["a=\"1\"", "b=\"\\\"\"", "c=\"2,le=\""], 0..=3).prop_shuffle();
        (pairs, proptest::option::of(0u8..3)).prop_map(|(pairs, le)| {
            let mut written: Vec<String> = pairs.into_iter().map(str::to_owned).collect();
            let mut metric = written.clone();
            metric.sort();
            written.extend(le.map(|le| format!("le=\"{le}\"")));
            (written.join(","), metric)
        })
    }

    proptest! {
        #[test]
        fn the_first_page_that_has_a_metric_owns_it(
            pages in proptest::collection::vec(proptest::collection::vec(labels(), 0..6), 0..6),
        ) {
            let mut owners = Owners::new(Kind::Histogram, pages.len());
            let mut first: HashMap<&[String], usize> = HashMap::new();
            for (page, rows) in pages.iter().enumerate() {
                for (labels, metric) in rows {
                    let expected = *first.entry(metric).or_insert(page);
                    prop_assert_eq!(owners.of(labels, page), expected);
                }
            }
        }
    }

    #[test]
    fn two_whose_hashes_are_alike_are_told_apart() {
        let mut owners = Owners::new(Kind::Gauge, 2);
        let sum = |owners: &Owners<'_>, labels| {
            Metric::new(labels, Kind::Gauge)
                .pairs()
                .map(|pair| owners.hashes.hash_one(pair))
                .fold(0, u64::wrapping_add)
        };
        // Another stands where this one would.
        let key = sum(&owners, "a=\"1\"");
        owners.owners.insert(key, (Metric::new("b=\"1\"", Kind::Gauge), 0));
        assert_eq!(owners.of("a=\"1\"", 1), 1);
        assert_eq!(owners.of("c=\"1\"", 1), 1);
        assert_eq!(owners.of("a=\"1\"", 2), 1);
    }
}

//! Finding the records that a destination refuses among those that it would take.
//!
//! A refusal does not say which record it is about. What was refused is cut in two and each half sent on
//! its own, and so on, until what is refused is one record: about two requests for each doubling, 28 for one
//! record in 10,000. The others arrive on the way, each once.
//!
//! **Order.** The smallest and the largest of the parts that are left take turns. Going for the smallest
//! soon comes to single records, and so finds something to deliver even if every tenth record is bad; going
//! for the largest finds the end of a run of bad ones.
//!
//! **Bound.** A destination that refuses everything would cost two requests for every record. So patience
//! ends after [`PATIENCE`] refusals without anything taken: from then on what is refused is not cut any
//! more, until something is taken. Where a search ended without anything taken, the next one starts with as
//! little as [`LITTLE_PATIENCE`]: one record in trouble is still found, a destination that takes nothing is
//! not asked over and over.
//!
//! Pure: one part is under way at a time, and the caller says what came of it.

use super::portion::Portion;

/// How many refusals in a row, without anything taken, end the search.
const PATIENCE: u32 = 64;
/// The same after a search that found nothing to deliver.
const LITTLE_PATIENCE: u32 = 7;

/// See the module.
#[derive(Debug)]
pub(super) struct Search {
    /// What is still to be sent, the smallest first.
    open: Vec<Portion>,
    patience: u32,
    largest_next: bool,
    /// Something of it was taken.
    fruitful: bool,
}

impl Search {
    /// Begins with the whole. `hopeless` says that the search before took nothing.
    pub(super) fn new(whole: Portion, hopeless: bool) -> Self {
        let patience = if hopeless { LITTLE_PATIENCE } else { PATIENCE };
        Self { open: vec![whole], patience, largest_next: false, fruitful: false }
    }

    /// What to send next; `None` if all of it was handed out.
    pub(super) fn next(&mut self) -> Option<Portion> {
        self.largest_next = !self.largest_next;
        if self.largest_next || self.open.is_empty() { self.open.pop() } else { Some(self.open.remove(0)) }
    }

    /// Nothing came of it: it is to be sent again.
    pub(super) fn again(&mut self, portion: Portion) {
        let at = self.open.partition_point(|other| other.events() < portion.events());
        self.open.insert(at, portion);
    }

    /// Something was taken.
    pub(super) fn taken(&mut self) {
        self.patience = PATIENCE;
        self.fruitful = true;
    }

    /// What was refused: it is cut and stays open, or comes back, to be given up.
    pub(super) fn refused(&mut self, portion: Portion) -> Option<Portion> {
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            return Some(portion);
        }
        match portion.halves() {
            Ok((first, second)) => {
                self.again(first);
                self.again(second);
                None
            }
            Err(one) => Some(one),
        }
    }

    /// Whether nothing is left to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether anything of it was taken.
    pub(super) fn is_fruitful(&self) -> bool {
        self.fruitful
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::otlp::rig::{lines, records};
    use proptest::prelude::*;
    use vigie_pipeline::batch::{Batch, Envelope, Signal};

    /// A parcel of `count` records called by their numbers, in batches of 100.
    fn parcel(count: usize) -> Portion {
        let bodies: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        let batches: Vec<Batch> = bodies
            .chunks(100)
            .map(|bodies| {
                let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
                Batch {
                    signal: Signal::Logs,
                    envelope: Arc::new(Envelope::default()),
                    records: records(&bodies).into(),
                    count: bodies.len() as u32,
                }
            })
            .collect();
        Portion::of(&batches)
    }

    /// Plays a destination that refuses these records: (delivered, given up, requests).
    fn play(count: usize, hopeless: bool, poison: impl Fn(usize) -> bool) -> (Vec<usize>, Vec<usize>, usize) {
        let numbers = |portion: &Portion| -> Vec<usize> {
            lines(&portion.chunks().concat()).iter().map(|line| line.parse().unwrap()).collect()
        };
        let mut search = Search::new(parcel(count), hopeless);
        let (mut delivered, mut given_up, mut requests) = (Vec::new(), Vec::new(), 0);
        while let Some(portion) = search.next() {
            requests += 1;
            let found = numbers(&portion);
            if found.iter().copied().any(&poison) {
                given_up.extend(search.refused(portion).iter().flat_map(numbers));
            } else {
                search.taken();
                delivered.extend(found);
            }
        }
        delivered.sort_unstable();
        given_up.sort_unstable();
        (delivered, given_up, requests)
    }

    #[test]
    fn one_record_in_ten_thousand_is_found_wherever_it_stands() {
        for at in [0, 1, 99, 100, 4_999, 5_000, 7_777, 9_998, 9_999] {
            let (delivered, given_up, requests) = play(10_000, false, |n| n == at);
            assert_eq!((delivered.len(), given_up), (9_999, vec![at]));
            assert!(requests <= 31, "{requests}");
        }
    }

    #[test]
    fn it_is_found_even_where_the_parcel_before_was_refused_whole() {
        let (delivered, given_up, _) = play(10_000, true, |n| n == 7_777);
        assert_eq!((delivered.len(), given_up), (9_999, vec![7_777]));
    }

    #[test]
    fn a_run_of_bad_records_is_cut_out() {
        for run in [0..500, 3_000..3_500, 9_500..10_000] {
            let (delivered, given_up, requests) = play(10_000, false, |n| run.contains(&n));
            assert_eq!(delivered.len() + given_up.len(), 10_000);
            assert!(given_up.len() < 600, "{run:?}: {}", given_up.len());
            assert!(requests < 1_500, "{requests}");
        }
    }

    #[test]
    fn every_tenth_record_is_found() {
        let (delivered, given_up, _) = play(2_000, false, |n| n % 10 == 3);
        assert_eq!((delivered.len(), given_up.len()), (1_800, 200));
    }

    #[test]
    fn a_destination_that_refuses_everything_is_not_asked_for_every_record() {
        let (delivered, given_up, requests) = play(10_000, false, |_| true);
        assert_eq!((delivered.len(), given_up.len()), (0, 10_000));
        assert!(requests < 3 * PATIENCE as usize, "{requests}");
        let (_, _, requests) = play(10_000, true, |_| true);
        assert!(requests < 3 * LITTLE_PATIENCE as usize, "{requests}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_few_bad_records_are_all_that_is_not_delivered(
            count in 1usize..3_000, bad in proptest::collection::btree_set(0usize..3_000, 0..6)
        ) {
            let bad: BTreeSet<usize> = bad.into_iter().filter(|n| *n < count).collect();
            let (delivered, given_up, requests) = play(count, false, |n| bad.contains(&n));
            prop_assert_eq!(given_up, bad.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(delivered, (0..count).filter(|n| !bad.contains(n)).collect::<Vec<_>>());
            prop_assert!(requests <= 1 + 26 * bad.len());
        }

        #[test]
        fn no_record_is_forgotten_whatever_is_refused(count in 1usize..1_000, modulus in 1usize..7) {
            let (mut delivered, given_up, _) = play(count, false, |n| n % 7 < modulus);
            delivered.extend(given_up);
            delivered.sort_unstable();
            prop_assert_eq!(delivered, (0..count).collect::<Vec<_>>());
        }
    }
}

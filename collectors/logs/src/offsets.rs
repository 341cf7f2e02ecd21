//! Up to where a file is done with, while acknowledgements arrive in any order.

use std::collections::VecDeque;

use super::identity::Mark;

/// The lowest unacknowledged position of one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offsets {
    done: Mark,
    /// In the order in which they were read; the first one is never settled.
    pending: VecDeque<Pending>,
}

#[derive(Debug, Clone)]
struct Pending {
    token: u64,
    end: Mark,
    settled: bool,
}

impl Offsets {
    /// All before `start` is done with.
    pub(crate) fn new(start: Mark) -> Self {
        Self { done: start, pending: VecDeque::new() }
    }

    /// What was read up to `end` was offered under `token`, which is larger than all tokens before it.
    pub(crate) fn offered(&mut self, token: u64, end: Mark) {
        self.pending.push_back(Pending { token, end, settled: false });
    }

    /// What was read up to `end` needed no offer: it was filtered, or is no line. Returns the new position
    /// if it has moved.
    pub(crate) fn passed(&mut self, end: Mark) -> Option<Mark> {
        match self.pending.back_mut() {
            Some(last) => {
                last.end = end;
                None
            }
            None => {
                self.done = end;
                Some(end)
            }
        }
    }

    /// The destinations are done with the batch called `token`. Returns the new position if it has moved.
    /// A token of a time before this tracker is ignored.
    pub(crate) fn settled(&mut self, token: u64) -> Option<Mark> {
        let at = self.pending.binary_search_by_key(&token, |pending| pending.token).ok()?;
        self.pending[at].settled = true;
        let before = self.pending.len();
        while let Some(first) = self.pending.pop_front_if(|first| first.settled) {
            self.done = first.end;
        }
        (self.pending.len() < before).then_some(self.done)
    }

    /// Everything before it is done with.
    pub(crate) fn position(&self) -> Mark {
        self.done
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn mark(offset: u64) -> Mark {
        Mark { offset, ..Mark::START }
    }

    #[test]
    fn a_later_acknowledgement_does_not_pass_an_earlier_batch() {
        let mut offsets = Offsets::new(mark(5));
        offsets.offered(1, mark(10));
        offsets.offered(2, mark(20));
        assert_eq!(offsets.settled(2), None);
        assert_eq!(offsets.position(), mark(5));
        assert_eq!(offsets.settled(1), Some(mark(20)));
        assert!(offsets.is_settled());
    }

    #[test]
    fn what_was_filtered_is_passed_with_the_batch_before_it() {
        let mut offsets = Offsets::new(mark(0));
        assert_eq!(offsets.passed(mark(3)), Some(mark(3)));
        offsets.offered(1, mark(10));
        assert_eq!(offsets.passed(mark(15)), None);
        assert_eq!(offsets.position(), mark(3));
        assert_eq!(offsets.settled(1), Some(mark(15)));
    }

    proptest! {
        /// Against a model that keeps every byte: the position is the end of the longest prefix of which
        /// every byte is settled or passed.
        #[test]
        fn the_position_is_the_lowest_unacknowledged_one(
            steps in proptest::collection::vec((0u8..3, 1u64..50, any::<proptest::sample::Index>()), 1..100)
        ) {
            let mut offsets = Offsets::new(mark(0));
            let mut ranges: Vec<(u64, Option<u64>)> = Vec::new(); // end, token while open
            let mut open: Vec<u64> = Vec::new();
            let mut end = 0;
            for (token, (step, len, which)) in steps.into_iter().enumerate() {
                let token = token as u64;
                match step {
                    0 => {
                        end += len;
                        offsets.offered(token, mark(end));
                        ranges.push((end, Some(token)));
                        open.push(token);
                    }
                    1 => {
                        end += len;
                        offsets.passed(mark(end));
                        ranges.push((end, None));
                    }
                    _ if open.is_empty() => {}
                    _ => {
                        let token = open.swap_remove(which.index(open.len()));
                        offsets.settled(token);
                        offsets.settled(token);
                        for range in ranges.iter_mut().filter(|range| range.1 == Some(token)) {
                            range.1 = None;
                        }
                    }
                }
                let lowest = ranges.iter().take_while(|range| range.1.is_none()).last().map_or(0, |range| range.0);
                // What was passed behind an open batch is reached together with that batch.
                prop_assert_eq!(offsets.position().offset, lowest);
                prop_assert_eq!(offsets.is_settled(), open.is_empty());
            }
        }
    }
}

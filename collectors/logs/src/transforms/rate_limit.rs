//! `rate_limit`: at most so many records in a time, for each key.
//!
//! A token bucket holds as many tokens as records may come at once, and is full again after `per`. It is kept as the
//! time at which it will be full (the generic cell rate algorithm), in exact numbers. The time is that of the records,
//! so that what is read late is limited as it would have been at once. One that goes back by more than the bucket
//! can owe is of another clock, and begins anew.
//!
//! The number of keys is bounded: buckets that are full are forgotten, and where there are too many others, new
//! keys share one bucket.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

/// So many keys have buckets of their own.
const MOST_KEYS: usize = 10_000;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct RateLimit {
    records: u128,
    /// In nanoseconds.
    per: u128,
    buckets: HashMap<u128, Bucket>,
    /// Shared by keys that have none.
    overflow: Bucket,
    /// When buckets were last looked through for such as are full.
    swept: Option<u64>,
}

/// When it will be full: nanoseconds times `records`.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket(u128);

impl RateLimit {
    pub(super) fn new(records: u32, per: Duration) -> Self {
        Self {
            records: records.into(),
            per: per.as_nanos(),
            buckets: HashMap::new(),
            overflow: Bucket::default(),
            swept: None,
        }
    }

    /// Whether a record of this key may pass, at a time in nanoseconds.
    pub(super) fn passes(&mut self, key: u128, at: u64) -> bool {
        if self.buckets.len() >= MOST_KEYS && !self.buckets.contains_key(&key) {
            self.sweep(at);
        }
        let now = u128::from(at) * self.records;
        let is_full = self.buckets.len() >= MOST_KEYS;
        let bucket = match self.buckets.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => &mut self.overflow,
            Entry::Vacant(new) => new.insert(Bucket::default()),
        };
        bucket.take(now, self.per, self.records)
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        (self.overflow, self.swept) = (Bucket::default(), None);
        self.buckets.clear();
    }

    /// Forgets buckets that are full; at most so often as one fills.
    fn sweep(&mut self, at: u64) {
        if self.swept.is_some_and(|swept| u128::from(at.abs_diff(swept)) < self.per) {
            return;
        }
        self.swept = Some(at);
        let now = u128::from(at) * self.records;
        let most = self.per * self.records;
        self.buckets.retain(|_, bucket| bucket.0 > now && bucket.0 <= now + 2 * most);
    }
}

impl Bucket {
    /// Takes a token, if there is one: one comes back in `per` of these units, `records` of them fill it.
    fn take(&mut self, now: u128, per: u128, records: u128) -> bool {
        let all = per * records;
        // It never owes more than all of its tokens.
        if self.0 > now + 2 * all {
            self.0 = now;
        }
        let full_at = self.0.max(now) + per;
        let passes = full_at <= now + all;
        if passes {
            self.0 = full_at;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn so_many_pass_at_once_and_then_one_after_the_other() {
        let mut limit = RateLimit::new(4, Duration::from_secs(1));
        let start = 1_700_000_000 * SECOND;
        let passed = |limit: &mut RateLimit, at| (0..10).filter(|_| limit.passes(1, at)).count();
        assert_eq!(passed(&mut limit, start), 4);
        assert_eq!(passed(&mut limit, start + SECOND / 4 - 1), 0);
        assert_eq!(passed(&mut limit, start + SECOND / 4), 1);
        assert_eq!(passed(&mut limit, start + 3 * SECOND), 4);
        assert!(limit.passes(2, start + 3 * SECOND), "another key has its own");
    }

    #[test]
    fn a_clock_that_steps_back_holds_nothing_up() {
        let mut limit = RateLimit::new(1, Duration::from_secs(1));
        let start = 1_700_000_000 * SECOND;
        assert!(limit.passes(1, start + 1000 * SECOND));
        assert!(limit.passes(1, start));
        assert!(!limit.passes(1, start));
        assert!(limit.passes(1, start + SECOND));
    }

    #[test]
    fn there_are_not_more_buckets_than_are_allowed() {
        let mut limit = RateLimit::new(2, Duration::from_secs(1));
        let start = 1_700_000_000 * SECOND;
        let passed = (0..MOST_KEYS as u128 + 50).filter(|key| limit.passes(*key, start)).count();
        assert_eq!(passed, MOST_KEYS + 2, "the others share one bucket");
        assert_eq!(limit.buckets.len(), MOST_KEYS);
        assert!(limit.passes(u128::MAX, start + 2 * SECOND));
        assert!(limit.buckets.len() < 10, "what is full again is forgotten");
    }

    proptest! {
        /// Against a bucket that is filled drop by drop.
        #[test]
        fn it_is_a_token_bucket(
            records in 1u32..6,
            steps in proptest::collection::vec(0u64..400, 1..60),
        ) {
            // A token comes each 60 units of time, whatever the number of records.
            let per = Duration::from_nanos(60 * u64::from(records));
            let mut limit = RateLimit::new(records, per);
            let full = 60 * u64::from(records);
            let (mut level, mut at) = (full, 1_000_000);
            for step in steps {
                at += step;
                level = full.min(level + step);
                let passes = level >= 60;
                if passes {
                    level -= 60;
                }
                prop_assert_eq!(limit.passes(3, at), passes);
            }
        }
    }
}

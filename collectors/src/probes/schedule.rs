//! When a probe runs: at fixed times that were intended beforehand.
//!
//! The first run comes at once, but for a small spread. From then on each probe keeps to a grid of its own
//! interval whose offset is a hash of its name: however many probes there are, they do not fire together,
//! and a restart does not move them against each other. A run that takes longer than the interval does not shift
//! the grid: the times that passed meanwhile are skipped, and counted, so that a slow target cannot hide in
//! the runs that never happened.

use std::time::{Duration, Instant};

/// The first runs of all probes are spread over this time, or over their interval if it is shorter.
const FIRST_SPREAD: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    next: Instant,
    interval: Duration,
}

impl Schedule {
    /// The schedule of the probe called `name`, which begins `now`: the time of its first run, and the grid
    /// that follows it.
    pub(super) fn new(name: &str, interval: Duration, now: Instant) -> (Instant, Self) {
        let interval = interval.max(Duration::from_millis(1));
        let hash = fnv1a(name.as_bytes());
        let first = now + share(hash, FIRST_SPREAD.min(interval));
        let mut next = now + share(hash.rotate_left(32), interval);
        // Half an interval at least between the first run and the second.
        while next < first + interval / 2 {
            next += interval;
        }
        (first, Self { next, interval })
    }

    /// Passes over the times that lie behind `now`, and says how many they were. What is left is the next
    /// time to run.
    pub(super) fn skip(&mut self, now: Instant) -> u64 {
        let late = now.saturating_duration_since(self.next);
        if late.is_zero() {
            return 0;
        }
        let missed = late.as_nanos().div_ceil(self.interval.as_nanos());
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        self.next += self.interval.saturating_mul(missed);
        u64::from(missed)
    }

    /// Takes the next time.
    pub(super) fn take(&mut self) -> Instant {
        let at = self.next;
        self.next += self.interval;
        at
    }
}

/// The part of `whole` that `hash` stands for.
fn share(hash: u64, whole: Duration) -> Duration {
    whole.mul_f64((hash >> 11) as f64 / (1u64 << 53) as f64)
}

/// FNV-1a with a final mix, so that names that differ in their last letter lie far apart.
fn fnv1a(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn runs_keep_to_their_grid_whatever_they_take() {
        let now = Instant::now();
        let (first, mut schedule) = Schedule::new("home", 10 * SECOND, now);
        assert!(first >= now && first < now + FIRST_SPREAD);
        let second = schedule.take();
        assert!(second >= first + 5 * SECOND && second < first + 16 * SECOND);
        assert_eq!(schedule.skip(second + 3 * SECOND), 0);
        assert_eq!(schedule.take(), second + 10 * SECOND);
        // The third run took until 25 s after its successor should have begun.
        assert_eq!(schedule.skip(second + 45 * SECOND), 3);
        assert_eq!(schedule.take(), second + 50 * SECOND);
    }

    #[test]
    fn a_time_that_is_met_exactly_is_not_skipped() {
        let (_, mut schedule) = Schedule::new("a", SECOND, Instant::now());
        let next = schedule.next;
        assert_eq!(schedule.skip(next), 0);
        assert_eq!(schedule.skip(next + SECOND), 1);
        assert_eq!(schedule.take(), next + SECOND);
    }

    #[test]
    fn probes_are_spread_over_their_interval() {
        let now = Instant::now();
        let mut tenths = [0; 10];
        for i in 0..1000 {
            let (_, mut schedule) = Schedule::new(&format!("probe-{i}"), 10 * SECOND, now);
            let offset = (schedule.take() - now).as_millis() % 10_000;
            tenths[(offset / 1000) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (60..=140).contains(n)), "{tenths:?}");
    }

    proptest! {
        #[test]
        fn what_is_left_after_skipping_is_never_behind_and_less_than_an_interval_ahead(
            name in ".{0,20}", interval in 0u64..100_000, late in 0u64..10_000_000
        ) {
            let now = Instant::now();
            let interval = Duration::from_millis(interval);
            let (_, mut schedule) = Schedule::new(&name, interval, now);
            let then = schedule.next + Duration::from_micros(late);
            schedule.skip(then);
            let next = schedule.take();
            prop_assert!(next >= then && next < then + interval.max(Duration::from_millis(1)));
        }
    }
}

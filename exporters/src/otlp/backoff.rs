//! Exponential back-off with jitter, and the pace that it sets for one signal.
//!
//! Pure: time and chance are passed in. When a request fails in a way that may pass, *all* requests of its
//! signal wait, so that a destination in trouble is not hammered; after the wait one request alone tries,
//! and only when it gets through do the others follow.

use std::time::Duration;

use tokio::time::Instant;

/// How long to wait for the n-th time in a row: about `initial`, then twice as long each time, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    initial: Duration,
    max: Duration,
}

/// Why two durations are no back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BackoffError {
    #[error("`initial` must be at least 1ms")]
    TooShort,
    #[error("`max` must not be shorter than `initial`")]
    MaxBelowInitial,
    #[error("`max` must be at most 1h")]
    TooLong,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_secs(3600);

    pub(super) fn new(initial: Duration, max: Duration) -> Result<Self, BackoffError> {
        if initial < Self::SHORTEST {
            return Err(BackoffError::TooShort);
        }
        if max < initial {
            return Err(BackoffError::MaxBelowInitial);
        }
        if max > Self::LONGEST {
            return Err(BackoffError::TooLong);
        }
        Ok(Self { initial, max })
    }

    /// The wait after `failures` in a row, counted from 1. `chance`, from 0 to 1, spreads it over the upper
    /// half: agents that lost their destination at the same moment do not come back at the same moment.
    pub(super) fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let full = self.initial.saturating_mul(1 << doublings).min(self.max);
        full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

/// No destination makes the agent wait longer than this, whatever its `Retry-After` says.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Whether requests of one signal may be sent now, and how many at once.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    backoff: Backoff,
    failures: u32,
    /// When the present wait began and ends.
    wait: Option<(Instant, Instant)>,
}

impl Pace {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0, wait: None }
    }

    /// A request that was sent at `sent` failed at `now`; the destination may have said how long to wait.
    /// Requests that were under way together count as one failure.
    pub(super) fn failed(&mut self, sent: Instant, now: Instant, asked: Option<Duration>, chance: f64) {
        if self.wait.is_none_or(|(began, _)| sent > began) {
            self.failures = self.failures.saturating_add(1);
            self.wait = Some((now, now + self.backoff.wait(self.failures, chance)));
        }
        if let (Some(asked), Some((_, end))) = (asked, &mut self.wait) {
            *end = (*end).max(now + asked.min(LONGEST_RETRY_AFTER));
        }
    }

    /// A request got an answer that asks for no further try. A wait that has begun still ends in its time.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
    }

    /// The end of the present wait, if it is still to come.
    pub(super) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.wait.map(|(_, end)| end).filter(|end| *end > now)
    }

    /// How many requests may be under way at `now`, out of `most`.
    pub(super) fn allowed(&self, now: Instant, most: usize) -> usize {
        match self.waits_until(now) {
            Some(_) => 0,
            None if self.failures > 0 => 1,
            None => most,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn pace() -> (Pace, Instant) {
        (Pace::new(Backoff::new(ms(500), ms(30_000)).unwrap()), Instant::now())
    }

    #[test]
    fn durations_that_make_no_back_off_are_refused() {
        assert_eq!(Backoff::new(Duration::ZERO, ms(1)), Err(BackoffError::TooShort));
        assert_eq!(Backoff::new(ms(2), ms(1)), Err(BackoffError::MaxBelowInitial));
        assert_eq!(Backoff::new(ms(2), Duration::from_secs(3601)), Err(BackoffError::TooLong));
    }

    proptest! {
        #[test]
        fn waits_grow_within_their_bounds(
            initial in 1u64..100_000, more in 0u64..1_000_000, failures in 1u32..100, chance in 0.0f64..=1.0,
        ) {
            let backoff = Backoff::new(ms(initial), ms(initial + more)).unwrap();
            let wait = backoff.wait(failures, chance);
            prop_assert!(wait >= ms(initial) / 2 && wait <= ms(initial + more));
            prop_assert!(backoff.wait(failures + 1, chance) >= wait);
            prop_assert!(backoff.wait(failures, 1.0) <= 2 * backoff.wait(failures, 0.0) + Duration::from_nanos(2));
        }

        #[test]
        fn nothing_is_sent_before_the_wait_is_over_and_then_one_alone(
            steps in proptest::collection::vec((0u64..2_000, any::<bool>(), 0.0f64..=1.0), 1..50)
        ) {
            let (mut pace, mut now) = pace();
            for (pause, fails, chance) in steps {
                now += ms(pause);
                if pace.allowed(now, 4) == 0 {
                    let end = pace.waits_until(now).unwrap();
                    prop_assert!(end <= now + ms(30_000));
                    prop_assert_eq!(pace.allowed(end, 4), if pace.failures > 0 { 1 } else { 4 });
                } else if fails {
                    pace.failed(now, now, None, chance);
                    prop_assert_eq!(pace.allowed(now, 4), 0);
                } else {
                    pace.answered();
                    prop_assert_eq!(pace.allowed(now, 4), 4);
                }
            }
        }
    }

    #[test]
    fn requests_that_were_under_way_together_fail_as_one() {
        let (mut pace, start) = pace();
        for _ in 0..4 {
            pace.failed(start, start + ms(10), None, 1.0);
        }
        assert_eq!(pace.waits_until(start + ms(10)), Some(start + ms(510)));
        pace.failed(start + ms(510), start + ms(520), None, 1.0);
        assert_eq!(pace.waits_until(start + ms(520)), Some(start + ms(1520)));
    }

    #[test]
    fn a_destination_may_ask_for_a_longer_wait_but_not_for_ever() {
        let (mut pace, start) = pace();
        pace.failed(start, start, Some(ms(7_000)), 0.0);
        assert_eq!(pace.waits_until(start), Some(start + ms(7_000)));
        pace.failed(start, start, Some(Duration::from_secs(u64::MAX)), 0.0);
        assert_eq!(pace.waits_until(start), Some(start + LONGEST_RETRY_AFTER));
    }
}

//! For how long some destinations wait for others.
//!
//! Destinations that are about as fast as each other wait for each other all the time, a little: it would be a
//! waste to read for each of them apart. One that takes nothing must not hold up the others for long. So each may
//! be waited for [`AT_ONCE`], and for a share of the time besides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For so long a destination may be waited for that was not waited for before.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Waiting is forgiven in so many times the time that was waited.
const FORGIVEN_IN: u32 = 20;

/// What each destination has cost the others.
#[derive(Debug, Default)]
pub(super) struct Patience(HashMap<Arc<str>, Cost>);

#[derive(Debug)]
struct Cost {
    waited: Duration,
    /// Up to when it is counted.
    at: Instant,
    /// Whether it is being waited for since then.
    waiting: bool,
}

impl Cost {
    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.waited = if self.waiting {
            self.waited + passed
        } else {
            self.waited.saturating_sub(passed / FORGIVEN_IN)
        };
        self.at = now;
    }
}

impl Patience {
    /// Nobody waits for anybody.
    pub(super) fn no_wait(&mut self, now: Instant) {
        self.waits_for(&[], now);
    }

    /// The others wait for these. Returns those for which they have waited long enough.
    pub(super) fn waited(&mut self, lacking: &[Arc<str>], now: Instant) -> Vec<Arc<str>> {
        for name in lacking {
            let nothing = || Cost { waited: Duration::ZERO, at: now, waiting: false };
            self.0.entry(Arc::clone(name)).or_insert_with(nothing);
        }
        self.waits_for(lacking, now);
        let spent: Vec<_> = self
            .0
            .iter()
            .filter(|(_, cost)| cost.waiting && cost.waited >= AT_ONCE)
            .map(|(n, _)| Arc::clone(n))
            .collect();
        for name in &spent {
            self.0.remove(name);
        }
        spent
    }

    fn waits_for(&mut self, lacking: &[Arc<str>], now: Instant) {
        for (name, cost) in &mut self.0 {
            cost.pass(now);
            cost.waiting = lacking.contains(name);
        }
        self.0.retain(|_, cost| cost.waiting || !cost.waited.is_zero());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn one_that_takes_nothing_is_waited_for_once_and_not_for_long() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let slow = names(&["slow"]);
        assert!(patience.waited(&slow, start).is_empty());
        assert!(patience.waited(&slow, start + AT_ONCE / 2).is_empty());
        assert_eq!(patience.waited(&slow, start + AT_ONCE), slow);
    }

    #[test]
    fn small_waits_add_up_unless_they_are_rare() {
        let (mut patience, mut now) = (Patience::default(), Instant::now());
        let slow = names(&["slow"]);
        // A tenth of a second each 2.2 seconds is forgiven, each second is not.
        for (pause, is_too_much) in [(Duration::from_millis(2100), false), (Duration::from_millis(900), true)]
        {
            let mut spent = false;
            for _ in 0..40 {
                spent |= !patience.waited(&slow, now).is_empty();
                now += Duration::from_millis(100);
                spent |= !patience.waited(&slow, now).is_empty();
                patience.no_wait(now);
                now += pause;
            }
            assert_eq!(spent, is_too_much, "{pause:?}");
        }
    }

    #[test]
    fn it_is_not_the_fault_of_one_that_others_are_waited_for() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        patience.waited(&names(&["a", "b"]), start);
        patience.waited(&names(&["b"]), start + AT_ONCE / 2);
        assert_eq!(patience.waited(&names(&["a", "b"]), start + AT_ONCE), names(&["b"]));
        assert!(patience.0.contains_key("a"));
    }
}

//! How many reports a group may have: one that starts again and again must not flood.

use std::time::{Duration, Instant};

use super::ending::Cause;

/// So many reports ...
const MOST: u32 = 10;

/// ... in so much time, from the first one on.
const WITHIN: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Ration {
    since: Option<Instant>,
    reports: u32,
    left_out: LeftOut,
}

/// How many were not reported, by cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeftOut(pub(super) [u64; Cause::ALL.len()]);

impl LeftOut {
    pub(super) fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Ration {
    /// Whether a report may be made now.
    pub(super) fn admits(&mut self, cause: Cause, now: Instant) -> bool {
        // What was left out before is told first, by whoever asks for it.
        let is_over = self.since.is_none_or(|since| now.saturating_duration_since(since) >= WITHIN);
        if is_over && self.left_out.total() == 0 {
            (self.since, self.reports) = (Some(now), 0);
        }
        self.reports += 1;
        if self.reports <= MOST {
            return true;
        }
        self.left_out.0[cause as usize] += 1;
        false
    }

    /// What was left out, once the time is over.
    pub(super) fn left_out(&mut self, now: Instant) -> Option<LeftOut> {
        let is_over = self.since.is_some_and(|since| now.saturating_duration_since(since) >= WITHIN);
        if !is_over {
            return None;
        }
        (self.since, self.reports) = (None, 0);
        Some(std::mem::take(&mut self.left_out)).filter(|left_out| left_out.total() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_death_is_reported_or_counted_and_no_minute_has_more_than_its_reports(
            pauses in proptest::collection::vec(0..20_000_u64, 1..200), looks in 1..20_usize,
        ) {
            let mut ration = Ration::default();
            let mut now = Instant::now();
            let (mut reported, mut told) = (Vec::new(), 0);
            for (number, pause) in pauses.iter().enumerate() {
                now += Duration::from_millis(*pause);
                if number % looks == 0 {
                    told += ration.left_out(now).map_or(0, |left_out| left_out.total());
                }
                if ration.admits(Cause::Failed, now) {
                    reported.push(now);
                }
            }
            told += ration.left_out(now + WITHIN).map_or(0, |left_out| left_out.total());
            prop_assert_eq!(reported.len() as u64 + told, pauses.len() as u64);
            // Two windows may meet within a minute.
            for (number, begin) in reported.iter().enumerate() {
                let within = reported[number..].iter().take_while(|at| **at - *begin < WITHIN).count();
                prop_assert!(within <= 2 * MOST as usize);
            }
        }
    }

    #[test]
    fn when_the_storm_is_over_reports_come_again() {
        let mut ration = Ration::default();
        let now = Instant::now();
        let admitted = (0..100).filter(|_| ration.admits(Cause::Exited, now)).count();
        assert_eq!(admitted as u32, MOST);
        assert_eq!(ration.left_out(now), None);
        let later = now + WITHIN;
        assert_eq!(ration.left_out(later).map(|left_out| left_out.total()), Some(90));
        assert_eq!(ration.left_out(later), None);
        assert!(ration.admits(Cause::Exited, later));
    }
}

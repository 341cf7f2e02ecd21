//! Whether a value grows steadily, and how fast.
//!
//! A few dozen points stand for however long it is: those of a whole life are thinned out when there are too many, and
//! their spacing doubled; those of a window fall out of it. Growth is the slope that most points agree on
//! ([`crate::slope`]). None is told of few points, of points that mostly do not rise, as where one step came or where it
//! goes up and down, nor where it has slowed down by half since the first half of the time, as when something warms up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::slope;

/// How many points there are at most.
const MOST: usize = 60;

/// Fewer points are no trend.
const FEWEST: usize = 12;

/// The share of pairs of points that have to rise.
const MAJORITY: f64 = 0.75;

/// How fast the later half has to grow, as a part of how fast the earlier has.
const GOES_ON: f64 = 0.5;

/// See the module.
#[derive(Debug)]
pub(super) struct Trend {
    begin: Instant,
    /// Between points, at least.
    spacing: Duration,
    /// Since the beginning if there is none.
    window: Option<Duration>,
    /// Seconds since the beginning, and the value.
    points: VecDeque<(f64, f64)>,
    growth: f64,
}

impl Trend {
    /// Over all the time from now on, of points that come so often at first.
    pub(super) fn since(begin: Instant, spacing: Duration) -> Self {
        Self { begin, spacing, window: None, points: VecDeque::new(), growth: 0.0 }
    }

    /// Over the last `window`; none if that is no time at all.
    pub(super) fn within(window: Duration, begin: Instant) -> Self {
        let spacing = window / MOST as u32;
        Self { begin, spacing, window: Some(window), points: VecDeque::new(), growth: 0.0 }
    }

    pub(super) fn add(&mut self, now: Instant, value: f64) {
        let at = now.saturating_duration_since(self.begin).as_secs_f64();
        // A look that comes a little early is as good.
        let spacing = 0.9 * self.spacing.as_secs_f64();
        if self.window == Some(Duration::ZERO)
            || self.points.back().is_some_and(|last| at - last.0 < spacing.max(1e-3))
        {
            return;
        }
        self.points.push_back((at, value));
        match self.window {
            Some(window) => {
                let is_old = |first: &(f64, f64)| at - first.0 > window.as_secs_f64();
                while self.points.len() > MOST || self.points.front().is_some_and(is_old) {
                    self.points.pop_front();
                }
            }
            None if self.points.len() > MOST => {
                let mut number = 0;
                self.points.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.spacing *= 2;
            }
            None => {}
        }
        self.growth = self.steady_growth();
    }

    /// How much it grows in a second; 0 if it does not, or not steadily.
    pub(super) fn growth(&self) -> f64 {
        self.growth
    }

    /// Whether there are enough points to tell.
    pub(super) fn is_known(&self) -> bool {
        self.points.len() >= FEWEST
    }

    fn steady_growth(&mut self) -> f64 {
        if !self.is_known() {
            return 0.0;
        }
        let points = self.points.make_contiguous();
        let all = slope::median(points);
        let (earlier, later) = points.split_at(points.len() / 2);
        let goes_on = || slope::median(later).median >= GOES_ON * slope::median(earlier).median;
        if all.median > 0.0 && all.rising >= MAJORITY && goes_on() { all.median } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What is told of a value that is asked for every five seconds, since the start and within an hour.
    fn growth(seconds: u64, value: impl Fn(f64) -> f64) -> (f64, f64) {
        let begin = Instant::now();
        let mut trends = [Trend::since(begin, 5 * SECOND), Trend::within(3600 * SECOND, begin)];
        for at in (0..seconds).step_by(5) {
            for trend in &mut trends {
                trend.add(begin + at as u32 * SECOND, value(at as f64));
                assert!(trend.points.len() <= MOST);
            }
        }
        (trends[0].growth(), trends[1].growth())
    }

    #[test]
    fn a_steady_leak_is_told_after_a_minute_and_for_as_long_as_it_lasts() {
        for seconds in [60, 600, 36_000, 1_000_000] {
            let (since, within) = growth(seconds, |at| 5e7 + 300.0 * at);
            assert!((since - 300.0).abs() < 1e-6, "{seconds} {since}");
            assert!(seconds < 720 && within == 0.0 || (within - 300.0).abs() < 1e-6, "{seconds} {within}");
        }
        assert_eq!(growth(50, |at| at).0, 0.0);
    }

    #[test]
    fn a_leak_that_starts_late_is_told_within_the_window() {
        let (since, within) = growth(900_000, |at| 5e7 + (at - 896_400.0).max(0.0) * 300.0);
        assert_eq!(since, 0.0);
        assert!((within - 300.0).abs() < 1e-6, "{within}");
    }

    #[test]
    fn what_warms_up_steps_or_swings_is_no_leak() {
        // It comes near its full size with a time constant of ten minutes.
        let warms_up = |at: f64| 1e9 * (1.0 - (-at / 600.0).exp());
        for seconds in [1_500, 3_000, 7_200, 86_400] {
            assert_eq!(growth(seconds, warms_up), (0.0, 0.0), "{seconds}");
        }
        assert_eq!(growth(7_200, |at| if at < 5_000.0 { 1e6 } else { 1e9 }), (0.0, 0.0));
        assert_eq!(growth(7_200, |at| 1e9 + 1e8 * (at / 60.0).sin()), (0.0, 0.0));
        assert_eq!(growth(7_200, |_| 1e9), (0.0, 0.0));
        assert_eq!(growth(7_200, |at| 1e9 - at), (0.0, 0.0));
    }

    #[test]
    fn a_leak_in_noise_is_told() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<f64> = (0..2_000).map(|_| random.f64() * 1e6).collect();
        let (since, within) = growth(7_200, |at| 5e7 + 3_000.0 * at + noise[at as usize / 5]);
        for found in [since, within] {
            assert!((found / 3_000.0 - 1.0).abs() < 0.1, "{found}");
        }
    }

    proptest! {
        #[test]
        fn any_values_at_any_times_are_taken(
            told in proptest::collection::vec((any::<f64>(), 0..100_000_u64), 0..200), window in 0..10_000_u64,
        ) {
            let begin = Instant::now();
            let mut now = begin;
            let mut trends = [Trend::since(begin, 5 * SECOND), Trend::within(window as u32 * SECOND, begin)];
            for (value, pause) in told {
                now += Duration::from_millis(pause);
                for trend in &mut trends {
                    trend.add(now, value);
                    prop_assert!(trend.points.len() <= MOST && trend.growth() >= 0.0);
                }
            }
        }
    }
}

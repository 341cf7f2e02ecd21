//! When a resource will be used up: `vigie_exhaustion_seconds{resource, name}`.
//!
//! The group that measures a resource has a [`Forecast`] for it and tells it what is left at each scrape. Of
//! these it keeps [`MOST`] over a window, and takes the median of the slopes between any two of them
//! ([`slope`]): a third of them may be far off, as when a log is rotated away, without any harm to it. What is
//! left divided by that slope is how long it lasts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use vigie_pipeline::clock::Clock;
use vigie_pipeline::page::Page;

use crate::slope::{self, EXHAUSTION};
use crate::system::group::Around;

/// How many points there are in a window at most: the slopes between them are half their square.
const MOST: u32 = 60;

/// Fewer points are no trend.
const FEWEST: usize = 8;

/// See the module.
pub(super) struct Forecast {
    clock: Clock,
    /// What is used up, for the label.
    resource: &'static str,
    /// No forecast is made over a window of zero.
    window: Duration,
    points: VecDeque<Point>,
    /// Per second, as of the newest point.
    slope: Option<f64>,
    /// What was left at the last telling, which need not have become a point.
    left: f64,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    at: Instant,
    left: f64,
}

impl Forecast {
    pub(super) fn new(resource: &'static str, around: &Around) -> Self {
        let (clock, window) = (around.clock.clone(), around.exhaustion_window);
        Self { clock, resource, window, points: VecDeque::new(), slope: None, left: 0.0 }
    }

    /// Tells what is left now, in whatever unit.
    pub(super) fn tell(&mut self, left: f64) {
        self.left = left;
        let now = self.clock.monotonic();
        let is_due = |last: &Point| now.saturating_duration_since(last.at) >= self.window / MOST;
        if self.window.is_zero() || !self.points.back().is_none_or(is_due) {
            return;
        }
        self.points.push_back(Point { at: now, left });
        while self.points.len() > MOST as usize
            || self.points.front().is_some_and(|first| now.duration_since(first.at) > self.window)
        {
            self.points.pop_front();
        }
        self.slope = (self.points.len() >= FEWEST).then(|| self.median_slope());
    }

    /// How long it lasts; none as long as there is no trend.
    fn seconds(&self) -> Option<f64> {
        let slope = self.slope?;
        Some(if slope < 0.0 { self.left.max(0.0) / -slope } else { f64::INFINITY })
    }

    pub(super) fn write(&self, page: &mut Page, name: &str) {
        if let Some(seconds) = self.seconds() {
            let labels = page.labels(&[("name", name), ("resource", self.resource)]);
            page.set(&EXHAUSTION, labels, seconds);
        }
    }

    fn median_slope(&self) -> f64 {
        let Some(first) = self.points.front() else { return 0.0 };
        let seconds = |point: &Point| (point.at.duration_since(first.at).as_secs_f64(), point.left);
        slope::median(&self.points.iter().map(seconds).collect::<Vec<_>>()).median
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    use std::time::SystemTime;

    use vigie_pipeline::commons::Commons;

    fn forecast(window: u64) -> (Forecast, vigie_pipeline::clock::Hand) {
        let (clock, hand) = Clock::manual(SystemTime::UNIX_EPOCH);
        let around = Around {
            clock,
            deadline: Duration::from_secs(5),
            exhaustion_window: Duration::from_secs(window),
            commons: Commons::default(),
        };
        (Forecast::new("disk", &around), hand)
    }

    /// A forecast over an hour that was told a value a minute.
    fn told(values: impl IntoIterator<Item = f64>) -> Forecast {
        let (mut forecast, hand) = forecast(3600);
        for left in values {
            forecast.tell(left);
            hand.advance(Duration::from_secs(60));
        }
        forecast
    }

    fn falling(minutes: u32) -> impl Iterator<Item = f64> {
        (0..minutes).map(|minute| 1000.0 - 6.0 * f64::from(minute))
    }

    #[test]
    fn what_shrinks_steadily_lasts_as_long_as_there_is_of_it() {
        let seconds = told(falling(30)).seconds().unwrap();
        assert!((seconds - (1000.0 - 6.0 * 29.0) * 10.0).abs() < 1e-6);
    }

    #[test]
    fn what_stays_or_grows_lasts_for_ever_and_nothing_left_is_no_time_at_all() {
        assert_eq!(told([5.0; 20]).seconds(), Some(f64::INFINITY));
        assert_eq!(told((0..20).map(f64::from)).seconds(), Some(f64::INFINITY));
        assert_eq!(told((0..20).map(|minute| f64::from(19 - minute))).seconds(), Some(0.0));
    }

    #[test]
    fn a_few_points_are_no_trend_and_a_window_of_zero_never_has_one() {
        assert_eq!(told(falling(7)).seconds(), None);
        assert!(told(falling(8)).seconds().is_some());
        let (mut off, _) = forecast(0);
        off.tell(1.0);
        assert!(off.points.is_empty());
    }

    #[test]
    fn values_between_two_points_count_for_what_is_left_alone() {
        let (mut forecast, hand) = forecast(3600);
        for second in 0..600 {
            forecast.tell(f64::from(1000 - second));
            hand.advance(Duration::from_secs(1));
        }
        assert_eq!(forecast.points.len(), 10);
        assert!((forecast.seconds().unwrap() - 401.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let forecast = told(falling(60).chain(std::iter::repeat_n(640.0, 61)));
        assert_eq!(forecast.seconds(), Some(f64::INFINITY));
        assert!(forecast.points.len() <= MOST as usize);
    }

    proptest! {
        #[test]
        fn a_quarter_of_the_points_may_be_anything(
            slope in -100.0..-1.0_f64,
            wild in proptest::collection::vec((0..60_usize, 0.0..1e6_f64), 0..15),
        ) {
            let mut values: Vec<f64> = (0..60).map(|minute| 1e6 + slope * f64::from(minute)).collect();
            for (at, value) in wild {
                values[at] = value;
            }
            let found = told(values).slope.unwrap() * 60.0;
            prop_assert!((found / slope - 1.0).abs() < 1e-3, "{found} instead of {slope}");
        }

        #[test]
        fn any_values_at_any_times_are_taken(
            told in proptest::collection::vec((any::<f64>(), 0..10_000_u64), 0..200),
            window in 0..100_000_u64,
        ) {
            let (mut forecast, hand) = forecast(window);
            for (left, later) in told {
                hand.advance(Duration::from_secs(later));
                forecast.tell(left);
                prop_assert!(forecast.points.len() <= MOST as usize);
                prop_assert!(forecast.seconds().is_none_or(|seconds| seconds >= 0.0));
            }
        }
    }
}

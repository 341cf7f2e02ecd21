//! The slope of values over time that a third of them cannot falsify: the median of the slopes between any two of them
//! (Theil–Sen).

use vigie_pipeline::metric::Family;

/// The name, type and help of the seconds until something is used up, whoever tells them.
pub(crate) static EXHAUSTION: Family = Family::gauge(
    "vigie_exhaustion_seconds",
    "Seconds until nothing is left, at the slope over the window behind; +Inf where it does not shrink.",
);

/// Of a straight line through `points`, which are `(seconds, value)` at different times, two at least.
pub(crate) fn median(points: &[(f64, f64)]) -> Slope {
    let mut slopes = Vec::with_capacity(points.len() * points.len().saturating_sub(1) / 2);
    for (index, (later, end)) in points.iter().enumerate() {
        slopes.extend(points[..index].iter().map(|(earlier, begin)| (end - begin) / (later - earlier)));
    }
    if slopes.is_empty() {
        return Slope { median: 0.0, rising: 0.0 };
    }
    let rising = slopes.iter().filter(|slope| **slope > 0.0).count() as f64 / slopes.len() as f64;
    let middle = slopes.len() / 2;
    Slope { median: *slopes.select_nth_unstable_by(middle, f64::total_cmp).1, rising }
}

/// See [`median`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    /// Per second.
    pub(crate) median: f64,
    /// The share of slopes that go up: from 0 to 1.
    pub(crate) rising: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_is_no_slope_that_most_points_agree_on() {
        let points = |value: fn(u32) -> f64| -> Vec<(f64, f64)> {
            (0..60).map(|second| (f64::from(second), value(second))).collect()
        };
        let line = median(&points(|second| 3.0 * f64::from(second)));
        assert_eq!((line.median, line.rising), (3.0, 1.0));
        let step = median(&points(|second| if second < 30 { 0.0 } else { 1e9 }));
        assert!(step.rising < 0.52, "{step:?}");
        assert_eq!(median(&points(|_| 7.0)), Slope { median: 0.0, rising: 0.0 });
        assert_eq!(median(&[(1.0, 5.0)]), Slope { median: 0.0, rising: 0.0 });
    }
}

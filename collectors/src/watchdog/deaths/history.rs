//! The last minutes of a process: what it took at each look.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far back it goes.
const SPAN: Duration = Duration::from_secs(5 * 60);

/// However often others look.
const MOST: usize = 60;

/// What a process took at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// In bytes.
    pub(super) resident: u64,
    /// CPU time since its start, in seconds.
    pub(super) cpu: f64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    samples: VecDeque<Sample>,
}

/// A sample with the share of a core that was used since the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// How long before the end.
    pub(super) age: Duration,
    pub(super) resident: u64,
    /// In cores; of the first one none.
    pub(super) cores: f64,
}

impl History {
    pub(super) fn add(&mut self, sample: Sample) {
        if self
            .samples
            .back()
            .is_some_and(|last| sample.at.saturating_duration_since(last.at) < SPAN / MOST as u32)
        {
            return;
        }
        self.samples.push_back(sample);
        let is_old = |first: &Sample| sample.at.saturating_duration_since(first.at) > SPAN;
        while self.samples.len() > MOST || self.samples.front().is_some_and(is_old) {
            self.samples.pop_front();
        }
    }

    /// From the oldest to the newest, as of `end`.
    pub(super) fn points(&self, end: Instant) -> Vec<Point> {
        let mut before: Option<&Sample> = None;
        let mut points = Vec::with_capacity(self.samples.len());
        for sample in &self.samples {
            let cores = before.map_or(0.0, |before| {
                let seconds = sample.at.duration_since(before.at).as_secs_f64();
                if seconds > 0.0 { (sample.cpu - before.cpu).max(0.0) / seconds } else { 0.0 }
            });
            let age = end.saturating_duration_since(sample.at);
            points.push(Point { age, resident: sample.resident, cores });
            before = Some(sample);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_five_minutes_are_kept_however_often_somebody_looks() {
        for pause in [Duration::from_millis(100), Duration::from_secs(5), Duration::from_secs(60)] {
            let mut history = History::default();
            let begin = Instant::now();
            let mut now = begin;
            while now - begin < 3 * SPAN {
                let cpu = (now - begin).as_secs_f64() / 2.0;
                history.add(Sample { at: now, resident: (now - begin).as_secs(), cpu });
                now += pause;
            }
            let points = history.points(now);
            assert!(points.len() <= MOST && points.len() >= 4, "{pause:?}: {}", points.len());
            assert!(points.iter().all(|point| point.age <= SPAN + pause.max(SPAN / MOST as u32)));
            assert!(
                points
                    .windows(2)
                    .all(|pair| pair[0].age > pair[1].age && pair[0].resident < pair[1].resident)
            );
            assert!(points[1..].iter().all(|point| (point.cores - 0.5).abs() < 1e-9));
        }
    }
}

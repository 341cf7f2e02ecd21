//! What a group takes over time.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::trend::Trend;

/// What a group takes at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Taken {
    /// Its members: PID, and start in ticks since boot.
    pub(super) members: HashSet<(u32, u64)>,
    /// In bytes, all together.
    pub(super) resident: u64,
    /// All together.
    pub(super) descriptors: u64,
    /// Of the member that is closest to its limit: what it has open, and what it may.
    pub(super) closest: Option<(u64, u64)>,
}

impl Taken {
    /// One more member.
    pub(super) fn add(&mut self, identity: (u32, u64), resident: u64, open: Option<u64>, limit: Option<u64>) {
        self.members.insert(identity);
        self.resident += resident;
        self.descriptors += open.unwrap_or(0);
        if let (Some(open), Some(limit @ 1..)) = (open, limit) {
            let share = |(open, limit): (u64, u64)| open as f64 / limit as f64;
            if self.closest.is_none_or(|closest| share((open, limit)) > share(closest)) {
                self.closest = Some((open, limit));
            }
        }
    }
}

/// A value over time.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) since_start: Trend,
    pub(super) within_window: Trend,
    last: f64,
}

impl Value {
    fn new(now: Instant, spacing: Duration, window: Duration) -> Self {
        Self { since_start: Trend::since(now, spacing), within_window: Trend::within(window, now), last: 0.0 }
    }

    fn add(&mut self, now: Instant, value: f64) {
        self.last = value;
        self.since_start.add(now, value);
        self.within_window.add(now, value);
    }

    /// How long it takes to `limit` at the faster of the two growths: for ever if it does not grow; none as long as
    /// nobody can tell.
    pub(super) fn seconds_to(&self, limit: f64) -> Option<f64> {
        if !self.since_start.is_known() && !self.within_window.is_known() {
            return None;
        }
        let growth = self.since_start.growth().max(self.within_window.growth());
        Some(if growth > 0.0 { (limit - self.last).max(0.0) / growth } else { f64::INFINITY })
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Group {
    members: HashSet<(u32, u64)>,
    pub(super) resident: Value,
    pub(super) descriptors: Value,
    /// Of the member that is closest to its limit.
    pub(super) closest: Value,
    /// What that one may have open.
    pub(super) closest_limit: Option<u64>,
    spacing: Duration,
    window: Duration,
}

impl Group {
    pub(super) fn new(now: Instant, spacing: Duration, window: Duration) -> Self {
        let value = || Value::new(now, spacing, window);
        Self {
            members: HashSet::new(),
            resident: value(),
            descriptors: value(),
            closest: value(),
            closest_limit: None,
            spacing,
            window,
        }
    }

    /// Takes what the group takes now. Where none is left of those that were there the last time, it was started anew,
    /// and so is its history.
    pub(super) fn add(&mut self, now: Instant, taken: Taken) {
        if self.members.is_disjoint(&taken.members) {
            *self = Self::new(now, self.spacing, self.window);
        }
        if !taken.members.is_empty() {
            self.resident.add(now, taken.resident as f64);
            self.descriptors.add(now, taken.descriptors as f64);
            if let Some((open, _)) = taken.closest {
                self.closest.add(now, open as f64);
            }
            self.closest_limit = taken.closest.map(|(_, limit)| limit);
        }
        self.members = taken.members;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn taken(members: &[u32], resident: u64, open: &[(u64, u64)]) -> Taken {
        let mut taken = Taken::default();
        for (number, pid) in members.iter().enumerate() {
            let (open, limit) = open.get(number).copied().unzip();
            taken.add((*pid, 1), if number == 0 { resident } else { 0 }, open, limit);
        }
        taken
    }

    #[test]
    fn the_member_closest_to_its_limit_counts() {
        let taken = taken(&[1, 2, 3], 0, &[(500, 10_000), (90, 100), (1, 0)]);
        assert_eq!((taken.closest, taken.descriptors), (Some((90, 100)), 591));
    }

    #[test]
    fn a_leak_lasts_until_the_limit_and_ends_with_a_new_start() {
        let begin = Instant::now();
        let mut group = Group::new(begin, 5 * SECOND, 3600 * SECOND);
        let mut now = begin;
        assert_eq!(group.resident.seconds_to(1e9), None);
        for look in 0..40_u64 {
            now = begin + look as u32 * 5 * SECOND;
            // Members may come and go as long as somebody stays.
            group.add(now, taken(&[1, 100 + look as u32], 1_000_000 + 5_000 * look, &[(10 + look, 60)]));
        }
        assert!((group.resident.since_start.growth() - 1_000.0).abs() < 1e-6);
        let left = 2_000_000.0 - (1_000_000.0 + 5_000.0 * 39.0);
        assert!((group.resident.seconds_to(2_000_000.0).unwrap() - left / 1_000.0).abs() < 1e-6);
        assert_eq!(group.resident.seconds_to(0.0), Some(0.0));
        assert_eq!(group.closest_limit, Some(60));
        assert!((group.closest.seconds_to(60.0).unwrap() - 55.0).abs() < 1e-6);
        group.add(now + SECOND, taken(&[200], 1_000_000, &[]));
        assert_eq!((group.resident.since_start.growth(), group.resident.seconds_to(2e6)), (0.0, None));
        group.add(now + 2 * SECOND, Taken::default());
        assert_eq!(group.resident.seconds_to(2e6), None);
    }
}

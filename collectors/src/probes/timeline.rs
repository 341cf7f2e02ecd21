//! What a probe spent its time on: a sequence of spells, each in one phase of one round trip.
//!
//! It is filled while the probe runs and kept by whoever runs it, so that a probe that is cut at its deadline
//! still shows how far it came, and how long the phase lasted that never ended.

use std::time::{Duration, Instant};

use super::failure::Phase;

/// Time in one phase of one round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spell {
    /// Which round trip: 0 is the first, each redirect adds one.
    pub(super) hop: u16,
    pub(super) phase: Phase,
    pub(super) start: Instant,
    pub(super) end: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    spells: Vec<Spell>,
    open: Option<(Phase, Instant)>,
    hop: u16,
}

impl Timeline {
    /// Ends the present phase and begins another.
    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        self.close(now);
        self.open = Some((phase, now));
    }

    /// Begins a phase unless it is already going on.
    pub(super) fn proceed(&mut self, phase: Phase, now: Instant) {
        if self.phase() != Some(phase) {
            self.enter(phase, now);
        }
    }

    /// Ends the present phase, if there is one.
    pub(super) fn close(&mut self, now: Instant) {
        if let Some((phase, start)) = self.open.take() {
            self.spells.push(Spell { hop: self.hop, phase, start, end: now.max(start) });
        }
    }

    /// The next phases belong to the next round trip.
    pub(super) fn next_hop(&mut self, now: Instant) {
        self.close(now);
        self.hop += 1;
    }

    /// The phase that is going on.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.open.map(|(phase, _)| phase)
    }

    /// All that has ended, in order.
    pub(super) fn spells(&self) -> &[Spell] {
        &self.spells
    }

    /// The time in one phase of the first round trip.
    pub(super) fn first(&self, phase: Phase) -> Duration {
        self.spells.iter().filter(|s| s.phase == phase && s.hop == 0).map(|s| s.end - s.start).sum()
    }

    /// The time in one phase, summed over all round trips.
    pub(super) fn sum(&self, phase: Phase) -> Duration {
        self.spells.iter().filter(|s| s.phase == phase).map(|s| s.end - s.start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_summed_over_redirects_and_the_open_one_counts_once_closed() {
        let at = Instant::now();
        let ms = |n| at + Duration::from_millis(n);
        let mut line = Timeline::default();
        line.enter(Phase::Connect, ms(0));
        line.enter(Phase::Processing, ms(2));
        line.next_hop(ms(10));
        line.enter(Phase::Connect, ms(20));
        assert_eq!(line.phase(), Some(Phase::Connect));
        assert_eq!(line.sum(Phase::Connect), Duration::from_millis(2));
        line.close(ms(25));
        assert_eq!(line.sum(Phase::Connect), Duration::from_millis(7));
        assert_eq!(line.sum(Phase::Processing), Duration::from_millis(8));
        assert_eq!(line.sum(Phase::Tls), Duration::ZERO);
        assert_eq!(line.spells().last().map(|s| s.hop), Some(1));
    }

    #[test]
    fn a_clock_that_does_not_move_gives_no_negative_time() {
        let at = Instant::now() + Duration::from_secs(1);
        let mut line = Timeline::default();
        line.enter(Phase::Tls, at);
        line.close(at - Duration::from_millis(1));
        assert_eq!(line.sum(Phase::Tls), Duration::ZERO);
    }
}

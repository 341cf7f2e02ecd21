//! What a probe spent its time on: a sequence of spells, each in one phase of one round trip.
//!
//! It is filled while the probe runs and kept by whoever runs it, so that a probe that is cut at its deadline
//! still shows how far it came, and how long the phase lasted that never ended.

use std::sync::Arc;
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

/// Several round trips that belong together, of a run that has such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: Arc<str>,
    /// The identifier of its span.
    pub(super) span: [u8; 8],
    pub(super) start: Instant,
    pub(super) end: Instant,
    /// The number of its first spell.
    first: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    spells: Vec<Spell>,
    steps: Vec<Step>,
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
        if let Some(step) = self.steps.last_mut() {
            step.end = now.max(step.start);
        }
    }

    /// The next phases belong to the next round trip.
    pub(super) fn next_hop(&mut self, now: Instant) {
        self.close(now);
        self.hop += 1;
    }

    /// Ends the present step and begins another, with a round trip of its own.
    pub(super) fn begin_step(&mut self, name: Arc<str>, span: [u8; 8], now: Instant) {
        match self.steps.is_empty() {
            true => self.close(now),
            false => self.next_hop(now),
        }
        self.steps.push(Step { name, span, start: now, end: now, first: self.spells.len() });
    }

    /// All steps that were begun, in order.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The spells of the step of this number.
    pub(super) fn spells_of(&self, step: usize) -> &[Spell] {
        let first = |step: usize| self.steps.get(step).map_or(self.spells.len(), |step| step.first);
        &self.spells[first(step)..first(step + 1)]
    }

    /// The span of the step that a spell, by its number, belongs to.
    pub(super) fn span_of(&self, spell: usize) -> Option<[u8; 8]> {
        self.steps.iter().rev().find(|step| step.first <= spell).map(|step| step.span)
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
    fn spells_belong_to_the_step_in_which_they_began() {
        let at = Instant::now();
        let ms = |n| at + Duration::from_millis(n);
        let mut line = Timeline::default();
        line.begin_step("one".into(), [1; 8], ms(0));
        line.enter(Phase::Connect, ms(1));
        line.enter(Phase::Processing, ms(2));
        line.begin_step("two".into(), [2; 8], ms(5));
        line.enter(Phase::Connect, ms(6));
        line.close(ms(9));
        assert_eq!((line.spells_of(0).len(), line.spells_of(1).len(), line.spells_of(2).len()), (2, 1, 0));
        assert_eq!(
            (line.span_of(0), line.span_of(1), line.span_of(2)),
            (Some([1; 8]), Some([1; 8]), Some([2; 8]))
        );
        let took: Vec<Duration> = line.steps().iter().map(|step| step.end - step.start).collect();
        assert_eq!(took, [Duration::from_millis(5), Duration::from_millis(4)]);
        assert_eq!(line.spells().last().map(|spell| spell.hop), Some(1));
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

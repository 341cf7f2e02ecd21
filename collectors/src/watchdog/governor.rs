//! When an action may be taken: after enough looks, not too often, and not for ever.
//!
//! An action is confirmed by `after` looks in a row at which its expectation was not met. Between two there is a pause
//! that doubles; of any `within` there are at most so many. When they are used up the governor stops, and stays
//! stopped until the expectation has been met for as long as the longest pause: whatever was wrong then is over. The
//! same makes the pause short again. A look that sees nothing confirms nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::actions::Action;

/// What a look has shown of the expectations that an action is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All are met.
    Met,
    /// One at least is not met.
    Unmet,
    /// Whether they are met cannot be seen.
    Nothing,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing.
    Wait,
    /// It is time, for this time in a row; the governor wants to hear when it was done.
    Act(u32),
    /// It would be time, but something else is down. Said once until it is done.
    Suppressed,
    /// It would be time, but has been done too often. Said once until the governor goes on.
    Exhausted,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Governor {
    after: u32,
    pauses: (Duration, Duration),
    most: usize,
    within: Duration,
    /// Looks in a row at which the expectation was not met.
    looks: u32,
    /// How often in a row it was done.
    times: u32,
    pause: Duration,
    not_before: Option<Instant>,
    /// When it was done, for as long as that counts.
    done: VecDeque<Instant>,
    met_since: Option<Instant>,
    is_suppressed: bool,
    is_exhausted: bool,
}

impl Governor {
    pub(super) fn new(action: &Action) -> Self {
        let (first, longest) = (action.backoff.initial.0, action.backoff.max.0);
        Self {
            after: action.after.get(),
            pauses: (first, longest),
            most: usize::try_from(action.at_most.actions.get()).unwrap_or(usize::MAX),
            within: action.at_most.within.0,
            looks: 0,
            times: 0,
            pause: first,
            not_before: None,
            done: VecDeque::new(),
            met_since: None,
            is_suppressed: false,
            is_exhausted: false,
        }
    }

    /// A look has shown this. `is_held` is asked only when it is time: whether something else is down.
    pub(super) fn look(&mut self, shown: Shown, now: Instant, is_held: impl FnOnce() -> bool) -> Decision {
        match shown {
            Shown::Nothing => {
                (self.looks, self.met_since) = (0, None);
                return Decision::Wait;
            }
            Shown::Met => {
                (self.looks, self.is_suppressed) = (0, false);
                let since = *self.met_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= self.pauses.1 {
                    (self.times, self.pause, self.is_exhausted) = (0, self.pauses.0, false);
                    self.not_before = None;
                }
                return Decision::Wait;
            }
            Shown::Unmet => self.met_since = None,
        }
        self.looks = self.looks.saturating_add(1);
        if self.is_exhausted || self.looks < self.after || self.not_before.is_some_and(|at| now < at) {
            return Decision::Wait;
        }
        if is_held() {
            return if std::mem::replace(&mut self.is_suppressed, true) {
                Decision::Wait
            } else {
                Decision::Suppressed
            };
        }
        self.is_suppressed = false;
        while self.done.front().is_some_and(|at| now.saturating_duration_since(*at) >= self.within) {
            self.done.pop_front();
        }
        if self.done.len() >= self.most {
            self.is_exhausted = true;
            return Decision::Exhausted;
        }
        self.done.push_back(now);
        self.looks = 0;
        self.times = self.times.saturating_add(1);
        Decision::Act(self.times)
    }

    /// It was done, well or badly: the pause begins.
    pub(super) fn ended(&mut self, now: Instant) {
        self.not_before = now.checked_add(self.pause);
        self.pause = self.pause.saturating_mul(2).min(self.pauses.1);
    }

    /// Whether it has stopped.
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }
}

#[cfg(test)]
mod tests;

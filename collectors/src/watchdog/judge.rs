//! Whether an expectation is met, from one look to the next.
//!
//! What a look finds wrong does not count before it has been wrong at each look for as long as the configuration lets
//! it; what it finds right counts at once. An expectation that nobody has looked at yet is not known to be met: its series is 0,
//! but that is no news, and neither is being met at first sight.

use std::time::{Duration, Instant};

use super::kind::Reason;

/// What one look has found of one expectation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// Why it is not as expected; none if it is.
    pub(super) wrong: Option<Reason>,
    /// What is so, and what is expected, for a person: it follows the name of the entry.
    pub(super) words: String,
    /// What was measured, in the unit of the limit; none where there is no number.
    pub(super) value: Option<f64>,
}

impl Finding {
    /// As expected, or wrong for this reason.
    pub(super) fn new(wrong: Option<Reason>, words: impl Into<String>) -> Self {
        Self { wrong, words: words.into(), value: None }
    }

    /// The same with what was measured.
    pub(super) fn of(self, value: f64) -> Self {
        Self { value: Some(value), ..self }
    }
}

/// An expectation is met no longer, or is met again; it says what the last look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) is_met: bool,
}

/// The judge of one expectation.
#[derive(Debug, Clone)]
pub(super) struct Judge {
    /// How long it may be wrong.
    patience: Duration,
    /// Since when it was wrong at each look.
    wrong_since: Option<Instant>,
    /// None before the first look.
    verdict: Option<Verdict>,
}

/// How an expectation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    Unmet(Reason),
}

impl Judge {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, wrong_since: None, verdict: None }
    }

    /// A look has found this; whether that changes anything.
    pub(super) fn look(&mut self, wrong: Option<Reason>, now: Instant) -> Option<Change> {
        let verdict = match wrong {
            None => {
                self.wrong_since = None;
                Verdict::Met
            }
            Some(reason) => {
                let since = *self.wrong_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= self.patience {
                    Verdict::Unmet(reason)
                } else {
                    // What was unmet stays so: patience begins only with what was right in between.
                    Verdict::Met
                }
            }
        };
        let was_met = !matches!(self.verdict.replace(verdict), Some(Verdict::Unmet(_)));
        let is_met = verdict == Verdict::Met;
        (was_met != is_met).then_some(Change { is_met })
    }

    /// How it stands; none before the first look.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Why it is not met, if it is not.
    pub(super) fn reason(&self) -> Option<Reason> {
        match self.verdict {
            Some(Verdict::Unmet(reason)) => Some(reason),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What is told at each look, a second apart.
    fn told(patience: u64, looks: &[bool]) -> Vec<Option<bool>> {
        let (mut judge, start) = (Judge::new(SECOND * patience as u32), Instant::now());
        let look = |(number, right): (usize, &bool)| {
            let wrong = (!right).then_some(Reason::TooFew);
            judge.look(wrong, start + SECOND * number as u32).map(|change| change.is_met)
        };
        looks.iter().enumerate().map(look).collect()
    }

    #[test]
    fn only_changes_are_told() {
        let (met, unmet) = (Some(true), Some(false));
        assert_eq!(told(0, &[true, true, false, false, true]), [None, None, unmet, None, met]);
        assert_eq!(told(0, &[false, true]), [unmet, met]);
    }

    #[test]
    fn what_is_wrong_only_for_a_while_is_let_pass() {
        let unmet = Some(false);
        assert_eq!(told(2, &[false, false, true, false, false]), [None; 5]);
        assert_eq!(told(2, &[true, false, false, false, false]), [None, None, None, unmet, None]);
    }

    #[test]
    fn before_the_first_look_nothing_is_known() {
        let mut judge = Judge::new(Duration::ZERO);
        assert_eq!(judge.verdict(), None);
        judge.look(Some(Reason::NoBus), Instant::now());
        assert_eq!(judge.reason(), Some(Reason::NoBus));
        judge.look(None, Instant::now());
        assert_eq!((judge.verdict(), judge.reason()), (Some(Verdict::Met), None));
    }

    proptest! {
        #[test]
        fn it_is_unmet_exactly_when_each_look_of_its_patience_was_wrong(
            patience in 0u64..6,
            looks in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let (mut judge, start) = (Judge::new(SECOND * patience as u32), Instant::now());
            for (number, right) in looks.iter().enumerate() {
                judge.look((!right).then_some(Reason::Above), start + SECOND * number as u32);
                let wrong = looks[..=number].iter().rev().take_while(|right| !**right).count() as u64;
                prop_assert_eq!(judge.reason().is_some(), wrong > patience);
            }
        }

        #[test]
        fn changes_alternate_and_begin_with_what_is_not_met(
            patience in 0u64..4,
            looks in proptest::collection::vec(any::<bool>(), 0..60),
        ) {
            let changes: Vec<bool> = told(patience, &looks).into_iter().flatten().collect();
            prop_assert!(changes.iter().enumerate().all(|(number, is_met)| *is_met == (number % 2 == 1)));
        }
    }
}

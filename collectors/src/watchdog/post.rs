//! An entry as it stands: what is found of it, and what is about to be done.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use vigie_pipeline::clock::Clock;

use super::actions::{Action, Deed, Occasion, Report, Wrong};
use super::entry::Entry;
use super::governor::{Decision, Governor, Shown};
use super::judge::{Finding, Judge};
use super::observer::Member;
use crate::probes::Trace;
use crate::standings::{Standing, Standings, Stands};

/// See the module.
pub(super) struct Post {
    pub(super) entry: Entry,
    pub(super) judges: Vec<Judge>,
    /// What the last look has found, by expectation.
    pub(super) findings: Vec<Option<Finding>>,
    /// The processes of the group, if it is one, as of the last look.
    pub(super) members: Vec<Member>,
    pub(super) standing: Standing,
    actings: Vec<Acting>,
    /// Whether something is being done: one thing at a time.
    is_busy: bool,
}

/// One of its actions.
struct Acting {
    deed: Deed,
    governor: Governor,
}

/// What is told of an action.
#[derive(Debug)]
pub(super) enum News {
    /// It would be time, but it is only to be said.
    DryRun(Occasion),
    /// It would be time, but what is called so is down, or not known to be up.
    Suppressed(Occasion, String, Stands),
    /// It would be time, but has been done too often.
    Exhausted(Occasion),
    /// It was done.
    Done(Done),
}

/// An action that was done.
#[derive(Debug)]
pub(super) struct Done {
    /// Its place among those of the entry.
    pub(super) action: usize,
    pub(super) occasion: Occasion,
    /// In nanoseconds since the epoch.
    pub(super) ended_at: u64,
    pub(super) report: Report,
}

/// Actions of one entry, one after the other.
pub(super) type Doing = BoxFuture<'static, Vec<Done>>;

impl Post {
    /// `deeds` are the entry's actions, in their order.
    pub(super) fn new(entry: Entry, deeds: Vec<Deed>, standings: &Arc<Standings>) -> Self {
        let judges: Vec<Judge> =
            entry.expectations.iter().map(|expectation| Judge::new(expectation.patience)).collect();
        let acting = |(deed, action)| Acting { deed, governor: Governor::new(action) };
        Self {
            findings: vec![None; judges.len()],
            judges,
            members: Vec::new(),
            standing: standings.register(&entry.name),
            actings: deeds.into_iter().zip(&entry.actions).map(acting).collect(),
            is_busy: false,
            entry,
        }
    }

    /// Whether the action at this place has stopped.
    pub(super) fn is_exhausted(&self, action: usize) -> bool {
        self.actings.get(action).is_some_and(|acting| acting.governor.is_exhausted())
    }

    /// A look has been judged: what is to be told of the actions, each with its place, and what is to be done.
    pub(super) fn decide(
        &mut self,
        now: Instant,
        clock: &Clock,
        standings: &Standings,
    ) -> (Vec<(usize, News)>, Option<Doing>) {
        let (mut news, mut due) = (Vec::new(), Vec::new());
        if self.is_busy {
            return (news, None);
        }
        for number in 0..self.actings.len() {
            let action = self.entry.actions[number].clone();
            let mut down = None;
            let is_held = || {
                let stands = action.unless_down.iter().map(|name| (name, standings.of(name)));
                down = stands.into_iter().find(|(_, stands)| *stands != Stands::Up);
                down.is_some()
            };
            let shown = self.shown(&action);
            let decision = self.actings[number].governor.look(shown, now, is_held);
            let occasion = |times| self.occasion(&action, times, clock.unix_nanos());
            match (decision, down) {
                (Decision::Wait, _) => {}
                (Decision::Act(times), _) if action.dry_run => {
                    news.push((number, News::DryRun(occasion(times))));
                    self.actings[number].governor.ended(now);
                }
                (Decision::Act(times), _) => {
                    due.push((number, self.actings[number].deed.clone(), occasion(times)))
                }
                (Decision::Suppressed, down) => {
                    let (name, stands) =
                        down.map_or(("", Stands::Unknown), |(name, stands)| (name.as_str(), stands));
                    news.push((number, News::Suppressed(occasion(0), name.to_owned(), stands)));
                }
                (Decision::Exhausted, _) => news.push((number, News::Exhausted(occasion(0)))),
            }
        }
        self.is_busy = !due.is_empty();
        (news, self.is_busy.then(|| doing(due, clock.clone())))
    }

    /// What was decided is done.
    pub(super) fn done(&mut self, done: &[Done], now: Instant) {
        self.is_busy = false;
        for done in done {
            if let Some(acting) = self.actings.get_mut(done.action) {
                acting.governor.ended(now);
            }
        }
    }

    /// What there is to see of the expectations that an action is for.
    fn shown(&self, action: &Action) -> Shown {
        let judged = self.entry.expectations.iter().zip(&self.judges);
        let reasons =
            judged.filter(|(expectation, _)| action.is_on(expectation.kind)).map(|(_, judge)| judge.reason());
        let reasons: Vec<_> = reasons.flatten().collect();
        match reasons.iter().any(|reason| !reason.is_blind()) {
            true => Shown::Unmet,
            false if reasons.is_empty() => Shown::Met,
            false => Shown::Nothing,
        }
    }

    fn occasion(&self, action: &Action, times: u32, at: u64) -> Occasion {
        let judged = self.entry.expectations.iter().zip(&self.judges).zip(&self.findings);
        let unmet = judged.filter(|((expectation, _), _)| action.is_on(expectation.kind)).filter_map(
            |((expectation, judge), finding)| {
                let words = finding.as_ref().map(|finding| finding.words.clone()).unwrap_or_default();
                Some(Wrong { kind: expectation.kind, reason: judge.reason()?, words })
            },
        );
        Occasion {
            name: self.entry.name.clone(),
            sort: self.entry.sort,
            unmet: unmet.collect(),
            members: self.members.clone(),
            times,
            trace: Trace::random(),
            at,
        }
    }
}

/// Does one after the other.
fn doing(due: Vec<(usize, Deed, Occasion)>, clock: Clock) -> Doing {
    Box::pin(async move {
        let mut all = Vec::new();
        for (action, deed, occasion) in due {
            let report = deed.perform(&occasion).await;
            all.push(Done { action, occasion, ended_at: clock.unix_nanos(), report });
        }
        all
    })
}

#[cfg(test)]
mod tests;

#![allow(clippy::unwrap_used)]
use std::num::NonZeroU32;
use std::time::{Duration, UNIX_EPOCH};

use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Hand;
use vigie_pipeline::plug::Surroundings;

use super::super::actions::Means;
use super::super::entry::{Expectation, Sort};
use super::super::kind::{Kind, Reason};
use super::*;
use crate::program::Allowed;
use crate::system::Roots;

struct Rig {
    post: Post,
    standings: std::sync::Arc<Standings>,
    clock: Clock,
    hand: Hand,
}

/// An action that fails at once, as its program may not be run.
fn action(when: &[Kind]) -> Action {
    Action {
        when: when.to_vec(),
        run: Some(vec!["/bin/true".into()]),
        after: NonZeroU32::MIN,
        ..Action::default()
    }
}

impl Rig {
    /// A group of which some processes are expected and that goes on.
    fn new(actions: Vec<Action>) -> Self {
        let (clock, hand) = Clock::manual(UNIX_EPOCH);
        let surroundings = Surroundings::new("/nonexistent", clock.clone(), Budget::new(1 << 20));
        let means =
            Means { roots: &Roots::default(), allowed: &Allowed::default(), surroundings: &surroundings };
        let deeds = actions.iter().map(|action| Deed::new(action, &means).unwrap()).collect();
        let entry = Entry {
            sort: Sort::Group,
            name: "api".into(),
            expectations: vec![
                Expectation::bounded(Kind::Min, Duration::ZERO, 1.0),
                Expectation::new(Kind::Hung, Duration::ZERO),
            ],
            actions,
        };
        let standings = Standings::shared(&surroundings.commons);
        Self { post: Post::new(entry, deeds, &standings), standings, clock, hand }
    }

    /// A look some time later that finds this of the two expectations.
    fn look(&mut self, wrong: [Option<Reason>; 2]) -> (Vec<(usize, News)>, Option<Doing>) {
        self.hand.advance(Duration::from_secs(3600));
        let now = self.clock.monotonic();
        for (number, wrong) in wrong.into_iter().enumerate() {
            self.post.judges[number].look(wrong, now);
            self.post.findings[number] = Some(Finding::new(wrong, "is so"));
        }
        self.post.decide(now, &self.clock, &self.standings)
    }
}

const BOTH: [Option<Reason>; 2] = [Some(Reason::TooFew), Some(Reason::NoProgress)];

#[tokio::test]
async fn two_expectations_that_are_not_met_at_once_are_one_action() {
    let mut rig = Rig::new(vec![action(&[])]);
    let (news, doing) = rig.look(BOTH);
    let done = doing.unwrap().await;
    assert!(news.is_empty());
    let [done] = done.as_slice() else { panic!("{done:?}") };
    let kinds: Vec<Kind> = done.occasion.unmet.iter().map(|wrong| wrong.kind).collect();
    assert_eq!(kinds, [Kind::Min, Kind::Hung]);
    assert!(done.report.result.is_err());
}

#[tokio::test]
async fn an_entry_has_one_thing_done_at_a_time_and_all_that_is_due_in_order() {
    let mut rig = Rig::new(vec![action(&[Kind::Min]), action(&[Kind::Hung]), action(&[])]);
    let (_, doing) = rig.look([Some(Reason::TooFew), None]);
    assert!(rig.look(BOTH).1.is_none(), "the first is not done yet");
    let done = doing.unwrap().await;
    assert_eq!(done.iter().map(|done| done.action).collect::<Vec<_>>(), [0, 2]);
    rig.post.done(&done, rig.clock.monotonic());
    let done = rig.look(BOTH).1.unwrap().await;
    assert_eq!(done.iter().map(|done| done.action).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn nothing_is_done_about_what_cannot_be_seen() {
    let mut rig = Rig::new(vec![action(&[])]);
    assert!(rig.look([Some(Reason::Unreadable), Some(Reason::Late)]).1.is_none());
    assert!(rig.look([None, None]).1.is_none());
    assert!(rig.look([Some(Reason::Unreadable), Some(Reason::NoProgress)]).1.is_some());
}

#[test]
fn what_is_held_is_told_with_what_holds_it() {
    let held = Action { unless_down: vec!["dns".into(), "db".into()], ..action(&[]) };
    let mut rig = Rig::new(vec![held]);
    let (mut dns, mut db) = (rig.standings.register("dns"), rig.standings.register("db"));
    dns.report(true);
    let told = |rig: &mut Rig| match rig.look(BOTH) {
        (news, None) => news
            .into_iter()
            .map(|(_, news)| match news {
                News::Suppressed(_, name, stands) => (name, stands),
                news => panic!("{news:?}"),
            })
            .collect::<Vec<_>>(),
        (_, Some(_)) => panic!("it is done"),
    };
    assert_eq!(told(&mut rig), [("db".to_owned(), Stands::Unknown)]);
    db.report(false);
    assert_eq!(told(&mut rig), [], "it is told once");
    db.report(true);
    assert!(rig.look(BOTH).1.is_some());
}

#[test]
fn a_dry_run_is_told_and_nothing_done() {
    let mut rig = Rig::new(vec![Action { dry_run: true, ..action(&[]) }]);
    let (news, doing) = rig.look(BOTH);
    assert!(doing.is_none() && matches!(news.as_slice(), [(0, News::DryRun(_))]));
}

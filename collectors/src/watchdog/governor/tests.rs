#![allow(clippy::unwrap_used)]
use std::num::NonZeroU32;

use proptest::prelude::*;
use vigie_pipeline::units::HumanDuration;

use super::super::actions::{AtMost, Backoff};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn action(after: u32, initial: u64, max: u64, actions: u32, within: u64) -> Action {
    Action {
        after: NonZeroU32::new(after).unwrap(),
        backoff: Backoff { initial: HumanDuration::secs(initial), max: HumanDuration::secs(max) },
        at_most: AtMost { actions: NonZeroU32::new(actions).unwrap(), within: HumanDuration::secs(within) },
        ..Action::default()
    }
}

/// The seconds at which something is decided, with what it is, if each second is looked and it shows `shown`. What is
/// done is done at once.
fn course(
    action: &Action,
    shown: impl Fn(u32) -> Shown,
    held: impl Fn(u32) -> bool,
    seconds: u32,
) -> Vec<(u32, Decision)> {
    let (mut governor, start) = (Governor::new(action), Instant::now());
    let decide = |second| {
        let now = start + SECOND * second;
        let decision = governor.look(shown(second), now, || held(second));
        if matches!(decision, Decision::Act(_)) {
            governor.ended(now);
        }
        (second, decision)
    };
    (0..seconds).map(decide).filter(|(_, decision)| *decision != Decision::Wait).collect()
}

fn never(_second: u32) -> bool {
    false
}

#[test]
fn the_pause_doubles_up_to_its_bound() {
    let action = action(3, 4, 10, 99, 3600);
    let told = course(&action, |_| Shown::Unmet, never, 40);
    let expected = [(2, 1), (6, 2), (14, 3), (24, 4), (34, 5)];
    assert_eq!(told, expected.map(|(at, times)| (at, Decision::Act(times))));
}

#[test]
fn looks_have_to_be_in_a_row() {
    let action = action(3, 1, 1, 99, 3600);
    let told = course(&action, |at| if at % 3 == 2 { Shown::Met } else { Shown::Unmet }, never, 30);
    assert_eq!(told, []);
    let blind = |at| if at % 3 == 2 { Shown::Nothing } else { Shown::Unmet };
    assert_eq!(course(&action, blind, never, 30), [], "what cannot be seen confirms nothing");
}

#[test]
fn when_all_is_done_it_says_so_once_and_stops() {
    let action = action(1, 1, 1, 3, 100);
    let told = course(&action, |_| Shown::Unmet, never, 1000);
    assert_eq!(
        told,
        [(0, Decision::Act(1)), (1, Decision::Act(2)), (2, Decision::Act(3)), (3, Decision::Exhausted)]
    );
}

#[test]
fn it_goes_on_once_the_expectation_was_met_for_long_enough() {
    let action = action(1, 1, 5, 2, 20);
    // Met from the 10th to the 14th second: too short. Then from the 30th to the 36th.
    let shown = |at| if (10..14).contains(&at) || (30..37).contains(&at) { Shown::Met } else { Shown::Unmet };
    let told = course(&action, shown, never, 45);
    assert_eq!(
        told,
        [
            (0, Decision::Act(1)),
            (1, Decision::Act(2)),
            (3, Decision::Exhausted),
            (37, Decision::Act(1)),
            (38, Decision::Act(2)),
            (40, Decision::Exhausted),
        ]
    );
}

#[test]
fn while_something_else_is_down_nothing_is_done_and_it_is_said_once() {
    let action = action(2, 1, 1, 9, 100);
    let told = course(&action, |_| Shown::Unmet, |at| at < 10, 12);
    assert_eq!(told, [(1, Decision::Suppressed), (10, Decision::Act(1))]);
}

#[test]
fn the_pause_begins_when_it_was_done() {
    let (mut governor, start) = (Governor::new(&action(1, 10, 10, 9, 1000)), Instant::now());
    let look = |governor: &mut Governor, at| governor.look(Shown::Unmet, start + SECOND * at, || false);
    assert_eq!(look(&mut governor, 0), Decision::Act(1));
    governor.ended(start + SECOND * 7);
    assert_eq!(look(&mut governor, 16), Decision::Wait);
    assert_eq!(look(&mut governor, 17), Decision::Act(2));
}

proptest! {
    #[test]
    fn there_are_never_more_than_allowed_nor_sooner(
        after in 1u32..4,
        (initial, max) in (1u64..6, 0u64..20).prop_map(|(initial, more)| (initial, initial + more)),
        actions in 1u32..5,
        within in 1u64..60,
        looks in prop::collection::vec((0u8..3, any::<bool>()), 1..300),
    ) {
        let action = action(after, initial, max, actions, within);
        let shown = |at: u32| match looks[at as usize].0 {
            0 => Shown::Met,
            1 => Shown::Nothing,
            _ => Shown::Unmet,
        };
        let told = course(&action, shown, |at| looks[at as usize].1, looks.len() as u32);
        let acts: Vec<u32> = told
            .iter()
            .filter(|(_, decision)| matches!(decision, Decision::Act(_)))
            .map(|(at, _)| *at)
            .collect();
        for (number, at) in acts.iter().enumerate() {
            // The window that ends here.
            let recent = acts[..=number].iter().filter(|other| u64::from(at - **other) < within).count();
            prop_assert!(recent <= actions as usize);
            // Each was confirmed, and not held.
            prop_assert!(!looks[*at as usize].1);
            let confirmed = (at + 1 - after.min(at + 1)..=*at).all(|look| looks[look as usize].0 == 2);
            prop_assert!(at + 1 >= after && confirmed);
            if number > 0 {
                // The first pause at least, but for one that was met for so long that all begins anew.
                let gap = u64::from(at - acts[number - 1]);
                prop_assert!(gap >= initial.min(max));
            }
        }
    }
}

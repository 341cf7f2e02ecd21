//! The power is cut at any moment, and what was not synced is gone or half there: nothing is lost that a
//! source was told of.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::rig::{Memory, block, number, rig};
use crate::receipt::Fate;

#[derive(Debug, Clone)]
enum Step {
    Offer(usize),
    Work,
    Deliver(usize),
    GiveBack(usize),
    Wait(u64),
    FailSync,
    CutPower(Vec<usize>),
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..6_000).prop_map(Step::Offer),
        8 => Just(Step::Work),
        6 => (1usize..8).prop_map(Step::Deliver),
        2 => (1usize..4).prop_map(Step::GiveBack),
        3 => (0u64..400).prop_map(Step::Wait),
        1 => Just(Step::FailSync),
        2 => proptest::collection::vec(any::<usize>(), 40).prop_map(Step::CutPower),
        1 => Just(Step::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn nothing_is_lost_that_was_acknowledged(steps in proptest::collection::vec(step(), 1..120)) {
        let settings = block(256 << 10);
        let mut rig = rig(&Memory::default(), settings);
        let mut offered = 0;
        let mut told = BTreeSet::new();
        let mut delivered = BTreeSet::new();
        for step in steps {
            match step {
                Step::Offer(size) => {
                    rig.offer(offered, size);
                    offered += 1;
                }
                Step::Work => rig.work(),
                Step::Deliver(most) => {
                    for _ in 0..most {
                        let Some(delivery) = rig.queue.try_next(|_| true) else { break };
                        delivered.insert(number(delivery.batch()));
                        delivery.settle(Fate::DELIVERED);
                    }
                }
                Step::GiveBack(most) => {
                    let mut taken: Vec<_> = (0..most).filter_map(|_| rig.queue.try_next(|_| true)).collect();
                    // One of them is delivered, out of order; the others come back.
                    if let Some(last) = taken.pop() {
                        delivered.insert(number(last.batch()));
                        last.settle(Fate::DELIVERED);
                    }
                    while let Some(delivery) = taken.pop() {
                        drop(delivery);
                    }
                }
                Step::Wait(millis) => rig.hand.advance(Duration::from_millis(millis)),
                Step::FailSync => rig.memory.contents().failing_syncs += 1,
                Step::CutPower(chances) => {
                    told.extend(rig.told());
                    let mut chances = chances.into_iter().cycle();
                    let left = rig.memory.after_a_power_cut(|most| chances.next().unwrap() % most);
                    rig = super::rig::rig(&left, settings);
                }
                Step::Kill => {
                    told.extend(rig.told());
                    rig = rig.killed();
                }
            }
            rig.check_ledger();
        }
        rig.hand.advance(Duration::from_secs(2));
        let last = rig.deliver_all();
        told.extend(rig.told());
        prop_assert!(last.is_sorted(), "in order: {:?}", last);
        delivered.extend(last);
        let lost: Vec<_> = told.difference(&delivered).collect();
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert!(delivered.iter().all(|number| *number < offered));
        rig.check_ledger();
        prop_assert_eq!(rig.queue.stored(), 0);
    }
}

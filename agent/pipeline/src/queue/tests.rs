#![allow(clippy::unwrap_used)]
use super::*;
use crate::batch::{Envelope, Signal};
use crate::budget::Budget;
use crate::instruments::Instruments;
use crate::ledger::Ledger;
use crate::outlet::{Offer, Outlet, Switch, Trunk};
use crate::page::Page;
use crate::snapshot::Snapshot;
use proptest::prelude::*;

struct Rig {
    trunk: Trunk,
    outlet: Outlet,
    instruments: Instruments,
    queues: Vec<Arc<Queue>>,
}

fn rig(destinations: usize, memory: usize) -> Rig {
    let instruments = Instruments::default();
    let trunk =
        Trunk { switch: Switch::default(), budget: Budget::new(memory), ledger: Ledger::new(&instruments) };
    let queues: Vec<Arc<Queue>> = (0..destinations).map(|n| Arc::new(Queue::new(format!("d{n}")))).collect();
    trunk.switch.set(queues.iter().map(|q| (Signal::Logs, Arc::clone(q))).collect());
    let slot = Snapshot::new().0.slot("logs");
    Rig { outlet: Outlet::new("app", trunk.clone(), slot), trunk, instruments, queues }
}

fn offer(token: u64, bytes: usize) -> Offer {
    let batch = Batch {
        signal: Signal::Logs,
        envelope: Arc::new(Envelope::default()),
        records: vec![0; bytes].into(),
        count: 1,
    };
    Offer { batch, token, to: None }
}

/// As a source does that reads again for nobody.
async fn offers(rig: &Rig, token: u64, bytes: usize) {
    let offer = offer(token, bytes);
    let among = rig.outlet.events.destinations(Signal::Logs);
    let mut room = rig.outlet.events.room(Signal::Logs, &among, bytes).await.unwrap();
    rig.outlet.events.offer(offer, &mut room, false).await;
}

/// read, delivered, dropped, in flight
fn ledger(rig: &Rig) -> (f64, f64, f64, f64) {
    let mut page = Page::default();
    rig.instruments.write(&mut page);
    let sum = |wanted: &str, family: &str| {
        page.families()
            .filter(|(f, _)| f.name == family)
            .flat_map(|(_, rows)| rows)
            .filter(|row| row.labels.contains(wanted))
            .map(|row| row.value)
            .sum()
    };
    (
        sum("\"read\"", "vigie_events_total"),
        sum("\"delivered\"", "vigie_events_total"),
        sum("\"dropped\"", "vigie_events_total"),
        sum("", "vigie_events_in_flight"),
    )
}

#[tokio::test]
async fn a_source_hears_from_each_destination_and_the_ledger_from_the_last() {
    let mut rig = rig(2, 1 << 20);
    offers(&rig, 7, 10).await;
    rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    let settled = rig.outlet.settled.try_recv().unwrap();
    assert_eq!((settled.token, &*settled.destination, settled.fate), (7, "d0", Fate::DELIVERED));
    assert_eq!(rig.trunk.budget.replayable.held(), 10);
    assert_eq!(ledger(&rig), (1.0, 0.0, 0.0, 1.0));
    rig.queues[1].next().await.unwrap().settle(Fate::dropped(1, DropReason::Rejected));
    let settled = rig.outlet.settled.try_recv().unwrap();
    assert_eq!((&*settled.destination, settled.fate), ("d1", Fate::dropped(1, DropReason::Rejected)));
    assert_eq!(rig.trunk.budget.replayable.held(), 0);
    assert_eq!(ledger(&rig), (1.0, 0.0, 1.0, 0.0));
}

#[tokio::test]
async fn a_destination_that_takes_nothing_has_its_part_of_the_memory_and_no_more() {
    let rig = rig(2, 544);
    let events = &rig.outlet.events;
    let both = events.destinations(Signal::Logs);
    for token in 0..2 {
        offers(&rig, token, 40).await;
        rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    }
    let lacking = events.room(Signal::Logs, &both, 40).await.unwrap_err();
    assert_eq!(lacking.to_string(), "no room at d1");
    let mut room = events.room(Signal::Logs, &both[..1], 40).await.unwrap();
    events.offer(offer(2, 40), &mut room, false).await;
    rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    let returns = events.room_returns();
    rig.queues[1].next().await.unwrap().settle(Fate::DELIVERED);
    returns.await;
    let room = events.room(Signal::Logs, &both[1..], 40).await.unwrap();
    assert_eq!(rig.trunk.budget.replayable.held(), 80);
    drop(room);
    assert_eq!(rig.trunk.budget.replayable.held(), 40);
}

#[tokio::test]
async fn what_is_read_again_is_not_in_the_ledger_twice() {
    let mut rig = rig(2, 400);
    let among = [Arc::clone(rig.queues[1].name())];
    let mut room = rig.outlet.events.room(Signal::Logs, &among, 10).await.unwrap();
    rig.outlet.events.offer(offer(1, 10), &mut room, true).await;
    rig.queues[1].next().await.unwrap().settle(Fate::DELIVERED);
    assert_eq!(&*rig.outlet.settled.try_recv().unwrap().destination, "d1");
    assert_eq!(ledger(&rig), (0.0, 0.0, 0.0, 0.0));
}

#[tokio::test]
async fn what_is_routed_goes_where_it_is_for_and_is_counted_as_passed_by_elsewhere() {
    let mut rig = rig(3, 3 * 544);
    let all = rig.outlet.events.destinations(Signal::Logs);
    let mut room = rig.outlet.events.room(Signal::Logs, &all, 50).await.unwrap();
    let to = Some([Arc::clone(&all[1]), Arc::clone(&all[2])].into());
    rig.outlet.events.offer(Offer { to, ..offer(1, 30) }, &mut room, false).await;
    rig.outlet
        .events
        .offer(Offer { to: Some([Arc::clone(&all[0])].into()), ..offer(2, 40) }, &mut room, false)
        .await;
    drop(room);
    // What was promised and not taken is given back, to each as much as it did not get.
    assert_eq!(rig.queues.iter().map(|queue| queue.depth().0).collect::<Vec<_>>(), [40, 30, 30]);
    assert!(rig.queues[0].owe(1, 41) && !rig.queues[1].owe(1, 30) && rig.queues[1].owe(1, 31));
    rig.queues[1].next().await.unwrap().settle(Fate::DELIVERED);
    assert_eq!(ledger(&rig), (2.0, 0.0, 0.0, 2.0));
    rig.queues[2].next().await.unwrap().settle(Fate::DELIVERED);
    assert_eq!(ledger(&rig), (2.0, 1.0, 0.0, 1.0));
    rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    let told: Vec<_> = std::iter::from_fn(|| rig.outlet.settled.try_recv().ok()).collect();
    let told: Vec<_> = told.iter().map(|settled| (settled.token, &*settled.destination)).collect();
    assert_eq!(told, [(1, "d1"), (1, "d2"), (2, "d0")]);
    assert_eq!(rig.trunk.budget.replayable.held(), 0);
    let elsewhere = |name: &str| rig.trunk.ledger.passed_by.with_label_values(&["app", name]).get();
    assert_eq!([elsewhere("d0"), elsewhere("d1"), elsewhere("d2")], [1, 1, 1]);
}

#[tokio::test]
async fn what_is_routed_to_nobody_who_is_there_is_dropped_with_that_reason() {
    let mut rig = rig(1, 1 << 20);
    let among = rig.outlet.events.destinations(Signal::Logs);
    let mut room = rig.outlet.events.room(Signal::Logs, &among, 10).await.unwrap();
    rig.outlet
        .events
        .offer(Offer { to: Some(["gone".into()].into()), ..offer(1, 10) }, &mut room, false)
        .await;
    let settled = rig.outlet.settled.try_recv().unwrap();
    assert_eq!((&*settled.destination, settled.fate), ("", Fate::dropped(1, DropReason::NoExporter)));
    rig.outlet.events.offer_volatile(Offer { to: Some(["gone".into()].into()), ..offer(2, 10) });
    assert_eq!(rig.outlet.settled.try_recv().unwrap().fate, Fate::dropped(1, DropReason::NoExporter));
    assert_eq!(ledger(&rig), (2.0, 0.0, 2.0, 0.0));
}

#[tokio::test]
async fn more_than_was_asked_for_is_found_room_for() {
    let rig = rig(1, 400);
    let among = rig.outlet.events.destinations(Signal::Logs);
    let mut room = rig.outlet.events.room(Signal::Logs, &among, 10).await.unwrap();
    rig.outlet.events.offer(offer(1, 25), &mut room, false).await;
    drop(room);
    assert_eq!(rig.trunk.budget.replayable.held(), 25);
    rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    assert_eq!(rig.trunk.budget.replayable.held(), 0);
    assert!(rig.queues[0].owe(1, 1));
}

#[tokio::test]
async fn a_delivery_that_is_dropped_unsettled_is_the_next_one_again() {
    let rig = rig(1, 1 << 20);
    offers(&rig, 1, 10).await;
    offers(&rig, 2, 20).await;
    let first = rig.queues[0].next().await.unwrap();
    assert_eq!(first.batch().bytes(), 10);
    drop(first);
    assert_eq!(rig.queues[0].next().await.unwrap().batch().bytes(), 10);
}

#[tokio::test]
async fn a_replayable_source_waits_while_the_buffer_is_full() {
    let rig = rig(1, 272);
    offers(&rig, 1, 100).await;
    let events = &rig.outlet.events;
    let among = events.destinations(Signal::Logs);
    let returns = events.room_returns();
    assert!(events.room(Signal::Logs, &among, 100).await.is_err());
    rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    returns.await;
    assert!(events.room(Signal::Logs, &among, 100).await.is_ok());
    assert_eq!(rig.trunk.budget.replayable.held(), 0);
}

#[tokio::test]
async fn a_batch_larger_than_all_the_memory_passes_alone() {
    let rig = rig(1, 200);
    let share = &rig.trunk.budget.replayable;
    let all = share.size();
    let passes = tokio::time::timeout(std::time::Duration::from_secs(10), offers(&rig, 1, all + 1));
    passes.await.unwrap();
    assert_eq!(share.held(), all);
    rig.queues[0].next().await.unwrap().settle(Fate::DELIVERED);
    assert_eq!(share.held(), 0);
}

#[tokio::test]
async fn what_no_exporter_takes_is_dropped_with_that_reason() {
    let mut rig = rig(0, 1 << 20);
    offers(&rig, 1, 10).await;
    assert_eq!(rig.outlet.settled.try_recv().unwrap().fate, Fate::dropped(1, DropReason::NoExporter));
    assert_eq!(ledger(&rig), (1.0, 0.0, 1.0, 0.0));
}

#[tokio::test]
async fn an_abandoned_queue_drops_what_waits_and_what_comes_back() {
    let rig = rig(1, 1 << 20);
    offers(&rig, 1, 10).await;
    offers(&rig, 2, 10).await;
    let in_hand = rig.queues[0].next().await.unwrap();
    rig.queues[0].abandon(DropReason::ExporterRemoved);
    drop(in_hand);
    assert!(rig.queues[0].next().await.is_none());
    assert_eq!(ledger(&rig), (2.0, 0.0, 2.0, 0.0));
}

proptest! {
    /// Whatever is offered, taken, settled or given back in any order: the ledger balances, the bytes
    /// stay within the share, and each queue keeps its order.
    #[test]
    fn the_ledger_balances_whatever_happens(
        steps in proptest::collection::vec((0u8..5, 0usize..2, 1usize..60), 1..200)
    ) {
        let mut rig = rig(2, 8 * 128);
        let mut in_hand: Vec<Delivery> = Vec::new();
        for (token, (step, which, bytes)) in steps.into_iter().enumerate() {
            match step {
                0 | 1 => drop(rig.outlet.events.offer_volatile(offer(token as u64, bytes))),
                2 => in_hand.extend(rig.queues[which].try_next(|_| true)),
                3 => {
                    if !in_hand.is_empty() {
                        in_hand.remove(0).settle(Fate::DELIVERED);
                    }
                }
                _ => drop(in_hand.pop()),
            }
            let (read, delivered, dropped, in_flight) = ledger(&rig);
            prop_assert_eq!(read, delivered + dropped + in_flight);
            prop_assert!(rig.trunk.budget.volatile.held() <= 128);
        }
        drop(in_hand);
        for queue in &rig.queues {
            while let Some(delivery) = queue.try_next(|_| true) {
                delivery.settle(Fate::DELIVERED);
            }
        }
        let (read, delivered, dropped, in_flight) = ledger(&rig);
        prop_assert_eq!((in_flight, rig.trunk.budget.volatile.held()), (0.0, 0));
        prop_assert_eq!(read, delivered + dropped);
        let mut told = std::collections::HashMap::<u64, u32>::new();
        while let Ok(settled) = rig.outlet.settled.try_recv() {
            *told.entry(settled.token).or_default() += if settled.destination.is_empty() { 2 } else { 1 };
        }
        prop_assert_eq!(told.len() as f64, read);
        prop_assert!(told.values().all(|times| *times == 2));
    }
}

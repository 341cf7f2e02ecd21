//! Full disks, failing syncs, damaged and strange files, dead destinations.

use std::time::Duration;

use super::rig::{Memory, Rig, block, count, rig, rig_with};
use crate::receipt::{DropReason, Fate};
use crate::spool::segment;
use crate::spool::{Ending, Settings, WhenFull};

fn events(numbers: impl IntoIterator<Item = u64>) -> f64 {
    numbers.into_iter().map(|number| f64::from(count(number))).sum()
}

/// A spool that has been written to, with a destination that takes nothing.
fn filled(memory: &Memory, batches: u64, size: usize, settings: Settings) -> Rig {
    let mut rig = rig(memory, settings);
    for number in 0..batches {
        rig.offer(number, size);
        rig.work();
    }
    rig
}

#[test]
fn what_is_durable_is_settled_and_delivered_in_order() {
    let mut rig = rig(&Memory::default(), block(1 << 20));
    for number in 0..50 {
        rig.offer(number, 100);
    }
    assert!(rig.told().is_empty());
    rig.work();
    assert_eq!(rig.told(), (0..50).collect::<Vec<_>>());
    assert_eq!(rig.budget.volatile.held(), 0);
    assert_eq!(rig.deliver_all(), (0..50).collect::<Vec<_>>());
    assert_eq!(rig.events("written"), events(0..50));
    assert_eq!(rig.events("delivered"), events(0..50));
    rig.check_ledger();
}

#[test]
fn what_waits_survives_a_kill_and_what_was_delivered_comes_again_only_if_the_cursor_was_not_saved() {
    let memory = Memory::default();
    let mut rig = filled(&memory, 30, 100, block(1 << 20));
    for _ in 0..10 {
        rig.queue.try_next(|_| true).unwrap().settle(Fate::DELIVERED);
    }
    rig.hand.advance(Duration::from_secs(1));
    rig.work();
    for _ in 0..5 {
        rig.queue.try_next(|_| true).unwrap().settle(Fate::DELIVERED);
    }
    let mut rig = rig.killed();
    assert_eq!(rig.deliver_all(), (10..30).collect::<Vec<_>>());
    assert_eq!(rig.events("recovered"), events(10..30));
    rig.check_ledger();
}

#[test]
fn delivered_segments_are_removed() {
    let memory = Memory::default();
    let mut rig = filled(&memory, 200, 4_000, block(2 << 20));
    assert!(memory.segments().len() > 5);
    assert_eq!(rig.deliver_all().len(), 200);
    rig.hand.advance(Duration::from_secs(1));
    rig.work();
    assert!(memory.segments().len() <= 1, "{:?}", memory.segments());
    assert_eq!(rig.metric("vigie_spool_segments", &[]), memory.segments().len() as f64);
}

#[test]
fn a_batch_given_back_is_the_next_one_again() {
    let mut rig = filled(&Memory::default(), 3, 10, block(1 << 20));
    let (first, second) = (rig.queue.try_next(|_| true).unwrap(), rig.queue.try_next(|_| true).unwrap());
    drop(second);
    drop(first);
    assert_eq!(rig.deliver_all(), [0, 1, 2]);
    rig.check_ledger();
}

#[test]
fn a_reader_far_behind_holds_no_more_than_its_part_of_the_memory() {
    let memory = Memory::default();
    let mut rig = rig_with(&memory, block(16 << 20), 512 << 10);
    for number in 0..600 {
        rig.offer(number, 4_000);
        rig.work();
        assert!(rig.budget.spool.held() <= rig.budget.spool.size());
    }
    assert_eq!(rig.events("written"), events(0..600));
    let mut delivered = Vec::new();
    while let Some(delivery) = rig.queue.try_next(|_| true) {
        assert!(rig.budget.spool.held() <= 64 << 10);
        delivered.push(super::rig::number(delivery.batch()));
        delivery.settle(Fate::DELIVERED);
        rig.work();
    }
    assert_eq!(delivered, (0..600).collect::<Vec<_>>());
    assert_eq!(rig.budget.spool.held(), 0);
}

#[test]
fn what_can_be_read_again_is_held_back_while_exporters_lag_and_what_cannot_is_not() {
    let memory = Memory::default();
    let mut rig = rig_with(&memory, block(16 << 20), 512 << 10);
    for number in 0..12 {
        rig.offer_replayable(number, 4_000);
    }
    rig.work();
    assert_eq!(rig.told().len(), 12, "more than half of what may be held");
    for number in 12..40 {
        rig.offer_replayable(number, 4_000);
    }
    rig.work();
    assert_eq!(rig.told(), [] as [u64; 0], "nobody takes what is there");
    // When they take what is in memory, the rest follows, and is never read from the files.
    memory.contents().unreadable = true;
    assert_eq!(rig.deliver_all(), (0..40).collect::<Vec<_>>());
    memory.contents().unreadable = false;
    // When they take nothing, it is held back for a moment only.
    rig.told();
    for number in 0..40 {
        rig.offer_replayable(number, 4_000);
    }
    for _ in 0..40 {
        rig.work();
        rig.hand.advance(Duration::from_millis(50));
    }
    assert_eq!(rig.events("written"), events(0..40) + events(0..40));
    rig.told();
    rig.offer(7, 4_000);
    rig.work();
    assert_eq!(rig.told(), [7], "what nobody else has is written at once");
    rig.check_ledger();
}

#[test]
fn after_a_failed_sync_the_group_is_written_again_to_another_segment() {
    let memory = Memory::default();
    let mut rig = filled(&memory, 3, 100, block(1 << 20));
    let before = memory.bytes(&memory.segments()[0]);
    memory.contents().failing_syncs = 1;
    rig.offer(3, 100);
    rig.offer(4, 100);
    rig.work();
    assert_eq!(rig.told(), [0, 1, 2]);
    assert!(!rig.readiness.reasons().is_empty());
    assert_eq!(rig.metric("vigie_spool_writable", &[]), 0.0);
    rig.hand.advance(Duration::from_secs(1));
    rig.work();
    assert_eq!(rig.told(), [3, 4]);
    assert!(rig.readiness.reasons().is_empty());
    assert_eq!(memory.segments().len(), 2);
    assert_eq!(memory.bytes(&memory.segments()[0]), before, "it ends where it was last durable");
    assert_eq!(rig.deliver_all(), [0, 1, 2, 3, 4]);
    rig.check_ledger();
}

#[test]
fn a_full_disk_makes_sources_wait_and_nothing_is_lost() {
    let memory = Memory::default();
    memory.contents().space = Some(10_000);
    let mut rig = filled(&memory, 20, 1_000, block(1 << 20));
    let told = rig.told();
    assert!(told.len() < 10, "{told:?}");
    assert_eq!(rig.metric("vigie_spool_write_failures_total", &["disk_full"]), 1.0);
    assert!(!rig.readiness.reasons().is_empty());
    memory.contents().space = None;
    rig.hand.advance(Duration::from_secs(1));
    assert_eq!(rig.deliver_all(), (0..20).collect::<Vec<_>>());
    assert!(rig.readiness.reasons().is_empty());
    rig.check_ledger();
}

#[test]
fn a_destination_that_is_well_waits_for_no_disk_that_is_not() {
    let memory = Memory::default();
    let mut rig = filled(&memory, 3, 100, block(1 << 20));
    memory.contents().space = Some(50);
    for number in 3..6 {
        rig.offer(number, 100);
    }
    rig.work();
    assert_eq!(rig.told(), [0, 1, 2]);
    assert_eq!(rig.deliver_all(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(rig.told(), [3, 4, 5], "told when they are delivered, and not before");
    assert_eq!(rig.events("written"), events(0..3));
    assert!(!rig.readiness.reasons().is_empty());
    // When there is room again that is noticed though nothing comes, and what comes is durable again.
    memory.contents().space = None;
    rig.hand.advance(Duration::from_secs(1));
    rig.work();
    assert!(rig.readiness.reasons().is_empty());
    rig.offer(6, 100);
    rig.work();
    assert_eq!(rig.told(), [6]);
    assert_eq!(rig.killed().deliver_all().last(), Some(&6));
}

#[test]
fn on_a_full_disk_deliveries_make_room_by_themselves() {
    let memory = Memory::default();
    let mut rig = rig(&memory, block(256 << 10));
    memory.contents().space = Some(60_000);
    for number in 0..40 {
        rig.offer(number, 4_000);
    }
    let mut delivered = Vec::new();
    for _ in 0..60 {
        delivered.extend(rig.deliver_all());
        rig.hand.advance(Duration::from_secs(1));
    }
    assert_eq!(delivered, (0..40).collect::<Vec<_>>());
    rig.check_ledger();
}

#[test]
fn a_full_disk_takes_the_oldest_if_told_to() {
    let memory = Memory::default();
    memory.contents().space = Some(200_000);
    let settings = Settings { max_size: 1 << 20, when_full: WhenFull::DropOldest };
    let mut rig = filled(&memory, 100, 4_000, settings);
    assert_eq!(rig.told().len(), 100);
    let delivered = rig.deliver_all();
    assert_eq!(delivered.last(), Some(&99));
    assert!(delivered.is_sorted() && delivered.len() > 10 && delivered.len() < 60, "{delivered:?}");
    assert_eq!(rig.metric("vigie_spool_events_total", &["dropped", "spool_full"]), events(0..delivered[0]));
    assert_eq!(rig.metric("vigie_export_events_total", &["dropped", "spool_full"]), events(0..delivered[0]));
    rig.check_ledger();
}

#[test]
fn max_size_holds_and_sources_wait() {
    let memory = Memory::default();
    let mut rig = rig(&memory, block(64 << 10));
    for number in 0..30 {
        rig.offer(number, 4_000);
    }
    rig.work();
    let told = rig.told().len();
    assert!((10..=16).contains(&told), "{told}");
    assert!(rig.metric("vigie_spool_bytes", &[]) <= f64::from(64 << 10));
    assert!(rig.readiness.reasons().is_empty(), "a full spool is no fault");
    assert_eq!(rig.deliver_all(), (0..30).collect::<Vec<_>>());
    rig.check_ledger();
}

#[test]
fn max_size_holds_and_the_oldest_go_with_a_count() {
    let memory = Memory::default();
    let settings = Settings { max_size: 64 << 10, when_full: WhenFull::DropOldest };
    let mut rig = filled(&memory, 10, 4_000, settings);
    let in_hand = rig.queue.try_next(|_| true).unwrap();
    for number in 10..60 {
        rig.offer(number, 4_000);
        rig.work();
        assert!(rig.metric("vigie_spool_bytes", &[]) <= f64::from(64 << 10));
        rig.check_ledger();
    }
    assert_eq!(rig.told().len(), 60);
    // What is in hand may be delivered though its segment is gone.
    in_hand.settle(Fate::DELIVERED);
    let mut rig = rig.killed();
    let delivered = rig.deliver_all();
    assert_eq!(delivered.last(), Some(&59));
    assert!((10..=16).contains(&delivered.len()), "{delivered:?}");
    assert_eq!(rig.events("dropped"), 0.0, "what went before the kill was counted then, as what it was");
    rig.check_ledger();
}

#[test]
fn a_batch_larger_than_the_spool_passes_alone() {
    let mut rig = filled(&Memory::default(), 2, 100_000, block(64 << 10));
    assert_eq!(rig.told(), [0]);
    assert_eq!(rig.deliver_all(), [0, 1]);
}

#[test]
fn every_flipped_byte_of_a_segment_costs_at_most_one_record() {
    let memory = Memory::default();
    drop(filled(&memory, 4, 20, block(1 << 20)));
    let name = memory.segments().remove(0);
    let bytes = memory.bytes(&name);
    for at in 0..bytes.len() {
        let damaged = memory.copy();
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        damaged.put(&name, changed);
        let mut rig = rig(&damaged, block(1 << 20));
        let delivered = rig.deliver_all();
        let lost: Vec<u64> = (0..4).filter(|number| !delivered.contains(number)).collect();
        assert!(lost.len() <= 1 && delivered.is_sorted(), "byte {at}: {delivered:?}");
        if let [lost] = lost[..] {
            assert_eq!(rig.metric("vigie_spool_corrupt_records_total", &[]), 1.0, "byte {at}");
            assert_eq!(damaged.quarantined(), 1, "byte {at}");
            let told = rig.metric("vigie_spool_events_total", &["spool_damaged"]);
            // If the head of the last record is damaged, nothing tells how many events it had.
            assert!(told == events([lost]) || lost == 3 && told == 0.0, "byte {at}: {told}");
        }
        rig.check_ledger();
        // And it goes on.
        rig.offer(9, 10);
        assert_eq!(rig.deliver_all(), [9], "byte {at}");
    }
}

#[test]
fn a_segment_cut_anywhere_keeps_what_is_before_the_cut() {
    let memory = Memory::default();
    drop(filled(&memory, 4, 20, block(1 << 20)));
    let name = memory.segments().remove(0);
    let bytes = memory.bytes(&name);
    for len in 0..bytes.len() {
        let cut = memory.copy();
        cut.put(&name, bytes[..len].to_vec());
        let mut rig = rig(&cut, block(1 << 20));
        let delivered = rig.deliver_all();
        assert_eq!(delivered, (0..delivered.len() as u64).collect::<Vec<_>>(), "cut at {len}");
        assert_eq!(rig.metric("vigie_spool_corrupt_records_total", &[]), 0.0, "cut at {len}");
        assert_eq!(cut.quarantined(), 0);
        rig.offer(9, 10);
        assert_eq!(rig.deliver_all(), [9]);
        rig.check_ledger();
    }
}

#[test]
fn strange_files_are_left_alone_empty_ones_removed_and_garbage_set_aside() {
    let memory = Memory::default();
    drop(filled(&memory, 4, 20, block(1 << 20)));
    memory.put("notes.txt", b"mine".to_vec());
    memory.put(&segment::name(90), Vec::new());
    memory.put(&segment::name(91), b"no segment, but seven words of text\n".repeat(9));
    let mut foreign = segment::start();
    foreign[8] = 9;
    let crc = crc32fast::hash(&foreign[..12]);
    foreign[12..].copy_from_slice(&crc.to_le_bytes());
    memory.put(&segment::name(92), foreign.to_vec());
    memory.put("cursor", b"\0\0\0".to_vec());
    let mut rig = rig(&memory, block(1 << 20));
    assert_eq!(rig.deliver_all(), [0, 1, 2, 3]);
    assert_eq!(memory.bytes("notes.txt"), b"mine");
    assert_eq!(memory.quarantined(), 2);
    rig.offer(4, 20);
    assert_eq!(rig.deliver_all(), [4]);
    rig.hand.advance(Duration::from_secs(1));
    rig.work();
    assert_eq!(memory.segments(), [segment::name(93)]);
    rig.check_ledger();
}

#[test]
fn what_waits_for_a_removed_exporter_stays() {
    let memory = Memory::default();
    let rig = rig(&memory, block(1 << 20));
    for number in 0..5 {
        rig.offer(number, 20);
    }
    rig.queue.end(Ending::Removed(DropReason::ExporterRemoved));
    let Rig { clerk, mut outlet, .. } = rig;
    clerk.run();
    for token in 0..5 {
        let settled = outlet.settled.try_recv().unwrap();
        assert_eq!((settled.token, settled.fate), (token, Fate::DELIVERED));
    }
    assert_eq!(super::rig::rig(&memory, block(1 << 20)).deliver_all(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_spool_that_is_written_no_more_is_emptied_before_what_came_after() {
    let mut rig = filled(&Memory::default(), 5, 20, block(1 << 20));
    rig.queue.spool().unwrap().configure(None);
    rig.offer(5, 20);
    rig.work();
    assert_eq!(rig.events("written"), events(0..5));
    assert_eq!(rig.deliver_all(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(rig.told(), [0, 1, 2, 3, 4, 5]);
    rig.check_ledger();
}

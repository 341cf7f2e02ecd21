//! What people are shown of a spool.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::rig::{Memory, block, count, number, rig};
use crate::batch::Signal;
use crate::receipt::Fate;
use crate::spool::inspect::{self, FaultKind, Sight, Summary};
use crate::spool::{directory, segment};

const BATCHES: u64 = 40;
const DELIVERED: u64 = 6;

/// The files of a spool with forty batches in several segments, of which six are delivered.
fn spool() -> (TempDir, Vec<String>) {
    let memory = Memory::default();
    let mut rig = rig(&memory, block(1 << 20));
    for number in 0..BATCHES {
        rig.offer(number, 4_000);
        rig.work();
    }
    for _ in 0..DELIVERED {
        rig.queue.try_next(|_| true).unwrap().settle(Fate::DELIVERED);
    }
    rig.hand.advance(Duration::from_secs(1));
    rig.work();
    let state_dir = tempfile::tempdir().unwrap();
    let path = directory::of(state_dir.path(), "a sink", Signal::Logs);
    fs::create_dir_all(&path).unwrap();
    let segments = memory.segments();
    assert!(segments.len() > 2);
    for name in segments.iter().map(String::as_str).chain(["cursor"]) {
        fs::write(path.join(name), memory.bytes(name)).unwrap();
    }
    (state_dir, segments)
}

/// The summary, the numbers of the batches that wait, and the faults.
fn shown(state_dir: &Path) -> (Summary, Vec<u64>, Vec<String>) {
    let directories = inspect::list(state_dir).unwrap();
    assert_eq!(directories.len(), 1);
    assert_eq!((directories[0].exporter.as_str(), directories[0].signal), ("a sink", Signal::Logs));
    let (mut waiting, mut faults) = (Vec::new(), Vec::new());
    let summary = directories[0]
        .read(&mut |sight| {
            match sight {
                Sight::Record(record) if record.waiting > 0 => {
                    assert_eq!(record.source, "app");
                    waiting.push(number(&record.batch));
                }
                Sight::Record(_) => {}
                Sight::Fault(fault) => faults.push(fault.to_string()),
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(summary.faults, faults.len() as u64);
    (summary, waiting, faults)
}

fn events(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().map(|number| u64::from(count(number))).sum()
}

fn file(state_dir: &Path, name: &str) -> std::path::PathBuf {
    directory::of(state_dir, "a sink", Signal::Logs).join(name)
}

#[test]
fn what_waits_is_shown_and_nothing_is_changed_by_looking() {
    let (state_dir, segments) = spool();
    let before = fs::read_dir(file(state_dir.path(), "")).unwrap().count();
    let (summary, waiting, faults) = shown(state_dir.path());
    assert_eq!(faults, [] as [&str; 0]);
    assert_eq!(waiting, (DELIVERED..BATCHES).collect::<Vec<_>>());
    assert_eq!(summary.segments, segments.len() as u64);
    assert_eq!(summary.records, BATCHES);
    assert_eq!(summary.events, events(0..BATCHES));
    assert_eq!(summary.waiting, events(DELIVERED..BATCHES));
    assert_eq!(summary.cursor, Some(events(0..DELIVERED)));
    assert_eq!(summary.oldest, Some(1_000_000 * 1_000_000_000));
    assert_eq!(fs::read_dir(file(state_dir.path(), "")).unwrap().count(), before);
}

#[test]
fn a_damaged_record_is_told_with_its_file_and_place() {
    let (state_dir, segments) = spool();
    let path = file(state_dir.path(), &segments[1]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[segment::START + 200] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (summary, waiting, faults) = shown(state_dir.path());
    assert_eq!((summary.records, waiting.len() as u64), (BATCHES - 1, BATCHES - DELIVERED - 1));
    assert!(faults[0].starts_with(&format!("{}: offset {}: ", path.display(), segment::START)), "{faults:?}");
    assert!(faults.len() == 1 && faults[0].ends_with(" bytes are damaged"), "{faults:?}");
}

#[test]
fn a_segment_that_is_gone_and_one_that_is_cut_are_missed() {
    let (state_dir, segments) = spool();
    fs::remove_file(file(state_dir.path(), &segments[1])).unwrap();
    let (_, waiting, faults) = shown(state_dir.path());
    assert!(waiting.is_sorted() && (waiting.len() as u64) < BATCHES - DELIVERED);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains(&segments[2]) && faults[0].contains(" are missing before it"), "{faults:?}");

    let (state_dir, segments) = spool();
    let path = file(state_dir.path(), &segments[0]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    let (summary, _, faults) = shown(state_dir.path());
    assert_eq!((summary.unfinished, faults.len()), (1, 1), "{faults:?}");
    assert!(faults[0].contains(&segments[1]) && faults[0].contains(" are missing before it"), "{faults:?}");
}

#[test]
fn a_write_that_is_under_way_is_no_fault() {
    let (state_dir, segments) = spool();
    let path = file(state_dir.path(), segments.last().unwrap());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, [&bytes[..], &bytes[segment::START..segment::START + 100]].concat()).unwrap();
    let (summary, waiting, faults) = shown(state_dir.path());
    assert_eq!((summary.unfinished, waiting.len() as u64, faults.len()), (1, BATCHES - DELIVERED, 0));
}

#[test]
fn a_damaged_cursor_and_a_foreign_segment_are_told() {
    let (state_dir, _) = spool();
    fs::write(file(state_dir.path(), "cursor"), b"vigie spool cursor 1 7 00000000\n").unwrap();
    let mut foreign = segment::start();
    foreign[8] = 9;
    let crc = crc32fast::hash(&foreign[..12]);
    foreign[12..].copy_from_slice(&crc.to_le_bytes());
    fs::write(file(state_dir.path(), &segment::name(99)), foreign).unwrap();
    let (summary, waiting, faults) = shown(state_dir.path());
    assert_eq!((summary.cursor, waiting.len() as u64), (None, BATCHES));
    assert!(faults[0].ends_with("cursor: offset 0: the cursor is damaged"), "{faults:?}");
    assert!(faults[1].ends_with("offset 0: written in version 9 of the format"), "{faults:?}");
}

#[test]
fn looking_ends_when_it_is_told_to() {
    let (state_dir, _) = spool();
    let mut seen = 0;
    let directory = inspect::list(state_dir.path()).unwrap().remove(0);
    directory
        .read(&mut |sight| {
            assert!(!matches!(&sight, Sight::Fault(fault) if matches!(fault.kind, FaultKind::Damaged(_))));
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn where_there_is_no_spool_none_is_listed() {
    let state_dir = tempfile::tempdir().unwrap();
    assert_eq!(inspect::list(state_dir.path()).unwrap(), []);
    fs::create_dir_all(state_dir.path().join("spool/sink/elsewhere")).unwrap();
    fs::write(state_dir.path().join("spool/notes"), b"mine").unwrap();
    assert_eq!(inspect::list(state_dir.path()).unwrap(), []);
}

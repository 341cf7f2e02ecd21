//! The format: whatever becomes of the bytes, what is read is what was written.

use std::sync::Arc;

use proptest::prelude::*;

use crate::batch::{Batch, Envelope, Signal};
use crate::spool::cursor;
use crate::spool::record;
use crate::spool::scan::{Found, Scan};
use crate::spool::segment::{self, START};

/// A segment of these batches, and where each begins.
fn segment_of(batches: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let envelope = Arc::new(Envelope { resource: "resource".into(), scope: "scope".into() });
    let mut bytes = segment::start().to_vec();
    let mut starts = Vec::new();
    for (event, records) in batches.iter().enumerate() {
        let batch = Batch {
            signal: Signal::Logs,
            envelope: Arc::clone(&envelope),
            records: records.clone().into(),
            count: 1,
        };
        starts.push(bytes.len());
        record::put_front(&mut bytes, "app", &batch, event as u64, 7);
        bytes.extend_from_slice(records);
        assert_eq!(record::record_len("app", &batch), (bytes.len() - starts[event]) as u64);
    }
    (bytes, starts)
}

/// The numbers of the events that can be read, each with what it has; and how much was passed as damage.
fn read(bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, u64) {
    let at = segment::Start::of(bytes).records_at();
    let mut scan = Scan::new(bytes, at, bytes.len() as u64);
    let (mut found, mut passed, mut position) = (Vec::new(), 0, at);
    loop {
        match scan.next().unwrap() {
            Found::End => {
                assert_eq!(position, (bytes.len() as u64).max(at), "all is either read or passed");
                return (found, passed);
            }
            Found::Damage(damage) => {
                assert_eq!(damage.from, position);
                assert!(damage.to > damage.from);
                passed += damage.to - damage.from;
                position = damage.to;
            }
            Found::Record { offset, head, body } => {
                assert_eq!(offset, position);
                assert_eq!(
                    (body.source, body.resource, body.scope),
                    (&b"app"[..], &b"resource"[..], &b"scope"[..])
                );
                found.push((head.event, body.records.to_vec()));
                position = offset + head.record_len();
            }
        }
    }
}

#[test]
fn a_flipped_byte_costs_at_most_the_record_it_is_in() {
    let batches: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 40]).collect();
    let (bytes, starts) = segment_of(&batches);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        let (found, _) = read(&damaged);
        let hit = starts.iter().rposition(|start| *start <= at);
        let expected: Vec<_> =
            (0..5).filter(|n| Some(*n) != hit).map(|n| (n as u64, batches[n].clone())).collect();
        assert_eq!(found, expected, "byte {at}");
    }
}

#[test]
fn a_segment_of_another_version_is_told_from_a_damaged_one() {
    let mut start = segment::start();
    assert_eq!(segment::Start::of(&start), segment::Start::Known);
    start[8] = 2;
    assert_eq!(segment::Start::of(&start), segment::Start::Damaged);
    let crc = crc32fast::hash(&start[..12]);
    start[12..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(segment::Start::of(&start), segment::Start::Foreign(2));
    assert_eq!(segment::Start::of(&start[..START - 1]), segment::Start::Damaged);
}

#[test]
fn a_cursor_with_a_changed_byte_is_none() {
    let text = cursor::text(1_048_576).into_bytes();
    assert_eq!(cursor::parse(&text), Some(1_048_576));
    for at in 0..text.len() {
        let mut damaged = text.clone();
        damaged[at] ^= 0x01;
        assert_eq!(cursor::parse(&damaged), None, "byte {at}");
        assert_eq!(cursor::parse(&text[..at]), None);
    }
}

#[test]
fn a_number_leads_to_a_name_and_back() {
    for number in [0, 1, 12_345, u64::MAX] {
        assert_eq!(segment::number(&segment::name(number)), Some(number));
    }
    for name in ["1.segment", "cursor", "000000000000000000a1.segment", "99999999999999999999.segment"] {
        assert_eq!(segment::number(name), None);
    }
}

proptest! {
    /// Cut anywhere and with any bytes changed, what is read is a part of what was written, in its order and
    /// intact; and if nothing was changed, all before the cut.
    #[test]
    fn what_is_read_is_a_subsequence_of_what_was_written(
        batches in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 1..12),
        cut in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let (mut bytes, starts) = segment_of(&batches);
        let full = bytes.len();
        let len = START + cut.index(bytes.len() - START + 1);
        bytes.truncate(len);
        let mut is_changed = false;
        for (at, to) in changes {
            let at = at.index(bytes.len());
            is_changed |= bytes[at] != to;
            bytes[at] = to;
        }
        let (found, passed) = read(&bytes);
        prop_assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        for (event, records) in &found {
            prop_assert_eq!(records, &batches[*event as usize]);
        }
        if !is_changed {
            let ends = starts.iter().skip(1).copied().chain([full]);
            prop_assert_eq!(found.len(), ends.take_while(|end| *end <= len).count());
            let end = found.len();
            prop_assert_eq!(passed as usize, len - starts.get(end).copied().unwrap_or(full).min(len));
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        let _ = cursor::parse(&bytes);
        // Without the record's own checks: these are none that was written here.
        let mut scan = Scan::new(&bytes[..], 0, bytes.len() as u64);
        let mut steps = 0;
        while scan.next().unwrap() != Found::End {
            steps += 1;
            prop_assert!(steps <= bytes.len());
        }
    }
}

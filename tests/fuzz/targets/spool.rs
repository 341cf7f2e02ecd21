//! Any bytes as a segment of a spool: all are accounted for. A segment that was damaged: what the damage does not
//! touch is read, and nothing that was not written.

#![cfg_attr(fuzzing, no_main)]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use vigie_fuzz::{byte, take};
use vigie_pipeline::spool::fuzz::{cursor, read, segment};

/// Damages bytes as disks do, and tells which: as many as a checksum surely notices are changed, or any number is
/// lost.
fn damage(bytes: &mut Vec<u8>, data: &mut &[u8]) -> Range<usize> {
    let (kind, at) = (byte(data), usize::from(byte(data)) << 8 | usize::from(byte(data)));
    let at = at % bytes.len().max(1);
    let end = |len: usize| (at + len).min(bytes.len());
    let touched = match kind % 4 {
        // Of up to four bytes.
        0 => at..end(1 + usize::from(kind >> 6)),
        1 => at..end(usize::from(byte(data))),
        2 => at..end(512),
        _ => at..bytes.len(),
    };
    match kind % 4 {
        0 => {
            let change = byte(data).max(1);
            bytes[touched.clone()].iter_mut().for_each(|byte| *byte ^= change);
        }
        1 | 2 => bytes[touched.clone()].fill(byte(data)),
        _ => bytes.truncate(at),
    }
    touched
}

fuzz_target!(|data: &[u8]| {
    read(data);
    cursor(data);

    let mut data = data;
    let batches: Vec<Vec<u8>> = (0..byte(&mut data) % 8)
        .map(|_| {
            let len = byte(&mut data);
            // No text has the byte that every marker begins with.
            take(&mut data, len.into()).iter().map(|byte| if *byte == 0xf7 { 0 } else { *byte }).collect()
        })
        .collect();
    let places: Vec<Range<usize>> = (0..batches.len())
        .map(|batch| {
            let end = |count: usize| segment(batches[..count].iter().map(Vec::as_slice)).len();
            end(batch)..end(batch + 1)
        })
        .collect();
    let mut bytes = segment(batches.iter().map(Vec::as_slice));
    let mut touched = Vec::new();
    while !data.is_empty() && touched.len() < 4 {
        touched.push(damage(&mut bytes, &mut data));
    }

    let records = read(&bytes);
    assert!(records.is_sorted_by_key(|(event, _)| *event));
    for (event, held) in &records {
        assert_eq!(held, &batches[*event as usize]);
    }
    for (event, place) in (0..).zip(&places) {
        let is_whole = touched.iter().all(|range| range.end <= place.start || place.end <= range.start);
        assert!(
            !is_whole || records.iter().any(|(read, _)| *read == event),
            "{event} of {touched:?} is lost"
        );
    }
});

//! Segments as a fuzzer writes and reads them (`tests/fuzz`).

use bytes::Bytes;

use super::cursor;
use super::record;
use super::scan::{Found, Scan};
use super::segment::{self, Start};
use crate::batch::{Batch, Envelope, Signal};

/// A segment whose records hold these, with one event each: the first is number 0.
pub fn segment<'r>(batches: impl IntoIterator<Item = &'r [u8]>) -> Vec<u8> {
    let mut bytes = segment::start().to_vec();
    for (event, records) in (0..).zip(batches) {
        let records = Bytes::copy_from_slice(records);
        let batch = Batch { signal: Signal::Logs, envelope: Envelope::default().into(), records, count: 1 };
        record::put_front(&mut bytes, "fuzz", &batch, event, 0);
        bytes.extend_from_slice(&batch.records);
    }
    bytes
}

/// Reads `bytes` as a segment: the number of the first event of each record, and what it holds.
///
/// # Panics
/// If they are not read to their end, each once.
pub fn read(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut position = Start::of(bytes).records_at();
    let mut scan = Scan::new(bytes, position, bytes.len() as u64);
    let mut records = Vec::new();
    loop {
        let next = match scan.next() {
            Ok(Found::Record { offset, head, body }) => {
                assert_eq!(offset, position);
                records.push((head.event, body.records.to_vec()));
                offset + head.record_len()
            }
            Ok(Found::Damage(damage)) => {
                assert_eq!(damage.from, position);
                damage.to
            }
            Ok(Found::End) => break,
            Err(error) => panic!("bytes in memory are always read: {error}"),
        };
        assert!(next > position);
        position = next;
    }
    assert_eq!(position, bytes.len() as u64);
    records
}

/// The position that a cursor says; `None` if it is damaged.
pub fn cursor(text: &[u8]) -> Option<u64> {
    cursor::parse(text)
}

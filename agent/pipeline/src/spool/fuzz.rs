//! The reader of segments as a fuzzer calls it: any bytes in, no panic, and all of them accounted for.

use super::cursor;
use super::scan::{Found, Scan};
use super::segment::Start;

/// Reads `bytes` as a segment, and as a cursor.
///
/// # Panics
/// If they are not read to their end, each once.
pub fn read(bytes: &[u8]) {
    let _ = cursor::parse(bytes);
    let mut position = Start::of(bytes).records_at();
    let mut scan = Scan::new(bytes, position, bytes.len() as u64);
    loop {
        let next = match scan.next() {
            Ok(Found::Record { offset, head, body }) => {
                assert_eq!(offset, position);
                assert!(body.records.len() < bytes.len());
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
}

//! One record: a batch with all that is needed to deliver it, behind a head that can be found again.
//!
//! ```text
//!  0  marker      8   not UTF-8, so that no text has it by chance
//!  8  kind        1   1: a batch
//!  9  zero        3
//! 12  count       4   events of the batch, at least one
//! 16  event       8   the number of its first event, counted from the spool's birth
//! 24  written     8   wall clock, nanoseconds since the epoch
//! 32  body length 4
//! 36  body CRC    4   CRC-32 of the body
//! 40  head CRC    4   CRC-32 of the 40 bytes before
//! 44  body            source, resource and scope, each behind its length in four bytes; the records
//! ```
//!
//! Numbers are little endian. A head is trusted apart from its body: its length leads over a damaged body
//! to the next record, and what is missing is known to the event by the number in that one.

use std::sync::Arc;

use bytes::Bytes;
use crc32fast::Hasher;

use crate::batch::{Batch, Envelope};

/// Where a record begins.
pub(super) const MARKER: [u8; 8] = [0xf7, b'v', b'i', b'g', b'R', 0xff, b'\n', 0xc0];

/// The length of a head.
pub(super) const HEAD: usize = 44;

const BATCH: u8 = 1;

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: u8,
    pub(super) count: u32,
    pub(super) event: u64,
    pub(super) written: u64,
    pub(super) body_len: u32,
    body_crc: u32,
}

impl Head {
    /// The head that `bytes` begin with, if it is whole.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEAD>()?;
        if bytes[..8] != MARKER || u32_at(bytes, 40) != crc32fast::hash(&bytes[..40]) {
            return None;
        }
        let head = Self {
            kind: bytes[8],
            count: u32_at(bytes, 12),
            event: u64_at(bytes, 16),
            written: u64_at(bytes, 24),
            body_len: u32_at(bytes, 32),
            body_crc: u32_at(bytes, 36),
        };
        (head.count > 0 && head.event.checked_add(u64::from(head.count)).is_some()).then_some(head)
    }

    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&[self.kind, 0, 0, 0]);
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.event.to_le_bytes());
        out.extend_from_slice(&self.written.to_le_bytes());
        out.extend_from_slice(&self.body_len.to_le_bytes());
        out.extend_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// The length of the record.
    pub(super) fn record_len(&self) -> u64 {
        HEAD as u64 + u64::from(self.body_len)
    }

    /// The number of the event behind its last one.
    pub(super) fn end(&self) -> u64 {
        self.event + u64::from(self.count)
    }
}

/// What a body says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Body<'a> {
    pub(super) source: &'a [u8],
    pub(super) resource: &'a [u8],
    pub(super) scope: &'a [u8],
    pub(super) records: &'a [u8],
}

impl<'a> Body<'a> {
    /// The body behind `head`, if it is whole and of a kind that is known here.
    pub(super) fn parse(head: &Head, body: &'a [u8]) -> Option<Self> {
        if head.kind != BATCH || crc32fast::hash(body) != head.body_crc {
            return None;
        }
        Self::parts(body)
    }

    /// The parts of a body that is whole.
    pub(super) fn parts(body: &'a [u8]) -> Option<Self> {
        let mut rest = body;
        let mut part = || {
            let (len, tail) = rest.split_first_chunk::<4>()?;
            let (part, tail) = tail.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
            rest = tail;
            Some(part)
        };
        let (source, resource, scope) = (part()?, part()?, part()?);
        Some(Self { source, resource, scope, records: rest })
    }
}

/// How long the record of a batch from `source` is. A batch is bounded by the memory it is held in, so its
/// length can be said in four bytes.
pub(super) fn record_len(source: &str, batch: &Batch) -> u64 {
    (HEAD + prefix_len(source, batch) + batch.records.len()) as u64
}

fn prefix_len(source: &str, batch: &Batch) -> usize {
    12 + source.len() + batch.envelope.resource.len() + batch.envelope.scope.len()
}

/// Appends to `out` all of a record but the batch's own bytes, which follow it in the file.
pub(super) fn put_front(out: &mut Vec<u8>, source: &str, batch: &Batch, event: u64, written: u64) {
    let mut prefix = Vec::with_capacity(prefix_len(source, batch));
    for part in [source.as_bytes(), &batch.envelope.resource, &batch.envelope.scope] {
        prefix.extend_from_slice(&(part.len() as u32).to_le_bytes());
        prefix.extend_from_slice(part);
    }
    let mut crc = Hasher::new();
    crc.update(&prefix);
    crc.update(&batch.records);
    let head = Head {
        kind: BATCH,
        count: batch.count,
        event,
        written,
        body_len: (prefix.len() + batch.records.len()) as u32,
        body_crc: crc.finalize(),
    };
    head.put(out);
    out.extend_from_slice(&prefix);
}

/// Copies of the parts of an envelope, or those of the last one where they are the same: batches of one
/// source share theirs.
pub(super) fn envelope(body: &Body<'_>, last: &Arc<Envelope>) -> Arc<Envelope> {
    if last.resource == body.resource && last.scope == body.scope {
        return Arc::clone(last);
    }
    Arc::new(Envelope {
        resource: Bytes::copy_from_slice(body.resource),
        scope: Bytes::copy_from_slice(body.scope),
    })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

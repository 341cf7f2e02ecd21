//! A part of a parcel: some of its records, in their order, with the batches that they belong to.
//!
//! Records stand one behind the other, each with its tag and its length, so that a batch can be cut between
//! two of them without understanding either.

use std::ops::Range;

use bytes::Bytes;
use vigie_pipeline::batch::Batch;
use vigie_pipeline::otlp::{request, wire};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Portion {
    pieces: Vec<Piece>,
    events: u64,
}

/// Some records of one batch.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The place of the batch in its parcel.
    pub(super) place: usize,
    /// The records, as a batch of their own.
    pub(super) batch: Batch,
}

impl Portion {
    /// All records of these batches.
    pub(super) fn of<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Self {
        let pieces = batches.into_iter().enumerate();
        pieces.map(|(place, batch)| Piece { place, batch: batch.clone() }).collect()
    }

    /// How many records it has.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// How many bytes its records have.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.batch.bytes()).sum()
    }

    /// By batches, in their order.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The request that carries it: chunks to be written one behind the other.
    pub(super) fn chunks(&self) -> Vec<Bytes> {
        request::chunks(self.pieces.iter().map(|piece| &piece.batch))
    }

    /// Its two halves, by the number of records; itself if it is one record.
    pub(super) fn halves(self) -> Result<(Self, Self), Self> {
        let half = self.events / 2;
        let mut first: Vec<Piece> = Vec::new();
        let mut taken = 0;
        let mut pieces = self.pieces.iter();
        let mut second: Vec<Piece> = Vec::new();
        for piece in pieces.by_ref() {
            let count = u64::from(piece.batch.count);
            if taken + count <= half {
                first.push(piece.clone());
                taken += count;
                continue;
            }
            match u32::try_from(half - taken).ok().and_then(|at| piece.cut(at)) {
                Some((before, after)) => {
                    first.push(before);
                    second.push(after);
                }
                // It is one record, or is not what it says it is.
                None => second.push(piece.clone()),
            }
            break;
        }
        second.extend(pieces.cloned());
        if first.is_empty() && second.len() > 1 {
            first.push(second.remove(0));
        }
        if first.is_empty() || second.is_empty() {
            return Err(self);
        }
        Ok((first.into_iter().collect(), second.into_iter().collect()))
    }
}

impl FromIterator<Piece> for Portion {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        let pieces: Vec<Piece> = pieces.into_iter().collect();
        let events = pieces.iter().map(|piece| u64::from(piece.batch.count)).sum();
        Self { pieces, events }
    }
}

impl Piece {
    /// Its first `count` records and the others; `None` if either would be empty, or if that many are not
    /// there.
    fn cut(&self, count: u32) -> Option<(Self, Self)> {
        let Batch { records, count: all, .. } = &self.batch;
        let mut at = 0;
        for _ in 0..count {
            at = record_end(records, at)?;
        }
        let part = |range: Range<usize>, count| Self {
            place: self.place,
            batch: Batch { records: records.slice(range), count, ..self.batch.clone() },
        };
        let rest = all.checked_sub(count)?;
        let cut = count > 0 && rest > 0 && at < records.len();
        cut.then(|| (part(0..at, count), part(at..records.len(), rest)))
    }
}

/// Where the record ends that begins at `at`: behind its tag, its length and so many bytes.
fn record_end(records: &[u8], at: usize) -> Option<usize> {
    let (_tag, at) = wire::varint(records, at)?;
    let (len, at) = wire::varint(records, at)?;
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    (end <= records.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::otlp::rig::{lines, records};
    use proptest::prelude::*;
    use vigie_pipeline::batch::{Envelope, Signal};

    fn batch(records: Vec<u8>, count: u32) -> Batch {
        Batch {
            signal: Signal::Logs,
            envelope: Arc::new(Envelope::default()),
            records: records.into(),
            count,
        }
    }

    /// Cuts until nothing can be cut, and gives what is left in its order.
    fn atoms(portion: Portion) -> Vec<Portion> {
        match portion.halves() {
            Ok((first, second)) => {
                let mut all = atoms(first);
                all.extend(atoms(second));
                all
            }
            Err(one) => vec![one],
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn cutting_again_and_again_ends_with_each_record_alone(
            batches in proptest::collection::vec(proptest::collection::vec("[a-z]{0,300}", 1..20), 1..6)
        ) {
            let made: Vec<Batch> = batches
                .iter()
                .map(|bodies| {
                    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
                    batch(records(&bodies), bodies.len() as u32)
                })
                .collect();
            let wanted: Vec<(usize, String)> = batches
                .iter()
                .enumerate()
                .flat_map(|(place, bodies)| bodies.iter().map(move |body| (place, body.clone())))
                .collect();
            let found: Vec<(usize, String)> = atoms(Portion::of(&made))
                .iter()
                .map(|atom| {
                    assert_eq!((atom.events(), atom.pieces().len()), (1, 1));
                    (atom.pieces()[0].place, lines(&atom.chunks().concat()).remove(0))
                })
                .collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn bytes_that_are_no_records_are_never_lost_or_cut_for_ever(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), count in 0u32..1_000, others in 0usize..3,
        ) {
            let mut batches = vec![batch(bytes.clone(), count)];
            batches.extend((0..others).map(|_| batch(records(&["x"]), 1)));
            let whole = Portion::of(&batches);
            let events = whole.events();
            let parts = atoms(whole);
            prop_assert_eq!(parts.iter().map(Portion::events).sum::<u64>(), events);
            let pieces = parts.iter().flat_map(Portion::pieces);
            let first: Vec<u8> =
                pieces.filter(|piece| piece.place == 0).flat_map(|piece| piece.batch.records.to_vec()).collect();
            prop_assert_eq!(first, bytes);
        }
    }
}

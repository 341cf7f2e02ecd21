//! Spans are offered with the batch of records that they were made with, under its token with a mark: the position
//! of the file waits for both.
//!
//! Only the first follower makes spans. So what is heard of them is always for it, also where somebody else reads
//! records for that destination; and they are awaited under names of their own, which a follower that is set apart
//! for a destination does not take with it.

use std::sync::Arc;

use vigie_pipeline::batch::{Batch, Signal};
use vigie_pipeline::outlet::Offer;

use super::Follower;
use crate::spans::Encoded;

/// Marks the token of a batch where it is told of its spans.
const MARK: u64 = 1 << 63;

/// Awaited as long as spans were not offered.
pub(super) const NOT_OFFERED: &str = "\0\0";

/// The token of the batch, if `token` is that of its spans.
pub(crate) fn token_of(token: u64) -> Option<u64> {
    (token & MARK != 0).then_some(token & !MARK)
}

/// Under which name `destination` is awaited for spans: none that a destination can have.
pub(super) fn awaited(destination: &str) -> Arc<str> {
    format!("\0{destination}").into()
}

impl Follower {
    /// Whether it makes spans.
    pub(crate) fn makes_spans(&self) -> bool {
        self.parts.recorder.makes_spans()
    }

    /// Spans as an offer with the next token.
    pub(super) fn spans(&self, spans: Encoded) -> Offer {
        let batch = Batch {
            signal: Signal::Traces,
            envelope: Arc::clone(&self.parts.envelope),
            records: spans.bytes.into(),
            count: spans.count,
        };
        Offer { batch, token: self.next_token | MARK, to: None }
    }

    /// The spans of this token were offered, to these destinations.
    pub(crate) fn offered_spans(&mut self, token: u64, destinations: &[Arc<str>]) {
        let batch = token_of(token).and_then(|token| self.tokens.get_mut(&token));
        if let Some(batch) = batch {
            batch.by.retain(|name| **name != *NOT_OFFERED);
            batch.by.extend(destinations.iter().map(|name| awaited(name)));
        }
    }
}

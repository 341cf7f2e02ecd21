//! One memory budget, shared out by name.
//!
//! Whoever holds bytes for others (a read buffer, an encoded batch, a compressed body) reserves them
//! first and gives them back by dropping the [`Reservation`]. A share is a hard bound; the sum of the
//! shares is `agent.memory_limit`.

mod buffers;
mod part;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use buffers::Buffers;
pub use part::{Held, Part};

/// A named part of the budget. Cheap to clone; clones are the same share.
#[derive(Debug, Clone)]
pub struct Share {
    name: &'static str,
    size: usize,
    free: Arc<Semaphore>,
    parts: Arc<part::Parts>,
}

/// Bytes held. Given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    permit: OwnedSemaphorePermit,
    bytes: usize,
}

impl Reservation {
    /// How many bytes are held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// A part of it as a reservation of its own; `None` if less than that is held.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        let permit = self.permit.split(bytes)?;
        self.bytes -= bytes;
        Some(Self { permit, bytes })
    }

    /// Gives back what is held past `bytes`; never takes more.
    pub fn shrink(&mut self, bytes: usize) {
        let extra = self.bytes.saturating_sub(bytes);
        if extra > 0 {
            drop(self.permit.split(extra));
            self.bytes -= extra;
        }
    }
}

impl Share {
    /// A share of `size` bytes, at least one.
    #[must_use]
    pub fn new(name: &'static str, size: usize) -> Self {
        let size = size.clamp(1, (u32::MAX as usize).min(Semaphore::MAX_PERMITS));
        Self { name, size, free: Arc::new(Semaphore::new(size)), parts: Arc::default() }
    }

    /// Its name, as metrics say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its bound in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// How many bytes are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.size - self.free.available_permits().min(self.size)
    }

    /// Waits until `bytes` are free and holds them; first come, first served. More than the whole share
    /// counts as the whole share, so that one large thing passes alone instead of never.
    pub async fn reserve(&self, bytes: usize) -> Reservation {
        let bytes = bytes.min(self.size);
        let permit = Arc::clone(&self.free).acquire_many_owned(bytes as u32).await;
        Reservation { permit: permit.expect("a share's semaphore is never closed"), bytes }
    }

    /// Holds `bytes` if they are free now.
    #[must_use]
    pub fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let bytes = bytes.min(self.size);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(bytes as u32).ok()?;
        Some(Reservation { permit, bytes })
    }
}

/// The shares of `agent.memory_limit`.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Encoded events that can be read again from their source: these make the source wait.
    pub replayable: Share,
    /// Encoded events that exist nowhere else: these push out the oldest of their kind.
    pub volatile: Share,
    /// Request bodies being compressed and sent.
    pub export: Share,
    /// What is being read, until it has a place among the encoded events.
    pub read: Share,
    /// Memory of batches that waits to be used again.
    pub buffers: Buffers,
    /// What spools hold between their files and their exporters.
    pub spool: Share,
}

impl Budget {
    /// Shares out `limit` bytes: three eighths to what waits for delivery, a quarter to what is being sent,
    /// an eighth each to what cannot be read again and to what comes out of spools, and a sixteenth each to
    /// reading and to memory that waits to be used again.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            replayable: Share::new("replayable", limit / 8 * 3),
            volatile: Share::new("volatile", limit / 8),
            export: Share::new("export", limit / 4),
            read: Share::new("read", limit / 16),
            buffers: Buffers::new(Share::new("buffers", limit / 16)),
            spool: Share::new("spool", limit / 8),
        }
    }

    /// All shares, for the metrics.
    #[must_use]
    pub fn shares(&self) -> [&Share; 6] {
        let Self { replayable, volatile, export, read, buffers, spool } = self;
        [replayable, volatile, export, read, buffers.share(), spool]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_shares_never_exceed_the_limit() {
        let budget = Budget::new(64 << 20);
        assert_eq!(budget.shares().iter().map(|s| s.size()).sum::<usize>(), 64 << 20);
    }

    #[tokio::test]
    async fn a_share_is_a_hard_bound_and_one_large_thing_passes_alone() {
        let share = Share::new("test", 100);
        let small = share.try_reserve(60).unwrap();
        assert!(share.try_reserve(60).is_none());
        assert_eq!(share.held(), 60);
        drop(small);
        let large = share.reserve(1_000).await;
        assert_eq!((large.bytes(), share.held()), (100, 100));
        let mut large = large;
        large.shrink(30);
        large.shrink(50);
        assert_eq!((large.bytes(), share.held()), (30, 30));
        drop(large);
        assert_eq!(share.held(), 0);
    }
}

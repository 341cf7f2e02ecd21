//! The memory that spools may hold between their files and their exporters: one share of the budget, as
//! much for each. One batch may pass alone, so that a spool whose share is taken goes on, slowly.

use std::sync::Arc;

use crate::budget::{Reservation, Share};

/// The part of one spool. Cheap to clone; a clone counts as a spool of its own.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    share: Share,
    spools: Arc<()>,
}

/// Memory that is held for one batch. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    _reservation: Option<Reservation>,
}

impl Allowance {
    /// All of the share, for no spool yet.
    pub(super) fn new(share: Share) -> Self {
        Self { share, spools: Arc::default() }
    }

    /// How many bytes one spool may hold.
    pub(super) fn bytes(&self) -> usize {
        // One clone is that which the others are made from.
        let spools = Arc::strong_count(&self.spools).saturating_sub(1).max(1);
        self.share.size() / spools
    }

    /// Holds `bytes` more for a spool that holds `held`, if it may.
    pub(super) fn hold(&self, held: usize, bytes: usize) -> Option<Hold> {
        if held > 0 && held.saturating_add(bytes) > self.bytes() {
            return None;
        }
        let reservation = self.share.try_reserve(bytes);
        (held == 0 || reservation.is_some()).then_some(Hold { _reservation: reservation })
    }
}

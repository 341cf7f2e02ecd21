//! What became of a batch, told to its source when the last destination is done with it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::batch::Batch;
use crate::budget::Reservation;
use crate::ledger::Counts;

/// Why a record was dropped. A closed set: it becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The buffer was full and its source cannot read it again.
    BufferFull,
    /// No exporter takes this signal.
    NoExporter,
    /// The destination refused it for good.
    Rejected,
    /// Its exporter was taken out of the configuration while it waited.
    ExporterRemoved,
}

impl DropReason {
    /// As the label says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BufferFull => "buffer_full",
            Self::NoExporter => "no_exporter",
            Self::Rejected => "rejected",
            Self::ExporterRemoved => "exporter_removed",
        }
    }
}

/// What became of some records at one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fate {
    /// How many were dropped, and why; the rest was delivered.
    pub dropped: Option<(u32, DropReason)>,
}

impl Fate {
    /// All delivered.
    pub const DELIVERED: Self = Self { dropped: None };

    /// `count` of them dropped for `reason`, the rest delivered.
    #[must_use]
    pub const fn dropped(count: u32, reason: DropReason) -> Self {
        Self { dropped: if count == 0 { None } else { Some((count, reason)) } }
    }

    /// Of two destinations' fates the one that lost more.
    fn worse(self, other: Self) -> Self {
        match (self.dropped, other.dropped) {
            (Some((a, _)), Some((b, _))) if b > a => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }
}

/// A batch is done with: every destination has delivered it or dropped it on purpose, and the ledger
/// knows. The source may forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// What the source called the batch.
    pub token: u64,
    /// The worst of its fates.
    pub fate: Fate,
}

/// One batch with all that hangs on it; its destinations share it. Memory and ledger are squared when
/// the last one lets go.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) batch: Batch,
    pub(crate) replayable: bool,
    token: u64,
    counts: Arc<Counts>,
    source: mpsc::UnboundedSender<Settled>,
    open: Mutex<Open>,
    _held: Option<Reservation>,
}

#[derive(Debug)]
struct Open {
    destinations: usize,
    worst: Fate,
}

impl Receipt {
    pub(crate) fn new(
        batch: Batch,
        token: u64,
        replayable: bool,
        destinations: usize,
        counts: Arc<Counts>,
        source: mpsc::UnboundedSender<Settled>,
        held: Option<Reservation>,
    ) -> Arc<Self> {
        counts.offered(batch.count);
        let open = Mutex::new(Open { destinations, worst: Fate::DELIVERED });
        Arc::new(Self { batch, replayable, token, counts, source, open, _held: held })
    }

    /// One destination is done with it.
    pub(crate) fn settle(&self, fate: Fate) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.worst = open.worst.worse(fate);
        open.destinations = open.destinations.saturating_sub(1);
        if open.destinations > 0 {
            return;
        }
        let fate = open.worst;
        drop(open);
        self.counts.settled(self.batch.count, fate);
        // An error means that the source is gone; the ledger has it all the same.
        let _ = self.source.send(Settled { token: self.token, fate });
    }
}

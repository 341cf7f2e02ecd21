//! What became of a batch, told to its source by each destination that is done with it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

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
    /// The spool of its destination was full, and it was among the oldest there.
    SpoolFull,
    /// It could not be read from the spool of its destination any more.
    SpoolDamaged,
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
            Self::SpoolFull => "spool_full",
            Self::SpoolDamaged => "spool_damaged",
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

/// A destination is done with a batch: it has delivered it, or dropped it on purpose, and the ledger will
/// know. The source may forget the batch when all have said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What the source called the batch.
    pub token: u64,
    /// The name of the destination; empty if there was none.
    pub destination: Arc<str>,
    /// What became of it there.
    pub fate: Fate,
}

/// One batch with all that hangs on it; its destinations share it. Memory and ledger are squared when
/// the last one lets go.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) batch: Batch,
    pub(crate) replayable: bool,
    /// The name of the source.
    pub(crate) name: Arc<str>,
    token: u64,
    /// None for events that the ledger has already seen: they are read again for one destination.
    counts: Option<Arc<Counts>>,
    source: mpsc::UnboundedSender<Settled>,
    /// Told whenever a destination is done, which may mean that there is room.
    room: Arc<Notify>,
    open: Mutex<Open>,
    _held: Option<Reservation>,
}

#[derive(Debug)]
struct Open {
    destinations: usize,
    worst: Fate,
}

/// Where a batch comes from, and who wants to hear of it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) name: Arc<str>,
    pub(crate) token: u64,
    pub(crate) replayable: bool,
    pub(crate) counts: Option<Arc<Counts>>,
    pub(crate) source: mpsc::UnboundedSender<Settled>,
    pub(crate) room: Arc<Notify>,
}

impl Receipt {
    /// For `destinations`, at least one. `held` is the memory of the batch.
    pub(crate) fn new(
        batch: Batch,
        origin: Origin,
        destinations: usize,
        held: Option<Reservation>,
    ) -> Arc<Self> {
        let Origin { name, token, replayable, counts, source, room } = origin;
        if let Some(counts) = &counts {
            counts.offered(batch.count);
        }
        let open = Mutex::new(Open { destinations, worst: Fate::DELIVERED });
        Arc::new(Self { batch, replayable, name, token, counts, source, room, open, _held: held })
    }

    /// One destination is done with it.
    pub(crate) fn settle(&self, destination: &Arc<str>, fate: Fate) {
        let last = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.worst = open.worst.worse(fate);
            open.destinations = open.destinations.saturating_sub(1);
            (open.destinations == 0).then_some(open.worst)
        };
        if let (Some(worst), Some(counts)) = (last, &self.counts) {
            counts.settled(self.batch.count, worst);
        }
        // An error means that the source is gone; the ledger has it all the same.
        let told = Settled { token: self.token, destination: Arc::clone(destination), fate };
        let _ = self.source.send(told);
        self.room.notify_waiters();
    }
}

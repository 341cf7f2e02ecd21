//! Room that a source asks for before it reads: memory, and the promise of each destination to take so much.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::budget::Reservation;
use crate::outlet::Route;
use crate::queue::Queue;

/// Room for events at some destinations. What is not used is given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    /// Each with the bytes that it has promised, and that were not offered yet.
    queues: Vec<(Arc<Queue>, usize)>,
    held: Option<Reservation>,
    returned: Arc<Notify>,
}

/// These destinations have no room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Lacking(pub Vec<Arc<str>>);

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no room at {}", self.0.join(", "))
    }
}

impl Room {
    /// The promise of all `queues` to take `bytes`, each owing at most `bound` in all; of none if one cannot.
    pub(crate) fn promised(
        queues: Vec<Arc<Queue>>,
        bytes: usize,
        bound: usize,
        returned: Arc<Notify>,
    ) -> Result<Self, Lacking> {
        let (fit, lack): (Vec<_>, Vec<_>) = queues.into_iter().partition(|queue| queue.owe(bytes, bound));
        if lack.is_empty() {
            let queues = fit.into_iter().map(|queue| (queue, bytes)).collect();
            return Ok(Self { queues, held: None, returned });
        }
        for queue in fit {
            queue.forgive(bytes);
        }
        Err(Lacking(lack.iter().map(|queue| Arc::clone(queue.name())).collect()))
    }

    /// With the memory for it.
    pub(crate) fn holding(mut self, held: Reservation) -> Self {
        self.held = Some(held);
        self
    }

    /// The destinations it is for, or those of them that are named.
    pub(crate) fn queues(&self, named: Option<&Route>) -> Vec<Arc<Queue>> {
        let is_named = |queue: &Queue| named.is_none_or(|names| names.contains(queue.name()));
        self.queues.iter().map(|(queue, _)| queue).filter(|queue| is_named(queue)).cloned().collect()
    }

    /// Memory for a batch of `bytes` that is about to be pushed to these of its queues. `None` if there is not as
    /// much: then the caller has to find it; the queues owe it all the same.
    pub(crate) fn take(&mut self, bytes: usize, to: &[Arc<Queue>]) -> Option<Reservation> {
        for (queue, promised) in &mut self.queues {
            if to.iter().any(|other| Arc::ptr_eq(other, queue)) {
                let more = bytes.saturating_sub(*promised);
                *promised -= bytes - more;
                queue.owe(more, usize::MAX);
            }
        }
        let taken = self.held.as_mut()?.split(bytes);
        if taken.is_none() {
            // Given back first: whoever waits for more must not wait for what it holds itself.
            self.held = None;
        }
        taken
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for (queue, promised) in &self.queues {
            queue.forgive(*promised);
        }
        drop(self.held.take());
        self.returned.notify_waiters();
    }
}

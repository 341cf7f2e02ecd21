//! Ready when nothing is left to wait for: each reason not to be holds a latch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What `/-/ready` answers. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<Mutex<BTreeMap<u64, &'static str>>>);

/// A reason not to be ready. Lifted when dropped.
#[derive(Debug)]
pub(crate) struct Latch {
    id: u64,
    readiness: Readiness,
}

impl Readiness {
    fn reasons_mut(&self) -> MutexGuard<'_, BTreeMap<u64, &'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not ready from now on, for this reason, until the latch is dropped.
    #[must_use]
    pub(crate) fn latch(&self, reason: &'static str) -> Latch {
        let mut reasons = self.reasons_mut();
        let id = reasons.last_key_value().map_or(0, |(last, _)| last + 1);
        reasons.insert(id, reason);
        Latch { id, readiness: self.clone() }
    }

    /// Why it is not ready; empty if it is.
    #[must_use]
    pub(crate) fn reasons(&self) -> Vec<&'static str> {
        self.reasons_mut().values().copied().collect()
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        self.readiness.reasons_mut().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_the_last_latch_is_dropped() {
        let readiness = Readiness::default();
        let first = readiness.latch("configuration");
        let second = readiness.latch("first samples");
        assert_eq!(readiness.reasons(), ["configuration", "first samples"]);
        drop(first);
        assert_eq!(readiness.reasons(), ["first samples"]);
        drop(second);
        assert!(readiness.reasons().is_empty());
    }
}

//! Ready when nothing is left to wait for: each reason not to be holds a latch.
//!
//! The agent holds latches while it starts and ends; a part holds one while it cannot keep what it promises
//! (offsets or a spool that cannot be written), and keeps it no longer than it lives itself. Not ready says that
//! somebody should look; `/-/healthy` does not depend on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What `/-/ready` answers. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<u64, String>>>);

/// A reason not to be ready. Lifted when dropped.
#[derive(Debug)]
#[must_use = "the reason is lifted when the latch is dropped"]
pub struct Latch {
    id: u64,
    readiness: Readiness,
}

impl Readiness {
    fn reasons_mut(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not ready from now on, for this reason, until the latch is dropped. The reason is shown to a person.
    pub fn latch(&self, reason: impl Into<String>) -> Latch {
        let mut reasons = self.reasons_mut();
        let id = reasons.last_key_value().map_or(0, |(last, _)| last + 1);
        reasons.insert(id, reason.into());
        Latch { id, readiness: self.clone() }
    }

    /// Why it is not ready, oldest first and each reason once; empty if it is.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        for reason in self.reasons_mut().values() {
            if !told.contains(reason) {
                told.push(reason.clone());
            }
        }
        told
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

    #[test]
    fn what_two_parts_say_alike_is_told_once_until_both_have_taken_it_back() {
        let readiness = Readiness::default();
        let (first, second) = (readiness.latch("disk full"), readiness.latch("disk full"));
        assert_eq!(readiness.reasons(), ["disk full"]);
        drop(first);
        assert_eq!(readiness.reasons(), ["disk full"]);
        drop(second);
        assert!(readiness.reasons().is_empty());
    }
}

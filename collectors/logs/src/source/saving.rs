//! When offsets are saved, and what is said when they cannot be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::readiness::{Latch, Readiness};

use crate::exceptions::Groups;
use crate::follower::Parts;
use crate::meters::Meters;
use crate::store::Store;

/// At most so often offsets are saved: when a file is new, or positions have moved on by [`WORTH_SAVING`] ...
const SAVE_EVERY: Duration = Duration::from_millis(100);

/// ... and so often when they have moved on at all. A save is three syncs, which cost more than reading a few lines.
const SAVE_AT_LEAST_EVERY: Duration = Duration::from_millis(500);

/// So many bytes that would come again after a crash.
const WORTH_SAVING: u64 = 128 << 10;

/// See the module.
pub(super) struct Saving {
    store: Arc<Store>,
    exceptions: Option<Arc<Groups>>,
    meters: Meters,
    clock: Clock,
    at: Instant,
    readiness: Readiness,
    /// Held while offsets cannot be saved.
    failing: Option<Latch>,
}

impl Saving {
    pub(super) fn new(parts: &Parts, clock: Clock, readiness: Readiness) -> Self {
        let store = Arc::clone(parts.claim.store());
        let at = clock.monotonic();
        let exceptions = parts.recorder.groups().map(Arc::clone);
        Self { store, exceptions, meters: parts.meters.clone(), clock, at, readiness, failing: None }
    }

    /// When they may be saved next.
    pub(super) fn at(&self) -> Instant {
        let waits = if self.store.unsaved() < WORTH_SAVING {
            SAVE_AT_LEAST_EVERY - SAVE_EVERY
        } else {
            Duration::ZERO
        };
        self.at + waits
    }

    /// Whether there is anything to save.
    pub(super) fn is_due(&self) -> bool {
        self.store.is_changed()
    }

    /// Nothing more is read: what is known of exceptions is saved, whatever the time.
    pub(super) async fn end(&self) {
        if let Some(groups) = self.exceptions.clone() {
            let now = self.clock.monotonic();
            // An error means that there is no time left.
            let _ = tokio::task::spawn_blocking(move || groups.save(now)).await;
        }
    }

    pub(super) async fn save(&mut self) {
        self.at = self.clock.monotonic() + SAVE_EVERY;
        let store = Arc::clone(&self.store);
        let saved = tokio::task::spawn_blocking(move || store.save()).await;
        match saved.map_err(std::io::Error::other).flatten() {
            Ok(()) if self.failing.take().is_some() => info!("offsets are saved again"),
            Ok(()) => {}
            Err(error) => {
                self.meters.save_failures.inc();
                if self.failing.is_none() {
                    error!(
                        "save offsets: {error}; what is delivered from now on comes again after a restart"
                    );
                    self.failing = Some(self.readiness.latch(format!("save offsets: {error}")));
                }
            }
        }
    }
}

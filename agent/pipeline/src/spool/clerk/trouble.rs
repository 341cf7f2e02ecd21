//! What is said and done while the files cannot be written.

use std::io;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{Clerk, RETRY_AFTER};
use crate::readiness::Latch;

/// How long another process may have the files before that is told: the agent before this one may be ending.
const BUSY_PATIENCE: Duration = Duration::from_secs(3);

/// Why the files cannot be written.
pub(super) struct Trouble {
    since: Instant,
    /// What failed last.
    attempt: Attempt,
    _latch: Latch,
}

/// What may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    Open,
    Write,
    Save,
}

impl Attempt {
    const fn words(self) -> &'static str {
        match self {
            Self::Open => "open the spool",
            Self::Write => "write the spool",
            Self::Save => "save the cursor of the spool",
        }
    }
}

impl Clerk {
    pub(super) fn failed(&mut self, now: Instant, error: &io::Error, attempt: Attempt) {
        let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
        self.write_at = now + RETRY_AFTER;
        if error.kind() == io::ErrorKind::ResourceBusy && now - self.began < BUSY_PATIENCE {
            self.write_at = now + RETRY_AFTER / 20;
            return;
        }
        self.spool.meters.failed(error);
        self.spool.meters.writable.set(0);
        self.spool.desk().stuck = true;
        self.queue.notify_takers();
        if let Some(trouble) = &mut self.trouble {
            trouble.attempt = attempt;
            return;
        }
        let (what, directory) = (attempt.words(), self.spool.directory().display());
        warn!(exporter, signal, "{what} in {directory}: {error}; what comes is not durable until it can be");
        let _latch = self.spool.readiness.latch(format!("the spool of {exporter} cannot be written"));
        self.trouble = Some(Trouble { since: now, attempt, _latch });
    }

    /// The trouble is over when what failed last succeeds; if nothing waits to be written, a saved cursor will do.
    pub(super) fn succeeded(&mut self, attempt: Attempt) {
        let has_waiting = self.queue.has_waiting();
        let over =
            |trouble: &mut Trouble| trouble.attempt == attempt || attempt == Attempt::Save && !has_waiting;
        if let Some(trouble) = self.trouble.take_if(over) {
            self.spool.meters.writable.set(1);
            self.spool.desk().stuck = false;
            let after = self.spool.clock.monotonic().saturating_duration_since(trouble.since);
            let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
            info!(exporter, signal, ?after, "the spool is written again");
        }
    }
}

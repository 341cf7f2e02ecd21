//! How far a request has come, and whether it still moves.
//!
//! Each step has the same patience: finding addresses, connecting, TLS, sending, waiting for the answer,
//! reading it. A request that is being sent may take as long as it likes, as long as bytes leave: a slow
//! line is no dead one. All steps together have a bound all the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::failure::{Failure, Phase};

/// How many times the patience of one step all of them may take together.
pub(super) const ALL_STEPS: u32 = 12;

/// Counts what a connection has taken to be sent.
#[derive(Debug)]
pub(super) struct Meter {
    opened: Instant,
    bytes: AtomicU64,
    /// When the last of them were taken, in nanoseconds since `opened`.
    last: AtomicU64,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { opened: Instant::now(), bytes: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    /// So many more bytes were taken.
    pub(super) fn wrote(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let since = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    /// How long the connection has been open.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn last(&self) -> Instant {
        self.opened + Duration::from_nanos(self.last.load(Ordering::Relaxed))
    }
}

/// One request; see the module.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    step: Mutex<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    phase: Phase,
    since: Instant,
    /// Of a request that is being sent: what carries it, and the byte count at which it has left.
    sending: Option<(Arc<Meter>, u64)>,
}

impl Step {
    /// The phase, and when something moved last.
    fn moved(&self) -> (Phase, Instant) {
        match &self.sending {
            Some((meter, end)) => {
                let phase = if meter.bytes() < *end { Phase::Send } else { Phase::Wait };
                (phase, self.since.max(meter.last()))
            }
            None => (self.phase, self.since),
        }
    }
}

impl Progress {
    /// A request begins with `phase`.
    pub(super) fn new(phase: Phase) -> Self {
        let now = Instant::now();
        Self { begun: now, step: Mutex::new(Step { phase, since: now, sending: None }) }
    }

    fn set(&self, phase: Phase, sending: Option<(Arc<Meter>, u64)>) {
        let step = Step { phase, since: Instant::now(), sending };
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// The next step.
    pub(super) fn enter(&self, phase: Phase) {
        self.set(phase, None);
    }

    /// The next steps: a body of so many bytes is sent on this connection, and then an answer waited for.
    pub(super) fn send(&self, meter: &Arc<Meter>, body: u64) {
        self.set(Phase::Send, Some((Arc::clone(meter), meter.bytes() + body)));
    }

    fn moved(&self) -> (Phase, Instant) {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).moved()
    }

    /// The step that it is in.
    pub(super) fn phase(&self) -> Phase {
        self.moved().0
    }

    /// Ends when nothing has moved for `patience`, or when all of it takes too long.
    pub(super) async fn stalls(&self, patience: Duration) -> Failure {
        loop {
            let (phase, moved) = self.moved();
            let end = (moved + patience).min(self.begun + patience.saturating_mul(ALL_STEPS));
            if Instant::now() >= end {
                return Failure::new(phase, format_args!("nothing moved for {patience:?}"));
            }
            sleep_until(end).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_step_that_takes_too_long_is_named() {
        let progress = Progress::new(Phase::Resolve);
        advance(Duration::from_secs(9)).await;
        progress.enter(Phase::Connect);
        let start = Instant::now();
        assert_eq!(progress.stalls(PATIENCE).await.phase, Phase::Connect);
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_no_dead_one_but_not_for_ever() {
        let progress = Progress::new(Phase::Connect);
        let meter = Arc::new(Meter::new());
        meter.wrote(7);
        progress.send(&meter, 1_000);
        let start = Instant::now();
        let drip = async {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                meter.wrote(1);
            }
        };
        let failure = tokio::select! { failure = progress.stalls(PATIENCE) => failure, () = drip => return };
        assert_eq!((failure.phase, start.elapsed()), (Phase::Send, PATIENCE * ALL_STEPS));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_left_is_waited_for_from_its_last_byte_on() {
        let progress = Progress::new(Phase::Connect);
        let meter = Arc::new(Meter::new());
        progress.send(&meter, 100);
        let start = Instant::now();
        advance(Duration::from_secs(8)).await;
        meter.wrote(120);
        assert_eq!(progress.phase(), Phase::Wait);
        assert_eq!(progress.stalls(PATIENCE).await.phase, Phase::Wait);
        assert_eq!(start.elapsed(), Duration::from_secs(18));
    }
}

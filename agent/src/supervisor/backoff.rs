//! How long a part that fell waits before it is built again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);

/// Doubles from a second to a minute; a part that has run for a minute begins anew.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    falls: u32,
}

impl Backoff {
    /// The part has fallen at `now`, having run since `started`.
    pub(super) fn fell(&mut self, started: Instant, now: Instant) -> Duration {
        if now.saturating_duration_since(started) >= MOST {
            self.falls = 0;
        }
        let wait = FIRST.saturating_mul(1 << self.falls.min(6)).min(MOST);
        self.falls += 1;
        wait
    }

    /// Whether it fell before and has not run long enough since.
    pub(super) fn is_troubled(&self) -> bool {
        self.falls > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_begin_anew_after_a_quiet_one() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.fell(now, now).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.fell(now, now + MOST), FIRST);
    }
}

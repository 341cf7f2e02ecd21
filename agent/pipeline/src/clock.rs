//! Time, passed in: monotonic for timers, wall clock only in records.
//!
//! Nothing that measures or waits asks the operating system itself, so tests own both clocks and a
//! stepped wall clock cannot disturb a timer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Both clocks. Cheap to clone; clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Now>);

trait Now: Send + Sync {
    fn monotonic(&self) -> Instant;
    fn wall(&self) -> SystemTime;
}

impl Clock {
    /// The operating system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(System))
    }

    /// A clock that moves only when its [`Hand`] moves it.
    #[must_use]
    pub fn manual(wall: SystemTime) -> (Self, Hand) {
        let hand = Hand(Arc::new(Mutex::new((Instant::now(), wall))));
        (Self(Arc::new(hand.clone())), hand)
    }

    /// For timers and durations; never goes back.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        self.0.monotonic()
    }

    /// For records only; may step in either direction.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    /// The wall clock as OTLP writes it: nanoseconds since the Unix epoch, 0 before it.
    #[must_use]
    pub fn unix_nanos(&self) -> u64 {
        unix_nanos(self.wall())
    }
}

/// Nanoseconds since the Unix epoch; 0 for times before it, `u64::MAX` past the year 2554.
#[must_use]
pub fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.wall()).finish()
    }
}

struct System;

impl Now for System {
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct Hand(Arc<Mutex<(Instant, SystemTime)>>);

impl Hand {
    /// Lets `by` pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.0 += by;
        now.1 += by;
    }

    /// Steps the wall clock alone, as an administrator or NTP does.
    pub fn step_wall(&self, to: SystemTime) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = to;
    }
}

impl Now for Hand {
    fn monotonic(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
    fn wall(&self) -> SystemTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_wall_clock_leaves_the_timers_alone() {
        let (clock, hand) = Clock::manual(UNIX_EPOCH + Duration::from_secs(10));
        let before = clock.monotonic();
        hand.advance(Duration::from_secs(1));
        hand.step_wall(UNIX_EPOCH);
        assert_eq!(clock.monotonic() - before, Duration::from_secs(1));
        assert_eq!(clock.unix_nanos(), 0);
    }
}

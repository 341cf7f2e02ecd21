//! Destinations that come, go, and lag behind: which strand reads for which.
//!
//! One that the others have waited for long enough gets a strand of its own. It comes back when it stands where the
//! first strand does, nothing is on its way to it, and neither of the two has anything left to tell of what its
//! transforms left out. Where lines come all the time the first strand holds still for a moment, so that it can.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::outlet::Events;
use vigie_pipeline::room::Lacking;

use super::Tail;
use super::strand::Strand;

/// For so long the first strand reads nothing, so that another one that has read as much gets its
/// acknowledgements and can end.
pub(super) const HOLD: Duration = Duration::from_secs(1);

/// At most so often it does.
const HOLD_EVERY: Duration = Duration::from_secs(30);

impl Tail {
    /// Some destinations of the first strand have no room. Those that the others have waited for long enough go on
    /// by themselves; where none has room there is nobody to wait.
    pub(super) fn lacks(&mut self, lacking: &Lacking, now: Instant) {
        if lacking.0.len() == self.strands[0].members().len() {
            return self.patience.no_wait(now);
        }
        for name in self.patience.waited(&lacking.0, now) {
            warn!(
                source = self.meters.source,
                exporter = &*name,
                "takes nothing, or too little: the others go on, and this one reads for itself until it has caught up"
            );
            let seconds = self.clock.unix_nanos() / 1_000_000_000;
            let fork = self.strands[0].fork(&name, seconds, now);
            self.strands.push(fork);
        }
    }

    /// Destinations come and go with the configuration.
    pub(super) fn follow_destinations(&mut self, events: &Events) {
        let now = self.clock.monotonic();
        let present = events.destinations(Signal::Logs);
        if self.strands.iter().map(|strand| strand.members().len()).sum::<usize>() == present.len()
            && present.iter().all(|name| self.strands.iter().any(|strand| strand.serves(name)))
        {
            return;
        }
        // What one that is gone had not got yet stays saved under its name, should it come back.
        self.strands[0].keep_members(&present);
        let is_gone = |strand: &Strand| !present.contains(&strand.members()[0]);
        for gone in self.strands.extract_if(1.., |strand| is_gone(strand)) {
            self.meters.keeps_up(&gone.members()[0]);
        }
        let laggards = self.strands[0].follower().laggards();
        for name in present {
            if self.strands.iter().any(|strand| strand.serves(&name)) {
                continue;
            }
            if laggards.contains(&name) {
                info!(source = self.meters.source, exporter = &*name, "goes on where it was");
                let follower = self.strands[0].follower().resumed(&name);
                self.strands.push(Strand::new(follower, vec![name], now));
            } else {
                self.strands[0].add_member(name);
            }
        }
    }

    /// Takes back those that have caught up.
    pub(super) async fn rejoin(&mut self, events: &Events) {
        let now = self.clock.monotonic();
        for at in (1..self.strands.len()).rev() {
            let (lead, others) = self.strands.split_at_mut(at);
            let strand = &mut others[0];
            let name = Arc::clone(&strand.members()[0]);
            self.meters.lags_behind(&name, strand.follower().lag_behind(lead[0].follower()));
            if !strand.follower().is_level_with(lead[0].follower()) {
                continue;
            }
            let heard = strand.heard_within(HOLD, now);
            if strand.in_flight() == 0 && self.is_told(at, events).await {
                self.meters.keeps_up(&name);
                info!(source = self.meters.source, exporter = &*name, "has caught up");
                self.strands.remove(at).dissolve();
                self.strands[0].add_member(name);
                self.held_until = now;
            } else if now >= self.hold_at && heard {
                self.held_until = now + HOLD;
                self.hold_at = now + HOLD_EVERY;
            }
        }
    }

    /// Whether nothing is left that the strand of this number has to tell of what its transforms left out, nor the
    /// first one. What is left is told: by each to its own destinations, for what the one has told by now the other
    /// may still have to tell. From then on what the first one leaves out was left out for all.
    async fn is_told(&mut self, at: usize, events: &Events) -> bool {
        self.tell(at, events).await;
        let now = self.clock.monotonic();
        if self.strands[at].in_flight() > 0 && now < self.held_until {
            // It is level until this has arrived.
            self.held_until = now + HOLD;
        }
        if self.strands[at].has_to_tell() || self.strands[at].in_flight() > 0 {
            return false;
        }
        self.tell(0, events).await;
        !self.strands[0].has_to_tell()
    }
}

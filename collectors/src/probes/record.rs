//! What a run has found out so far. It is filled while the probe runs and kept outside of it, so that a probe
//! that is cut at its deadline leaves behind what it had.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use vigie_pipeline::clock::Clock;

use super::about::About;
use super::excerpt::Excerpt;
use super::failure::Phase;
use super::findings::Findings;
use super::timeline::Timeline;

/// See the module. What was not reached is empty.
#[derive(Debug)]
pub(super) struct Record {
    clock: Clock,
    pub(super) started: Instant,
    /// When the run is cut, if it is.
    pub(super) deadline: Option<Instant>,
    pub(super) timeline: Timeline,
    /// The series of this kind of probe.
    pub(super) findings: Findings,
    /// For log records and spans.
    pub(super) about: About,
    /// The beginning of what the peer answered, for the log record of a failure.
    pub(super) excerpt: Excerpt,
    /// Addresses of hosts whose names may be probed.
    pub(super) named: Vec<IpAddr>,
    /// What happened, for people, with its time; only kept if somebody has asked for it.
    notes: Option<Vec<(Instant, String)>>,
}

impl Record {
    /// Of a run that begins now.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            started: clock.monotonic(),
            deadline: None,
            clock,
            timeline: Timeline::default(),
            findings: Findings::default(),
            about: About::default(),
            excerpt: Excerpt::default(),
            named: Vec::new(),
            notes: None,
        }
    }

    /// Another of the same run, for what is not to be told of it.
    pub(super) fn beside(&self) -> Self {
        Self { excerpt: self.excerpt.clone(), ..Self::new(self.clock.clone()) }
    }

    /// The same, with its notes kept.
    pub(super) fn noting(mut self) -> Self {
        self.notes = Some(Vec::new());
        self
    }

    /// Another one, for what is done on the way and is not to be seen here.
    pub(super) fn apart(&self) -> Self {
        Self::new(self.clock.clone())
    }

    /// The monotonic time.
    pub(super) fn now(&self) -> Instant {
        self.clock.monotonic()
    }

    /// How long the run may still take; `None` if as long as it likes.
    pub(super) fn left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_duration_since(self.now()))
    }

    /// A phase begins; the one before it ends.
    pub(super) fn enter(&mut self, phase: Phase) {
        let now = self.now();
        self.timeline.enter(phase, now);
    }

    /// Says what happens, if anybody wants to know. Must not contain a secret.
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.clock.monotonic();
        if let Some(notes) = &mut self.notes {
            notes.push((now, text()));
        }
    }

    /// What was noted.
    pub(super) fn notes(&self) -> &[(Instant, String)] {
        self.notes.as_deref().unwrap_or_default()
    }

    /// The address that is connected to, for spans.
    pub(super) fn peer(&mut self, peer: SocketAddr) {
        self.peer_address(peer.ip());
        self.about.number("network.peer.port", peer.port());
    }

    /// The same where there is no port.
    pub(super) fn peer_address(&mut self, ip: IpAddr) {
        self.about.text("network.peer.address", ip.to_string());
    }
}

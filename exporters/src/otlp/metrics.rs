//! Metrics: the snapshot, sent at an interval.
//!
//! Metrics are state, so nothing queues: what could not be sent by the time the next values are due is
//! given up for them. Names are those that a scrape shows, or those of OpenTelemetry's conventions.

mod encode;
mod families;
mod names;
mod parts;
mod semconv;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, interval_at, sleep_until};
use tracing::Instrument;
use vigie_pipeline::batch::{Batch, Envelope, Signal};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::otlp::request;
use vigie_pipeline::snapshot::{Selection, Snapshot};

use super::answer::Answer;
use super::backoff::Pace;
use super::config::MetricNames;
use super::destination::Destination;
use super::news::News;
use super::tally::{Outcome, Tally};
use crate::long_work::long_work;
use encode::{Piece, Times, pieces};
use families::Families;

/// As long as OpenTelemetry's own readers wait.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// A shorter interval than this would send more than it measures.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// So many pages take long to encode.
const MANY_PAGES: usize = 250;

/// Sends what the snapshot holds.
pub(super) struct Readings {
    pub(super) snapshot: Snapshot,
    pub(super) destination: Arc<Destination>,
    pub(super) envelope: Arc<Envelope>,
    pub(super) names: MetricNames,
    pub(super) interval: Duration,
    /// How large a request may be before compression, about.
    pub(super) max_bytes: usize,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    pub(super) tally: Tally,
    pub(super) news: News,
}

/// What became of a request.
enum Sent {
    Settled,
    Superseded,
}

impl Readings {
    /// Sends at every interval, for ever.
    pub(super) async fn run(mut self) {
        // Counters are cumulative since before the agent looked at them; that it looks is what it knows.
        let start = self.clock.unix_nanos();
        let interval = self.interval.max(SHORTEST_INTERVAL);
        let mut tick = interval_at(Instant::now() + interval, interval);
        loop {
            let due = tick.tick().await;
            self.snapshot.refresh(Selection::default()).await;
            let published = self.snapshot.read(&Selection::default());
            let long = published.len() > MANY_PAGES;
            let families = long_work(long, || Families::of(&published));
            let times = Times { start, now: self.clock.unix_nanos() };
            let newer_at = due + interval;
            match self.names {
                MetricNames::Prometheus => {
                    let pieces = pieces(names::prometheus(&families), times, self.max_bytes);
                    self.send_all(pieces, long, newer_at).await;
                }
                MetricNames::Otel => {
                    let pieces = pieces(names::otel(&families, times.now), times, self.max_bytes);
                    self.send_all(pieces, long, newer_at).await;
                }
            }
        }
    }

    /// Sends the pieces, one after the other, until newer values are due. `long` if they take long to make.
    async fn send_all(&mut self, mut pieces: impl Iterator<Item = Piece>, long: bool, newer_at: Instant) {
        let mut superseded = false;
        while let Some(piece) = long_work(long, || pieces.next()) {
            if superseded {
                self.tally.count(Outcome::Dropped, piece.points, 0);
            } else {
                superseded = matches!(self.send(piece, newer_at).await, Sent::Superseded);
            }
        }
    }

    /// Sends one request until it is answered or newer values are due.
    async fn send(&mut self, piece: Piece, newer_at: Instant) -> Sent {
        let points = piece.points;
        let chunks = self.chunks(piece);
        loop {
            let now = Instant::now();
            if let Some(end) = self.pace.waits_until(now) {
                sleep_until(end.min(newer_at)).await;
            }
            let sent_at = Instant::now();
            if sent_at >= newer_at {
                self.tally.count(Outcome::Dropped, points, 0);
                return Sent::Superseded;
            }
            let span = self.news.span(points);
            let sent = self.destination.send(chunks.clone()).instrument(span).await;
            let now = Instant::now();
            self.tally.took(now - sent_at);
            let (after, why) = match sent.answer {
                Ok(Answer::Accepted { rejected, message }) => {
                    let rejected = rejected.min(points);
                    self.tally.delivered(points, rejected, sent.bytes);
                    self.answered(now);
                    self.news.accepted(now, rejected, &message);
                    return Sent::Settled;
                }
                Ok(Answer::Refused { why, .. }) => {
                    self.tally.count(Outcome::Dropped, points, sent.bytes);
                    self.answered(now);
                    self.news.refused(now, points, &why);
                    return Sent::Settled;
                }
                Ok(Answer::Later { after, why }) => (after, why),
                Err(failure) => {
                    self.tally.failed(failure.phase);
                    (None, failure.to_string())
                }
            };
            self.tally.count(Outcome::Retried, points, sent.bytes);
            self.pace.failed(sent_at, now, after, fastrand::f64());
            self.news.retrying(now, &why);
        }
    }

    fn answered(&mut self, now: Instant) {
        self.pace.answered();
        self.news.answered(now);
    }

    fn chunks(&self, piece: Piece) -> Vec<Bytes> {
        let batch = Batch {
            signal: Signal::Metrics,
            envelope: Arc::clone(&self.envelope),
            records: piece.metrics.into(),
            count: u32::try_from(piece.points).unwrap_or(u32::MAX),
        };
        request::chunks([&batch])
    }
}

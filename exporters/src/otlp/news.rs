//! What is told about one signal of one destination: in the log when trouble begins and when it ends, not
//! every request of it; as a span each request.

use std::time::Duration;

use tokio::time::Instant;
use vigie_pipeline::batch::Signal;

/// Refusals are told this often at most; each is a loss, so they are told again and again.
const REFUSALS_EVERY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct News {
    exporter: String,
    endpoint: String,
    signal: &'static str,
    /// Since when requests have to be sent again.
    trouble: Option<Instant>,
    refusal_told: Option<Instant>,
    /// Events refused since a refusal was told.
    refused: u64,
}

impl News {
    pub(super) fn new(exporter: &str, endpoint: &str, signal: Signal) -> Self {
        Self {
            exporter: exporter.to_owned(),
            endpoint: endpoint.to_owned(),
            signal: signal.as_str(),
            trouble: None,
            refusal_told: None,
            refused: 0,
        }
    }

    /// A span of the agent itself, for one request with so many events.
    pub(super) fn span(&self, events: u64) -> tracing::Span {
        tracing::info_span!(target: "vigie::spans", "export", exporter = %self.exporter, signal = self.signal, events)
    }

    /// A request will be sent again.
    pub(super) fn retrying(&mut self, now: Instant, why: &str) {
        let (exporter, signal) = (&self.exporter, self.signal);
        if self.trouble.is_none() {
            self.trouble = Some(now);
            tracing::warn!(%exporter, endpoint = %self.endpoint, signal, "cannot deliver, will go on trying: {why}");
        } else {
            tracing::debug!(%exporter, signal, "still cannot deliver: {why}");
        }
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        if let Some(since) = self.trouble.take() {
            let (exporter, signal) = (&self.exporter, self.signal);
            tracing::info!(%exporter, signal, after = ?(now - since), "delivers again");
        }
    }

    /// The destination refused `events`, and those of them that it would take are looked for.
    pub(super) fn searching(&self, events: u64, why: &str) {
        let (exporter, signal) = (&self.exporter, self.signal);
        tracing::debug!(%exporter, signal, events, "refused for good, looking for the records it is about: {why}");
    }

    /// The destination refused `events` for good.
    pub(super) fn refused(&mut self, now: Instant, events: u64, why: &str) {
        self.refused += events;
        if self.refusal_told.is_none_or(|told| now - told >= REFUSALS_EVERY) {
            self.refusal_told = Some(now);
            let refused = std::mem::take(&mut self.refused);
            let (exporter, signal) = (&self.exporter, self.signal);
            tracing::error!(%exporter, endpoint = %self.endpoint, signal, events = refused, "refused for good, dropped: {why}");
        }
    }

    /// The destination took a request, all but `rejected` of its events, and may have something to say.
    pub(super) fn accepted(&mut self, now: Instant, rejected: u64, message: &str) {
        if rejected > 0 {
            self.refused(now, rejected, message);
        } else if !message.is_empty() {
            self.remark(now, message);
        }
    }

    fn remark(&mut self, now: Instant, message: &str) {
        if self.refusal_told.is_none_or(|told| now - told >= REFUSALS_EVERY) {
            self.refusal_told = Some(now);
            tracing::warn!(exporter = %self.exporter, signal = self.signal, "the destination says: {message}");
        }
    }
}

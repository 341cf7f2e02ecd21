//! Encoded events on their way: bytes from the moment they were read.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What kind of telemetry: one OTLP service each.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Traces, Self::Metrics];

    /// As labels and URLs say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

/// Where records come from, encoded once and shared by all their batches: `ResourceLogs.resource` and
/// `ScopeLogs.scope` with their tags and lengths. Logs, traces and metrics share these field numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Field 1 of `ResourceLogs`, `ResourceSpans` or `ResourceMetrics`.
    pub resource: Bytes,
    /// Field 1 of `ScopeLogs`, `ScopeSpans` or `ScopeMetrics`.
    pub scope: Bytes,
}

/// Some records of one signal, ready to be put into a request: each a field 2 of `ScopeLogs`,
/// `ScopeSpans` or `ScopeMetrics` with its tag and length, one behind the other.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What the records are.
    pub signal: Signal,
    /// Whose they are.
    pub envelope: Arc<Envelope>,
    /// The records.
    pub records: Bytes,
    /// How many they are.
    pub count: u32,
}

impl Batch {
    /// What it costs to hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.len()
    }
}

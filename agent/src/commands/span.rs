//! A span as `vigie explain` and `vigie test` look at it: its OTLP/JSON, and its values as plain ones.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use vigie_pipeline::batch::Signal;

use super::plain::{attributes, decoded, nanos};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    /// As OTLP/JSON.
    pub(crate) otlp: Value,
    /// By name.
    pub(crate) attributes: BTreeMap<String, Value>,
}

impl Span {
    /// Those that are encoded one behind the other.
    pub(crate) fn all(encoded: &[u8]) -> Vec<Self> {
        let of = |otlp: Value| Self { attributes: attributes(&otlp), otlp };
        decoded(Signal::Traces, encoded).into_iter().map(of).collect()
    }

    /// A text of the span itself: `name`, `traceId`, `spanId`, `parentSpanId`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.otlp.get(key)?.as_str()
    }

    /// `server`.
    pub(crate) fn kind(&self) -> &'static str {
        // In the order of their numbers in the protocol.
        const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
        let number = self.otlp["kind"].as_u64().and_then(|number| usize::try_from(number).ok());
        number.and_then(|number| KINDS.get(number).copied()).unwrap_or(KINDS[0])
    }

    /// When it began: nanoseconds since the epoch.
    pub(crate) fn start(&self) -> i128 {
        nanos(&self.otlp["startTimeUnixNano"])
    }

    /// When it ended: nanoseconds since the epoch.
    pub(crate) fn end(&self) -> i128 {
        nanos(&self.otlp["endTimeUnixNano"])
    }

    /// How long it took.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.end() - self.start()).unwrap_or(0))
    }

    /// Whether its status says that something went wrong.
    pub(crate) fn is_error(&self) -> bool {
        self.otlp["status"]["code"].as_u64() == Some(2)
    }
}

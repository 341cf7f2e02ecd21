//! A record as `vigie explain` and `vigie test` look at it: its OTLP/JSON, and its values as plain ones.

use std::collections::BTreeMap;

use serde_json::Value;
use vigie_logs::Sent;
use vigie_pipeline::batch::Signal;

use super::plain::{attributes, decoded, nanos, plain, time};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// The exporters that it is for; `None` for all that take logs.
    pub(crate) to: Option<Vec<String>>,
    /// As OTLP/JSON.
    pub(crate) otlp: Value,
    /// By name.
    pub(crate) attributes: BTreeMap<String, Value>,
}

impl Record {
    /// What is sent, record by record.
    pub(crate) fn all(sent: &[Sent]) -> Vec<Self> {
        sent.iter().flat_map(Self::of).collect()
    }

    fn of(Sent { encoded, to }: &Sent) -> Vec<Self> {
        let of = |otlp: Value| Self { to: to.clone(), attributes: attributes(&otlp), otlp };
        decoded(Signal::Logs, encoded).into_iter().map(of).collect()
    }

    /// A text of the record itself: `body` is one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.otlp.get(key)?.as_str()
    }

    /// The body as a text.
    pub(crate) fn body(&self) -> String {
        match plain(&self.otlp["body"]) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// When it happened: nanoseconds since the epoch; 0 if that is not known.
    pub(crate) fn nanos(&self) -> i128 {
        nanos(&self.otlp["timeUnixNano"])
    }

    /// The same as RFC 3339 says it.
    pub(crate) fn time(&self) -> Option<String> {
        time(self.nanos())
    }

    /// From 1 to 24; 0 if it is not known.
    pub(crate) fn severity(&self) -> u64 {
        self.otlp["severityNumber"].as_u64().unwrap_or(0)
    }

    /// An attribute that is a text.
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.get(key)?.as_str()
    }
}

/// The name of a severity: `info`, `warn2`.
pub(crate) fn severity_name(number: u64) -> String {
    const NAMES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];
    let Some(at) = number.checked_sub(1) else { return "unknown".to_owned() };
    let Some(name) = NAMES.get(at as usize / 4) else { return "unknown".to_owned() };
    match at % 4 {
        0 => (*name).to_owned(),
        more => format!("{name}{}", more + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_names() {
        let names: Vec<_> = [0, 1, 5, 9, 10, 13, 17, 24, 99].into_iter().map(severity_name).collect();
        assert_eq!(
            names,
            ["unknown", "trace", "debug", "info", "info2", "warn", "error", "fatal4", "unknown"]
        );
    }
}

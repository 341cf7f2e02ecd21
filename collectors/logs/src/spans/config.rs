//! `spans` of a log source.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Server spans from access logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spans {
    /// Whether lines with a trace id and a duration become spans.
    pub enabled: bool,
    /// The field that says how long the request took: in seconds, in what the name ends with (`_ms`), or with a unit
    /// (`30ms`). By default that of the metrics, or what the format says.
    pub duration: String,
}

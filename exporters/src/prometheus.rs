//! The Prometheus scrape endpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

/// The `exporters.prometheus` section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

impl Check for Config {
    fn check(&self, _at: &mut Place<'_>) {}
}

//! The host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::recipe::Recipe;

/// The `collectors.system` section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

impl Check for Config {
    fn check(&self, _at: &mut Place<'_>) {}
}

/// How the parts are built.
#[must_use]
pub fn recipes(_config: &Config) -> Vec<Recipe> {
    Vec::new()
}

/// One group of the host's metrics, as the registry lists it.
#[derive(Debug)]
pub struct Group {
    /// node_exporter's name of it.
    pub name: &'static str,
    /// What it measures, in a few words.
    pub about: &'static str,
}

/// The registry of groups.
#[must_use]
pub fn groups() -> &'static [Group] {
    &[]
}

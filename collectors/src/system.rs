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

//! Where what vigie sees goes: scraped by Prometheus, pushed as OTLP.
//!
//! Each module is one kind of exporter: its `Config`, its code and its tests.

mod long_work;
pub mod otlp;
pub mod prometheus;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::recipe::Recipe;

/// The `exporters` section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exporters {
    /// The scrape endpoint on the agent's server.
    pub prometheus: prometheus::Config,
    /// OTLP destinations.
    pub otlp: Vec<otlp::Config>,
}

impl Exporters {
    /// The registry: how every configured destination is built. The scrape endpoint is no part of its
    /// own: the server asks [`prometheus::Exposition`].
    #[must_use]
    pub fn recipes(&self) -> Vec<Recipe> {
        self.otlp.iter().map(otlp::recipe).collect()
    }
}

impl Check for Exporters {
    fn check(&self, at: &mut Place<'_>) {
        self.prometheus.check(&mut at.key("prometheus"));
        let otlp = at.key("otlp");
        otlp.unique("name", self.otlp.iter().map(|exporter| exporter.name.as_str()));
        otlp.check_each(&self.otlp);
    }
}

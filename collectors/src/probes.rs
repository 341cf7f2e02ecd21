//! Endpoints, probed on the agent's own schedule, under blackbox_exporter's names.
//!
//! Each configured probe is a part of its own: a source that runs at fixed times ([`schedule`]), publishes
//! the page of its last run ([`metrics`]), and emits a log record when its target goes down or comes back, and
//! its spans if asked for ([`telemetry`]). A run makes the connection itself, phase by phase, and notes in a record
//! outside of itself how far it came, so that a run that is cut at its deadline still says which
//! phase it was in ([`record`], [`timeline`]). Why it failed is one of a closed set of reasons ([`failure`]).
//!
//! Every series is labelled with `instance`, the target, and `probe`, its name, and is there with the value 0 from
//! the first scrape on, before the first run has ended.

mod failure;
pub mod http;
mod metrics;
mod record;
mod resolve;
mod run;
mod schedule;
mod target;
mod telemetry;
mod timeline;
mod tls;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::Part;
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::units::HumanDuration;

/// One entry of `collectors.probes`. Exactly one kind of probe must be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// (required) Unique; the `probe` label.
    pub name: String,
    /// Probe an HTTP or HTTPS endpoint.
    pub http: Option<http::Config>,
    /// The time from the beginning of one run to that of the next.
    pub interval: HumanDuration,
    /// How long an attempt may take as a whole.
    pub timeout: HumanDuration,
    /// Re-checks before a failure counts as down.
    pub retries: u32,
    /// Emit a span for each attempt, and send `traceparent` to the target.
    pub trace: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            http: None,
            interval: HumanDuration::secs(15),
            timeout: HumanDuration::secs(5),
            retries: 0,
            trace: false,
        }
    }
}

/// More re-checks than this are a mistake.
const MAX_RETRIES: u32 = 100;

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("required");
        }
        match &self.http {
            Some(http) => http.check(&mut at.key("http")),
            None => at.wrong("no kind of probe given: write for example `http: { url: … }`"),
        }
        for (key, duration) in [("interval", self.interval), ("timeout", self.timeout)] {
            if duration.0.is_zero() {
                at.key(key).wrong("must be longer than 0");
            }
        }
        if self.retries > MAX_RETRIES {
            at.key("retries").wrong(format_args!("more than {MAX_RETRIES}"));
        }
    }
}

/// What all probes use together.
#[derive(Debug)]
struct Shared {
    resolver: resolve::Resolver,
    trust: tls::Trust,
}

/// How the parts are built.
#[must_use]
pub fn recipes(configs: &[Config]) -> Vec<Recipe> {
    let shared = Arc::new(Shared { resolver: resolve::Resolver::system(), trust: tls::Trust::default() });
    let recipe = |config: &Config| {
        let shared = Arc::clone(&shared);
        Recipe::new("probes", config.name.as_str(), config, move |config, surroundings| {
            let probe = run::Probe::new(config, Arc::clone(&shared), surroundings)?;
            Ok(Part::Source(Box::new(probe)))
        })
    };
    configs.iter().map(recipe).collect()
}

#[cfg(test)]
mod tests;

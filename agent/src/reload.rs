//! Reading the configuration again while everything runs.
//!
//! A bad configuration changes nothing: the running one stays, and a metric and the log say so. A good one
//! restarts only the parts whose section changed.

use std::sync::Arc;

use prometheus::{IntCounterVec, IntGauge};
use tracing::{Instrument, error, info, info_span, warn};
use vigie_collectors::probes::blackbox::Blackbox;
use vigie_config::{Config, Loaded, Origin};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::plug::{Error, SPANS};
use vigie_pipeline::recipe::Recipe;

use crate::server::Front;
use crate::supervisor::Supervisor;
use crate::{logging, own};

/// All parts of a configuration, the agent's own among them.
pub(crate) fn recipes(config: &Config) -> Vec<Recipe> {
    let mut recipes = config.collectors.recipes(vigie_config::read_targets, &config.agent.allowed());
    recipes.extend(config.exporters.recipes());
    recipes.push(own::recipe());
    recipes
}

/// Serves on `/probe` what the configuration says.
///
/// # Errors
/// What the check of the configuration would have said.
pub(crate) fn apply_blackbox(blackbox: &Blackbox, config: &Config) -> Result<(), Error> {
    let collectors = &config.collectors;
    blackbox.apply(collectors.blackbox_modules.as_ref(), &collectors.blackbox_access)
}

fn successful(instruments: &Instruments) -> IntGauge {
    let name = "vigie_config_last_reload_successful";
    let help = "Whether the last attempt to load the configuration succeeded.";
    instruments.gauges(name, help, &[]).with_label_values::<&str>(&[])
}

fn succeeded_at(instruments: &Instruments) -> IntGauge {
    let name = "vigie_config_last_reload_success_timestamp_seconds";
    let help = "When the configuration was last loaded with success, since the Unix epoch.";
    instruments.gauges(name, help, &[]).with_label_values::<&str>(&[])
}

/// When the configuration was last loaded with success, in seconds since the Unix epoch.
pub(crate) fn last_success_at(instruments: &Instruments) -> f64 {
    succeeded_at(instruments).get() as f64
}

/// Whether the last attempt to load the configuration succeeded, 1 or 0.
pub(crate) fn last_successful(instruments: &Instruments) -> f64 {
    successful(instruments).get() as f64
}

/// How reloads went, as metrics.
pub(crate) struct Outcomes {
    successful: IntGauge,
    succeeded_at: IntGauge,
    reloads: IntCounterVec,
    clock: Clock,
}

impl Outcomes {
    /// The first load, at start, was a success.
    pub(crate) fn new(instruments: &Instruments, clock: Clock) -> Self {
        let outcomes = Self {
            successful: successful(instruments),
            succeeded_at: succeeded_at(instruments),
            reloads: instruments.counters(
                "vigie_config_reloads_total",
                "Attempts to load the configuration again, by how they went.",
                &["outcome"],
            ),
            clock,
        };
        for outcome in ["success", "failure"] {
            outcomes.reloads.with_label_values(&[outcome]);
        }
        outcomes.success();
        outcomes
    }

    fn success(&self) {
        self.successful.set(1);
        let seconds = self.clock.unix_nanos() / 1_000_000_000;
        self.succeeded_at.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
}

/// What a reload works with.
pub(crate) struct Reloader {
    /// Where the configuration comes from.
    pub origin: Origin,
    /// What runs now.
    pub current: Arc<Config>,
    /// How reloads went.
    pub outcomes: Outcomes,
    /// What `/probe` asks, whose modules may change.
    pub blackbox: Arc<Blackbox>,
    /// The log, whose level and format may change.
    pub log: logging::Control,
}

impl Reloader {
    /// Loads the configuration and applies it; in words what changed, or all mistakes.
    pub(crate) async fn reload(
        &mut self,
        supervisor: &mut Supervisor,
        front: &mut Front,
    ) -> Result<(String, Loaded), String> {
        let span = info_span!(target: SPANS, "reload");
        self.load_and_apply(supervisor, front).instrument(span).await
    }

    async fn load_and_apply(
        &mut self,
        supervisor: &mut Supervisor,
        front: &mut Front,
    ) -> Result<(String, Loaded), String> {
        let origin = self.origin.clone();
        let loaded = tokio::task::spawn_blocking(move || origin.load()).await;
        let loaded = match loaded {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(mistakes)) => return Err(self.refuse(mistakes.to_string())),
            Err(panic) => return Err(self.refuse(format!("loading the configuration failed: {panic}"))),
        };
        let config = Arc::new(loaded.config.clone());
        if let Err(error) = front.change(&config.server).await {
            return Err(self.refuse(format!("server: {error}")));
        }
        if let Err(error) = apply_blackbox(&self.blackbox, &config) {
            return Err(self.refuse(format!("collectors.blackbox: {error}")));
        }
        front.serve_metrics_at(&config.exporters.prometheus.path);
        for key in needs_restart(&self.current, &config) {
            warn!(key, "changed, but takes effect only when the agent is started again");
        }
        self.log.apply(&config.agent.log);
        let changes = supervisor.apply(recipes(&config)).await;
        self.current = config;
        self.outcomes.success();
        self.outcomes.reloads.with_label_values(&["success"]).inc();
        info!(
            started = changes.started,
            stopped = changes.stopped,
            replaced = changes.replaced,
            kept = changes.kept,
            "configuration reloaded"
        );
        let words = format!(
            "configuration reloaded: {} parts kept, {} started, {} replaced, {} stopped",
            changes.kept, changes.started, changes.replaced, changes.stopped
        );
        Ok((words, loaded))
    }

    fn refuse(&self, mistakes: String) -> String {
        self.outcomes.successful.set(0);
        self.outcomes.reloads.with_label_values(&["failure"]).inc();
        for mistake in mistakes.lines() {
            error!("configuration refused, the running one stays: {mistake}");
        }
        mistakes
    }
}

/// The keys that differ and cannot change while the agent runs.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let (a, b) = (&old.agent, &new.agent);
    let changed = [
        ("agent.service", a.service != b.service),
        ("agent.resource", a.resource != b.resource),
        ("agent.state_dir", a.state_dir != b.state_dir),
        ("agent.memory_limit", a.memory_limit != b.memory_limit),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}

//! The agent about itself: its instruments, its memory, its identity.

use vigie_pipeline::budget::Budget;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Part, Sampler, Sampling};
use vigie_pipeline::recipe::Recipe;

use crate::reload;

static BUILD: Family = Family::gauge("vigie_build_info", "Which vigie this is; always 1, the labels tell.");
/// Dashboards and alerts find the hosts that have the exporters that vigie takes the place of by these.
/// process_exporter's stands with its groups.
static IN_PLACE_OF: [Family; 2] = [
    Family::gauge(
        "node_exporter_build_info",
        "A metric with a constant '1' value labeled by version, goos and goarch of vigie, which takes the place of node_exporter.",
    ),
    Family::gauge(
        "blackbox_exporter_build_info",
        "A metric with a constant '1' value labeled by version, goos and goarch of vigie, which takes the place of blackbox_exporter.",
    ),
];
static BLACKBOX_RELOAD: Family = Family::gauge(
    "blackbox_exporter_config_last_reload_successful",
    "Blackbox exporter config loaded successfully.",
);
static BLACKBOX_RELOADED_AT: Family = Family::gauge(
    "blackbox_exporter_config_last_reload_success_timestamp_seconds",
    "Timestamp of the last successful configuration reload.",
);
static SIZE: Family = Family::gauge("vigie_memory_budget_bytes", "The shares of agent.memory_limit.");
static HELD: Family =
    Family::gauge("vigie_memory_reserved_bytes", "What is held of the shares of agent.memory_limit.");

/// See the module.
struct Own {
    instruments: Instruments,
    budget: Budget,
}

impl Sampler for Own {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let labels = page.labels(&[
            ("version", env!("CARGO_PKG_VERSION")),
            ("os", std::env::consts::OS),
            ("arch", std::env::consts::ARCH),
        ]);
        page.set(&BUILD, labels, 1.0);
        let labels = page.labels(&[
            ("version", env!("CARGO_PKG_VERSION")),
            ("goos", std::env::consts::OS),
            ("goarch", go_arch(std::env::consts::ARCH)),
        ]);
        for family in &IN_PLACE_OF {
            page.set(family, labels, 1.0);
        }
        page.set(&BLACKBOX_RELOAD, Labels::NONE, reload::last_successful(&self.instruments));
        page.set(&BLACKBOX_RELOADED_AT, Labels::NONE, reload::last_success_at(&self.instruments));
        for share in self.budget.shares() {
            let labels = page.labels(&[("share", share.name())]);
            page.set(&SIZE, labels, share.size() as f64);
            page.set(&HELD, labels, share.held() as f64);
        }
        self.instruments.write(page);
        Ok(())
    }
}

/// Go's name of a processor.
fn go_arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// How it is built.
#[must_use]
pub(crate) fn recipe() -> Recipe {
    Recipe::new("vigie", "self", &(), |(), surroundings| {
        let own = Own { instruments: surroundings.instruments.clone(), budget: surroundings.budget.clone() };
        Ok(Part::Sampler(Sampling { sampler: Box::new(own), deadline: std::time::Duration::from_secs(5) }))
    })
}

//! Probes by commands of the host, as plugins of Nagios: a program with arguments, its exit code, its performance data.
//!
//! How programs are run is told in [`crate::program`]. Shortly before the deadline its group is told to end, and at the
//! deadline, or when the agent stops, it is killed.

mod metrics;
mod output;
mod prober;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;

use self::prober::Prober;
use super::Shared;
use super::prober::{self as probing, Kind};
pub use crate::program::{Allowed, GlobError};

/// A command probe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// (required) The program, by its absolute path, and its arguments. `agent.allow_commands` must have it.
    pub argv: Vec<String>,
    /// Variables of its environment, beside `PATH` and `LC_ALL`.
    pub env: BTreeMap<String, Secret>,
    /// Take the exit code 1, a warning, as a failure.
    pub warning_is_failure: bool,
}

impl Config {
    /// The program as it is written; empty if there is none.
    pub(super) fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        for (at, word) in at.key("argv").each(&self.argv) {
            if word.contains('\0') {
                at.wrong("has a character that no argument may have");
            }
        }
        if !self.argv.is_empty() && !Path::new(self.program()).is_absolute() {
            at.key("argv").index(0).wrong("not an absolute path");
        }
        for (name, value) in &self.env {
            let fits = !name.is_empty() && !name.contains(['=', '\0']) && !value.reveal().contains('\0');
            if !fits {
                at.key("env").key(name).wrong("not a variable that an environment can have");
            }
        }
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("argv", self.program())
    }

    fn prober(
        &self,
        shared: &Arc<Shared>,
        _surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self, Arc::clone(shared))))
    }

    fn check_target(&self, _target: &str) -> Result<(), Error> {
        Err("a command has no targets: write one probe for each".into())
    }
}

#[cfg(test)]
mod tests;

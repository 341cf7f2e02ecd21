//! Probes of the room that is left on the file system that holds a path.
//!
//! Room is what users other than root may still take, as `df` has it. The question goes to the kernel on a thread of its
//! own, because a mount of a network or of FUSE may never answer: then the run ends at its deadline, and that thread is the
//! only one that waits for this path, whoever asks for it again.

mod asking;
mod floor;
mod metrics;
mod prober;
mod writable;

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

use self::floor::Floor;
use self::prober::Prober;
use super::Shared;
use super::prober::{self as probing, Kind};

/// A disk probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A path on the file system, absolute. Required unless there are `targets`.
    pub path: String,
    /// Fail below this much room: a share as `10%`, or a size as `5GiB`.
    pub min_free: String,
    /// Fail below this many free inodes: a share as `5%`, or a number.
    pub min_free_inodes: String,
    /// Fail if the file system itself takes no writes. That the agent sees it read-only does not count.
    pub fail_if_read_only: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: String::new(),
            min_free: "10%".to_owned(),
            min_free_inodes: "5%".to_owned(),
            fail_if_read_only: true,
        }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.path.trim().is_empty() {
            at.key("path").ok(self.check_target(&self.path));
        }
        at.key("min_free").ok(Floor::bytes(&self.min_free));
        at.key("min_free_inodes").ok(Floor::inodes(&self.min_free_inodes));
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("path", &self.path)
    }

    fn prober(
        &self,
        _shared: &Arc<Shared>,
        _surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        if Path::new(target.trim()).is_absolute() { Ok(()) } else { Err("not an absolute path".into()) }
    }
}

#[cfg(test)]
mod tests;

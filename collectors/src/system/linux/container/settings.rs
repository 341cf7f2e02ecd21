//! What can be set for `container`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::{Patterns, pair};

/// Settings of the group `container`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContainerSettings {
    /// Whether the services and scopes of systemd are exposed too, each as a container would be.
    pub units: bool,
    /// Control groups to expose, by their path; excludes `exclude`.
    pub include: String,
    /// Control groups to leave out, by their path.
    pub exclude: String,
    /// How many control groups are exposed at most; how many more there are is told.
    pub max: u32,
}

impl Default for ContainerSettings {
    fn default() -> Self {
        Self { units: false, include: String::new(), exclude: String::new(), max: 200 }
    }
}

impl ContainerSettings {
    pub(super) fn ids(&self) -> Patterns<'_> {
        Patterns::new(&self.include, &self.exclude, "")
    }
}

impl Check for ContainerSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("include", &self.include), ("exclude", &self.exclude));
        if self.max == 0 {
            at.key("max").wrong("nothing would be exposed; to turn the group off, name it in `disable`");
        }
    }
}

//! What can be set for `netdev`, on any operating system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::{Patterns, pair};

/// Settings of the group `netdev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetDevSettings {
    /// Interfaces to expose; excludes `device_exclude`.
    pub device_include: String,
    /// Interfaces to leave out.
    pub device_exclude: String,
    /// Ask the kernel through netlink, which knows more counters, instead of reading `/proc/net/dev`.
    pub netlink: bool,
}

impl Default for NetDevSettings {
    fn default() -> Self {
        Self { device_include: String::new(), device_exclude: String::new(), netlink: true }
    }
}

impl NetDevSettings {
    pub(in crate::system) fn devices(&self) -> Patterns<'_> {
        Patterns::new(&self.device_include, &self.device_exclude, "")
    }
}

impl Check for NetDevSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

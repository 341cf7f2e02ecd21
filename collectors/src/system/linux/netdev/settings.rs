//! What can be set for `netdev`, on any operating system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::{Patterns, pair};

/// Settings of the group `netdev`.
#[allow(clippy::struct_excessive_bools)] // as upstream's flags are
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetDevSettings {
    /// Interfaces to expose; excludes `device_exclude`.
    #[schemars(extend("x-old-flag" = "collector.netdev.device-whitelist"))]
    pub device_include: String,
    /// Interfaces to leave out.
    #[schemars(extend("x-old-flag" = "collector.netdev.device-blacklist"))]
    pub device_exclude: String,
    /// Ask the kernel through netlink, which knows more counters, instead of reading `/proc/net/dev`.
    pub netlink: bool,
    /// Expose the addresses of each interface.
    pub address_info: bool,
    /// Give each series the alias that the administrator has set for its interface.
    pub label_ifalias: bool,
    /// Expose every counter that the kernel has, under its own name, instead of the sums of `/proc/net/dev`.
    pub enable_detailed_metrics: bool,
}

impl Default for NetDevSettings {
    fn default() -> Self {
        Self {
            device_include: String::new(),
            device_exclude: String::new(),
            netlink: true,
            address_info: false,
            label_ifalias: false,
            enable_detailed_metrics: false,
        }
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

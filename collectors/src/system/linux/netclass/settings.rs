//! What can be set for `netclass`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::{or_default, pattern};

/// Settings of the group `netclass`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetClassSettings {
    /// Interfaces to leave out.
    pub ignored_devices: String,
    /// Leave out a speed below 0, which drivers give that do not know it.
    pub ignore_invalid_speed: bool,
    /// Ask the kernel through netlink, which is easier on it where there are many interfaces, instead of reading
    /// `/sys/class/net`.
    pub netlink: bool,
    /// With `netlink`: tell what the interfaces have sent and received too, in place of the group `netdev`.
    #[schemars(extend("x-flag" = "collector.netclass_rtnl.with-stats"))]
    pub rtnl_with_stats: bool,
}

impl NetClassSettings {
    pub(super) fn ignored(&self) -> &str {
        or_default(&self.ignored_devices, "^$")
    }
}

impl Check for NetClassSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "ignored_devices", &self.ignored_devices);
    }
}

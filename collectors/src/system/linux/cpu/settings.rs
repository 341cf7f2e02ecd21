//! What can be set for `cpu`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::pattern;

/// Settings of the group `cpu`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CpuSettings {
    /// Expose the time spent in guests, which `user` and `nice` contain too.
    pub guest: bool,
    /// Expose what `/proc/cpuinfo` says of each CPU.
    pub info: bool,
    /// Of the first CPU's flags, expose those that match; implies `info`.
    #[schemars(extend("x-flag" = "collector.cpu.info.flags-include"))]
    pub info_flags_include: String,
    /// Of the first CPU's bugs, expose those that match; implies `info`.
    #[schemars(extend("x-flag" = "collector.cpu.info.bugs-include"))]
    pub info_bugs_include: String,
}

impl Default for CpuSettings {
    fn default() -> Self {
        let (info_flags_include, info_bugs_include) = (String::new(), String::new());
        Self { guest: true, info: false, info_flags_include, info_bugs_include }
    }
}

impl CpuSettings {
    pub(super) fn wants_info(&self) -> bool {
        self.info || !self.info_flags_include.is_empty() || !self.info_bugs_include.is_empty()
    }
}

impl Check for CpuSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "info_flags_include", &self.info_flags_include);
        pattern(at, "info_bugs_include", &self.info_bugs_include);
    }
}

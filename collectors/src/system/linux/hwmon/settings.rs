//! What can be set for `hwmon`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::{Patterns, pair};

/// Settings of the group `hwmon`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HwMonSettings {
    /// Chips to expose; excludes `chip_exclude`.
    pub chip_include: String,
    /// Chips to leave out.
    pub chip_exclude: String,
    /// Sensors to expose, as `<chip>;<sensor>`; excludes `sensor_exclude`.
    pub sensor_include: String,
    /// Sensors to leave out, as `<chip>;<sensor>`.
    pub sensor_exclude: String,
}

impl HwMonSettings {
    pub(super) fn chips(&self) -> Patterns<'_> {
        Patterns::new(&self.chip_include, &self.chip_exclude, "")
    }

    pub(super) fn sensors(&self) -> Patterns<'_> {
        Patterns::new(&self.sensor_include, &self.sensor_exclude, "")
    }
}

impl Check for HwMonSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("chip_include", &self.chip_include), ("chip_exclude", &self.chip_exclude));
        pair(at, ("sensor_include", &self.sensor_include), ("sensor_exclude", &self.sensor_exclude));
    }
}

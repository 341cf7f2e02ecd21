//! `powersupplyclass`: batteries and what charges them.
//!
//! `/sys/class/power_supply/<supply>` (the kernel's ABI/testing/sysfs-class-power): voltages, currents, charges,
//! energies and powers in millionths, temperatures in tenths of a degree. A supply has some of the files.

mod files;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use vigie_pipeline::check::{Check, Place};

use regex::Regex;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::Attributes;
use super::class::{Class, Texts};
use crate::system::config::Roots;
use crate::system::filter::{or_default, pattern};

static INFO: Family =
    Family::gauge("node_power_supply_info", "info of /sys/class/power_supply/<power_supply>.");

/// The files that are labels of their own name.
const TEXTS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
];

/// Settings of the group `powersupplyclass`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PowerSupplyClassSettings {
    /// Supplies to leave out.
    #[schemars(extend("x-flag" = "collector.powersupply.ignored-supplies"))]
    pub ignored_supplies: String,
}

impl Check for PowerSupplyClassSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "ignored_supplies", &self.ignored_supplies);
    }
}

pub(super) struct PowerSupplyClass {
    supplies: Class<Supply>,
    ignored: Regex,
}

struct Supply {
    numbers: Attributes,
    texts: Texts<{ TEXTS.len() }>,
}

impl PowerSupplyClass {
    pub(super) fn new(roots: &Roots, settings: &PowerSupplyClassSettings) -> Result<Self, Error> {
        let ignored = Regex::new(or_default(&settings.ignored_supplies, "^$"))?;
        Ok(Self { supplies: Class::new(roots.sysfs.join("class/power_supply")), ignored })
    }
}

impl Supply {
    fn new(_: &str, dir: &Path) -> Self {
        Self { numbers: Attributes::new(dir, &files::FILES), texts: Texts::new(dir, TEXTS) }
    }
}

impl Sampler for PowerSupplyClass {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.supplies.each(
            |name| !self.ignored.is_match(name),
            Supply::new,
            |name, supply, buffer| {
                let labels = page.labels(&[("power_supply", name)]);
                supply.numbers.write(page, labels, buffer);
                let texts = supply.texts.read_or_empty(buffer);
                let mut labels = vec![("power_supply", name)];
                labels.extend(TEXTS.iter().zip(&texts).map(|(label, text)| (*label, text.as_str())));
                let labels = page.labels(&labels);
                page.set(&INFO, labels, 1.0);
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_battery_is_told_in_base_units() {
        let host = Fixture::new()
            .with("sys/class/power_supply/BAT0/voltage_now", "11660000\n")
            .with("sys/class/power_supply/BAT0/temp", "298\n")
            .with("sys/class/power_supply/BAT0/cycle_count", "7\n")
            .with("sys/class/power_supply/BAT0/status", "Full\n")
            .with("sys/class/power_supply/AC/online", "1\n");
        let settings = PowerSupplyClassSettings { ignored_supplies: "^AC".into() };
        let (series, result) = host.sample(&mut PowerSupplyClass::new(host.roots(), &settings).unwrap());
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:?}");
        has("node_power_supply_voltage_volt{power_supply=\"BAT0\"} 11.66");
        has("node_power_supply_temp_celsius{power_supply=\"BAT0\"} 29.8");
        has("node_power_supply_cyclecount{power_supply=\"BAT0\"} 7");
        has("node_power_supply_info{power_supply=\"BAT0\",status=\"Full\"} 1");
        assert_eq!(series.len(), 4);
    }

    survives_any_bytes!("sys/class/power_supply/BAT0/voltage_now", "11660000\n", host => {
        PowerSupplyClass::new(host.roots(), &PowerSupplyClassSettings::default()).unwrap()
    });
}

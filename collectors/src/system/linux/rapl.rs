//! `rapl`: energy that the CPUs and the memory have used.
//!
//! Each zone of `/sys/class/powercap` with `energy_uj` (the kernel's power/powercap/powercap.rst) has a counter in
//! microjoules; its name is `package-0`, `core`, `dram` … Since Linux 5.10 only root may read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use vigie_pipeline::check::{Check, Place};

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, NoData, Sampler};

use super::class::{Class, text};
use super::file::SmallFile;
use super::parse;
use crate::system::config::Roots;

static JOULES: Family = Family::counter("node_rapl_joules_total", "Current RAPL value in joules");

const MICROJOULE: f64 = 1e6;

/// Settings of the group `rapl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RaplSettings {
    /// Expose one metric with the zone as a label in place of a metric for each kind of zone.
    pub enable_zone_label: bool,
}

impl Check for RaplSettings {
    fn check(&self, _: &mut Place<'_>) {}
}

pub(super) struct Rapl {
    zones: Class<Zone>,
    zone_label: bool,
    families: HashMap<String, Arc<Family>>,
}

struct Zone {
    path: String,
    /// The name without its number, and the number if it has one.
    name: String,
    index: Option<String>,
    energy: SmallFile,
}

impl Rapl {
    pub(super) fn new(roots: &Roots, settings: &RaplSettings) -> Self {
        let zones = Class::new(roots.sysfs.join("class/powercap"));
        Self { zones, zone_label: settings.enable_zone_label, families: HashMap::new() }
    }
}

impl Zone {
    fn new(_: &str, dir: &Path) -> Self {
        let said = text(&mut SmallFile::new(dir.join("name")), &mut Vec::new()).unwrap_or_default();
        let numbered = said.rsplit_once('-').filter(|(_, number)| parse::whole(number.as_bytes()).is_some());
        let (name, index) = numbered.map_or((said.as_str(), None), |(name, number)| (name, Some(number)));
        Self {
            path: dir.to_string_lossy().into_owned(),
            name: name.replace('-', "_"),
            index: index.map(str::to_owned),
            energy: SmallFile::new(dir.join("energy_uj")),
        }
    }
}

impl Sampler for Rapl {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let (zone_label, families) = (self.zone_label, &mut self.families);
        let mut seen: HashMap<String, usize> = HashMap::new();
        self.zones.each(
            |name| name.contains("-rapl"),
            Zone::new,
            |_, zone, buffer| {
                let Some(energy) = zone.energy.number(buffer).filter(|_| !zone.name.is_empty()) else {
                    return;
                };
                // A zone without a number is counted among those of its name.
                let nth = seen.entry(zone.name.clone()).or_default();
                let index = zone.index.clone().unwrap_or_else(|| nth.to_string());
                *nth += 1;
                let joules = energy / MICROJOULE;
                if zone_label {
                    let labels =
                        page.labels(&[("index", &index), ("path", &zone.path), ("rapl_zone", &zone.name)]);
                    page.set(&JOULES, labels, joules);
                } else {
                    let labels = page.labels(&[("index", &index), ("path", &zone.path)]);
                    let family =
                        families.entry(zone.name.clone()).or_insert_with(|| Arc::new(family(&zone.name)));
                    page.set(&*family, labels, joules);
                }
            },
        )?;
        if page.is_empty() { Err(NoData("no energy may be read".to_owned()).into()) } else { Ok(()) }
    }
}

fn family(zone: &str) -> Family {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = zone.chars().map(allowed).collect();
    let help = format!("Current RAPL {zone} value in joules");
    Family::met(format!("node_rapl_{name}_joules_total"), Kind::Counter, help)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn each_zone_has_its_energy() {
        let host = Fixture::new()
            .with("sys/class/powercap/intel-rapl/enabled", "1\n")
            .with("sys/class/powercap/intel-rapl:0/name", "package-1\n")
            .with("sys/class/powercap/intel-rapl:0/energy_uj", "240422366267\n")
            .with("sys/class/powercap/intel-rapl:0:0/name", "core\n")
            .with("sys/class/powercap/intel-rapl:0:0/energy_uj", "500000\n");
        let dir = host.path().join("sys/class/powercap").display().to_string();
        let (series, result) = host.sample(&mut Rapl::new(host.roots(), &RaplSettings::default()));
        result.unwrap();
        let package = format!(
            "node_rapl_package_joules_total{{index=\"1\",path=\"{dir}/intel-rapl:0\"}} 240422.366267"
        );
        let core = format!("node_rapl_core_joules_total{{index=\"0\",path=\"{dir}/intel-rapl:0:0\"}} 0.5");
        assert!(series.contains(&package) && series.contains(&core), "{series:?}");
        let (series, _) =
            host.sample(&mut Rapl::new(host.roots(), &RaplSettings { enable_zone_label: true }));
        assert!(
            series
                .iter()
                .all(|line| line.starts_with("node_rapl_joules_total{") && line.contains("rapl_zone="))
        );
    }

    survives_any_bytes!("sys/class/powercap/intel-rapl:0/name", "package-0\n", host => {
        host.write("sys/class/powercap/intel-rapl:0/energy_uj", "1");
        Rapl::new(host.roots(), &RaplSettings::default())
    });
}

//! `infiniband`: the InfiniBand and RoCE adapters and their ports.
//!
//! `/sys/class/infiniband/<device>/ports/<port>` (the kernel's ABI/stable/sysfs-class-infiniband), whose counts stand in
//! directories of their own ([`counters`]).

mod counters;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::counters::COUNTERS;
use super::attributes::Attributes;
use super::class::{Class, Texts, text};
use super::file::{SmallFile, names_in};
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::{Filter, Patterns, pair};

static INFO: Family = Family::gauge(
    "node_infiniband_info",
    "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
);
static STATE: Family = Family::gauge(
    "node_infiniband_state_id",
    "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)",
);
static PHYSICAL_STATE: Family = Family::gauge(
    "node_infiniband_physical_state_id",
    "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)",
);
static RATE: Family = Family::gauge("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate");

/// Settings of the group `infiniband`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InfiniBandSettings {
    /// Adapters to expose; excludes `device_exclude`.
    pub device_include: String,
    /// Adapters to leave out.
    pub device_exclude: String,
}

impl Check for InfiniBandSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

pub(super) struct InfiniBand {
    devices: Class<Device>,
    filter: Filter,
}

struct Device {
    texts: Texts<3>,
    ports: Vec<Port>,
}

struct Port {
    number: String,
    counters: Attributes,
    state: SmallFile,
    physical_state: SmallFile,
    rate: SmallFile,
}

impl InfiniBand {
    pub(super) fn new(roots: &Roots, settings: &InfiniBandSettings) -> Result<Self, Error> {
        Ok(Self {
            devices: Class::new(roots.sysfs.join("class/infiniband")),
            filter: Filter::new(Patterns::new(&settings.device_include, &settings.device_exclude, ""))?,
        })
    }
}

impl Device {
    fn new(_: &str, dir: &Path) -> Self {
        let ports = names_in(&dir.join("ports")).unwrap_or_default();
        Self {
            texts: Texts::new(dir, ["board_id", "fw_ver", "hca_type"]),
            ports: ports.iter().map(|number| Port::new(number, &dir.join("ports").join(number))).collect(),
        }
    }
}

impl Port {
    fn new(number: &str, dir: &Path) -> Self {
        Self {
            number: number.to_owned(),
            counters: Attributes::new(dir, &COUNTERS),
            state: SmallFile::new(dir.join("state")),
            physical_state: SmallFile::new(dir.join("phys_state")),
            rate: SmallFile::new(dir.join("rate")),
        }
    }

    fn write(&mut self, page: &mut Page, device: &str, buffer: &mut Vec<u8>) {
        let labels = page.labels(&[("device", device), ("port", &self.number)]);
        for (file, family) in [(&mut self.state, &STATE), (&mut self.physical_state, &PHYSICAL_STATE)] {
            if let Some(state) = text(file, buffer).as_deref().and_then(state) {
                page.set(family, labels, state);
            }
        }
        if let Some(rate) = text(&mut self.rate, buffer).as_deref().and_then(rate) {
            page.set(&RATE, labels, rate);
        }
        self.counters.write(page, labels, buffer);
    }
}

impl Sampler for InfiniBand {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let Self { devices, filter } = self;
        devices.each(
            |name| filter.wants(name),
            Device::new,
            |name, device, buffer| {
                let [board, firmware, adapter] = device.texts.read_or_empty(buffer);
                let labels = page.full_labels(&[
                    ("board_id", &board),
                    ("device", name),
                    ("firmware_version", &firmware),
                    ("hca_type", &adapter),
                ]);
                page.set(&INFO, labels, 1.0);
                for port in &mut device.ports {
                    port.write(page, name, buffer);
                }
            },
        )
    }
}

/// `4: ACTIVE`
fn state(text: &str) -> Option<f64> {
    parse::number(text.split_once(':')?.0.trim().as_bytes())
}

/// `40 Gb/sec (4X QDR)`, in bytes per second.
fn rate(text: &str) -> Option<f64> {
    let gigabits = text.split_once(" Gb/sec")?.0;
    Some(parse::number(gigabits.trim().as_bytes())? * 1e9 / 8.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_port_has_states_a_rate_and_counts() {
        let port = |file: &str| format!("sys/class/infiniband/mlx4_0/ports/1/{file}");
        let host = Fixture::new()
            .with("sys/class/infiniband/mlx4_0/fw_ver", "2.31\n")
            .with(&port("state"), "4: ACTIVE\n")
            .with(&port("rate"), "2.5 Gb/sec (1X SDR)\n")
            .with(&port("counters/port_rcv_data"), "10\n")
            .with(&port("counters/port_rcv_errors"), "N/A (no PMA)\n")
            .with(&port("hw_counters/lifespan"), "10\n")
            .with("sys/class/infiniband/mlx5_0/fw_ver", "1\n");
        let settings = InfiniBandSettings { device_exclude: "mlx5".into(), ..InfiniBandSettings::default() };
        let (series, result) = host.sample(&mut InfiniBand::new(host.roots(), &settings).unwrap());
        result.unwrap();
        let labels = "{device=\"mlx4_0\",port=\"1\"}";
        assert_eq!(
            series[1..],
            [
                format!("node_infiniband_state_id{labels} 4"),
                format!("node_infiniband_rate_bytes_per_second{labels} 312500000"),
                format!("node_infiniband_port_data_received_bytes_total{labels} 40"),
                format!("node_infiniband_lifespan_seconds{labels} 0.01"),
            ]
        );
    }

    survives_any_bytes!("sys/class/infiniband/mlx4_0/ports/1/rate", "40 Gb/sec (4X QDR)\n", host => {
        InfiniBand::new(host.roots(), &InfiniBandSettings::default()).unwrap()
    });
}

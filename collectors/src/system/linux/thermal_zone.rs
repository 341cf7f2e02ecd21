//! `thermal_zone`: temperatures of zones, and what cools them.
//!
//! `/sys/class/thermal` (the kernel's driver-api/thermal/sysfs-api.rst): `thermal_zone<N>/temp` in thousandths of a
//! degree, `cooling_device<N>/cur_state` and `max_state`.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::{Attribute, Attributes};
use super::class::{Class, Texts, is_numbered};
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static ZONE: [Attribute; 1] = [
    Attribute::scaled("temp", Family::gauge("node_thermal_zone_temp", "Zone temperature in Celsius"), 1e-3),
];

#[rustfmt::skip] // one line each, however long
static COOLING: [Attribute; 2] = [
    Attribute::plain("cur_state", Family::gauge("node_cooling_device_cur_state", "Current throttle state of the cooling device")),
    Attribute::plain("max_state", Family::gauge("node_cooling_device_max_state", "Maximum throttle state of the cooling device")),
];

/// What a device of the class is called, and the label that its number is.
const KINDS: [(&str, &str, &[Attribute]); 2] =
    [("thermal_zone", "zone", &ZONE), ("cooling_device", "name", &COOLING)];

pub(super) struct ThermalZone {
    devices: Class<Device>,
}

struct Device {
    label: &'static str,
    number: String,
    kind: Texts<1>,
    numbers: Attributes,
}

impl ThermalZone {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { devices: Class::new(roots.sysfs.join("class/thermal")) }
    }
}

impl Device {
    fn new(name: &str, dir: &Path) -> Self {
        let [zone, cooling] = KINDS;
        let (prefix, label, table) = if name.starts_with(zone.0) { zone } else { cooling };
        Self {
            label,
            number: name[prefix.len()..].to_owned(),
            kind: Texts::new(dir, ["type"]),
            numbers: Attributes::new(dir, table),
        }
    }
}

impl Sampler for ThermalZone {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.devices.each(
            |name| KINDS.iter().any(|(prefix, ..)| is_numbered(name, prefix)),
            Device::new,
            |_, device, buffer| {
                let [kind] = device.kind.read_or_empty(buffer);
                let labels = page.labels(&[(device.label, &device.number), ("type", &kind)]);
                device.numbers.write(page, labels, buffer);
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
    fn zones_are_in_degrees_and_coolers_in_steps() {
        let host = Fixture::new()
            .with("sys/class/thermal/thermal_zone3/temp", "12376\n")
            .with("sys/class/thermal/thermal_zone3/type", "x86_pkg_temp\n")
            .with("sys/class/thermal/cooling_device0/cur_state", "1\n")
            .with("sys/class/thermal/cooling_device0/type", "Processor\n");
        let (series, result) = host.sample(&mut ThermalZone::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_cooling_device_cur_state{name=\"0\",type=\"Processor\"} 1",
                "node_thermal_zone_temp{zone=\"3\",type=\"x86_pkg_temp\"} 12.376"
            ]
        );
    }

    survives_any_bytes!("sys/class/thermal/thermal_zone0/type", "acpitz\n", host => {
        host.write("sys/class/thermal/thermal_zone0/temp", "1");
        ThermalZone::new(host.roots())
    });
}

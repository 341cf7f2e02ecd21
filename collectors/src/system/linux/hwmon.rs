//! `hwmon`: temperatures, voltages, fans and what else the hardware monitors.
//!
//! `/sys/class/hwmon/hwmon<N>` is a chip; its sensors' files are in it, or with old drivers in its `device`
//! (the kernel's hwmon/sysfs-interface.rst). Which files a chip has is found out when it is first met. The number of a
//! chip changes from boot to boot, so its label is made of the device's path, or else of its name.

mod sensor;
mod settings;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::sensor::{FileName, clean};
pub(super) use self::settings::HwMonSettings;
use super::class::{Class, text};
use super::file::{SmallFile, names_in};
use crate::system::config::Roots;
use crate::system::filter::Filter;

static CHIP_NAMES: Family =
    Family::gauge("node_hwmon_chip_names", "Annotation metric for human-readable chip names");
static SENSOR_LABEL: Family = Family::gauge("node_hwmon_sensor_label", "Label for given chip and sensor");

pub(super) struct HwMon {
    chips: Class<Option<Chip>>,
    filters: Filters,
    /// Of all chips, so that they share families; as many as there are kinds and properties.
    families: HashMap<String, Arc<Family>>,
}

struct Filters {
    chips: Filter,
    sensors: Filter,
}

struct Chip {
    label: String,
    name: Option<String>,
    /// Sensor and label of those that have one.
    sensor_labels: Vec<(String, String)>,
    values: Vec<Value>,
}

/// One file that holds a number.
struct Value {
    sensor: String,
    family: Arc<Family>,
    unit: f64,
    file: SmallFile,
}

impl HwMon {
    pub(super) fn new(roots: &Roots, settings: &HwMonSettings) -> Result<Self, Error> {
        let filters =
            Filters { chips: Filter::new(settings.chips())?, sensors: Filter::new(settings.sensors())? };
        Ok(Self { chips: Class::new(roots.sysfs.join("class/hwmon")), filters, families: HashMap::new() })
    }
}

impl Sampler for HwMon {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let (filters, families) = (&self.filters, std::cell::RefCell::new(&mut self.families));
        self.chips.each(
            |_| true,
            |_, dir| Chip::new(dir, filters, &mut families.borrow_mut()),
            |_, chip, buffer| {
                if let Some(chip) = chip {
                    chip.write(page, buffer);
                }
            },
        )
    }
}

impl Chip {
    /// `None` for one that is not wanted.
    fn new(dir: &Path, filters: &Filters, families: &mut HashMap<String, Arc<Family>>) -> Option<Self> {
        let mut buffer = Vec::new();
        let name = text(&mut SmallFile::new(dir.join("name")), &mut buffer).filter(|name| !name.is_empty());
        let label = chip_label(dir, name.as_deref());
        if !filters.chips.wants(&label) {
            return None;
        }
        let mut chip = Self { label, name, sensor_labels: Vec::new(), values: Vec::new() };
        for dir in [dir.to_owned(), dir.join("device")] {
            chip.find_sensors(&dir, filters, families, &mut buffer);
        }
        Some(chip)
    }

    fn find_sensors(
        &mut self,
        dir: &Path,
        filters: &Filters,
        families: &mut HashMap<String, Arc<Family>>,
        buffer: &mut Vec<u8>,
    ) {
        let files = names_in(dir).unwrap_or_default();
        let label_of = |sensor: &str, buffer: &mut Vec<u8>| {
            text(&mut SmallFile::new(dir.join(format!("{sensor}_label"))), buffer)
                .filter(|label| !label.is_empty())
        };
        for file in &files {
            let Some(name) = FileName::parse(file) else { continue };
            if !filters.sensors.wants(&format!("{};{}", self.label, name.sensor)) {
                continue;
            }
            if name.property == "label" {
                let label = label_of(name.sensor, buffer);
                self.sensor_labels.extend(label.map(|label| (name.sensor.to_owned(), label)));
                continue;
            }
            let (family, unit) = name.metric(files.iter().any(|other| other == name.sensor));
            let family = families.entry(family.name.to_string()).or_insert_with(|| Arc::new(family)).clone();
            // A frequency is known by what it is of.
            let of = (name.kind == "freq" && name.property == "input").then(|| label_of(name.sensor, buffer));
            let sensor = of.flatten().unwrap_or_else(|| name.sensor.to_owned());
            self.values.push(Value { sensor, family, unit, file: SmallFile::new(dir.join(file)) });
        }
    }

    fn write(&mut self, page: &mut Page, buffer: &mut Vec<u8>) {
        if let Some(name) = &self.name {
            let labels = page.labels(&[("chip", &self.label), ("chip_name", name)]);
            page.set(&CHIP_NAMES, labels, 1.0);
        }
        for (sensor, label) in &self.sensor_labels {
            let labels = page.labels(&[("chip", &self.label), ("label", label), ("sensor", sensor)]);
            page.set(&SENSOR_LABEL, labels, 1.0);
        }
        for value in &mut self.values {
            if let Some(number) = value.file.number(buffer) {
                let labels = page.labels(&[("chip", &self.label), ("sensor", &value.sensor)]);
                page.set(&value.family, labels, number * value.unit);
            }
        }
    }
}

/// `platform_coretemp_0`: bus and name of the device, and the chip's name besides where the device has several chips.
fn chip_label(dir: &Path, name: Option<&str>) -> String {
    let device = std::fs::canonicalize(dir.join("device")).ok();
    let of_device = device.as_deref().and_then(|device| {
        let part = |path: &Path| Some(clean(path.file_name()?.to_str()?)).filter(|part| !part.is_empty());
        let (bus, device_name) = (part(device.parent()?)?, part(device)?);
        let chips = names_in(&device.join("hwmon")).map_or(0, |names| names.len());
        Some(match name {
            Some(name) if chips > 1 => format!("{bus}_{device_name}_{}", clean(name)),
            _ => format!("{bus}_{device_name}"),
        })
    });
    let of_name = || name.map(clean).filter(|name| !name.is_empty());
    let of_dir = || dir.file_name().map(|name| clean(&name.to_string_lossy())).unwrap_or_default();
    of_device.or_else(of_name).unwrap_or_else(of_dir)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    fn host() -> Fixture {
        Fixture::new()
            .with("sys/class/hwmon/hwmon1/name", "nct6779\n")
            .with("sys/class/hwmon/hwmon1/temp1_input", "55000\n")
            .with("sys/class/hwmon/hwmon1/temp1_label", "Core 0\n")
            .with("sys/class/hwmon/hwmon1/fan1_input", "N/A\n")
            .with("sys/class/hwmon/hwmon2/freq1_input", "214000000\n")
            .with("sys/class/hwmon/hwmon2/freq1_label", "sclk\n")
    }

    fn series(settings: &HwMonSettings) -> Vec<String> {
        let host = host();
        let (series, result) = host.sample(&mut HwMon::new(host.roots(), settings).unwrap());
        result.unwrap();
        series
    }

    #[test]
    fn sensors_come_by_chip() {
        assert_eq!(
            series(&HwMonSettings::default()),
            [
                "node_hwmon_chip_names{chip=\"nct6779\",chip_name=\"nct6779\"} 1",
                "node_hwmon_sensor_label{chip=\"nct6779\",label=\"Core 0\",sensor=\"temp1\"} 1",
                "node_hwmon_sensor_label{chip=\"hwmon2\",label=\"sclk\",sensor=\"freq1\"} 1",
                "node_hwmon_temp_celsius{chip=\"nct6779\",sensor=\"temp1\"} 55",
                "node_hwmon_freq_freq_mhz{chip=\"hwmon2\",sensor=\"sclk\"} 214"
            ]
        );
    }

    #[test]
    fn chips_and_sensors_can_be_chosen() {
        let chips = HwMonSettings { chip_exclude: "^nct".into(), ..Default::default() };
        assert_eq!(series(&chips).len(), 2);
        let sensors = HwMonSettings { sensor_include: "^nct6779;temp1$".into(), ..Default::default() };
        assert_eq!(series(&sensors).len(), 3);
    }

    #[test]
    fn a_chip_is_called_by_its_device() {
        let host = Fixture::new().with("sys/devices/platform/coretemp.0/hwmon/hwmon0/name", "coretemp\n");
        let chip = host.path().join("sys/devices/platform/coretemp.0/hwmon/hwmon0");
        std::os::unix::fs::symlink("../../../coretemp.0", chip.join("device")).unwrap();
        assert_eq!(chip_label(&chip, Some("coretemp")), "platform_coretemp_0");
        let host = host.with("sys/devices/platform/coretemp.0/hwmon/hwmon1/name", "other\n");
        assert_eq!(chip_label(&chip, Some("coretemp")), "platform_coretemp_0_coretemp");
        drop(host);
    }

    survives_any_bytes!("sys/class/hwmon/hwmon1/temp1_label", "Core 0\n", host => {
        host.write("sys/class/hwmon/hwmon1/temp1_input", "1");
        HwMon::new(host.roots(), &HwMonSettings::default()).unwrap()
    });
}

//! `dmi`: what the firmware says of the machine.
//!
//! The files of `/sys/class/dmi/id` become labels of one metric, those that may be read: serial numbers are for root
//! alone. They do not change while the machine runs.

use std::path::PathBuf;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, NoData, Sampler};

use super::file::read_once;
use super::parse;
use crate::system::config::Roots;

static INFO: Family = Family::gauge(
    "node_dmi_info",
    "A metric with a constant '1' value labeled by bios_date, bios_release, bios_vendor, bios_version, board_asset_tag, board_name, board_serial, board_vendor, board_version, chassis_asset_tag, chassis_serial, chassis_vendor, chassis_version, product_family, product_name, product_serial, product_sku, product_uuid, product_version, system_vendor if provided by DMI.",
);

/// The label of each file, where it is not the file's own name.
const FILES: [(&str, &str); 20] = [
    ("bios_date", "bios_date"),
    ("bios_release", "bios_release"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_family", "product_family"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("sys_vendor", "system_vendor"),
];

pub(super) struct Dmi {
    dir: PathBuf,
    /// What was read, once there was something.
    labels: Vec<(&'static str, String)>,
}

impl Dmi {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { dir: roots.sysfs.join("class/dmi/id"), labels: Vec::new() }
    }

    fn read(&mut self) {
        let mut buffer = Vec::new();
        self.labels = FILES
            .iter()
            .filter_map(|(file, label)| {
                let text = read_once(&self.dir.join(file), &mut buffer).ok()?;
                Some((*label, parse::label(text.trim_ascii()).into_owned()))
            })
            .collect();
    }
}

impl Sampler for Dmi {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        if self.labels.is_empty() && self.dir.is_dir() {
            self.read();
        }
        if self.labels.is_empty() {
            return Err(NoData("the firmware tells nothing".to_owned()).into());
        }
        let labels: Vec<_> = self.labels.iter().map(|(label, text)| (*label, text.as_str())).collect();
        let labels = page.full_labels(&labels);
        page.set(&INFO, labels, 1.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn what_may_be_read_is_a_label() {
        let host = Fixture::new()
            .with("sys/class/dmi/id/sys_vendor", "Dell Inc.\n")
            .with("sys/class/dmi/id/chassis_version", "\n");
        let mut dmi = Dmi::new(host.roots());
        for _ in 0..2 {
            let (series, result) = host.sample(&mut dmi);
            result.unwrap();
            assert_eq!(series, ["node_dmi_info{chassis_version=\"\",system_vendor=\"Dell Inc.\"} 1"]);
        }
    }

    #[test]
    fn a_machine_without_firmware_tables_has_no_data() {
        let host = Fixture::new();
        assert!(host.sample(&mut Dmi::new(host.roots())).1.unwrap_err().is::<NoData>());
    }

    survives_any_bytes!("sys/class/dmi/id/sys_vendor", "Dell\n", host => Dmi::new(host.roots()));
}

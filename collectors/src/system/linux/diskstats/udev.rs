//! What udev knows of a block device: the file `b<major>:<minor>` in its data directory.
//!
//! Lines that begin with `E:` are the properties that `udevadm info` shows.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::super::parse;

static FILE_SYSTEM: Family = Family::gauge("node_disk_filesystem_info", "Info about disk filesystem.");
static DEVICE_MAPPER: Family =
    Family::gauge("node_disk_device_mapper_info", "Info about disk device mapper.");

/// Properties of an ATA disk that are numbers.
static ATA: [(&str, Family); 3] = [
    (
        "ID_ATA_ROTATION_RATE_RPM",
        Family::gauge("node_disk_ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs)."),
    ),
    ("ID_ATA_WRITE_CACHE", Family::gauge("node_disk_ata_write_cache", "ATA disk has a write cache.")),
    (
        "ID_ATA_WRITE_CACHE_ENABLED",
        Family::gauge("node_disk_ata_write_cache_enabled", "ATA disk has its write cache enabled."),
    ),
];

#[derive(Debug, Default)]
pub(super) struct Properties(Vec<(String, String)>);

impl Properties {
    pub(super) fn parse(text: &[u8]) -> Self {
        let properties = parse::lines(text).filter_map(|line| {
            let line = line.strip_prefix(b"E:")?;
            let equals = memchr::memchr(b'=', line)?;
            let (name, value) = (parse::label(&line[..equals]), parse::label(&line[equals + 1..]));
            Some((name.into_owned(), value.into_owned()))
        });
        Self(properties.collect())
    }

    /// A property's value, or nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What is printed on the disk, if it says so; virtual disks have the last one only.
    pub(super) fn serial(&self) -> &str {
        let serials = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"].map(|name| self.get(name));
        serials.into_iter().find(|serial| !serial.is_empty()).unwrap_or_default()
    }

    /// Writes what there is beyond the disk's own identity.
    pub(super) fn write(&self, page: &mut Page, device: &str) {
        if !self.get("ID_FS_TYPE").is_empty() {
            let labels = page.full_labels(&[
                ("device", device),
                ("type", self.get("ID_FS_TYPE")),
                ("usage", self.get("ID_FS_USAGE")),
                ("uuid", self.get("ID_FS_UUID")),
                ("version", self.get("ID_FS_VERSION")),
            ]);
            page.set(&FILE_SYSTEM, labels, 1.0);
        }
        if !self.get("DM_NAME").is_empty() {
            let labels = page.full_labels(&[
                ("device", device),
                ("lv_layer", self.get("DM_LV_LAYER")),
                ("lv_name", self.get("DM_LV_NAME")),
                ("name", self.get("DM_NAME")),
                ("uuid", self.get("DM_UUID")),
                ("vg_name", self.get("DM_VG_NAME")),
            ]);
            page.set(&DEVICE_MAPPER, labels, 1.0);
        }
        if !self.get("ID_ATA").is_empty() {
            let labels = page.labels(&[("device", device)]);
            for (name, family) in &ATA {
                if let Some(value) = parse::number(self.get(name).as_bytes()) {
                    page.set(family, labels, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::lines;
    use super::*;
    use proptest::prelude::*;

    fn series(text: &str) -> Vec<String> {
        let mut page = Page::default();
        Properties::parse(text.as_bytes()).write(&mut page, "sda");
        lines(&page)
    }

    #[test]
    fn a_file_system_a_mapping_and_an_ata_disk_are_described() {
        let text = "S:disk/by-id/x\nE:ID_FS_TYPE=ext4\nE:ID_FS_UUID=1-2\nE:DM_NAME=root\nE:DM_VG_NAME=vg\n\
                    E:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\nE:ID_ATA_ROTATION_RATE_RPM=unknown\n";
        assert_eq!(
            series(text),
            [
                "node_disk_filesystem_info{device=\"sda\",type=\"ext4\",usage=\"\",uuid=\"1-2\",version=\"\"} 1",
                "node_disk_device_mapper_info{device=\"sda\",lv_layer=\"\",lv_name=\"\",name=\"root\",uuid=\"\",\
                 vg_name=\"vg\"} 1",
                "node_disk_ata_write_cache{device=\"sda\"} 1"
            ]
        );
        assert!(series("E:ID_ATA_WRITE_CACHE=1\n").is_empty());
    }

    #[test]
    fn the_serial_on_the_label_comes_first() {
        let serial = |text: &str| Properties::parse(text.as_bytes()).serial().to_owned();
        assert_eq!(serial("E:ID_SERIAL=long\nE:ID_SERIAL_SHORT=short\n"), "short");
        assert_eq!(serial("E:SCSI_IDENT_SERIAL=label\nE:ID_SERIAL_SHORT=short\n"), "label");
        assert_eq!(serial("E:ID_SERIAL=only\n"), "only");
        assert_eq!(serial("N:sda\nE:broken\n"), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            Properties::parse(&text).write(&mut Page::default(), "x");
            Properties::parse(&[b"E:ID_FS_TYPE=", &text[..]].concat()).write(&mut Page::default(), "x");
        }
    }
}

//! `dmmultipath`: disks that are reached over several paths, and which of the paths work.
//!
//! A device `dm-<N>` in `/sys/block` whose `dm/uuid` begins with `mpath-` (the kernel's
//! ABI/testing/sysfs-block-dm); its paths are in `slaves`, the state of each is `/sys/block/<path>/device/state`.

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::class::{Class, Texts, is_numbered, text};
use super::file::{SmallFile, names_in};
use crate::system::config::Roots;

static INFO: Family =
    Family::gauge("node_dmmultipath_device_info", "Non-numeric information about a DM-multipath device.");
static ACTIVE: Family = Family::gauge(
    "node_dmmultipath_device_active",
    "Whether the multipath device-mapper device is active (1) or suspended (0).",
);
static SIZE: Family = Family::gauge(
    "node_dmmultipath_device_size_bytes",
    "Size of the multipath device in bytes, read from /sys/block/<dm>/size.",
);
static PATHS: Family =
    Family::gauge("node_dmmultipath_device_paths", "Number of paths for a multipath device.");
static PATHS_ACTIVE: Family = Family::gauge(
    "node_dmmultipath_device_paths_active",
    "Number of paths in active state (SCSI running or NVMe live) for a multipath device.",
);
static PATHS_FAILED: Family = Family::gauge(
    "node_dmmultipath_device_paths_failed",
    "Number of paths not in active state for a multipath device.",
);
static PATH_STATE: Family = Family::gauge(
    "node_dmmultipath_path_state",
    "Reports the underlying device state for a multipath path, as read from /sys/block/<dev>/device/state.",
);

const SECTOR: f64 = 512.0;

pub(super) struct DmMultipath {
    block: PathBuf,
    devices: Class<Device>,
}

struct Device {
    dir: PathBuf,
    texts: Texts<2>,
    suspended: SmallFile,
    size: SmallFile,
}

impl DmMultipath {
    pub(super) fn new(roots: &Roots) -> Self {
        let block = roots.sysfs.join("block");
        Self { devices: Class::new(&block), block }
    }
}

impl Device {
    fn new(_: &str, dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            texts: Texts::new(dir, ["dm/name", "dm/uuid"]),
            suspended: SmallFile::new(dir.join("dm/suspended")),
            size: SmallFile::new(dir.join("size")),
        }
    }

    fn write(&mut self, page: &mut Page, name: &str, block: &Path, buffer: &mut Vec<u8>) {
        let [device, uuid] = self.texts.read_or_empty(buffer);
        if !uuid.starts_with("mpath-") {
            return;
        }
        let labels = page.labels(&[("device", &device), ("sysfs_name", name), ("uuid", &uuid)]);
        page.set(&INFO, labels, 1.0);
        let labels = page.labels(&[("device", &device), ("sysfs_name", name)]);
        if let Some(suspended) = self.suspended.number(buffer) {
            page.set(&ACTIVE, labels, f64::from(suspended == 0.0));
        }
        if let Some(sectors) = self.size.number(buffer) {
            page.set(&SIZE, labels, sectors * SECTOR);
        }
        let (mut paths, mut active) = (0_u32, 0_u32);
        for path in names_in(&self.dir.join("slaves")).unwrap_or_default() {
            let state = text(&mut SmallFile::new(block.join(&path).join("device/state")), buffer);
            let state = state.unwrap_or_else(|| "unknown".to_owned());
            paths += 1;
            // SCSI says `running`, NVMe `live`.
            active += u32::from(state == "running" || state == "live");
            let labels = page.labels(&[("device", &device), ("path", &path), ("state", &state)]);
            page.set(&PATH_STATE, labels, 1.0);
        }
        page.set(&PATHS, labels, f64::from(paths));
        page.set(&PATHS_ACTIVE, labels, f64::from(active));
        page.set(&PATHS_FAILED, labels, f64::from(paths - active));
    }
}

impl Sampler for DmMultipath {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let block = &self.block;
        self.devices.each(
            |name| is_numbered(name, "dm-"),
            Device::new,
            |name, device, buffer| device.write(page, name, block, buffer),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn paths_that_do_not_work_are_counted() {
        let host = Fixture::new()
            .with("sys/block/dm-5/dm/name", "mpathA\n")
            .with("sys/block/dm-5/dm/uuid", "mpath-3600\n")
            .with("sys/block/dm-5/dm/suspended", "1\n")
            .with("sys/block/dm-5/size", "8\n")
            .with("sys/block/dm-5/slaves/sdi/dev", "")
            .with("sys/block/dm-5/slaves/sdj/dev", "")
            .with("sys/block/sdi/device/state", "running\n")
            .with("sys/block/sdj/device/state", "offline\n")
            .with("sys/block/dm-6/dm/uuid", "LVM-x\n");
        let (series, result) = host.sample(&mut DmMultipath::new(host.roots()));
        result.unwrap();
        let of = |name: &str, value: u32| {
            format!("node_dmmultipath_device_{name}{{device=\"mpathA\",sysfs_name=\"dm-5\"}} {value}")
        };
        assert_eq!(series[1..3], [of("active", 0), of("size_bytes", 4096)]);
        assert_eq!(series[5..], [of("paths", 2), of("paths_active", 1), of("paths_failed", 1)]);
        assert!(
            series[4]
                .starts_with("node_dmmultipath_path_state{device=\"mpathA\",path=\"sdj\",state=\"offline\"}")
        );
    }

    survives_any_bytes!("sys/block/dm-5/dm/uuid", "mpath-3600\n", host => DmMultipath::new(host.roots()));
}

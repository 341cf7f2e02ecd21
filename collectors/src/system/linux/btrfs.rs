//! `btrfs`: how btrfs file systems use their devices.
//!
//! `/sys/fs/btrfs/<uuid>` (the kernel's fs/btrfs/sysfs.c): `allocation/<type>/<profile>` for each kind of block group,
//! `devices`, and `commit_stats` since Linux 5.19. Of one that is mounted, the devices are told by itself ([`devices`]).

mod devices;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::devices::{Device, ERRORS, Mounted};
use super::attributes::in_unit;
use super::class::{Class, Texts};
use super::file::{SmallFile, names_in};
use super::parse;
use crate::system::config::Roots;

static INFO: Family = Family::gauge("node_btrfs_info", "Filesystem information");
static GLOBAL_RESERVE: Family = Family::gauge("node_btrfs_global_rsv_size_bytes", "Size of global reserve.");
static DEVICE_SIZE: Family =
    Family::gauge("node_btrfs_device_size_bytes", "Size of a device that is part of the filesystem.");
static DEVICE_UNUSED: Family = Family::gauge(
    "node_btrfs_device_unused_bytes",
    "Unused bytes unused on a device that is part of the filesystem.",
);
static DEVICE_ERRORS: Family =
    Family::counter("node_btrfs_device_errors_total", "Errors reported for the device");
static RESERVED: Family =
    Family::gauge("node_btrfs_reserved_bytes", "Amount of space reserved for a data type");
static USED: Family = Family::gauge("node_btrfs_used_bytes", "Amount of used space by a layout/data type");
static SIZE: Family =
    Family::gauge("node_btrfs_size_bytes", "Amount of space allocated for a layout/data type");
static RATIO: Family =
    Family::gauge("node_btrfs_allocation_ratio", "Data allocation ratio for a layout/data type");

#[rustfmt::skip] // one line each, however long
static COMMITS: [(&[u8], Family, f64); 4] = [
    (b"commits", Family::counter("node_btrfs_commits_total", "The total number of commits that have occurred."), 1.0),
    (b"last_commit_ms", Family::gauge("node_btrfs_last_commit_seconds", "Duration of the most recent commit, in seconds."), 1e-3),
    (b"max_commit_ms", Family::gauge("node_btrfs_max_commit_seconds", "Duration of the slowest commit, in seconds."), 1e-3),
    (b"total_commit_ms", Family::counter("node_btrfs_commit_seconds_total", "Sum of the duration of all commits, in seconds."), 1e-3),
];

const SECTOR: f64 = 512.0;
const TYPES: [&str; 3] = ["data", "metadata", "system"];

pub(super) struct Btrfs {
    file_systems: Class<FileSystem>,
    mounted: Mounted,
}

struct FileSystem {
    dir: PathBuf,
    label: Texts<1>,
    reserve: SmallFile,
    commits: SmallFile,
}

impl Btrfs {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file_systems: Class::new(roots.sysfs.join("fs/btrfs")), mounted: Mounted::new(roots) }
    }
}

impl Sampler for Btrfs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let Self { file_systems, mounted } = self;
        // Asked for only where there is such a file system.
        let mut known: Option<HashMap<String, Vec<Device>>> = None;
        file_systems.each(
            // What the module can do, and its own settings.
            |name| name != "features" && name != "debug",
            FileSystem::new,
            |uuid, file_system, buffer| {
                let known = known.get_or_insert_with(|| mounted.devices().unwrap_or_default());
                file_system.write(page, uuid, known.get(uuid).map(Vec::as_slice), buffer);
            },
        )
    }
}

impl FileSystem {
    fn new(_: &str, dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            label: Texts::new(dir, ["label"]),
            reserve: SmallFile::new(dir.join("allocation/global_rsv_size")),
            commits: SmallFile::new(dir.join("commit_stats")),
        }
    }

    fn write(&mut self, page: &mut Page, uuid: &str, mounted: Option<&[Device]>, buffer: &mut Vec<u8>) {
        let [label] = self.label.read_or_empty(buffer);
        let labels = page.full_labels(&[("label", &label), ("uuid", uuid)]);
        page.set(&INFO, labels, 1.0);
        let labels = page.labels(&[("uuid", uuid)]);
        page.set(&GLOBAL_RESERVE, labels, self.reserve.number(buffer).unwrap_or(0.0));
        let commits = self.commits.read(buffer).unwrap_or_default();
        for (name, family, unit) in &COMMITS {
            page.set(family, labels, in_unit(field(commits, name).unwrap_or(0.0), *unit));
        }
        // Devices and profiles come and go with what the administrator does, so they are looked for each time.
        let devices = names_in(&self.dir.join("devices")).unwrap_or_default();
        for device in mounted.unwrap_or_default() {
            device.write(page, uuid);
        }
        for device in devices.iter().filter(|_| mounted.is_none()) {
            let size = SmallFile::new(self.dir.join("devices").join(device).join("size")).number(buffer);
            let labels = page.labels(&[("device", device), ("uuid", uuid)]);
            page.set(&DEVICE_SIZE, labels, size.unwrap_or(0.0) * SECTOR);
        }
        for kind in TYPES {
            self.write_allocation(page, uuid, kind, devices.len(), buffer);
        }
    }

    fn write_allocation(
        &self,
        page: &mut Page,
        uuid: &str,
        kind: &str,
        devices: usize,
        buffer: &mut Vec<u8>,
    ) {
        let dir = self.dir.join("allocation").join(kind);
        let Ok(names) = names_in(&dir) else { return };
        let labels = page.labels(&[("block_group_type", kind), ("uuid", uuid)]);
        let reserved = SmallFile::new(dir.join("bytes_reserved")).number(buffer);
        page.set(&RESERVED, labels, reserved.unwrap_or(0.0));
        for profile in &names {
            let mut number = |file: &str| SmallFile::new(dir.join(profile).join(file)).number(buffer);
            let (Some(used), Some(size)) = (number("used_bytes"), number("total_bytes")) else { continue };
            let labels = page.labels(&[("block_group_type", kind), ("mode", profile), ("uuid", uuid)]);
            page.set(&USED, labels, used);
            page.set(&SIZE, labels, size);
            page.set(&RATIO, labels, ratio(profile, devices));
        }
    }
}

impl Device {
    fn write(&self, page: &mut Page, uuid: &str) {
        let pairs = [("btrfs_dev_uuid", self.uuid.as_str()), ("device", &self.name), ("uuid", uuid)];
        let labels = page.labels(&pairs);
        page.set(&DEVICE_SIZE, labels, self.size as f64);
        page.set(&DEVICE_UNUSED, labels, self.unused as f64);
        for (kind, count) in ERRORS.iter().zip(self.errors) {
            let [dev_uuid, device, uuid] = pairs;
            let labels = page.labels(&[dev_uuid, device, ("type", kind), uuid]);
            page.set(&DEVICE_ERRORS, labels, count as f64);
        }
    }
}

/// How many bytes of the devices one byte of data takes (btrfs(5)).
fn ratio(profile: &str, devices: usize) -> f64 {
    let parity = |parity: usize| match devices.checked_sub(parity) {
        None | Some(0) => 1.0,
        Some(data) => devices as f64 / data as f64,
    };
    match profile {
        "dup" | "raid1" | "raid10" => 2.0,
        "raid1c3" => 3.0,
        "raid1c4" => 4.0,
        "raid5" => parity(1),
        "raid6" => parity(2),
        _ => 1.0,
    }
}

/// `commits 258051`
fn field(text: &[u8], name: &[u8]) -> Option<f64> {
    parse::lines(text).find_map(|line| {
        let (known, value) = parse::first_word(line);
        (known == name).then(|| parse::number(value.trim_ascii()))?
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_file_system_is_told_by_block_group_and_profile() {
        let file = |name: &str| format!("sys/fs/btrfs/0abb/{name}");
        let host = Fixture::new()
            .with(&file("label"), "home\n")
            .with(&file("commit_stats"), "commits 7\nlast_commit_ms 1500\n")
            .with(&file("devices/sda/size"), "8\n")
            .with(&file("allocation/data/raid1/used_bytes"), "10\n")
            .with(&file("allocation/data/raid1/total_bytes"), "20\n")
            .with("sys/fs/btrfs/features/raid56", "1\n");
        let (series, result) = host.sample(&mut Btrfs::new(host.roots()));
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:?}");
        has("node_btrfs_info{label=\"home\",uuid=\"0abb\"} 1");
        has("node_btrfs_last_commit_seconds{uuid=\"0abb\"} 1.5");
        has("node_btrfs_device_size_bytes{device=\"sda\",uuid=\"0abb\"} 4096");
        has("node_btrfs_used_bytes{block_group_type=\"data\",mode=\"raid1\",uuid=\"0abb\"} 10");
        has("node_btrfs_allocation_ratio{block_group_type=\"data\",mode=\"raid1\",uuid=\"0abb\"} 2");
        assert!(!series.iter().any(|line| line.contains("features")));
    }

    #[test]
    fn parity_costs_its_share_of_the_devices() {
        assert_eq!((ratio("raid5", 4), ratio("raid6", 4), ratio("single", 4)), (4.0 / 3.0, 2.0, 1.0));
        assert_eq!((ratio("raid5", 1), ratio("raid6", 0)), (1.0, 1.0));
    }

    survives_any_bytes!("sys/fs/btrfs/0abb/commit_stats", "commits 7\nlast_commit_ms 1500\n", host => {
        Btrfs::new(host.roots())
    });
}

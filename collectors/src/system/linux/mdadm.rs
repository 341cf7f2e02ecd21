//! `mdadm`: software RAID.
//!
//! `/proc/mdstat` ([`mdstat`]), and for Linux's own arrays `/sys/block/md<N>/md` (the kernel's admin-guide/md.rst).

mod mdstat;

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::mdstat::{Array, State};
use super::class::Class;
use super::file::{FileError, KeptFile, SmallFile};
use super::parse;
use crate::system::config::Roots;

static STATE: Family = Family::gauge("node_md_state", "Indicates the state of md-device.");
static DISKS: Family = Family::gauge("node_md_disks", "Number of active/failed/spare disks of device.");
static REQUIRED: Family = Family::gauge("node_md_disks_required", "Total number of disks of device.");
static BLOCKS: Family = Family::gauge("node_md_blocks", "Total number of blocks on device.");
static SYNCED: Family = Family::gauge("node_md_blocks_synced", "Number of blocks synced on device.");
static RAID_DISKS: Family = Family::gauge("node_md_raid_disks", "Number of raid disks on device.");
static DEGRADED: Family = Family::gauge("node_md_degraded", "Number of degraded disks on device.");

const STATES: [(&str, State); 5] = [
    ("active", State::Active),
    ("inactive", State::Inactive),
    ("recovering", State::Recovering),
    ("resync", State::Resync),
    ("check", State::Check),
];

pub(super) struct MdAdm {
    mdstat: KeptFile,
    devices: Class<Device>,
}

struct Device {
    disks: SmallFile,
    degraded: SmallFile,
}

impl MdAdm {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            mdstat: KeptFile::new(roots.procfs.join("mdstat")),
            devices: Class::new(roots.sysfs.join("block")),
        }
    }
}

impl Device {
    fn new(_: &str, dir: &Path) -> Self {
        let file = |name: &str| SmallFile::new(dir.join("md").join(name));
        Self { disks: file("raid_disks"), degraded: file("degraded") }
    }
}

impl Sampler for MdAdm {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut understood = true;
        for array in mdstat::arrays(self.mdstat.read().map_err(FileError::or_no_data)?) {
            match array {
                Some(array) => write(page, &array),
                None => understood = false,
            }
        }
        let found = self.devices.each(
            |name| name.starts_with("md"),
            Device::new,
            |name, device, buffer| {
                let Some(disks) = device.disks.number(buffer) else { return };
                let labels = page.labels(&[("device", name)]);
                page.set(&RAID_DISKS, labels, disks);
                // Levels without redundancy have no such file: they cannot be degraded.
                page.set(&DEGRADED, labels, device.degraded.number(buffer).unwrap_or(0.0));
            },
        );
        if !understood {
            return Err(self.mdstat.malformed("an array without its numbers").into());
        }
        // Without block devices in sysfs there is still what the first file says.
        found.or_else(|error| if page.is_empty() { Err(error) } else { Ok(()) })
    }
}

fn write(page: &mut Page, array: &Array<'_>) {
    let device = parse::label(array.name);
    for (name, state) in STATES {
        let labels = page.labels(&[("device", &device), ("state", name)]);
        page.set(&STATE, labels, f64::from(state == array.state));
    }
    for (name, disks) in [("active", array.active), ("failed", array.failed), ("spare", array.spare)] {
        let labels = page.labels(&[("device", &device), ("state", name)]);
        page.set(&DISKS, labels, disks as f64);
    }
    let labels = page.labels(&[("device", &device)]);
    page.set(&REQUIRED, labels, array.required as f64);
    page.set(&BLOCKS, labels, array.blocks as f64);
    page.set(&SYNCED, labels, array.synced as f64);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "md0 : active raid1 sdi1[0] sdj1[1](F)\n      248896 blocks [2/1] [U_]\n";

    #[test]
    fn both_sources_are_told() {
        let host = Fixture::new()
            .with("proc/mdstat", TEXT)
            .with("sys/block/md0/md/raid_disks", "2\n")
            .with("sys/block/md0/md/degraded", "1\n")
            .with("sys/block/sda/size", "1\n");
        let (series, result) = host.sample(&mut MdAdm::new(host.roots()));
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:?}");
        has("node_md_state{device=\"md0\",state=\"active\"} 1");
        has("node_md_state{device=\"md0\",state=\"resync\"} 0");
        has("node_md_disks{device=\"md0\",state=\"failed\"} 1");
        has("node_md_disks_required{device=\"md0\"} 2");
        has("node_md_degraded{device=\"md0\"} 1");
        assert_eq!(series.len(), 5 + 3 + 3 + 2);
    }

    survives_any_bytes!("proc/mdstat", TEXT, host => MdAdm::new(host.roots()));
}

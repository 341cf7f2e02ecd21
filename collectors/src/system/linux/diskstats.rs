//! `diskstats`: what the disks have read and written, and which disks they are.
//!
//! Counts come from `/proc/diskstats` (the kernel's admin-guide/iostats.rst): major, minor, name, then up to
//! 17 columns, of which a kernel has the first 11 (2.6), 15 (4.18) or all (5.5). Who made a disk, what is on
//! it and how it is mapped is known to udev ([`udev`]).

mod udev;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::udev::Properties;
use super::file::{CachedFile, KeptFile, read_once};
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;
use crate::system::filter::{Filter, Patterns, pair};

const SECTOR: f64 = 512.0;
const MILLISECOND: f64 = 1.0 / 1000.0;

/// The columns in their order, and what one of their units is in the unit of the metric.
#[rustfmt::skip]
static COLUMNS: [(Family, f64); 17] = [
    (Family::counter("node_disk_reads_completed_total", "The total number of reads completed successfully."), 1.0),
    (Family::counter("node_disk_reads_merged_total", "The total number of reads merged."), 1.0),
    (Family::counter("node_disk_read_bytes_total", "The total number of bytes read successfully."), SECTOR),
    (Family::counter("node_disk_read_time_seconds_total", "The total number of seconds spent by all reads."), MILLISECOND),
    (Family::counter("node_disk_writes_completed_total", "The total number of writes completed successfully."), 1.0),
    (Family::counter("node_disk_writes_merged_total", "The number of writes merged."), 1.0),
    (Family::counter("node_disk_written_bytes_total", "The total number of bytes written successfully."), SECTOR),
    (Family::counter("node_disk_write_time_seconds_total", "This is the total number of seconds spent by all writes."), MILLISECOND),
    (Family::gauge("node_disk_io_now", "The number of I/Os currently in progress."), 1.0),
    (Family::counter("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os."), MILLISECOND),
    (Family::counter("node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os."), MILLISECOND),
    (Family::counter("node_disk_discards_completed_total", "The total number of discards completed successfully."), 1.0),
    (Family::counter("node_disk_discards_merged_total", "The total number of discards merged."), 1.0),
    (Family::counter("node_disk_discarded_sectors_total", "The total number of sectors discarded successfully."), 1.0),
    (Family::counter("node_disk_discard_time_seconds_total", "This is the total number of seconds spent by all discards."), MILLISECOND),
    (Family::counter("node_disk_flush_requests_total", "The total number of flush requests completed successfully"), 1.0),
    (Family::counter("node_disk_flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests."), MILLISECOND),
];

/// Fewer are those of a partition before Linux 2.6.25.
const FEWEST_COLUMNS: usize = 11;

static INFO: Family = Family::gauge("node_disk_info", "Info of /sys/block/<block_device>.");

const DISKS_EXCLUDED: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";

/// Settings of the group `diskstats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiskStatsSettings {
    /// Disks to leave out; by default partitions, RAM disks, loop devices and floppies.
    #[schemars(extend("x-old-flag" = "collector.diskstats.ignored-devices"))]
    pub device_exclude: String,
    /// Disks to expose; excludes `device_exclude`.
    pub device_include: String,
}

impl DiskStatsSettings {
    fn devices(&self) -> Patterns<'_> {
        Patterns::new(&self.device_include, &self.device_exclude, DISKS_EXCLUDED)
    }
}

impl Check for DiskStatsSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

pub(super) struct DiskStats {
    file: KeptFile,
    filter: Filter,
    disks: Roster<Disk>,
    roots: Roots,
    buffer: Vec<u8>,
}

/// What is known of a disk beyond its counts.
struct Disk {
    name: Box<[u8]>,
    number: (u64, u64),
    /// None for one that is not wanted.
    identity: Option<Identity>,
}

struct Identity {
    device: String,
    major: String,
    minor: String,
    udev: CachedFile<Properties>,
    rotational: PathBuf,
}

impl DiskStats {
    pub(super) fn new(roots: &Roots, settings: &DiskStatsSettings) -> Result<Self, Error> {
        Ok(Self {
            file: KeptFile::new(roots.procfs.join("diskstats")),
            filter: Filter::new(settings.devices())?,
            disks: Roster::default(),
            roots: roots.clone(),
            buffer: Vec::new(),
        })
    }
}

impl Sampler for DiskStats {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut understood = true;
        self.disks.begin();
        for line in parse::lines(self.file.read()?) {
            let Some(line) = parse(line) else {
                understood = false;
                continue;
            };
            let disk = self.disks.meet(
                |disk| *disk.name == *line.name && disk.number == (line.major, line.minor),
                || Disk::new(&line, &self.filter, &self.roots),
            );
            if let Some(identity) = &mut disk.identity {
                understood &= write_counts(page, &identity.device, line.columns);
                identity.write(page, &mut self.buffer);
            }
        }
        self.disks.end();
        if understood { Ok(()) } else { Err(self.file.malformed("a line that is no disk's").into()) }
    }
}

impl Disk {
    fn new(line: &Line<'_>, filter: &Filter, roots: &Roots) -> Self {
        let device = parse::label(line.name);
        let identity = filter.wants(&device).then(|| Identity {
            device: device.clone().into_owned(),
            major: line.major.to_string(),
            minor: line.minor.to_string(),
            udev: CachedFile::new(roots.udev_data.join(format!("b{}:{}", line.major, line.minor))),
            rotational: roots.sysfs.join("block").join(sysfs_name(&device)).join("queue/rotational"),
        });
        Self { name: line.name.into(), number: (line.major, line.minor), identity }
    }
}

impl Identity {
    fn write(&mut self, page: &mut Page, buffer: &mut Vec<u8>) {
        let rotational = read_once(&self.rotational, buffer).ok().and_then(parse::whole_file) == Some(1);
        // Containers and small systems have no udev: then there is only what the kernel tells.
        let none = Properties::default();
        let udev = self.udev.get(Properties::parse).unwrap_or(&none);
        let labels = page.full_labels(&[
            ("device", &self.device),
            ("major", &self.major),
            ("minor", &self.minor),
            ("model", udev.get("ID_MODEL")),
            ("path", udev.get("ID_PATH")),
            ("revision", udev.get("ID_REVISION")),
            ("rotational", if rotational { "1" } else { "0" }),
            ("serial", udev.serial()),
            ("wwn", udev.get("ID_WWN")),
        ]);
        page.set(&INFO, labels, 1.0);
        udev.write(page, &self.device);
    }
}

/// A device's directory in sysfs: a slash in its name (`cciss/c0d0`) is an exclamation mark there, so that the
/// name is one step of a path and leads nowhere else.
fn sysfs_name(device: &str) -> String {
    match device {
        "." | ".." => "!".to_owned(),
        _ => device.replace('/', "!"),
    }
}

/// One line of `/proc/diskstats`.
struct Line<'t> {
    major: u64,
    minor: u64,
    name: &'t [u8],
    columns: &'t [u8],
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    let (major, rest) = parse::first_word(line);
    let (minor, rest) = parse::first_word(rest);
    let (name, columns) = parse::first_word(rest);
    let (major, minor) = (parse::whole(major)?, parse::whole(minor)?);
    (!name.is_empty()).then_some(Line { major, minor, name, columns })
}

/// Writes the columns that there are, and says whether they were numbers and enough of them.
fn write_counts(page: &mut Page, device: &str, columns: &[u8]) -> bool {
    let labels = page.labels(&[("device", device)]);
    let mut written = 0;
    for ((family, unit), word) in COLUMNS.iter().zip(parse::words(columns)) {
        let Some(value) = parse::whole(word) else { return false };
        page.set(family, labels, value as f64 * unit);
        written += 1;
    }
    written >= FEWEST_COLUMNS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    const SDA: &str = "   8       0 sda 25354637 34367663 1003346126 18492372 28444756 11134226 505697032 \
                       63877960 0 9653880 82621804\n";
    const SDA1: &str = "   8       1 sda1 250 0 2000 36 0 0 0 0 0 36 36\n";
    const SDC: &str = "   8      32 sdc 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n";

    fn disks(host: &Fixture) -> DiskStats {
        DiskStats::new(host.roots(), &DiskStatsSettings::default()).unwrap()
    }

    #[test]
    fn columns_come_in_base_units() {
        let host = Fixture::new().with("proc/diskstats", SDA);
        let (series, result) = host.sample(&mut disks(&host));
        result.unwrap();
        assert_eq!(series[2], "node_disk_read_bytes_total{device=\"sda\"} 513713216512");
        assert_eq!(series[9], "node_disk_io_time_seconds_total{device=\"sda\"} 9653.880000000001");
        assert_eq!(
            series[11],
            "node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"\",path=\"\",revision=\"\",\
             rotational=\"0\",serial=\"\",wwn=\"\"} 1"
        );
        assert_eq!(series.len(), 12);
    }

    #[test]
    fn a_newer_kernel_has_discards_and_flushes_too() {
        let host = Fixture::new().with("proc/diskstats", SDC).with("sys/block/sdc/queue/rotational", "1\n");
        let (series, result) = host.sample(&mut disks(&host));
        result.unwrap();
        assert_eq!(series[13], "node_disk_discarded_sectors_total{device=\"sdc\"} 14");
        assert_eq!(series[16], "node_disk_flush_requests_time_seconds_total{device=\"sdc\"} 0.017");
        assert!(series[17].contains("rotational=\"1\""));
    }

    #[test]
    fn partitions_are_left_out_unless_they_are_included() {
        let host = Fixture::new().with("proc/diskstats", [SDA, SDA1].concat());
        let (series, _) = host.sample(&mut disks(&host));
        assert!(!series.iter().any(|line| line.contains("sda1")));
        let settings = DiskStatsSettings { device_include: "sda1".into(), ..Default::default() };
        let (series, _) = host.sample(&mut DiskStats::new(host.roots(), &settings).unwrap());
        assert!(series.iter().all(|line| line.contains("sda1")));
    }

    #[test]
    fn a_disk_in_the_place_of_another_is_a_new_one() {
        let host = Fixture::new()
            .with("proc/diskstats", SDA)
            .with("udev/b8:0", "E:ID_SERIAL=first\n")
            .with("udev/b8:16", "E:ID_SERIAL=second\n");
        let mut disks = disks(&host);
        assert!(host.sample(&mut disks).0[11].contains("serial=\"first\""));
        host.write("proc/diskstats", SDA.replace(" 0 sda", "16 sda"));
        assert!(host.sample(&mut disks).0[11].contains("serial=\"second\""));
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error_that_keeps_the_rest() {
        for bad in ["8 0\n", "x 0 sdb 1\n", "8 0 sdb 1 2 3\n", "8 0 sdb 1 2 3 4 5 6 7 8 9 10 -11\n"] {
            let host = Fixture::new().with("proc/diskstats", [bad, SDA].concat());
            let (series, result) = host.sample(&mut disks(&host));
            assert!(result.is_err(), "{bad:?}");
            assert!(series.contains(&"node_disk_io_now{device=\"sda\"} 0".to_owned()), "{bad:?}");
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        assert_eq!(sysfs_name("cciss/c0d0"), "cciss!c0d0");
        assert_eq!(sysfs_name(".."), "!");
        assert_eq!(sysfs_name("../../etc"), "..!..!etc");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..100), text in "[0-9]{1,3} [0-9]{1,3} \\PC{0,5} [0-9 -]{0,60}") {
            for line in [&line[..], text.as_bytes()] {
                if let Some(line) = parse(line) {
                    write_counts(&mut Page::default(), "x", line.columns);
                }
            }
        }
    }
}

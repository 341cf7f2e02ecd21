//! What control groups have read from and written to block devices, and what the devices are called.

use std::path::PathBuf;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

static READ_BYTES: Family =
    Family::counter("container_fs_reads_bytes_total", "Cumulative count of bytes read");
static READS: Family = Family::counter("container_fs_reads_total", "Cumulative count of reads completed");
static WRITTEN_BYTES: Family =
    Family::counter("container_fs_writes_bytes_total", "Cumulative count of bytes written");
static WRITES: Family = Family::counter("container_fs_writes_total", "Cumulative count of writes completed");
static USAGE: Family = Family::counter("container_blkio_device_usage_total", "Blkio Device bytes usage");

/// More devices than any machine has; past it, all names are looked up anew, so that memory is bounded.
const MOST: usize = 4096;

/// A block device's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) major: u64,
    pub(super) minor: u64,
}

/// What one control group has done on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceIo {
    pub(super) device: Device,
    pub(super) read_bytes: Option<u64>,
    pub(super) written_bytes: Option<u64>,
    pub(super) discarded_bytes: Option<u64>,
    pub(super) reads: Option<u64>,
    pub(super) writes: Option<u64>,
}

impl DeviceIo {
    /// The one of `device` among those of a control group.
    pub(super) fn of(all: &mut Vec<Self>, device: Device) -> &mut Self {
        let at = all.iter().position(|io| io.device == device).unwrap_or_else(|| {
            let (read_bytes, written_bytes, discarded_bytes, reads, writes) = (None, None, None, None, None);
            all.push(Self { device, read_bytes, written_bytes, discarded_bytes, reads, writes });
            all.len() - 1
        });
        &mut all[at]
    }
}

/// What devices are called.
#[derive(Debug)]
pub(super) struct DeviceNames {
    /// `/sys/dev/block`, with a link for each device: `8:0` → `…/block/sda`.
    dir: PathBuf,
    known: Vec<(Device, String)>,
}

impl DeviceNames {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, known: Vec::new() }
    }

    /// A number may be another device's by now.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// `/dev/sda`; the number, if there is no such device any more.
    fn name(&mut self, device: Device) -> &str {
        let at = self.known.iter().position(|(known, _)| *known == device).unwrap_or_else(|| {
            if self.known.len() >= MOST {
                self.known.clear();
            }
            let number = format!("{}:{}", device.major, device.minor);
            let link = std::fs::read_link(self.dir.join(&number)).ok();
            let name = link.as_deref().and_then(|link| link.file_name()?.to_str());
            // `cciss!c0d0` is `/dev/cciss/c0d0`.
            let name = name.map_or(number.clone(), |name| format!("/dev/{}", name.replace('!', "/")));
            self.known.push((device, name));
            self.known.len() - 1
        });
        &self.known[at].1
    }

    /// The series of the devices of the control group whose labels are `labels`.
    pub(super) fn write(&mut self, page: &mut Page, labels: Labels, all: &[DeviceIo]) {
        for io in all {
            let name = self.name(io.device);
            let on_device = page.labels_after(labels, &[("device", name)]);
            for (family, value) in [
                (&READ_BYTES, io.read_bytes),
                (&READS, io.reads),
                (&WRITTEN_BYTES, io.written_bytes),
                (&WRITES, io.writes),
            ] {
                if let Some(value) = value {
                    page.set(family, on_device, value as f64);
                }
            }
            let (mut major, mut minor) = (itoa::Buffer::new(), itoa::Buffer::new());
            let (major, minor) = (major.format(io.device.major), minor.format(io.device.minor));
            let numbered = page.labels_after(on_device, &[("major", major), ("minor", minor)]);
            for (operation, value) in
                [("Read", io.read_bytes), ("Write", io.written_bytes), ("Discard", io.discarded_bytes)]
            {
                if let Some(value) = value {
                    let operation = page.labels_after(numbered, &[("operation", operation)]);
                    page.set(&USAGE, operation, value as f64);
                }
            }
        }
    }
}

//! The series of disk probes.

use rustix::fs::StatVfs;
use vigie_pipeline::metric::Family;

use crate::probes::findings::Findings;

static FREE: Family =
    Family::gauge("probe_disk_free_bytes", "Room on the file system for users other than root, in bytes.");
static SIZE: Family = Family::gauge("probe_disk_size_bytes", "Size of the file system, in bytes.");
static RATIO: Family = Family::gauge(
    "probe_disk_free_ratio",
    "Share of the file system that users other than root may still take, of what they may have at all.",
);
static INODES: Family = Family::gauge(
    "probe_disk_inodes_free_ratio",
    "Share of the inodes that are free; 1 on a file system that does not count them.",
);
static READ_ONLY: Family = Family::gauge("probe_disk_read_only", "Whether the file system takes no writes.");

/// What a file system says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    pub(super) free: u64,
    pub(super) ratio: f64,
    pub(super) inodes: u64,
    pub(super) inodes_ratio: f64,
    pub(super) read_only: bool,
    pub(super) size: u64,
}

impl Usage {
    pub(super) fn of(stat: &StatVfs, read_only: bool) -> Self {
        let used = stat.f_blocks.saturating_sub(stat.f_bfree);
        Self {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            ratio: share(stat.f_bavail, used.saturating_add(stat.f_bavail)),
            inodes: if stat.f_files == 0 { u64::MAX } else { stat.f_favail },
            inodes_ratio: share(stat.f_favail, stat.f_files),
            read_only,
            size: stat.f_blocks.saturating_mul(stat.f_frsize),
        }
    }

    pub(super) fn set(&self, findings: &mut Findings) {
        findings.set(&FREE, self.free as f64);
        findings.set(&SIZE, self.size as f64);
        findings.set(&RATIO, self.ratio);
        findings.set(&INODES, self.inodes_ratio);
        findings.set_bool(&READ_ONLY, self.read_only);
    }
}

/// Of nothing, as pseudo file systems have it, all is free.
fn share(free: u64, all: u64) -> f64 {
    if all == 0 { 1.0 } else { free as f64 / all as f64 }
}

pub(super) fn declare(findings: &mut Findings) {
    for family in [&FREE, &SIZE, &RATIO, &INODES, &READ_ONLY] {
        findings.set(family, 0.0);
    }
}

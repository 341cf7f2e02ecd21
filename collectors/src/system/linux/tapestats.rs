//! `tapestats`: what the tape drives have read, written and waited for.
//!
//! `/sys/class/scsi_tape/st<N>/stats` (the kernel's scsi/st.rst), times in nanoseconds. A drive is there several
//! times, once for each mode (`st0a`, `nst0`): only `st<N>` counts.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::{Attribute, Attributes};
use super::class::{Class, is_numbered};
use crate::system::config::Roots;
use crate::system::filter::{or_default, pattern};

#[rustfmt::skip] // one line each, however long
static FILES: [Attribute; 10] = [
    Attribute::plain("in_flight", Family::gauge("node_tape_io_now", "The number of I/Os currently outstanding to this device.")),
    Attribute::scaled("io_ns", Family::counter("node_tape_io_time_seconds_total", "The amount of time spent waiting for all I/O to complete (including read and write). This includes tape movement commands such as seeking between file or set marks and implicit tape movement such as when rewind on close tape devices are used."), 1e-9),
    Attribute::plain("other_cnt", Family::counter("node_tape_io_others_total", "The number of I/Os issued to the tape drive other than read or write commands. The time taken to complete these commands uses the following calculation io_time_seconds_total-read_time_seconds_total-write_time_seconds_total")),
    Attribute::plain("read_byte_cnt", Family::counter("node_tape_read_bytes_total", "The number of bytes read from the tape drive.")),
    Attribute::plain("read_cnt", Family::counter("node_tape_reads_completed_total", "The number of read requests issued to the tape drive.")),
    Attribute::scaled("read_ns", Family::counter("node_tape_read_time_seconds_total", "The amount of time spent waiting for read requests to complete."), 1e-9),
    Attribute::plain("resid_cnt", Family::counter("node_tape_residual_total", "The number of times during a read or write we found the residual amount to be non-zero. This should mean that a program is issuing a read larger thean the block size on tape. For write not all data made it to tape.")),
    Attribute::plain("write_byte_cnt", Family::counter("node_tape_written_bytes_total", "The number of bytes written to the tape drive.")),
    Attribute::plain("write_cnt", Family::counter("node_tape_writes_completed_total", "The number of write requests issued to the tape drive.")),
    Attribute::scaled("write_ns", Family::counter("node_tape_write_time_seconds_total", "The amount of time spent waiting for write requests to complete."), 1e-9),
];

/// Settings of the group `tapestats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TapeStatsSettings {
    /// Drives to leave out.
    pub ignored_devices: String,
}

impl Check for TapeStatsSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "ignored_devices", &self.ignored_devices);
    }
}

pub(super) struct TapeStats {
    drives: Class<Attributes>,
    ignored: Regex,
}

impl TapeStats {
    pub(super) fn new(roots: &Roots, settings: &TapeStatsSettings) -> Result<Self, Error> {
        let ignored = Regex::new(or_default(&settings.ignored_devices, "^$"))?;
        Ok(Self { drives: Class::new(roots.sysfs.join("class/scsi_tape")), ignored })
    }
}

impl Sampler for TapeStats {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.drives.each(
            |name| is_numbered(name, "st") && !self.ignored.is_match(name),
            |_, dir| Attributes::new(&dir.join("stats"), &FILES),
            |name, drive, buffer| {
                let labels = page.labels(&[("device", name)]);
                drive.write(page, labels, buffer);
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
    fn a_drive_counts_once() {
        let host = Fixture::new()
            .with("sys/class/scsi_tape/st0/stats/read_ns", "33500000000\n")
            .with("sys/class/scsi_tape/nst0a/stats/read_ns", "33500000000\n")
            .with("sys/class/scsi_tape/st1/stats/read_ns", "1\n");
        let settings = TapeStatsSettings { ignored_devices: "1$".into() };
        let (series, result) = host.sample(&mut TapeStats::new(host.roots(), &settings).unwrap());
        result.unwrap();
        assert_eq!(series, ["node_tape_read_time_seconds_total{device=\"st0\"} 33.5"]);
    }

    survives_any_bytes!("sys/class/scsi_tape/st0/stats/read_ns", "33500000000\n", host => {
        TapeStats::new(host.roots(), &TapeStatsSettings::default()).unwrap()
    });
}

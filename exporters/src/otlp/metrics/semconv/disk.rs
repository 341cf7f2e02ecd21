//! `system.disk.*`.

use super::table::{As, Attributes, Convention, Source, counter, of, up_down};

const DEVICE: &[(&str, As)] = &[("device", As::Text("system.device"))];
const READ: Attributes = &[("disk.io.direction", "read")];
const WRITE: Attributes = &[("disk.io.direction", "write")];

const fn disk(family: &'static str) -> Source {
    of(family).labels(DEVICE)
}

pub(super) static CONVENTIONS: &[Convention] = &[
    counter("system.disk.io", "By", "Bytes read and written.", IO).whole(),
    counter("system.disk.operations", "{operation}", "Reads and writes.", OPERATIONS).whole(),
    counter("system.disk.merged", "{operation}", "Reads and writes that became part of others.", MERGED)
        .whole(),
    counter("system.disk.operation_time", "s", "How long all reads and writes took.", OPERATION_TIME),
    counter("system.disk.io_time", "s", "How long the disk was busy.", IO_TIME),
    counter("system.disk.weighted_io_time", "s", "How long it was busy, times what waited.", WEIGHTED_TIME),
    up_down("system.disk.pending_operations", "{operations}", "Reads and writes under way.", PENDING).whole(),
];

const IO: &[Source] =
    &[disk("node_disk_read_bytes_total").with(READ), disk("node_disk_written_bytes_total").with(WRITE)];
const OPERATIONS: &[Source] = &[
    disk("node_disk_reads_completed_total").with(READ),
    disk("node_disk_writes_completed_total").with(WRITE),
];
const MERGED: &[Source] =
    &[disk("node_disk_reads_merged_total").with(READ), disk("node_disk_writes_merged_total").with(WRITE)];
const OPERATION_TIME: &[Source] = &[
    disk("node_disk_read_time_seconds_total").with(READ),
    disk("node_disk_write_time_seconds_total").with(WRITE),
];
const IO_TIME: &[Source] = &[disk("node_disk_io_time_seconds_total")];
const WEIGHTED_TIME: &[Source] = &[disk("node_disk_io_time_weighted_seconds_total")];
const PENDING: &[Source] = &[disk("node_disk_io_now")];

//! `container.*`, of what the kernel counts for each container. The path of its control group stays `id`.

use super::table::{As, Attributes, Convention, Source, counter, gauge, of, up_down};

const USER: Attributes = &[("cpu.mode", "user")];
const SYSTEM: Attributes = &[("cpu.mode", "system")];

const READ: Attributes = &[("disk.io.direction", "read")];
const WRITE: Attributes = &[("disk.io.direction", "write")];

/// An ID where the runtime gives one, else a name: what a container is known by.
const NAME: (&str, As) = ("name", As::Text("container.id"));
const DEVICE: (&str, As) = ("device", As::Text("system.device"));

const fn container(family: &'static str) -> Source {
    of(family).labels(&[NAME, DEVICE])
}

pub(super) static CONVENTIONS: &[Convention] = &[
    counter("container.cpu.time", "s", "CPU time of each container, by mode.", CPU_TIME),
    up_down("container.memory.usage", "By", "All memory of each container.", USAGE).whole(),
    up_down("container.memory.working_set", "By", "Memory that cannot just be dropped.", WORKING_SET).whole(),
    up_down("container.memory.rss", "By", "Anonymous memory of each container.", RSS).whole(),
    gauge("container.uptime", "s", "How long each container has been running.", UPTIME),
    counter("container.disk.io", "By", "Bytes read and written by each container.", IO).whole(),
];

/// The two modes make up the whole, which keeps its own name: with modes there may be no point without one.
const CPU_TIME: &[Source] = &[
    container("container_cpu_user_seconds_total").with(USER),
    container("container_cpu_system_seconds_total").with(SYSTEM),
];
const UPTIME: &[Source] = &[container("container_start_time_seconds").age()];
const USAGE: &[Source] = &[container("container_memory_usage_bytes")];
const WORKING_SET: &[Source] = &[container("container_memory_working_set_bytes")];
const RSS: &[Source] = &[container("container_memory_rss")];
const IO: &[Source] = &[
    container("container_fs_reads_bytes_total").with(READ),
    container("container_fs_writes_bytes_total").with(WRITE),
];

//! `system.process.*`, and `process.*` of the groups of processes, which keep their `groupname`.

use super::table::{As, Attributes, Convention, Source, counter, of, up_down};

const READ: Attributes = &[("disk.io.direction", "read")];
const WRITE: Attributes = &[("disk.io.direction", "write")];
const MAJOR: Attributes = &[("system.paging.fault.type", "major")];
const MINOR: Attributes = &[("system.paging.fault.type", "minor")];

/// The conventions have four states; the kernel has more.
const STATE: (&str, As) = (
    "state",
    As::Renamed(
        "process.state",
        &[
            ("D", "blocked"),
            ("I", "idle"),
            ("R", "running"),
            ("S", "sleeping"),
            ("T", "stopped"),
            ("X", "dead"),
            ("Z", "defunct"),
            ("t", "traced"),
        ],
    ),
);

const SWITCH: (&str, As) =
    ("ctxswitchtype", As::Renamed("process.context_switch.type", &[("nonvoluntary", "involuntary")]));

pub(super) static CONVENTIONS: &[Convention] = &[
    up_down("system.process.count", "{process}", "Processes by state.", COUNT).whole(),
    counter("system.process.created", "{process}", "Processes ever made.", CREATED).whole(),
    up_down("system.process.limit", "{thread}", "How many there can be at once.", LIMIT).whole(),
    counter("process.cpu.time", "s", "CPU time of each group of processes, by mode.", CPU_TIME),
    up_down("process.memory.usage", "By", "Resident memory of each group of processes.", RESIDENT).whole(),
    up_down("process.memory.virtual", "By", "Virtual memory of each group of processes.", VIRTUAL).whole(),
    counter("process.disk.io", "By", "Bytes read and written by each group of processes.", IO).whole(),
    counter("process.paging.faults", "{fault}", "Page faults of each group of processes.", FAULTS).whole(),
    counter("process.context_switches", "{context_switch}", "Switches of each group of processes.", SWITCHES)
        .whole(),
    up_down("process.thread.count", "{thread}", "Threads of each group of processes.", THREADS).whole(),
    up_down(
        "process.unix.file_descriptor.count",
        "{file_descriptor}",
        "Open files of each group of processes.",
        DESCRIPTORS,
    )
    .whole(),
];

const COUNT: &[Source] = &[of("node_processes_state").labels(&[STATE])];
const CREATED: &[Source] = &[of("node_forks_total")];
const LIMIT: &[Source] = &[of("node_processes_max_processes")];

const CPU_TIME: &[Source] =
    &[of("namedprocess_namegroup_cpu_seconds_total").labels(&[("mode", As::Text("cpu.mode"))])];
const RESIDENT: &[Source] =
    &[of("namedprocess_namegroup_memory_bytes").labels(&[("memtype", As::Is("resident"))])];
const VIRTUAL: &[Source] =
    &[of("namedprocess_namegroup_memory_bytes").labels(&[("memtype", As::Is("virtual"))])];
const IO: &[Source] = &[
    of("namedprocess_namegroup_read_bytes_total").with(READ),
    of("namedprocess_namegroup_write_bytes_total").with(WRITE),
];
const FAULTS: &[Source] = &[
    of("namedprocess_namegroup_major_page_faults_total").with(MAJOR),
    of("namedprocess_namegroup_minor_page_faults_total").with(MINOR),
];
const SWITCHES: &[Source] = &[of("namedprocess_namegroup_context_switches_total").labels(&[SWITCH])];
const THREADS: &[Source] = &[of("namedprocess_namegroup_num_threads")];
const DESCRIPTORS: &[Source] = &[of("namedprocess_namegroup_open_filedesc")];

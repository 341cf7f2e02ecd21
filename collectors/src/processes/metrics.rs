//! The series of groups, under process-exporter's names.

use std::collections::BTreeMap;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

use super::group::{Group, TICKS_PER_SECOND, Threads};

static PROCESSES: Family =
    Family::gauge("namedprocess_namegroup_num_procs", "number of processes in this group");
static CPU: Family = Family::counter("namedprocess_namegroup_cpu_seconds_total", "Cpu user usage in seconds");
static READ: Family =
    Family::counter("namedprocess_namegroup_read_bytes_total", "number of bytes read by this group");
static WRITTEN: Family =
    Family::counter("namedprocess_namegroup_write_bytes_total", "number of bytes written by this group");
static MAJOR_FAULTS: Family =
    Family::counter("namedprocess_namegroup_major_page_faults_total", "Major page faults");
static MINOR_FAULTS: Family =
    Family::counter("namedprocess_namegroup_minor_page_faults_total", "Minor page faults");
static SWITCHES: Family =
    Family::counter("namedprocess_namegroup_context_switches_total", "Context switches");
static MEMORY: Family =
    Family::gauge("namedprocess_namegroup_memory_bytes", "number of bytes of memory in use");
static OPEN_FILES: Family =
    Family::gauge("namedprocess_namegroup_open_filedesc", "number of open file descriptors for this group");
static WORST_RATIO: Family = Family::gauge(
    "namedprocess_namegroup_worst_fd_ratio",
    "the worst (closest to 1) ratio between open fds and max fds among all procs in this group",
);
static OLDEST_START: Family = Family::gauge(
    "namedprocess_namegroup_oldest_start_time_seconds",
    "start time in seconds since 1970/01/01 of oldest process in group",
);
static THREADS: Family = Family::gauge("namedprocess_namegroup_num_threads", "Number of threads");
static STATES: Family = Family::gauge(
    "namedprocess_namegroup_states",
    "Number of processes in states Running, Sleeping, Waiting, Zombie, or Other",
);
static WCHANS: Family = Family::gauge(
    "namedprocess_namegroup_threads_wchan",
    "Number of threads in this group waiting on each wchan",
);
static THREAD_COUNT: Family = Family::gauge(
    "namedprocess_namegroup_thread_count",
    "Number of threads in this group with same threadname",
);
static THREAD_CPU: Family =
    Family::counter("namedprocess_namegroup_thread_cpu_seconds_total", "Cpu user/system usage in seconds");
static THREAD_IO: Family = Family::counter(
    "namedprocess_namegroup_thread_io_bytes_total",
    "number of bytes read/written by these threads",
);
static THREAD_MAJOR_FAULTS: Family = Family::counter(
    "namedprocess_namegroup_thread_major_page_faults_total",
    "Major page faults for these threads",
);
static THREAD_MINOR_FAULTS: Family = Family::counter(
    "namedprocess_namegroup_thread_minor_page_faults_total",
    "Minor page faults for these threads",
);
static THREAD_SWITCHES: Family = Family::counter(
    "namedprocess_namegroup_thread_context_switches_total",
    "Context switches for these threads",
);
static SCRAPE_ERRORS: Family = Family::counter(
    "namedprocess_scrape_errors",
    "general scrape errors: no proc metrics collected during a cycle",
);
static READ_ERRORS: Family = Family::counter(
    "namedprocess_scrape_procread_errors",
    "incremented each time a proc's metrics collection fails",
);
static PARTIAL_ERRORS: Family = Family::counter(
    "namedprocess_scrape_partial_errors",
    "incremented each time a tracked proc's metrics collection fails partially, e.g. unreadable I/O stats",
);
static LEFT_OUT: Family = Family::counter(
    "vigie_process_groups_left_out_total",
    "How often a process was left without a group because the name of its own would have been more than max_groups allows.",
);
static BUILD: Family = Family::gauge(
    "process_exporter_build_info",
    "A metric with a constant '1' value labeled by version, goos and goarch of vigie, which takes the place of process_exporter.",
);

/// What went wrong so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Errors {
    pub(super) scrape: u64,
    pub(super) read: u64,
    pub(super) partial: u64,
    pub(super) left_out: u64,
}

pub(super) fn write_errors(page: &mut Page, errors: Errors) {
    page.set(&SCRAPE_ERRORS, Labels::NONE, errors.scrape as f64);
    page.set(&READ_ERRORS, Labels::NONE, errors.read as f64);
    page.set(&PARTIAL_ERRORS, Labels::NONE, errors.partial as f64);
    page.set(&LEFT_OUT, Labels::NONE, errors.left_out as f64);
    // As Go calls them, which is how the series of the other exporters are labelled.
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let labels = page.labels(&[
        ("goarch", arch),
        ("goos", std::env::consts::OS),
        ("version", env!("CARGO_PKG_VERSION")),
    ]);
    page.set(&BUILD, labels, 1.0);
}

/// What is needed to make seconds and bytes of what the kernel says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    /// In seconds since the epoch.
    pub(super) boot_time: u64,
    /// In bytes.
    pub(super) page_size: u64,
}

/// Writes all series of one group; all are there when it has no process, but those of threads that wait.
pub(super) fn write_group(page: &mut Page, name: &str, group: &Group, host: Host) {
    let (present, totals) = (&group.present, &group.totals);
    let base = page.labels(&[("groupname", name)]);
    let start =
        present.oldest_start.map_or(0, |ticks| host.boot_time.saturating_add(ticks / TICKS_PER_SECOND));
    for (family, value) in [
        (&PROCESSES, present.processes as f64),
        (&THREADS, present.threads as f64),
        (&OPEN_FILES, present.open_files as f64),
        (&WORST_RATIO, present.worst_open_files_ratio),
        (&OLDEST_START, start as f64),
        (&READ, totals.io.read_bytes as f64),
        (&WRITTEN, totals.io.write_bytes as f64),
        (&MAJOR_FAULTS, totals.major_faults as f64),
        (&MINOR_FAULTS, totals.minor_faults as f64),
    ] {
        page.set(family, base, value);
    }
    let states = &present.states;
    for (family, label, value, number) in [
        (&CPU, "mode", "user", seconds(totals.user)),
        (&CPU, "mode", "system", seconds(totals.system)),
        (&SWITCHES, "ctxswitchtype", "voluntary", totals.switches.voluntary as f64),
        (&SWITCHES, "ctxswitchtype", "nonvoluntary", totals.switches.nonvoluntary as f64),
        (&MEMORY, "memtype", "resident", present.resident_pages as f64 * host.page_size as f64),
        (&MEMORY, "memtype", "virtual", present.virtual_bytes as f64),
        (&MEMORY, "memtype", "swapped", present.swapped_bytes as f64),
        (&STATES, "state", "Running", states.running as f64),
        (&STATES, "state", "Sleeping", states.sleeping as f64),
        (&STATES, "state", "Waiting", states.waiting as f64),
        (&STATES, "state", "Zombie", states.zombie as f64),
        (&STATES, "state", "Other", states.other as f64),
    ] {
        let labels = page.labels_after(base, &[(label, value)]);
        page.set(family, labels, number);
    }
    if let Some(size) = present.proportional {
        for (value, bytes) in
            [("proportionalResident", size.resident_bytes), ("proportionalSwapped", size.swapped_bytes)]
        {
            let labels = page.labels_after(base, &[("memtype", value)]);
            page.set(&MEMORY, labels, bytes as f64);
        }
    }
    for (function, threads) in &present.wchans {
        let labels = page.labels_after(base, &[("wchan", function)]);
        page.set(&WCHANS, labels, *threads as f64);
    }
    write_threads(page, base, &group.threads);
}

/// Writes the series of the threads that are there now.
fn write_threads(page: &mut Page, group: Labels, threads: &BTreeMap<Box<str>, Threads>) {
    for (name, Threads { totals, count }) in threads.iter().filter(|(_, threads)| threads.count > 0) {
        let base = page.labels_after(group, &[("threadname", name)]);
        page.set(&THREAD_COUNT, base, *count as f64);
        page.set(&THREAD_MAJOR_FAULTS, base, totals.major_faults as f64);
        page.set(&THREAD_MINOR_FAULTS, base, totals.minor_faults as f64);
        for (family, label, value, number) in [
            (&THREAD_CPU, "mode", "user", seconds(totals.user)),
            (&THREAD_CPU, "mode", "system", seconds(totals.system)),
            (&THREAD_IO, "iomode", "read", totals.io.read_bytes as f64),
            (&THREAD_IO, "iomode", "write", totals.io.write_bytes as f64),
            (&THREAD_SWITCHES, "ctxswitchtype", "voluntary", totals.switches.voluntary as f64),
            (&THREAD_SWITCHES, "ctxswitchtype", "nonvoluntary", totals.switches.nonvoluntary as f64),
        ] {
            let labels = page.labels_after(base, &[(label, value)]);
            page.set(family, labels, number);
        }
    }
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND as f64
}

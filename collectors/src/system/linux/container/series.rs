//! What is told of a control group: cAdvisor's families, in its words, and what they are filled from.
//!
//! A value has a place in a table for as long as its control group is read, so that reading and writing allocate nothing.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

use super::devices::DeviceIo;

/// Makes an enum of values and the table of their families, in one order.
macro_rules! table {
    ($(#[$doc:meta])* $values:ident, $table:ident: $($value:ident = $kind:ident $name:literal $help:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $values { $($value),* }

        static $table: [Family; [$($values::$value),*].len()] = [$(Family::$kind($name, $help)),*];
    };
}

table! {
    /// What is read each time.
    Usage, USAGE:
    CpuUser = counter "container_cpu_user_seconds_total" "Cumulative user cpu time consumed in seconds.";
    CpuSystem = counter "container_cpu_system_seconds_total" "Cumulative system cpu time consumed in seconds.";
    CfsPeriods = counter "container_cpu_cfs_periods_total" "Number of elapsed enforcement period intervals.";
    CfsThrottledPeriods = counter "container_cpu_cfs_throttled_periods_total" "Number of throttled period intervals.";
    CfsThrottledSeconds = counter "container_cpu_cfs_throttled_seconds_total" "Total time duration the container has been throttled.";
    CfsBurstPeriods = counter "container_cpu_cfs_burst_periods_total" "Number of periods when burst occurs.";
    CfsBurstSeconds = counter "container_cpu_cfs_burst_seconds_total" "Total time duration the container has been bursted.";
    MemoryCache = gauge "container_memory_cache" "Number of bytes of page cache memory.";
    MemoryRss = gauge "container_memory_rss" "Size of RSS in bytes.";
    MemoryKernel = gauge "container_memory_kernel_usage" "Size of kernel memory allocated in bytes.";
    MemoryMappedFile = gauge "container_memory_mapped_file" "Size of memory mapped files in bytes.";
    MemorySwap = gauge "container_memory_swap" "Container swap usage in bytes.";
    MemoryFailcnt = counter "container_memory_failcnt" "Number of memory usage hits limits";
    MemoryCurrent = gauge "container_memory_usage_bytes" "Current memory usage in bytes, including all memory regardless of when it was accessed";
    MemoryPeak = gauge "container_memory_max_usage_bytes" "Maximum memory usage recorded in bytes";
    MemoryWorkingSet = gauge "container_memory_working_set_bytes" "Current working set in bytes.";
    MemoryActiveFile = gauge "container_memory_total_active_file_bytes" "Current total active file in bytes.";
    MemoryInactiveFile = gauge "container_memory_total_inactive_file_bytes" "Current total inactive file in bytes.";
    MemoryHigh = counter "container_memory_events_high_total" "Cumulative count of memory.high throttle events for the container";
    MemoryMax = counter "container_memory_events_max_total" "Cumulative count of memory.max limit hit events for the container";
    MemoryDirty = gauge "container_memory_file_dirty_bytes" "Number of bytes of file cache that has been modified but not yet written back to disk.";
    MemoryWriteback = gauge "container_memory_file_writeback_bytes" "Number of bytes of file cache that is currently being written back to disk.";
    MemoryPagesScanned = counter "container_memory_pgscan_total" "Cumulative number of pages scanned by the page reclaim algorithm.";
    MemoryPagesReclaimed = counter "container_memory_pgsteal_total" "Cumulative number of pages reclaimed by the page reclaim algorithm.";
    MemoryRefaultFile = counter "container_memory_workingset_refault_file_total" "Cumulative number of refaults of previously evicted file pages.";
    MemoryRefaultAnon = counter "container_memory_workingset_refault_anon_total" "Cumulative number of refaults of previously evicted anonymous pages.";
    OomEvents = counter "container_oom_events_total" "Count of out of memory events observed for the container";
    Processes = gauge "container_processes" "Number of processes running inside the container.";
    Threads = gauge "container_threads" "Number of threads running inside the container";
    CpuStalled = counter "container_pressure_cpu_stalled_seconds_total" "Total time duration no tasks in the container could make progress due to CPU congestion.";
    CpuWaiting = counter "container_pressure_cpu_waiting_seconds_total" "Total time duration tasks in the container have waited due to CPU congestion.";
    MemoryStalled = counter "container_pressure_memory_stalled_seconds_total" "Total time duration no tasks in the container could make progress due to memory congestion.";
    MemoryWaiting = counter "container_pressure_memory_waiting_seconds_total" "Total time duration tasks in the container have waited due to memory congestion.";
    IoStalled = counter "container_pressure_io_stalled_seconds_total" "Total time duration no tasks in the container could make progress due to IO congestion.";
    IoWaiting = counter "container_pressure_io_waiting_seconds_total" "Total time duration tasks in the container have waited due to IO congestion.";
}

table! {
    /// What is read when the tree is looked through: limits seldom change.
    Limit, LIMITS:
    CpuPeriod = gauge "container_spec_cpu_period" "CPU period of the container.";
    CpuQuota = gauge "container_spec_cpu_quota" "CPU quota of the container.";
    CpuShares = gauge "container_spec_cpu_shares" "CPU share of the container.";
    Memory = gauge "container_spec_memory_limit_bytes" "Memory limit for the container.";
    MemorySwap = gauge "container_spec_memory_swap_limit_bytes" "Memory swap limit for the container.";
    MemoryReservation = gauge "container_spec_memory_reservation_limit_bytes" "Memory reservation limit for the container.";
    ThreadsMax = gauge "container_threads_max" "Maximum number of threads allowed inside the container, infinity if value is zero";
    StartTime = gauge "container_start_time_seconds" "Start time of the container since unix epoch in seconds.";
}

static CPU_USAGE: Family =
    Family::counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.");
static FAULTS: Family =
    Family::counter("container_memory_failures_total", "Cumulative count of memory allocation failures.");
/// Page faults, and where they are counted: in the control group alone, or in those below it too.
const FAULT_LABELS: [[(&str, &str); 2]; 4] = [
    [("failure_type", "pgfault"), ("scope", "container")],
    [("failure_type", "pgmajfault"), ("scope", "container")],
    [("failure_type", "pgfault"), ("scope", "hierarchy")],
    [("failure_type", "pgmajfault"), ("scope", "hierarchy")],
];

/// The limits of one control group; what it does not have is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limits([Option<f64>; LIMITS.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self([None; LIMITS.len()])
    }
}

impl Limits {
    pub(super) fn set(&mut self, limit: Limit, value: f64) {
        self.0[limit as usize] = Some(value);
    }

    pub(super) fn write(&self, page: &mut Page, labels: Labels) {
        for (family, value) in LIMITS.iter().zip(self.0) {
            if let Some(value) = value {
                page.set(family, labels, value);
            }
        }
    }

    pub(super) fn get(&self, limit: Limit) -> Option<f64> {
        self.0[limit as usize]
    }
}

/// The present values of one control group; what it does not have is `None`.
#[derive(Debug)]
pub(super) struct Reading {
    values: [Option<f64>; USAGE.len()],
    /// Seconds of all CPUs together.
    pub(super) cpu_usage: Option<f64>,
    /// Page faults and major ones of the control group, then with those below it.
    pub(super) faults: [Option<u64>; 4],
    pub(super) io: Vec<DeviceIo>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { values: [None; USAGE.len()], cpu_usage: None, faults: [None; 4], io: Vec::new() }
    }
}

impl Reading {
    /// Forgets the values, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.values = [None; USAGE.len()];
        self.cpu_usage = None;
        self.faults = [None; 4];
        self.io.clear();
    }

    pub(super) fn set(&mut self, usage: Usage, value: f64) {
        self.values[usage as usize] = Some(value);
    }

    pub(super) fn forget(&mut self, usage: Usage) {
        self.values[usage as usize] = None;
    }

    pub(super) fn get(&self, usage: Usage) -> Option<f64> {
        self.values[usage as usize]
    }

    /// The series of a control group whose labels are `labels`, but for its devices.
    pub(super) fn write(&self, page: &mut Page, labels: Labels) {
        if let Some(seconds) = self.cpu_usage {
            let total = page.labels_after(labels, &[("cpu", "total")]);
            page.set(&CPU_USAGE, total, seconds);
        }
        for (family, value) in USAGE.iter().zip(self.values) {
            if let Some(value) = value {
                page.set(family, labels, value);
            }
        }
        for (kind, count) in FAULT_LABELS.iter().zip(self.faults) {
            if let Some(count) = count {
                let kind = page.labels_after(labels, kind);
                page.set(&FAULTS, kind, count as f64);
            }
        }
    }
}

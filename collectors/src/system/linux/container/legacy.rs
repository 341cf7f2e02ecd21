//! The files of a control group of version 1 (the kernel's admin-guide/cgroup-v1).

use super::super::parse;
use super::devices::DeviceIo;
use super::series::{Limit, Limits, Reading, Usage};
use super::source::{LimitFile, UsageFile};
use super::unified::{device, each_number, limit, number, processes};

/// What is read each time, by controller.
#[rustfmt::skip] // one line each
pub(super) static USAGE: &[(&str, &[UsageFile])] = &[
    ("cpuacct", &[
        UsageFile { names: &["cpuacct.usage"], take: cpu_usage },
        UsageFile { names: &["cpuacct.stat"], take: cpu_time },
    ]),
    ("cpu", &[UsageFile { names: &["cpu.stat"], take: throttling }]),
    ("memory", &[
        UsageFile { names: &["memory.usage_in_bytes"], take: |text, to| number(text, to, Usage::MemoryCurrent) },
        UsageFile { names: &["memory.max_usage_in_bytes"], take: |text, to| number(text, to, Usage::MemoryPeak) },
        UsageFile { names: &["memory.kmem.usage_in_bytes"], take: |text, to| number(text, to, Usage::MemoryKernel) },
        UsageFile { names: &["memory.failcnt"], take: |text, to| number(text, to, Usage::MemoryFailcnt) },
        UsageFile { names: &["memory.stat"], take: memory_stat },
        UsageFile { names: &["memory.oom_control"], take: oom_control },
        UsageFile { names: &["cgroup.procs"], take: processes },
    ]),
    // Older kernels count what the control group has done itself, and not those below it.
    ("blkio", &[
        UsageFile { names: &["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"], take: io_bytes },
        UsageFile { names: &["blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"], take: io_operations },
    ]),
    ("pids", &[UsageFile { names: &["pids.current"], take: |text, to| number(text, to, Usage::Threads) }]),
];

/// What is read when the tree is looked through, by controller.
#[rustfmt::skip] // one line each
pub(super) static LIMITS: &[(&str, &[LimitFile])] = &[
    ("cpu", &[
        LimitFile { name: "cpu.cfs_period_us", take: |text, to| limit(text, to, Limit::CpuPeriod) },
        LimitFile { name: "cpu.cfs_quota_us", take: cpu_quota },
        LimitFile { name: "cpu.shares", take: |text, to| limit(text, to, Limit::CpuShares) },
    ]),
    ("memory", &[
        LimitFile { name: "memory.limit_in_bytes", take: |text, to| bytes(text, to, Limit::Memory) },
        LimitFile { name: "memory.memsw.limit_in_bytes", take: |text, to| bytes(text, to, Limit::MemorySwap) },
        LimitFile { name: "memory.soft_limit_in_bytes", take: |text, to| bytes(text, to, Limit::MemoryReservation) },
    ]),
    ("pids", &[LimitFile { name: "pids.max", take: |text, to| limit(text, to, Limit::ThreadsMax) }]),
];

/// Nanoseconds of all CPUs.
fn cpu_usage(text: &[u8], to: &mut Reading) -> Option<()> {
    to.cpu_usage = Some(parse::whole_file(text)? as f64 / 1e9);
    Some(())
}

/// `user 12` and `system 3`, in ticks of the clock.
fn cpu_time(text: &[u8], to: &mut Reading) -> Option<()> {
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    each_number(text, |name, value| match name {
        b"user" => to.set(Usage::CpuUser, value as f64 / ticks),
        b"system" => to.set(Usage::CpuSystem, value as f64 / ticks),
        _ => {}
    })
}

/// `throttled_time` and `burst_time` are nanoseconds.
fn throttling(text: &[u8], to: &mut Reading) -> Option<()> {
    each_number(text, |name, value| match name {
        b"nr_periods" => to.set(Usage::CfsPeriods, value as f64),
        b"nr_throttled" => to.set(Usage::CfsThrottledPeriods, value as f64),
        b"throttled_time" => to.set(Usage::CfsThrottledSeconds, value as f64 / 1e9),
        b"nr_bursts" => to.set(Usage::CfsBurstPeriods, value as f64),
        b"burst_time" => to.set(Usage::CfsBurstSeconds, value as f64 / 1e9),
        _ => {}
    })
}

/// `cache 4096`, and with the control groups below `total_cache 4096`.
fn memory_stat(text: &[u8], to: &mut Reading) -> Option<()> {
    each_number(text, |name, value| {
        let usage = match name {
            b"total_cache" => Usage::MemoryCache,
            b"total_rss" => Usage::MemoryRss,
            b"total_swap" => Usage::MemorySwap,
            b"total_mapped_file" => Usage::MemoryMappedFile,
            b"total_dirty" => Usage::MemoryDirty,
            b"total_writeback" => Usage::MemoryWriteback,
            b"total_active_file" => Usage::MemoryActiveFile,
            b"total_inactive_file" => Usage::MemoryInactiveFile,
            b"total_workingset_refault_file" => Usage::MemoryRefaultFile,
            b"total_workingset_refault_anon" => Usage::MemoryRefaultAnon,
            b"pgfault" => return to.faults[0] = Some(value),
            b"pgmajfault" => return to.faults[1] = Some(value),
            b"total_pgfault" => return to.faults[2] = Some(value),
            b"total_pgmajfault" => return to.faults[3] = Some(value),
            _ => return,
        };
        to.set(usage, value as f64);
    })
}

/// `oom_kill 1` (from 4.13 on): processes of this control group alone that were killed.
fn oom_control(text: &[u8], to: &mut Reading) -> Option<()> {
    each_number(text, |name, value| {
        if name == b"oom_kill" {
            to.set(Usage::OomEvents, value as f64);
        }
    })
}

fn io_bytes(text: &[u8], to: &mut Reading) -> Option<()> {
    each_operation(text, to, |io, operation, value| match operation {
        b"Read" => io.read_bytes = Some(value),
        b"Write" => io.written_bytes = Some(value),
        b"Discard" => io.discarded_bytes = Some(value),
        _ => {}
    })
}

fn io_operations(text: &[u8], to: &mut Reading) -> Option<()> {
    each_operation(text, to, |io, operation, value| match operation {
        b"Read" => io.reads = Some(value),
        b"Write" => io.writes = Some(value),
        _ => {}
    })
}

/// `8:0 Read 4096`; the last line is `Total 8192`, of all devices.
fn each_operation(
    text: &[u8],
    to: &mut Reading,
    mut take: impl FnMut(&mut DeviceIo, &[u8], u64),
) -> Option<()> {
    let mut understood = true;
    for line in parse::lines(text).filter(|line| !line.starts_with(b"Total")) {
        let mut words = parse::words(line);
        let number = words.next().and_then(device);
        match (number, words.next(), words.next().and_then(parse::whole)) {
            (Some(number), Some(operation), Some(value)) => {
                take(DeviceIo::of(&mut to.io, number), operation, value);
            }
            _ => understood = false,
        }
    }
    understood.then_some(())
}

/// Microseconds, or -1 for no limit.
fn cpu_quota(text: &[u8], to: &mut Limits) -> Option<()> {
    match text.trim_ascii() {
        b"-1" => Some(()),
        quota => {
            to.set(Limit::CpuQuota, parse::whole(quota)? as f64);
            Some(())
        }
    }
}

/// No limit is the largest whole number of pages: 0 then, as cAdvisor has it.
fn bytes(text: &[u8], to: &mut Limits, limit: Limit) -> Option<()> {
    let value = parse::whole_file(text)?;
    to.set(limit, if value > 1 << 62 { 0.0 } else { value as f64 });
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::Fixture;
    use super::super::place::Place;
    use super::super::source::{Sources, limits};
    use super::*;
    use crate::system::config::Roots;
    use std::path::Path;

    /// What a kernel writes of a control group of version 1, with its controllers in hierarchies as systemd mounts them.
    const FILES: &[(&str, &str)] = &[
        ("cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("cpu,cpuacct/cpu.shares", "1024\n"),
        ("cpu,cpuacct/cpu.stat", "nr_periods 40\nnr_throttled 4\nthrottled_time 1500000000\n"),
        ("cpu,cpuacct/cpuacct.stat", "user 200\nsystem 100\n"),
        ("cpu,cpuacct/cpuacct.usage", "3000000000\n"),
        ("memory/cgroup.procs", "12\n13\n"),
        ("memory/memory.failcnt", "3\n"),
        ("memory/memory.kmem.usage_in_bytes", "48576\n"),
        ("memory/memory.limit_in_bytes", "2097152\n"),
        ("memory/memory.max_usage_in_bytes", "2000000\n"),
        ("memory/memory.memsw.limit_in_bytes", "9223372036854771712\n"),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
        (
            "memory/memory.stat",
            "cache 1\nrss 2\ninactive_file 9\npgfault 50\npgmajfault 5\nhierarchical_memory_limit 2097152\n\
             total_cache 600000\ntotal_rss 400000\ntotal_swap 4096\ntotal_inactive_file 500000\ntotal_pgfault 90\n\
             total_pgmajfault 9\n",
        ),
        ("memory/memory.usage_in_bytes", "1048576\n"),
        ("pids/pids.current", "5\n"),
        ("pids/pids.max", "max\n"),
        ("blkio/blkio.throttle.io_service_bytes", "8:0 Read 1\nTotal 1\n"),
        (
            "blkio/blkio.throttle.io_service_bytes_recursive",
            "8:0 Read 1459200\n8:0 Write 314773504\n8:0 Sync 0\n8:0 Async 0\n8:0 Discard 0\n8:0 Total 316232704\n\
             Total 316232704\n",
        ),
        ("blkio/blkio.throttle.io_serviced", "8:0 Read 192\n8:0 Write 353\nTotal 545\n"),
    ];

    fn host() -> (Fixture, Place) {
        let host = Fixture::new().with("proc/self/cgroup", "0::/\n");
        let mut mounts = String::new();
        for (dir, controllers) in
            [("cpu,cpuacct", "cpu,cpuacct"), ("memory", "memory"), ("pids", "pids"), ("blkio", "blkio")]
        {
            let at = host.path().display();
            mounts.push_str(&format!("1 2 0:3 / {at}/{dir} rw - cgroup cgroup rw,{controllers}\n"));
        }
        host.write("proc/self/mountinfo", mounts);
        for (file, text) in FILES {
            let (dir, file) = file.split_once('/').unwrap();
            host.write(&format!("{dir}/a/b/{file}"), text);
        }
        let place = Place::find(&Roots { procfs: host.roots().procfs.clone(), ..Roots::default() });
        (host, place.unwrap().unwrap())
    }

    #[test]
    fn a_control_group_is_read_from_all_its_hierarchies() {
        let (_host, place) = host();
        let mut reading = Reading::default();
        let (is_there, result) = Sources::new(&place, Path::new("a/b")).read(&mut reading, &mut Vec::new());
        result.unwrap();
        assert!(is_there);
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        for (usage, expected) in [
            (Usage::CpuUser, 200.0 / ticks),
            (Usage::CpuSystem, 100.0 / ticks),
            (Usage::CfsPeriods, 40.0),
            (Usage::CfsThrottledPeriods, 4.0),
            (Usage::CfsThrottledSeconds, 1.5),
            (Usage::MemoryCache, 600_000.0),
            (Usage::MemoryRss, 400_000.0),
            (Usage::MemorySwap, 4096.0),
            (Usage::MemoryKernel, 48_576.0),
            (Usage::MemoryFailcnt, 3.0),
            (Usage::MemoryCurrent, 1_048_576.0),
            (Usage::MemoryPeak, 2_000_000.0),
            (Usage::MemoryWorkingSet, 548_576.0),
            (Usage::OomEvents, 1.0),
            (Usage::Processes, 2.0),
            (Usage::Threads, 5.0),
        ] {
            assert_eq!(reading.get(usage), Some(expected), "{usage:?}");
        }
        assert_eq!(reading.cpu_usage, Some(3.0));
        assert_eq!(reading.faults, [Some(50), Some(5), Some(90), Some(9)]);
        let [io] = reading.io.as_slice() else { panic!("one device: {:?}", reading.io) };
        assert_eq!((io.read_bytes, io.written_bytes), (Some(1_459_200), Some(314_773_504)));
        assert_eq!((io.reads, io.writes), (Some(192), Some(353)));
    }

    #[test]
    fn no_limit_is_0_and_no_quota_is_none() {
        let (host, place) = host();
        let (told, result) = limits(&place, Path::new("a/b"), &mut Vec::new());
        result.unwrap();
        assert_eq!(told.get(Limit::CpuQuota), None);
        assert_eq!(told.get(Limit::CpuPeriod), Some(100_000.0));
        assert_eq!(told.get(Limit::CpuShares), Some(1024.0));
        assert_eq!(told.get(Limit::Memory), Some(2_097_152.0));
        assert_eq!(told.get(Limit::MemorySwap), Some(0.0));
        assert_eq!(told.get(Limit::ThreadsMax), Some(0.0));
        host.write("cpu,cpuacct/a/b/cpu.cfs_quota_us", "50000\n");
        assert_eq!(limits(&place, Path::new("a/b"), &mut Vec::new()).0.get(Limit::CpuQuota), Some(50_000.0));
    }
}

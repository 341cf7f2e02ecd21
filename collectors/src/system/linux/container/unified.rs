//! The files of a control group of version 2 (the kernel's admin-guide/cgroup-v2.rst).

use super::super::{parse, pressure};
use super::devices::{Device, DeviceIo};
use super::series::{Limit, Limits, Reading, Usage};
use super::source::{LimitFile, UsageFile};

/// What is read each time.
#[rustfmt::skip] // one line each
pub(super) static USAGE: &[UsageFile] = &[
    UsageFile { names: &["cpu.stat"], take: cpu_stat },
    UsageFile { names: &["memory.current"], take: |text, to| number(text, to, Usage::MemoryCurrent) },
    UsageFile { names: &["memory.peak"], take: |text, to| number(text, to, Usage::MemoryPeak) },
    UsageFile { names: &["memory.swap.current"], take: |text, to| number(text, to, Usage::MemorySwap) },
    UsageFile { names: &["memory.stat"], take: memory_stat },
    UsageFile { names: &["memory.events"], take: memory_events },
    UsageFile { names: &["io.stat"], take: io_stat },
    UsageFile { names: &["pids.current"], take: |text, to| number(text, to, Usage::Threads) },
    UsageFile { names: &["cgroup.procs"], take: processes },
    UsageFile { names: &["cpu.pressure"], take: |text, to| pressure(text, to, Usage::CpuWaiting, Usage::CpuStalled) },
    UsageFile { names: &["memory.pressure"], take: |text, to| pressure(text, to, Usage::MemoryWaiting, Usage::MemoryStalled) },
    UsageFile { names: &["io.pressure"], take: |text, to| pressure(text, to, Usage::IoWaiting, Usage::IoStalled) },
];

/// What is read when the tree is looked through.
pub(super) static LIMITS: &[LimitFile] = &[
    LimitFile { name: "cpu.max", take: cpu_max },
    LimitFile { name: "cpu.weight", take: cpu_weight },
    LimitFile { name: "memory.max", take: |text, to| limit(text, to, Limit::Memory) },
    LimitFile { name: "memory.min", take: |text, to| limit(text, to, Limit::MemoryReservation) },
    LimitFile { name: "memory.swap.max", take: |text, to| limit(text, to, Limit::MemorySwap) },
    LimitFile { name: "pids.max", take: |text, to| limit(text, to, Limit::ThreadsMax) },
];

/// A file that holds one number.
pub(super) fn number(text: &[u8], to: &mut Reading, usage: Usage) -> Option<()> {
    to.set(usage, parse::whole_file(text)? as f64);
    Some(())
}

/// A file that holds one number, or `max` for none: 0 then, as cAdvisor has it.
pub(super) fn limit(text: &[u8], to: &mut Limits, limit: Limit) -> Option<()> {
    let value = match text.trim_ascii() {
        b"max" => 0,
        number => parse::whole(number)?,
    };
    to.set(limit, value as f64);
    Some(())
}

/// Hands on each line of a file that has a name and a number in each.
pub(super) fn each_number(text: &[u8], mut take: impl FnMut(&[u8], u64)) -> Option<()> {
    let mut understood = true;
    for line in parse::lines(text) {
        let (name, value) = parse::first_word(line);
        match parse::whole_file(value) {
            Some(value) => take(name, value),
            None => understood = false,
        }
    }
    understood.then_some(())
}

/// One process a line.
pub(super) fn processes(text: &[u8], to: &mut Reading) -> Option<()> {
    to.set(Usage::Processes, memchr::memchr_iter(b'\n', text).count() as f64);
    Some(())
}

/// `usage_usec 1000`, and the same for `user_usec`, `system_usec`; with the controller also what its limit has done.
fn cpu_stat(text: &[u8], to: &mut Reading) -> Option<()> {
    each_number(text, |name, value| {
        let seconds = value as f64 / 1e6;
        match name {
            b"usage_usec" => to.cpu_usage = Some(seconds),
            b"user_usec" => to.set(Usage::CpuUser, seconds),
            b"system_usec" => to.set(Usage::CpuSystem, seconds),
            b"nr_periods" => to.set(Usage::CfsPeriods, value as f64),
            b"nr_throttled" => to.set(Usage::CfsThrottledPeriods, value as f64),
            b"throttled_usec" => to.set(Usage::CfsThrottledSeconds, seconds),
            b"nr_bursts" => to.set(Usage::CfsBurstPeriods, value as f64),
            b"burst_usec" => to.set(Usage::CfsBurstSeconds, seconds),
            _ => {}
        }
    })
}

/// Bytes, pages and events, all with those of the control groups below: `anon 1000`.
fn memory_stat(text: &[u8], to: &mut Reading) -> Option<()> {
    each_number(text, |name, value| {
        let usage = match name {
            b"anon" => Usage::MemoryRss,
            b"file" => Usage::MemoryCache,
            b"kernel" => Usage::MemoryKernel,
            b"file_mapped" => Usage::MemoryMappedFile,
            b"file_dirty" => Usage::MemoryDirty,
            b"file_writeback" => Usage::MemoryWriteback,
            b"active_file" => Usage::MemoryActiveFile,
            b"inactive_file" => Usage::MemoryInactiveFile,
            b"pgscan" => Usage::MemoryPagesScanned,
            b"pgsteal" => Usage::MemoryPagesReclaimed,
            b"workingset_refault_file" => Usage::MemoryRefaultFile,
            b"workingset_refault_anon" => Usage::MemoryRefaultAnon,
            // Not told apart here: cAdvisor gives both scopes the same.
            b"pgfault" => return (to.faults[0], to.faults[2]) = (Some(value), Some(value)),
            b"pgmajfault" => return (to.faults[1], to.faults[3]) = (Some(value), Some(value)),
            _ => return,
        };
        to.set(usage, value as f64);
    })
}

/// `max 3`: how often the limit was run into; `oom_kill 1`: how many processes were killed for it.
fn memory_events(text: &[u8], to: &mut Reading) -> Option<()> {
    each_number(text, |name, value| match name {
        b"high" => to.set(Usage::MemoryHigh, value as f64),
        b"max" => {
            to.set(Usage::MemoryMax, value as f64);
            to.set(Usage::MemoryFailcnt, value as f64);
        }
        b"oom_kill" => to.set(Usage::OomEvents, value as f64),
        _ => {}
    })
}

/// `8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0`; a device may have its number alone,
/// or share its line with numbers that have no values.
fn io_stat(text: &[u8], to: &mut Reading) -> Option<()> {
    let mut understood = true;
    for line in parse::lines(text) {
        let mut number = None;
        for word in parse::words(line) {
            if let Some(device) = device(word) {
                number = Some(device);
                continue;
            }
            let (Some(number), Some((name, value))) = (number, pair(word)) else {
                understood = false;
                continue;
            };
            let io = DeviceIo::of(&mut to.io, number);
            let place = match name {
                b"rbytes" => &mut io.read_bytes,
                b"wbytes" => &mut io.written_bytes,
                b"dbytes" => &mut io.discarded_bytes,
                b"rios" => &mut io.reads,
                b"wios" => &mut io.writes,
                _ => continue,
            };
            *place = parse::whole(value);
            understood &= place.is_some();
        }
    }
    understood.then_some(())
}

fn pair(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', word)?;
    Some((&word[..at], &word[at + 1..]))
}

/// `8:16`.
pub(super) fn device(word: &[u8]) -> Option<Device> {
    let colon = memchr::memchr(b':', word)?;
    Some(Device { major: parse::whole(&word[..colon])?, minor: parse::whole(&word[colon + 1..])? })
}

fn pressure(text: &[u8], to: &mut Reading, some: Usage, full: Usage) -> Option<()> {
    let totals = pressure::parse(text);
    for (usage, total) in [(some, totals.some), (full, totals.full)] {
        if let Some(microseconds) = total {
            to.set(usage, microseconds as f64 / 1e6);
        }
    }
    totals.some.map(|_| ())
}

/// `100000 100000`, or `max 100000` without a quota: microseconds of CPU, and in which time.
fn cpu_max(text: &[u8], to: &mut Limits) -> Option<()> {
    let (quota, period) = parse::first_word(text);
    to.set(Limit::CpuPeriod, parse::whole_file(period)? as f64);
    if quota != b"max" {
        to.set(Limit::CpuQuota, parse::whole(quota)? as f64);
    }
    Some(())
}

/// A weight of 1 to 10000, as the shares of version 1 that runtimes make it of: 2 to 262144.
fn cpu_weight(text: &[u8], to: &mut Limits) -> Option<()> {
    let weight = parse::whole_file(text).filter(|weight| (1..=10_000).contains(weight))?;
    to.set(Limit::CpuShares, (2 + (weight - 1) * 262_142 / 9999) as f64);
    Some(())
}

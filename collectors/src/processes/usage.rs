//! What a process uses: from the files beside its `stat`.

use super::procfs::{Buffer, Procfs};
use super::stat::Stat;

/// What only grows while a process lives. What could not be read is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters {
    /// In ticks.
    pub(super) user: u64,
    /// In ticks.
    pub(super) system: u64,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) io: Option<Io>,
    pub(super) switches: Option<Switches>,
}

impl Counters {
    /// Of a process that has just been born.
    pub(super) fn zero() -> Self {
        Self { io: Some(Io::default()), switches: Some(Switches::default()), ..Self::default() }
    }
}

/// `/proc/PID/io`: what reached the block layer, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Io {
    pub(super) read_bytes: u64,
    pub(super) write_bytes: u64,
}

/// `voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches` of `/proc/PID/status`: of the main thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Switches {
    pub(super) voluntary: u64,
    pub(super) nonvoluntary: u64,
}

/// Everything about one process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) state: u8,
    pub(super) threads: u64,
    /// In ticks since boot.
    pub(super) start: u64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_pages: u64,
    /// `VmSwap` of `/proc/PID/status`; 0 for threads of the kernel.
    pub(super) swapped_bytes: u64,
    /// Open descriptors.
    pub(super) open_files: Option<u64>,
    /// The soft limit of open descriptors.
    pub(super) open_files_limit: Option<u64>,
    pub(super) counters: Counters,
    /// Whether a file could not be read: no permission, or the process has just ended.
    pub(super) is_partial: bool,
}

/// Reads what `stat` does not tell.
pub(super) fn read(procfs: &Procfs, pid: u32, stat: &Stat, buffer: &mut Buffer) -> Usage {
    let mut usage = Usage {
        state: stat.state,
        threads: stat.threads,
        start: stat.start,
        virtual_bytes: stat.virtual_bytes,
        resident_pages: stat.resident_pages,
        counters: Counters {
            user: stat.user,
            system: stat.system,
            minor_faults: stat.minor_faults,
            major_faults: stat.major_faults,
            io: None,
            switches: None,
        },
        ..Usage::default()
    };
    let mut file = |name: &str, take: &mut dyn FnMut(&[u8])| match procfs.read(pid, name, buffer) {
        Ok(content) => take(content),
        Err(_) => usage.is_partial = true,
    };
    file("status", &mut |content| {
        usage.swapped_bytes = labelled(content, b"VmSwap:").unwrap_or(0) * 1024;
        usage.counters.switches = switches(content);
    });
    file("io", &mut |content| usage.counters.io = io(content));
    file("limits", &mut |content| usage.open_files_limit = open_files_limit(content));
    match procfs.count_open_files(pid) {
        Ok(count) => usage.open_files = Some(count),
        Err(_) => usage.is_partial = true,
    }
    usage
}

/// Calls `visit` with the kernel function in which each thread of a process waits. A thread that runs waits in none,
/// and where it waits is told only to those who may trace it.
pub(super) fn visit_wchans(
    procfs: &Procfs,
    pid: u32,
    threads: u64,
    buffer: &mut Buffer,
    mut visit: impl FnMut(&str),
) {
    let mut read = |path: &str| {
        if let Ok(content) = procfs.read(pid, path, buffer)
            && let Ok(function) = std::str::from_utf8(content)
            && !matches!(function.trim(), "" | "0")
        {
            visit(function.trim());
        }
    };
    if threads <= 1 {
        return read("wchan");
    }
    for thread in procfs.threads(pid).unwrap_or_default() {
        read(&format!("task/{thread}/wchan"));
    }
}

fn io(content: &[u8]) -> Option<Io> {
    Some(Io {
        read_bytes: labelled(content, b"read_bytes:")?,
        write_bytes: labelled(content, b"write_bytes:")?,
    })
}

fn switches(content: &[u8]) -> Option<Switches> {
    Some(Switches {
        voluntary: labelled(content, b"voluntary_ctxt_switches:")?,
        nonvoluntary: labelled(content, b"nonvoluntary_ctxt_switches:")?,
    })
}

/// `Max open files            1024                 524288               files`: the first number, where
/// `unlimited` is as many as there can be.
fn open_files_limit(content: &[u8]) -> Option<u64> {
    let words = line(content, b"Max open files")?.trim_ascii_start();
    if words.starts_with(b"unlimited") { Some(u64::MAX) } else { leading_number(words) }
}

/// The number behind a label that begins a line.
fn labelled(content: &[u8], label: &[u8]) -> Option<u64> {
    leading_number(line(content, label)?.trim_ascii_start())
}

/// What follows `label` on the line that it begins.
fn line<'a>(content: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
    content.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(label))
}

fn leading_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

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
}

impl Counters {
    /// Of a process that has just been born.
    pub(super) fn zero() -> Self {
        Self { io: Some(Io::default()), ..Self::default() }
    }
}

/// `/proc/PID/io`: what reached the block layer, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Io {
    pub(super) read_bytes: u64,
    pub(super) write_bytes: u64,
}

/// `voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches` of a `status` file: of one thread.
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
    /// Of the main thread.
    pub(super) main_switches: Option<Switches>,
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
        },
        ..Usage::default()
    };
    let mut file = |name: &str, take: &mut dyn FnMut(&[u8])| match procfs.read(pid, name, buffer) {
        Ok(content) => take(content),
        Err(_) => usage.is_partial = true,
    };
    file("status", &mut |content| {
        usage.swapped_bytes = labelled(content, b"VmSwap:").unwrap_or(0) * 1024;
        usage.main_switches = switches(content);
    });
    file("io", &mut |content| usage.counters.io = io(content));
    file("limits", &mut |content| usage.open_files_limit = open_files_limit(content));
    match procfs.count_open_files(pid) {
        Ok(count) => usage.open_files = Some(count),
        Err(_) => usage.is_partial = true,
    }
    usage
}

/// Calls `visit` with the context switches of each thread of a process, and the kernel function in which it waits:
/// none if it runs, and none that we are told if we may not trace it. A thread that ends meanwhile is left out.
pub(super) fn visit_threads(
    procfs: &Procfs,
    pid: u32,
    usage: &Usage,
    buffer: &mut Buffer,
    mut visit: impl FnMut(u32, Switches, Option<&str>),
) {
    let mut thread = |id: u32, directory: &str| {
        let known = usage.main_switches.filter(|_| id == pid);
        let read = |buffer| switches(procfs.read(pid, &format!("{directory}status"), buffer).ok()?);
        let Some(switches) = known.or_else(|| read(&mut *buffer)) else { return };
        let wchan = procfs.read(pid, &format!("{directory}wchan"), buffer).unwrap_or_default();
        let wchan = std::str::from_utf8(wchan).unwrap_or_default().trim();
        visit(id, switches, Some(wchan).filter(|wchan| !matches!(*wchan, "" | "0")));
    };
    if usage.threads <= 1 {
        return thread(pid, "");
    }
    for id in procfs.threads(pid).unwrap_or_default() {
        thread(id, &format!("task/{id}/"));
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

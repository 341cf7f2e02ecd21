//! What a process uses: from its `stat` and the files beside it.

use super::procfs::{Buffer, Procfs};
use super::stat::Stat;

/// What only grows while a process lives. What could not be read is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    /// In ticks.
    pub(crate) user: u64,
    /// In ticks.
    pub(crate) system: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) io: Option<Io>,
}

impl Counters {
    /// Of a process that has just been born.
    pub(super) fn zero() -> Self {
        Self { io: Some(Io::default()), ..Self::default() }
    }

    /// CPU time, in ticks.
    pub(crate) fn ticks(&self) -> u64 {
        self.user.saturating_add(self.system)
    }

    /// What a process or thread has used itself, but for its io.
    pub(super) fn own(stat: &Stat) -> Self {
        let Stat { user, system, minor_faults, major_faults, .. } = *stat;
        Self { user, system, minor_faults, major_faults, io: None }
    }

    /// What those of its children have used, and theirs, that have ended and were waited for. Nothing is told of their
    /// io: it is in the io of the process itself.
    pub(super) fn of_children(stat: &Stat) -> Self {
        Self {
            user: stat.children_user,
            system: stat.children_system,
            minor_faults: stat.children_minor_faults,
            major_faults: stat.children_major_faults,
            io: None,
        }
    }

    /// What was used between `before` and now. What was unreadable at either time is unknown; what goes back (the
    /// kernel corrects CPU times now and then) is nothing.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self { io: self.io.zip(before.io).map(|(now, before)| now.minus(before)), ..self.minus(before) }
    }

    /// Without what `other` has used, and never less than nothing; what is unknown of the other is nothing.
    pub(super) fn minus(&self, other: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(other.user),
            system: self.system.saturating_sub(other.system),
            minor_faults: self.minor_faults.saturating_sub(other.minor_faults),
            major_faults: self.major_faults.saturating_sub(other.major_faults),
            io: self.io.map(|io| io.minus(other.io.unwrap_or_default())),
        }
    }

    /// What is known of a process's counters: what could not be read now is as it was.
    pub(super) fn merged_with(&self, before: &Self) -> Self {
        Self {
            user: self.user.max(before.user),
            system: self.system.max(before.system),
            minor_faults: self.minor_faults.max(before.minor_faults),
            major_faults: self.major_faults.max(before.major_faults),
            io: self.io.or(before.io),
        }
    }

    /// Both together.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let io = |io: Option<Io>| io.unwrap_or_default();
        Self {
            user: self.user.saturating_add(other.user),
            system: self.system.saturating_add(other.system),
            minor_faults: self.minor_faults.saturating_add(other.minor_faults),
            major_faults: self.major_faults.saturating_add(other.major_faults),
            io: (self.io.is_some() || other.io.is_some()).then(|| Io {
                read_bytes: io(self.io).read_bytes.saturating_add(io(other.io).read_bytes),
                write_bytes: io(self.io).write_bytes.saturating_add(io(other.io).write_bytes),
            }),
        }
    }
}

/// `/proc/PID/io`: what reached the block layer, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Io {
    pub(crate) read_bytes: u64,
    pub(crate) write_bytes: u64,
}

impl Io {
    fn minus(self, other: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.saturating_sub(other.read_bytes),
            write_bytes: self.write_bytes.saturating_sub(other.write_bytes),
        }
    }
}

/// Memory, where each page that processes share is divided among them: `Pss` and `SwapPss` of
/// `/proc/PID/smaps_rollup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Proportional {
    pub(super) resident_bytes: u64,
    pub(super) swapped_bytes: u64,
}

impl Proportional {
    /// None if we may not know, or it has ended. A thread of the kernel has nothing.
    pub(super) fn read(procfs: &Procfs, pid: u32, buffer: &mut Buffer) -> Option<Self> {
        let content = procfs.read(pid, "smaps_rollup", buffer).ok()?;
        let bytes = |label| labelled(content, label).unwrap_or(0).saturating_mul(1024);
        Some(Self { resident_bytes: bytes(b"Pss:"), swapped_bytes: bytes(b"SwapPss:") })
    }
}

/// `voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches` of a `status` file: of one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Switches {
    pub(super) voluntary: u64,
    pub(super) nonvoluntary: u64,
}

/// How much is read of each member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// What costs next to nothing: `stat`, and the number of descriptors.
    Watched,
    /// All that there are series of.
    Scraped,
}

/// Everything about one process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) state: u8,
    pub(crate) threads: u64,
    /// In ticks since boot.
    pub(crate) start: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) resident_pages: u64,
    /// `VmSwap` of `/proc/PID/status`; 0 for threads of the kernel.
    pub(crate) swapped_bytes: u64,
    /// Open descriptors.
    pub(crate) open_files: Option<u64>,
    /// The soft limit of open descriptors.
    pub(crate) open_files_limit: Option<u64>,
    pub(crate) counters: Counters,
    /// Of its children that have ended.
    pub(crate) children: Counters,
    /// Of the main thread.
    pub(super) main_switches: Option<Switches>,
    /// Whether a file could not be read: no permission, or the process has just ended.
    pub(super) is_partial: bool,
}

/// Reads what `stat` does not tell, to this depth. The limit of descriptors is read unless it is `known`: it changes
/// hardly ever.
pub(super) fn read(
    procfs: &Procfs,
    pid: u32,
    stat: &Stat,
    depth: Depth,
    known: Option<u64>,
    buffer: &mut Buffer,
) -> Usage {
    let mut usage = Usage {
        state: stat.state,
        threads: stat.threads,
        start: stat.start,
        virtual_bytes: stat.virtual_bytes,
        resident_pages: stat.resident_pages,
        open_files_limit: known,
        counters: Counters::own(stat),
        children: Counters::of_children(stat),
        ..Usage::default()
    };
    let mut file = |name: &str, take: &mut dyn FnMut(&mut Usage, &[u8])| match procfs.read(pid, name, buffer)
    {
        Ok(content) => take(&mut usage, content),
        Err(_) => usage.is_partial = true,
    };
    if depth == Depth::Scraped {
        file("status", &mut |usage, content| {
            usage.swapped_bytes = labelled(content, b"VmSwap:").unwrap_or(0).saturating_mul(1024);
            usage.main_switches = switches(content);
        });
        file("io", &mut |usage, content| usage.counters.io = io(content));
    }
    if known.is_none() {
        file("limits", &mut |usage, content| usage.open_files_limit = open_files_limit(content));
    }
    match procfs.count_open_files(pid) {
        Ok(count) => usage.open_files = Some(count),
        Err(_) => usage.is_partial = true,
    }
    usage
}

pub(super) fn io(content: &[u8]) -> Option<Io> {
    Some(Io {
        read_bytes: labelled(content, b"read_bytes:")?,
        write_bytes: labelled(content, b"write_bytes:")?,
    })
}

pub(super) fn switches(content: &[u8]) -> Option<Switches> {
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

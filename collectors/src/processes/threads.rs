//! The threads of a process: what each has used, by its name.
//!
//! Those of a process that has only one are the process itself, and nothing more is read of it; as with
//! process-exporter, it has no series of threads then.

use super::procfs::{Buffer, Procfs};
use super::stat;
use super::usage::{self, Counters, Switches, Usage};

/// A thread at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thread<'a> {
    pub(super) id: u32,
    pub(super) switches: Switches,
    /// The kernel function in which it waits: none if it runs, and none that we are told if we may not trace it.
    pub(super) wchan: Option<&'a str>,
    /// Its name and what it has used, if there is to be a series of it.
    pub(super) used: Option<(String, Counters)>,
}

/// Calls `visit` with each thread of a process. One that ends meanwhile is left out.
pub(super) fn visit(
    procfs: &Procfs,
    pid: u32,
    usage: &Usage,
    with_names: bool,
    buffer: &mut Buffer,
    mut visit: impl FnMut(Thread<'_>),
) {
    if usage.threads <= 1 {
        // Its status was read already.
        if let Some(switches) = usage.main_switches {
            let wchan = wchan(procfs, pid, "wchan", buffer);
            visit(Thread { id: pid, switches, wchan, used: None });
        }
        return;
    }
    for id in procfs.threads(pid).unwrap_or_default() {
        let read = |buffer: &mut Buffer| {
            let status = procfs.read(pid, &format!("task/{id}/status"), buffer).ok()?;
            let switches = usage::switches(status)?;
            let used = with_names.then(|| used(procfs, pid, id, buffer)).flatten();
            Some((switches, used))
        };
        if let Some((switches, used)) = read(buffer) {
            let wchan = wchan(procfs, pid, &format!("task/{id}/wchan"), buffer);
            visit(Thread { id, switches, wchan, used });
        }
    }
}

fn used(procfs: &Procfs, pid: u32, id: u32, buffer: &mut Buffer) -> Option<(String, Counters)> {
    let (comm, stat) = stat::parse(procfs.read(pid, &format!("task/{id}/stat"), buffer).ok()?)?;
    let name = String::from_utf8_lossy(comm).into_owned();
    let io = procfs.read(pid, &format!("task/{id}/io"), buffer).ok().and_then(usage::io);
    Some((name, Counters { io, ..Counters::own(&stat) }))
}

fn wchan<'b>(procfs: &Procfs, pid: u32, path: &str, buffer: &'b mut Buffer) -> Option<&'b str> {
    let wchan = procfs.read(pid, path, buffer).unwrap_or_default();
    let wchan = std::str::from_utf8(wchan).unwrap_or_default().trim();
    Some(wchan).filter(|wchan| !matches!(*wchan, "" | "0"))
}

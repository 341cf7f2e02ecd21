//! Who runs, and in which group: one pass over `/proc` that reads one file of each process.
//!
//! A process is known by PID and start time, so a PID that is used again is a new process. Its verdict is kept:
//! the command line is read when it is first seen, when its name changes (it has executed another program), and
//! until it is some seconds old, because a process that has just been forked is about to do so.
//!
//! A process that matches nothing belongs to the group of its nearest ancestor that has one, and stays there when
//! that ancestor ends, as with process-exporter.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::matcher::{Candidate, GroupId, Matcher};
use super::procfs::{Buffer, Procfs};
use super::stat::{self, Stat};

/// A verdict stands only if it was made at least so long after the process was first seen.
const UNSETTLED: Duration = Duration::from_secs(10);

/// No process has more ancestors; it bounds the walk should `/proc` change under it.
const MOST_ANCESTORS: usize = 256;

/// All processes, from one pass to the next.
#[derive(Debug)]
pub(super) struct Census {
    matcher: Matcher,
    known: HashMap<u32, Known>,
    pass: u64,
    pids: Vec<u32>,
    unread: u64,
}

#[derive(Debug)]
struct Known {
    comm: Box<[u8]>,
    stat: Stat,
    first_seen: Instant,
    /// Whether it was born after the previous pass.
    is_new: bool,
    verdict: Option<GroupId>,
    inherited: Option<GroupId>,
    /// Whether the verdict stands as long as the process has its name.
    is_settled: bool,
    /// The pass that has made the verdict.
    judged: u64,
    /// The last pass that has seen it.
    pass: u64,
}

/// A process that belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pid: u32,
    pub(super) group: GroupId,
    /// Whether it matches itself, and is not there for the sake of its ancestor.
    pub(super) matches: bool,
    /// Whether it was born after the previous pass: all that it has used, it has used since.
    pub(super) is_new: bool,
    pub(super) stat: Stat,
}

impl Census {
    pub(super) fn new(matcher: Matcher) -> Self {
        Self { matcher, known: HashMap::new(), pass: 0, pids: Vec::new(), unread: 0 }
    }

    /// Looks at all processes. Those that end meanwhile are just not there.
    ///
    /// # Errors
    /// When the processes cannot be listed at all; what was known stays as it is.
    pub(super) fn pass(&mut self, procfs: &Procfs, buffer: &mut Buffer, now: Instant) -> io::Result<()> {
        let mut pids = std::mem::take(&mut self.pids);
        procfs.pids(&mut pids)?;
        for pid in self.matcher.read_pidfiles() {
            if let Some(known) = self.known.get_mut(&pid) {
                known.is_settled = false;
            }
        }
        self.pass += 1;
        for &pid in &pids {
            self.look_at(pid, procfs, buffer, now);
        }
        self.pids = pids;
        let pass = self.pass;
        self.known.retain(|_, known| known.pass == pass);
        self.adopt();
        Ok(())
    }

    fn look_at(&mut self, pid: u32, procfs: &Procfs, buffer: &mut Buffer, now: Instant) {
        let Ok(content) = procfs.read(pid, "stat", buffer) else { return };
        let Some((comm, stat)) = stat::parse(content) else {
            self.unread += 1;
            return;
        };
        let pass = self.pass;
        let known = self.known.get_mut(&pid).filter(|known| known.stat.start == stat.start);
        let (first_seen, inherited, is_new) = match known {
            Some(known) if known.is_settled && *known.comm == *comm => {
                (known.stat, known.pass, known.is_new) = (stat, pass, false);
                return;
            }
            Some(known) => (known.first_seen, known.inherited, false),
            None => (now, None, pass > 1),
        };
        let comm: Box<[u8]> = comm.into();
        // A thread of the kernel has no command line, and a process may have ended since.
        let cmdline = match stat.is_kernel_thread {
            true => &[],
            false => procfs.read(pid, "cmdline", buffer).unwrap_or_default(),
        };
        let verdict = self.matcher.verdict(&Candidate { pid, comm: &comm, cmdline });
        let is_settled = now.duration_since(first_seen) >= UNSETTLED;
        let known =
            Known { comm, stat, first_seen, is_new, verdict, inherited, is_settled, judged: pass, pass };
        self.known.insert(pid, known);
    }

    /// Gives those that match nothing to the group of an ancestor.
    fn adopt(&mut self) {
        let orphans = self.known.iter().filter(|(_, known)| {
            known.judged == self.pass && known.verdict.is_none() && known.inherited.is_none()
        });
        let adopted: Vec<(u32, GroupId)> =
            orphans.filter_map(|(pid, known)| Some((*pid, self.group_of_ancestor(known)?))).collect();
        for (pid, group) in adopted {
            if let Some(known) = self.known.get_mut(&pid) {
                known.inherited = Some(group);
            }
        }
    }

    fn group_of_ancestor(&self, of: &Known) -> Option<GroupId> {
        let mut child = of;
        for _ in 0..MOST_ANCESTORS {
            // A parent is older than its child; one that is not has only got the PID of the parent.
            child =
                self.known.get(&child.stat.parent).filter(|parent| parent.stat.start <= child.stat.start)?;
            if let Some(group) = child.verdict.or(child.inherited) {
                return Some(group);
            }
        }
        None
    }

    /// Those that belong to a group.
    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        self.known.iter().filter_map(|(pid, known)| {
            Some(Member {
                pid: *pid,
                group: known.verdict.or(known.inherited)?,
                matches: known.verdict.is_some(),
                is_new: known.is_new,
                stat: known.stat,
            })
        })
    }

    /// How many processes in all passes had a `stat` that could not be understood.
    pub(super) fn unread(&self) -> u64 {
        self.unread
    }
}

#[cfg(test)]
mod tests;

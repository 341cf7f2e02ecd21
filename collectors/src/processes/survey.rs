//! All processes: one pass over `/proc` for everybody who wants to know of them.
//!
//! The host's group `processes`, the process groups and the watchdog share one survey. Whoever comes first within the
//! second makes the pass, the others take what it has found.
//!
//! A pass lists `/proc`, which the kernel does in one go, and reads `stat` of those that somebody watches, of the newly
//! born, and, if all are asked for, of all. To know that a PID still is the same process it need not read anything: the
//! listing tells the inode of each directory, which the kernel makes anew for each process. What it does not tell is
//! that a process has executed another program: so `stat` of those that nobody watches is read while they are young, and
//! then at one pass in [`ROUND`]. On a tree that is not the kernel's all are always read.
//!
//! A PID is used again only by a process that starts later: PID and start time name a process for ever.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::commons::Commons;

use super::procfs::{Buffer, Listed, Procfs};
use super::shared::Shared;
use super::stat::{self, Stat};

/// How long a process is young: one that has just been forked is about to execute its program.
pub(super) const YOUTH: Duration = Duration::from_secs(10);

/// Passes until each process that nobody watches was looked at again.
const ROUND: u64 = 12;

/// Of which processes `stat` is to be fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Of those that are watched.
    Watched,
    /// Of those that are watched; and of all if the last time somebody asked for all soon after.
    Scrape,
    /// Of all.
    All,
}

/// All processes, from one pass to the next. See the module.
#[derive(Debug)]
pub(crate) struct Survey {
    root: PathBuf,
    /// Ascending by PID.
    processes: Vec<Seen>,
    listing: Vec<Listed>,
    spare: Vec<Seen>,
    pass: u64,
    /// When the last pass was made.
    at: Option<Instant>,
    /// Whether the last pass has read them all.
    was_whole: bool,
    /// Whether all were asked for since the last scrape.
    all_asked: bool,
    unread: u64,
    buffer: Buffer,
}

/// A process.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    /// Of its directory; 0 on a tree that is not the kernel's.
    inode: u64,
    /// Its name as the kernel has it, cut.
    pub(crate) comm: Arc<[u8]>,
    /// As of the pass that has read it last.
    pub(crate) stat: Stat,
    /// When it was first seen.
    pub(crate) first_seen: Instant,
    /// The pass that has seen it first.
    pub(crate) born: u64,
    /// The pass that has seen its present name first.
    pub(crate) named: u64,
    /// Whether somebody wants to know of it at each pass.
    pub(crate) is_watched: bool,
}

/// The survey that all share who read the same proc file system.
pub(crate) type SharedSurvey = Arc<Shared<PathBuf, Survey>>;

impl Survey {
    /// Of the proc file system at `root`.
    pub(crate) fn shared(root: &Path, commons: &Commons) -> SharedSurvey {
        let made = Shared::among(commons, root.to_owned(), |root| Ok::<_, Infallible>(Self::new(root)));
        made.unwrap_or_else(|never| match never {})
    }

    fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            processes: Vec::new(),
            listing: Vec::new(),
            spare: Vec::new(),
            pass: 0,
            at: None,
            was_whole: false,
            all_asked: false,
            unread: 0,
            buffer: Buffer::default(),
        }
    }

    /// Looks, unless somebody has looked so far less than `age` ago. Processes that end meanwhile are just not there.
    ///
    /// # Errors
    /// When the processes cannot be listed at all; what was known stays as it is.
    pub(crate) fn look(&mut self, extent: Extent, age: Duration, now: Instant) -> io::Result<()> {
        let is_fresh = self.at.is_some_and(|at| now.saturating_duration_since(at) < age);
        let whole = match extent {
            Extent::Watched => false,
            Extent::Scrape => std::mem::take(&mut self.all_asked),
            Extent::All => {
                self.all_asked = true;
                true
            }
        };
        if is_fresh && (self.was_whole || !whole) {
            return Ok(());
        }
        let procfs = Procfs::open(&self.root)?;
        procfs.list(&mut self.listing)?;
        self.pass += 1;
        (self.at, self.was_whole) = (Some(now), whole);
        self.merge(&procfs, whole, now);
        Ok(())
    }

    /// Takes over what the listing has: both are in the order of PIDs.
    fn merge(&mut self, procfs: &Procfs, whole: bool, now: Instant) {
        let mut next = std::mem::take(&mut self.spare);
        next.reserve(self.listing.len());
        let mut before = self.processes.drain(..).peekable();
        for listed in &self.listing {
            while before.next_if(|seen| seen.pid < listed.pid).is_some() {}
            let known = match before.next_if(|seen| seen.pid == listed.pid) {
                Some(known) if !whole && known.is_same_as(listed) && !known.is_due(self.pass, now) => {
                    next.push(known);
                    continue;
                }
                known => known,
            };
            let content = match procfs.read(listed.pid, "stat", &mut self.buffer) {
                Ok(content) => content,
                Err(error) => {
                    self.unread += u64::from(!has_ended(&error));
                    continue;
                }
            };
            let Some((comm, stat)) = stat::parse(content) else {
                self.unread += 1;
                continue;
            };
            next.push(Seen::update(known, listed, comm, stat, self.pass, now));
        }
        drop(before);
        self.spare = std::mem::replace(&mut self.processes, next);
    }

    /// The number of passes so far.
    pub(crate) fn passes(&self) -> u64 {
        self.pass
    }

    /// All processes, ascending by PID.
    pub(crate) fn processes(&self) -> &[Seen] {
        &self.processes
    }

    /// All processes, ascending by PID, to say of which somebody wants to know.
    pub(super) fn processes_mut(&mut self) -> &mut [Seen] {
        &mut self.processes
    }

    /// How many processes in all passes had a `stat` that could not be read or understood.
    pub(super) fn unread(&self) -> u64 {
        self.unread
    }
}

impl Seen {
    /// Whether it is young, so that it may be about to become somebody else. Threads of the kernel never do.
    pub(super) fn is_young(&self, now: Instant) -> bool {
        !self.stat.is_kernel_thread && now.saturating_duration_since(self.first_seen) < YOUTH
    }

    /// Whether the listing vouches for it.
    fn is_same_as(&self, listed: &Listed) -> bool {
        listed.inode != 0 && self.inode == listed.inode
    }

    fn is_due(&self, pass: u64, now: Instant) -> bool {
        let has_its_turn = || (u64::from(self.pid) + pass).is_multiple_of(ROUND);
        self.is_watched || self.is_young(now) || (!self.stat.is_kernel_thread && has_its_turn())
    }

    fn update(
        known: Option<Self>,
        listed: &Listed,
        comm: &[u8],
        stat: Stat,
        pass: u64,
        now: Instant,
    ) -> Self {
        match known.filter(|known| known.stat.start == stat.start) {
            Some(known) => {
                let is_same = *known.comm == *comm;
                Self {
                    inode: listed.inode,
                    named: if is_same { known.named } else { pass },
                    comm: if is_same { known.comm } else { comm.into() },
                    stat,
                    ..known
                }
            }
            None => Self {
                pid: listed.pid,
                inode: listed.inode,
                comm: comm.into(),
                stat,
                first_seen: now,
                born: pass,
                named: pass,
                is_watched: false,
            },
        }
    }
}

/// Whether a file cannot be read because its process has ended since it was listed.
fn has_ended(error: &io::Error) -> bool {
    let no_such_process = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(no_such_process)
}

#[cfg(test)]
mod tests;

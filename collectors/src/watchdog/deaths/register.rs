//! Who belongs to a group and lives, and what is to be said of one that does not any more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::plug::Error;

use super::ending::{Cause, Ending};
use super::history::{History, Sample};
use super::kernel_log::KernelLog;
use super::pidfd::Pidfd;
use super::report::Report;
use super::tail::LogFiles;
use crate::processes::TICKS_PER_SECOND;
use crate::processes::procfs::{Buffer, Procfs};
use crate::processes::roll::SharedRoll;
use crate::processes::stat;
use crate::processes::usage::Depth;
use crate::watchdog::memory_group::MemoryGroup;
use vigie_logs::redaction;

/// What others have found so short a time ago is new enough.
const AGE: Duration = Duration::from_millis(900);

/// More processes than this are not watched.
const MOST_MEMBERS: usize = 4096;

/// So many descriptors of processes are held: of a group, ...
const MOST_OF_GROUP: usize = 64;

/// ... and of all.
const MOST_DESCRIPTORS: usize = 512;

/// So much of a command line is kept, in bytes.
const COMMAND_LINE: usize = 1 << 10;

/// For so long the kernel's count of kills in a control group is evidence for a process that ends.
const EVIDENCE: Duration = Duration::from_secs(30);

/// A process for ever: its PID, and when it started in ticks since boot.
pub(super) type Identity = (u32, u64);

/// A group of the configuration.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) log: Option<LogFiles>,
}

/// How many members are watched by what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Watched {
    /// Their end is told at once, and how it was.
    pub(super) by_descriptor: usize,
    /// Their end is noticed at the next look.
    pub(super) by_look: usize,
    /// Nobody notices.
    pub(super) not_at_all: usize,
}

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// New members, to be waited for.
    pub(super) descriptors: Vec<(Identity, OwnedFd)>,
    /// Members that nobody waits for and that are gone.
    pub(super) gone: Vec<Identity>,
}

#[derive(Debug)]
struct Member {
    group: usize,
    comm: Arc<[u8]>,
    command_line: String,
    /// How long it had lived when it was first seen.
    age: Duration,
    first_seen: Instant,
    history: History,
    memory_group: Option<MemoryGroup>,
    has_descriptor: bool,
    /// The number of the last look that has seen it.
    seen: u64,
}

/// The kills in a control group that belong to nobody yet.
#[derive(Debug, Default)]
struct Kills {
    count: u64,
    fresh: VecDeque<Instant>,
}

/// A process as a look sees it.
struct Seen {
    identity: Identity,
    group: usize,
    comm: Arc<[u8]>,
    state: u8,
    sample: Sample,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Register {
    roll: SharedRoll,
    procfs: PathBuf,
    sysfs: PathBuf,
    groups: Vec<Group>,
    members: HashMap<Identity, Member>,
    kills: HashMap<MemoryGroup, Kills>,
    kernel_log: KernelLog,
    looks: u64,
    not_at_all: usize,
    buffer: Buffer,
}

impl Register {
    pub(super) fn new(roll: SharedRoll, procfs: &Path, sysfs: &Path, groups: Vec<Group>) -> Self {
        Self {
            roll,
            procfs: procfs.to_owned(),
            sysfs: sysfs.to_owned(),
            groups,
            members: HashMap::new(),
            kills: HashMap::new(),
            kernel_log: KernelLog::open(Path::new("/dev/kmsg")),
            looks: 0,
            not_at_all: 0,
            buffer: Buffer::default(),
        }
    }

    pub(super) fn watched(&self) -> Watched {
        let by_descriptor = self.members.values().filter(|member| member.has_descriptor).count();
        let by_look = self.members.len() - by_descriptor;
        Watched { by_descriptor, by_look, not_at_all: self.not_at_all }
    }

    /// Nobody waits for this member: its descriptor is of no use.
    pub(super) fn give_up_descriptor(&mut self, identity: Identity) {
        if let Some(member) = self.members.get_mut(&identity) {
            member.has_descriptor = false;
        }
    }

    /// Sees who is there. So many descriptors are `held`.
    pub(super) fn look(&mut self, now: Instant, held: usize) -> Result<Look, Error> {
        let present = self.present(now)?;
        let procfs = Procfs::open(&self.procfs)?;
        let uptime = uptime(&self.procfs)?;
        self.looks += 1;
        self.not_at_all = 0;
        let mut look = Look::default();
        let mut held_by = vec![0; self.groups.len()];
        for member in self.members.values().filter(|member| member.has_descriptor) {
            held_by[member.group] += 1;
        }
        for seen in present {
            if let Some(member) = self.members.get_mut(&seen.identity) {
                member.update(&seen, self.looks, &procfs, &mut self.buffer);
                continue;
            }
            // What has ended before it was seen alive tells nothing but that.
            if matches!(seen.state, b'Z' | b'X') {
                continue;
            }
            if self.members.len() >= MOST_MEMBERS {
                self.not_at_all += 1;
                continue;
            }
            let (pid, start) = seen.identity;
            let may_hold = held + look.descriptors.len() < MOST_DESCRIPTORS
                && held_by[seen.group] < MOST_OF_GROUP
                // On another tree PIDs are those of others.
                && self.procfs == Path::new("/proc");
            let descriptor = match may_hold.then(|| Pidfd::open(&procfs, pid, start, &mut self.buffer)) {
                Some(Ok(descriptor)) => Some(descriptor),
                // It has ended in this moment; the next look says so.
                Some(Err(_)) | None => None,
            };
            held_by[seen.group] += usize::from(descriptor.is_some());
            let mut member = Member {
                group: seen.group,
                comm: Arc::clone(&seen.comm),
                command_line: command_line(&procfs, pid, &mut self.buffer),
                age: uptime.saturating_sub(ticks(start)),
                first_seen: now,
                history: History::default(),
                memory_group: self.memory_group(&procfs, pid),
                has_descriptor: descriptor.is_some(),
                seen: self.looks,
            };
            member.history.add(seen.sample);
            self.members.insert(seen.identity, member);
            look.descriptors.extend(descriptor.map(|descriptor| (seen.identity, descriptor)));
        }
        look.gone = self.forget(&procfs);
        self.count_kills(now);
        Ok(look)
    }

    /// The members of the configured groups.
    fn present(&self, now: Instant) -> Result<Vec<Seen>, Error> {
        let mut roll = self.roll.hold()?;
        roll.update(AGE, Depth::Watched)?;
        let page = rustix::param::page_size() as u64;
        // Groups that are not of the configuration, but named by templates, come behind those that are.
        let members = roll.members().filter(|(member, _)| member.group < self.groups.len());
        let seen = members.map(|(member, usage)| Seen {
            identity: (member.pid, member.stat.start),
            group: member.group,
            comm: Arc::clone(&member.comm),
            state: usage.state,
            sample: Sample {
                at: now,
                resident: usage.resident_pages.saturating_mul(page),
                cpu: usage.counters.ticks() as f64 / TICKS_PER_SECOND as f64,
            },
        });
        Ok(seen.collect())
    }

    /// Forgets who was not seen and lives in another group, or in none; says who is gone.
    fn forget(&mut self, procfs: &Procfs) -> Vec<Identity> {
        let mut gone = Vec::new();
        let (looks, buffer) = (self.looks, &mut self.buffer);
        self.members.retain(|&(pid, start), member| {
            if member.seen == looks {
                return true;
            }
            let lives = lives(procfs, pid, start, buffer);
            // The descriptor tells of it, and how it was.
            if !lives && !member.has_descriptor {
                gone.push((pid, start));
            }
            !lives
        });
        gone
    }

    fn memory_group(&mut self, procfs: &Procfs, pid: u32) -> Option<MemoryGroup> {
        let content = procfs.read(pid, "cgroup", &mut self.buffer).ok()?;
        let group = MemoryGroup::find(&self.sysfs, std::str::from_utf8(content).ok()?)?;
        if !self.kills.contains_key(&group) {
            let count = group.oom_kills()?;
            self.kills.insert(group.clone(), Kills { count, ..Kills::default() });
        }
        Some(group)
    }

    fn count_kills(&mut self, now: Instant) {
        let used: HashSet<&MemoryGroup> =
            self.members.values().filter_map(|member| member.memory_group.as_ref()).collect();
        self.kills.retain(|group, kills| {
            kills.count(group.oom_kills(), now);
            used.contains(group)
        });
    }

    /// What is to be said of a member that has ended. It is one no longer.
    pub(super) fn bury(
        &mut self,
        identity: Identity,
        ending: Option<Ending>,
        now: Instant,
        wall: u64,
    ) -> Option<Report> {
        let mut member = self.members.remove(&identity)?;
        let comm = String::from_utf8_lossy(&member.comm).into_owned();
        let oom = match Ending::may_be_oom(ending) {
            true => self.oom_evidence(identity.0, &comm, member.memory_group.take(), now),
            false => None,
        };
        let group = &self.groups[member.group];
        Some(Report {
            group: Arc::clone(&group.name),
            pid: identity.0,
            lived: member.age + now.saturating_duration_since(member.first_seen),
            ended: wall,
            ending,
            cause: Cause::of(ending, oom.is_some()),
            oom,
            history: member.history.points(now),
            log: group.log.as_ref().and_then(LogFiles::tail),
            command_line: member.command_line,
            comm,
        })
    }

    fn oom_evidence(
        &mut self,
        pid: u32,
        comm: &str,
        group: Option<MemoryGroup>,
        now: Instant,
    ) -> Option<String> {
        let of_group = group.and_then(|group| {
            let kills = self.kills.get_mut(&group)?;
            kills.count(group.oom_kills(), now);
            kills.fresh.pop_front().map(|_| "its control group counts one more process killed".to_owned())
        });
        self.kernel_log.kill_of(pid, comm).or(of_group)
    }
}

impl Member {
    fn update(&mut self, seen: &Seen, looks: u64, procfs: &Procfs, buffer: &mut Buffer) {
        self.seen = looks;
        self.group = seen.group;
        self.history.add(seen.sample);
        // It has executed another program.
        if self.comm != seen.comm {
            self.comm = Arc::clone(&seen.comm);
            self.command_line = command_line(procfs, seen.identity.0, buffer);
        }
    }
}

impl Kills {
    fn count(&mut self, count: Option<u64>, now: Instant) {
        if let Some(count) = count {
            // More at once than a group has members say no more.
            let more = count.saturating_sub(self.count).min(MOST_MEMBERS as u64);
            self.fresh.extend((0..more).map(|_| now));
            self.count = count;
        }
        while self.fresh.front().is_some_and(|at| now.saturating_duration_since(*at) > EVIDENCE) {
            self.fresh.pop_front();
        }
        self.fresh.truncate(MOST_MEMBERS);
    }
}

/// Whether the process is there and has not ended.
fn lives(procfs: &Procfs, pid: u32, start: u64, buffer: &mut Buffer) -> bool {
    let Ok(content) = procfs.read(pid, "stat", buffer) else { return false };
    stat::parse(content).is_some_and(|(_, stat)| stat.start == start && !matches!(stat.state, b'Z' | b'X'))
}

/// Its words joined by blanks, without what looks like a secret.
fn command_line(procfs: &Procfs, pid: u32, buffer: &mut Buffer) -> String {
    let content = procfs.read(pid, "cmdline", buffer).unwrap_or_default();
    let content = content.strip_suffix(b"\0").unwrap_or(content);
    let content = &content[..content.len().min(COMMAND_LINE)];
    redaction::redact(&String::from_utf8_lossy(content).replace('\0', " "))
}

/// How long the machine runs: the first number of `uptime`, in seconds.
fn uptime(procfs: &Path) -> Result<Duration, Error> {
    let path = procfs.join("uptime");
    let read = |error: io::Error| format!("read {}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(read)?;
    let seconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(seconds.ok_or_else(|| format!("read {}: not a number of seconds", path.display()))?)
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests;

//! All groups with their members and what they use, for the sampler and for the watchdog.
//!
//! What only grows is added up from one look to the next, so that no counter goes back when a member ends: what members
//! use counts from when they are first seen. What a process has used between the last look and its end is not lost where
//! its parent is a member, too: the kernel adds it to what the parent's children have used once the parent has waited
//! for them, and what was counted of those already is taken off again. So a process that lives and dies between two looks
//! is counted as well, but as its parent's. Nothing of it is seen if its parent belongs to no group, or lets the kernel
//! reap its children (`SIGCHLD` ignored).
//!
//! Proportional sizes are read within a budget of time: whoever has no turn keeps the size of an earlier scrape, and has
//! the next turn.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vigie_pipeline::clock::Clock;
use vigie_pipeline::commons::Commons;
use vigie_pipeline::plug::Error;

use super::census::{Census, Member};
use super::config::Config;
use super::group::Group;
use super::matcher::Matcher;
use super::metrics::{Errors, Host};
use super::procfs::{Buffer, Procfs};
use super::shared::Shared;
use super::survey::{Extent, SharedSurvey, Survey};
use super::threads;
use super::usage::{self, Counters, Depth, Proportional, Switches, Usage};
use crate::system::Roots;

/// Looks until a limit of descriptors is read again.
const LIMIT_STANDS: u64 = 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Roll {
    config: Config,
    root: PathBuf,
    survey: SharedSurvey,
    clock: Clock,
    census: Census,
    groups: Vec<Group>,
    present: Vec<(Member, Usage)>,
    /// By PID.
    last: HashMap<u32, Last>,
    /// The pass of the survey that was looked at last, and how closely.
    done: Option<(u64, Depth)>,
    /// Whose proportional size is read first at the next scrape.
    next_proportional: u32,
    errors: Errors,
    buffer: Buffer,
}

/// A member as it was at the last look.
#[derive(Debug)]
struct Last {
    /// With the PID it names a process for ever.
    start: u64,
    parent: u32,
    counters: Counters,
    children: Counters,
    /// What ended children had used that was counted, and that had not come once more by then.
    owed: Counters,
    open_files_limit: Option<u64>,
    proportional: Option<Proportional>,
    /// Whether its threads count from their birth: of what they had done before somebody looked at them nobody knows
    /// when it was.
    is_counted: bool,
    /// By thread, as of the last look that was close.
    threads: HashMap<u32, (Switches, Counters)>,
}

/// The roll that all share who have the same groups, whatever they expect of them.
pub(crate) type SharedRoll = Arc<Shared<(Config, Roots), Roll>>;

impl Roll {
    /// Of these groups, on the host at `roots`.
    ///
    /// # Errors
    /// A regular expression that does not compile.
    pub(crate) fn shared(
        config: &Config,
        roots: &Roots,
        clock: &Clock,
        commons: &Commons,
    ) -> Result<SharedRoll, Error> {
        let survey = Survey::shared(&roots.procfs, commons);
        Shared::among(commons, (config.measured(), roots.clone()), |(config, roots)| {
            Ok(Self {
                census: Census::new(Matcher::new(config, &roots.rootfs)?),
                groups: Vec::new(),
                config: config.clone(),
                root: roots.procfs.0.clone(),
                survey,
                clock: clock.clone(),
                present: Vec::new(),
                last: HashMap::new(),
                done: None,
                next_proportional: 0,
                errors: Errors::default(),
                buffer: Buffer::default(),
            })
        })
    }

    /// Brings everything up to date, unless it was `age` ago at most. Blocks in the kernel.
    ///
    /// # Errors
    /// When the processes cannot be listed; what was known stays as it is.
    pub(crate) fn update(&mut self, age: Duration, depth: Depth) -> Result<(), Error> {
        let updated = self.try_update(age, depth);
        self.errors.scrape += u64::from(updated.is_err());
        updated
    }

    fn try_update(&mut self, age: Duration, depth: Depth) -> Result<(), Error> {
        let context = |what: &str, error| format!("{what} {}: {error}", self.root.display());
        let procfs = Procfs::open(&self.root).map_err(|error| context("open", error))?;
        let now = self.clock.monotonic();
        let mut survey = self.survey.hold()?;
        let extent = if depth == Depth::Scraped { Extent::Scrape } else { Extent::Watched };
        survey.look(extent, age, now).map_err(|error| context("list", error))?;
        let pass = survey.passes();
        if self.done.is_some_and(|(done, to)| done == pass && to >= depth) {
            return Ok(());
        }
        if self.census.pass() != pass {
            self.census.judge(&mut survey, &procfs, &mut self.buffer, now);
        }
        self.errors.read = survey.unread();
        self.errors.left_out = self.census.left_out();
        let members: Vec<Member> = self.census.members(&survey).collect();
        // What follows takes longer, and is nothing to those who only want to know who is there.
        drop(survey);
        self.done = Some((pass, depth));
        self.read(&procfs, members, depth);
        Ok(())
    }

    /// Reads what each member uses, and adds up what was used since the last time.
    fn read(&mut self, procfs: &Procfs, members: Vec<Member>, depth: Depth) {
        self.groups.resize_with(self.census.names().len(), Group::default);
        self.groups.iter_mut().for_each(Group::clear);
        self.present.clear();
        let mut before = HashMap::with_capacity(members.len());
        let mut gone = Vec::new();
        for member in members {
            let (last, other): (Option<Last>, Option<Last>) = match self.last.remove(&member.pid) {
                Some(last) if last.start == member.stat.start => (Some(last), None),
                other => (None, other),
            };
            gone.extend(other);
            let pass = self.done.map_or(0, |(pass, _)| pass) + u64::from(member.pid);
            let limit = last.as_ref().and_then(|last| last.open_files_limit);
            let limit = limit.filter(|_| !pass.is_multiple_of(LIMIT_STANDS));
            let usage = usage::read(procfs, member.pid, &member.stat, depth, limit, &mut self.buffer);
            self.errors.partial += u64::from(usage.is_partial && depth == Depth::Scraped);
            self.groups[member.group].present.add(&usage, member.matches);
            before.insert(member.pid, last.unwrap_or_else(|| Last::first(&member, &usage)));
            self.present.push((member, usage));
        }
        // Who is left has ended: what was counted of them comes once more, as what the children of their parents used.
        let mut ended: HashMap<u32, Counters> = HashMap::new();
        for last in std::mem::take(&mut self.last).into_values().chain(gone) {
            let counted = ended.entry(last.parent).or_default();
            *counted = counted.plus(&last.counters).plus(&last.children);
        }
        for at in 0..self.present.len() {
            let pid = self.present[at].0.pid;
            if let Some(last) = before.remove(&pid) {
                let ended = ended.get(&pid).copied().unwrap_or_default();
                let next = self.add_up(procfs, at, last, &ended, depth);
                self.last.insert(pid, next);
            }
        }
        if depth == Depth::Scraped && self.config.smaps.enabled {
            self.read_proportional(procfs);
        }
    }

    /// Reads proportional sizes until the budget is spent, beginning behind whom the last scrape has ended with.
    fn read_proportional(&mut self, procfs: &Procfs) {
        let begin = self.clock.monotonic();
        let first = self.present.partition_point(|(member, _)| member.pid < self.next_proportional);
        let pids = self.present[first..].iter().chain(&self.present[..first]).map(|(member, _)| member.pid);
        for pid in pids {
            self.next_proportional = pid;
            if self.clock.monotonic().duration_since(begin) >= self.config.smaps.budget.0 {
                break;
            }
            if let Some(last) = self.last.get_mut(&pid) {
                let size = Proportional::read(procfs, pid, &mut self.buffer);
                last.proportional = size.or(last.proportional);
            }
        }
        for group in &mut self.groups {
            group.present.add_proportional(None);
        }
        for (member, _) in &self.present {
            let size = self.last.get(&member.pid).and_then(|last| last.proportional);
            self.groups[member.group].present.add_proportional(size);
        }
    }

    /// Adds what a member has used since the `last` look.
    fn add_up(&mut self, procfs: &Procfs, at: usize, mut last: Last, ended: &Counters, depth: Depth) -> Last {
        let (member, usage) = &self.present[at];
        let group = &mut self.groups[member.group];
        let children_follow = self.census.children_follow(member.group);
        let of_children = usage.children.since(&last.children);
        let (handed_over, owed) = handed_over(&of_children, ended, &last.owed);
        let used = usage.counters.since(&last.counters);
        let again = handed_over.unwrap_or_default();
        group.totals.add(&Counters { io: used.minus(&again).io, ..used });
        if handed_over.is_some() && children_follow {
            group.totals.add(&of_children.minus(&again));
        }
        if depth == Depth::Scraped {
            let mut threads = HashMap::new();
            threads::visit(procfs, member.pid, usage, self.config.threads, &mut self.buffer, |thread| {
                let used = thread.used;
                let now = (thread.switches, used.as_ref().map_or_else(Counters::zero, |(_, used)| *used));
                let before = *last.threads.get(&thread.id).unwrap_or(&match last.is_counted {
                    true => (Switches::default(), Counters::zero()),
                    false => now,
                });
                group.totals.add_switches(before.0, now.0);
                let mut next = now;
                if let Some((name, used)) = used {
                    let called = group.threads_called(name);
                    called.count += 1;
                    called.totals.add(&used.since(&before.1));
                    called.totals.add_switches(before.0, now.0);
                    next.1 = used.merged_with(&before.1);
                }
                threads.insert(thread.id, next);
                if let Some(function) = thread.wchan {
                    group.present.add_wchan(function);
                }
            });
            (last.threads, last.is_counted) = (threads, true);
        }
        Last {
            start: usage.start,
            parent: member.stat.parent,
            counters: usage.counters.merged_with(&last.counters),
            children: usage.children.merged_with(&last.children),
            owed,
            open_files_limit: usage.open_files_limit,
            ..last
        }
    }

    /// Everybody who is in a group.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&Member, &Usage)> {
        self.present.iter().map(|(member, usage)| (member, usage))
    }

    /// The groups by name: those of the configuration first, in its order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.census.names().iter().map(|name| &**name).zip(&self.groups)
    }

    /// What went wrong so far.
    pub(super) fn errors(&self) -> Errors {
        self.errors
    }

    /// What is needed to make sense of it.
    pub(super) fn host(&mut self) -> Result<Host, Error> {
        let read = |error| format!("read stat of {}: {error}", self.root.display());
        let procfs = Procfs::open(&self.root).map_err(read)?;
        let boot_time = procfs.boot_time(&mut self.buffer).map_err(read)?;
        Ok(Host { boot_time, page_size: rustix::param::page_size() as u64 })
    }
}

/// How much of what ended children had used, and was counted, comes once more in what the kernel has added `of_children`;
/// and what may come at the next look. None has come where even that of the `ended` is missing.
///
/// A parent is read before its child, mostly: one that ends in between is not there, and not in its parent yet. It is
/// `owed` for one look, as it never comes if the parent lets the kernel reap its children.
fn handed_over(of_children: &Counters, ended: &Counters, owed: &Counters) -> (Option<Counters>, Counters) {
    // Every process has faults: where they are missing, the kernel did not hand over what the children have used.
    let has = |used: &Counters| of_children.minor_faults >= used.minor_faults;
    let both = ended.plus(owed);
    if has(&both) {
        (Some(both), Counters::default())
    } else if owed.minor_faults > 0 && has(owed) {
        (Some(*owed), *ended)
    } else if has(ended) {
        (Some(*ended), Counters::default())
    } else {
        (None, *ended)
    }
}

impl Last {
    /// Of a member that was not there at the last look. All that a new one has used, it has used since then; of what
    /// others have used nobody knows when it was, and counting starts here.
    fn first(member: &Member, usage: &Usage) -> Self {
        let (counters, children) = match member.is_new {
            true => (Counters::zero(), Counters::zero()),
            false => (usage.counters, usage.children),
        };
        Self {
            start: usage.start,
            parent: member.stat.parent,
            counters,
            children,
            owed: Counters::default(),
            open_files_limit: None,
            proportional: None,
            is_counted: member.is_new,
            threads: HashMap::new(),
        }
    }
}

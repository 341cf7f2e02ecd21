//! Who belongs to which group, of all processes that the [`Survey`] has seen.
//!
//! A verdict is kept: the command line is read when a process is first seen, when its name changes (it has executed
//! another program), and until it is some seconds old, because a process that has just been forked is about to do so.
//!
//! A process that matches nothing belongs to the group of its nearest ancestor that has one, and stays there when
//! that ancestor ends, as with process-exporter; to none, if that group does not want children.

use std::sync::Arc;
use std::time::Instant;

use super::matcher::{Candidate, GroupId, Matcher, Verdict};
use super::procfs::{Buffer, Procfs};
use super::stat::Stat;
use super::survey::{Seen, Survey};

/// No process has more ancestors; it bounds the walk should `/proc` change under it.
const MOST_ANCESTORS: usize = 256;

/// The verdicts, from one pass to the next.
#[derive(Debug)]
pub(super) struct Census {
    matcher: Matcher,
    /// One for each process of the survey, in its order.
    known: Vec<Known>,
    spare: Vec<Known>,
    /// The pass of the survey that was judged last.
    pass: u64,
}

#[derive(Debug, Clone)]
struct Known {
    pid: u32,
    start: u64,
    verdict: Verdict,
    inherited: Option<GroupId>,
    /// Whether it was born after the pass that was judged before.
    is_new: bool,
    /// Whether the verdict stands as long as the process has its name.
    is_settled: bool,
    /// The pass that has found the name that was judged.
    named: u64,
    /// Whether this pass has judged it.
    is_judged: bool,
}

/// A process that belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) group: GroupId,
    /// Whether it matches itself, and is not there for the sake of its ancestor.
    pub(crate) matches: bool,
    /// Whether it was born after the pass before: all that it has used, it has used since.
    pub(crate) is_new: bool,
    /// Its name as the kernel has it, cut.
    pub(crate) comm: Arc<[u8]>,
    pub(crate) stat: Stat,
}

impl Census {
    pub(super) fn new(matcher: Matcher) -> Self {
        Self { matcher, known: Vec::new(), spare: Vec::new(), pass: 0 }
    }

    /// The pass of the survey that was judged last.
    pub(super) fn pass(&self) -> u64 {
        self.pass
    }

    /// Judges what the survey has seen, and tells it whom to watch.
    pub(super) fn judge(&mut self, survey: &mut Survey, procfs: &Procfs, buffer: &mut Buffer, now: Instant) {
        for pid in self.matcher.prepare(procfs, buffer) {
            if let Ok(at) = self.known.binary_search_by_key(&pid, |known| known.pid) {
                self.known[at].is_settled = false;
            }
        }
        let (previous, mut next) = (self.pass, std::mem::take(&mut self.spare));
        let mut before = self.known.drain(..).peekable();
        for seen in survey.processes() {
            while before.next_if(|known| known.pid < seen.pid).is_some() {}
            let known = before.next_if(|known| known.pid == seen.pid);
            let known = known.filter(|known| known.start == seen.stat.start);
            let is_new = previous > 0 && seen.born > previous;
            next.push(match known {
                Some(known) if known.is_settled && known.named == seen.named => {
                    Known { is_new, is_judged: false, ..known }
                }
                known => Known {
                    pid: seen.pid,
                    start: seen.stat.start,
                    verdict: self.matcher.verdict(seen.into(), procfs, buffer),
                    inherited: known.and_then(|known| known.inherited),
                    is_new,
                    is_settled: !seen.is_young(now),
                    named: seen.named,
                    is_judged: true,
                },
            });
        }
        drop(before);
        self.spare = std::mem::replace(&mut self.known, next);
        self.spare.clear();
        self.pass = survey.passes();
        self.adopt(survey.processes());
        for (known, seen) in self.known.iter().zip(survey.processes_mut()) {
            seen.is_watched = known.group().is_some();
        }
    }

    /// Gives those that match nothing to the group of an ancestor.
    fn adopt(&mut self, processes: &[Seen]) {
        for at in 0..self.known.len() {
            let known = &self.known[at];
            if known.is_judged && known.verdict == Verdict::Nothing && known.inherited.is_none() {
                self.known[at].inherited = self.group_of_ancestor(at, processes);
            }
        }
    }

    fn group_of_ancestor(&self, of: usize, processes: &[Seen]) -> Option<GroupId> {
        let mut child = of;
        for _ in 0..MOST_ANCESTORS {
            let stat = &processes[child].stat;
            let parent = self.known.binary_search_by_key(&stat.parent, |known| known.pid).ok()?;
            // A parent is older than its child; one that is not has only got the PID of the parent.
            if self.known[parent].start > stat.start {
                return None;
            }
            if let Some(group) = self.known[parent].group() {
                return self.matcher.children_follow(group).then_some(group);
            }
            if self.known[parent].verdict == Verdict::LeftOut {
                return None;
            }
            child = parent;
        }
        None
    }

    /// Whether children of a group's processes that match nothing belong to it as well.
    pub(super) fn children_follow(&self, group: GroupId) -> bool {
        self.matcher.children_follow(group)
    }

    /// The names of all groups, by their numbers.
    pub(super) fn names(&self) -> &[Arc<str>] {
        self.matcher.names()
    }

    /// How often a process was left without a group because there were too many.
    pub(super) fn left_out(&self) -> u64 {
        self.matcher.left_out()
    }

    /// Those that belong to a group, ascending by PID. `survey` is the one that was judged last.
    pub(super) fn members(&self, survey: &Survey) -> impl Iterator<Item = Member> {
        self.known.iter().zip(survey.processes()).filter_map(|(known, seen)| {
            Some(Member {
                pid: known.pid,
                group: known.group()?,
                matches: known.verdict != Verdict::Nothing,
                is_new: known.is_new,
                comm: Arc::clone(&seen.comm),
                stat: seen.stat,
            })
        })
    }
}

impl Known {
    fn group(&self) -> Option<GroupId> {
        match self.verdict {
            Verdict::Nothing => self.inherited,
            Verdict::Group(group) => Some(group),
            Verdict::LeftOut => None,
        }
    }
}

impl<'a> From<&'a Seen> for Candidate<'a> {
    fn from(seen: &'a Seen) -> Self {
        Self { pid: seen.pid, comm: &seen.comm, stat: &seen.stat }
    }
}

#[cfg(test)]
mod tests;

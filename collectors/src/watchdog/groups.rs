//! Whether groups of processes are as expected: their number, what they use, and that they go on.
//!
//! CPU time is taken process by process from one look to the next, so that one that ends does not make it go back: what
//! a process has used counts from when it was first seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::units::{ByteSize, HumanDuration};

use super::expect::{Expect, Hung};
use super::judge::Finding;
use super::kind::{Kind, Reason};
use super::observer::{Member, Now, Observer, Sight};
use crate::standings::{Standings, Stands};

/// What is known of one process of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) member: Member,
    /// Whether it matches itself, and does not only descend from one that does.
    pub(crate) matches: bool,
    /// As `/proc/PID/stat` has it: `R`, `S`, `D`, `Z` and so on.
    pub(crate) state: u8,
    /// CPU time, in ticks.
    pub(crate) ticks: u64,
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u64,
    /// 0 if it may not be known.
    pub(crate) open_files: u64,
}

/// Who knows the processes of each group.
pub(crate) trait Source: Send {
    /// The processes of each group, group by group.
    fn facts(&mut self, now: Instant) -> Result<Vec<Vec<Facts>>, String>;
}

/// The groups that are watched.
pub(super) struct Groups<S> {
    source: S,
    groups: Vec<Group>,
    standings: Arc<Standings>,
    ticks_per_second: f64,
}

struct Group {
    expect: Expect,
    kinds: Vec<Kind>,
    past: Past,
}

/// What has to be known of earlier looks.
#[derive(Debug, Default)]
struct Past {
    at: Option<Instant>,
    ticks: HashMap<Member, u64>,
    /// Since when no CPU time was used, while there was somebody.
    quiet_since: Option<Instant>,
    /// Since when the probe fails, while there was somebody.
    failing_since: Option<Instant>,
    /// Since when each was in uninterruptible sleep.
    stuck_since: HashMap<Member, Instant>,
}

/// What has become of a group since the look before.
#[derive(Debug, Clone, Copy)]
struct Course {
    /// In cores; none at the first look.
    cores: Option<f64>,
    /// For how long.
    quiet: Duration,
    failing: Duration,
    /// For how long the longest, and who it is.
    stuck: Option<(Duration, u32)>,
}

impl<S: Source> Groups<S> {
    pub(super) fn new<'e>(
        source: S,
        expected: impl Iterator<Item = &'e Expect>,
        standings: Arc<Standings>,
    ) -> Self {
        let groups = expected.map(|expect| Group {
            expect: expect.clone(),
            kinds: expect.expectations().into_iter().map(|expectation| expectation.kind).collect(),
            past: Past::default(),
        });
        Self {
            source,
            groups: groups.collect(),
            standings,
            ticks_per_second: rustix::param::clock_ticks_per_second() as f64,
        }
    }
}

impl<S: Source> Observer for Groups<S> {
    fn look(&mut self, now: Now) -> Sight {
        match self.source.facts(now.monotonic) {
            Ok(facts) => {
                let mut sight = Sight::default();
                for (group, facts) in self.groups.iter_mut().zip(facts) {
                    let fails = group.expect.hung.as_ref().and_then(|hung| hung.probe.as_deref());
                    let fails = fails.is_some_and(|probe| self.standings.of(probe) == Stands::Down);
                    let course = group.past.meet(&facts, fails, now.monotonic, self.ticks_per_second);
                    sight.findings.extend(group.kinds.iter().map(|kind| group.judge(*kind, &facts, &course)));
                    sight.members.push(facts.iter().map(|facts| facts.member).collect());
                }
                sight
            }
            Err(error) => {
                let blind =
                    || Finding::new(Some(Reason::Unreadable), format!("cannot be looked at: {error}"));
                for group in &mut self.groups {
                    group.past = Past::default();
                }
                let kinds = self.groups.iter().flat_map(|group| &group.kinds);
                Sight { findings: kinds.map(|_| blind()).collect(), members: Vec::new() }
            }
        }
    }
}

impl Past {
    fn meet(&mut self, facts: &[Facts], fails: bool, now: Instant, ticks_per_second: f64) -> Course {
        let mut used = 0;
        let mut is_new = false;
        for process in facts {
            match self.ticks.get(&process.member) {
                Some(before) => used += process.ticks.saturating_sub(*before),
                None => is_new = true,
            }
        }
        let elapsed = self.at.map(|at| now.saturating_duration_since(at).as_secs_f64());
        let cores =
            elapsed.filter(|elapsed| *elapsed > 0.0).map(|elapsed| used as f64 / ticks_per_second / elapsed);
        let is_quiet = used == 0 && !is_new && !facts.is_empty();
        // It was quiet from the look before on.
        let since = self.at.unwrap_or(now);
        self.quiet_since = is_quiet.then(|| self.quiet_since.unwrap_or(since));
        let is_failing = fails && !facts.is_empty();
        self.failing_since = is_failing.then(|| self.failing_since.unwrap_or(now));
        let stuck = facts.iter().filter(|process| process.state == b'D').map(|process| process.member);
        self.stuck_since =
            stuck.map(|member| (member, *self.stuck_since.get(&member).unwrap_or(&now))).collect();
        self.ticks = facts.iter().map(|process| (process.member, process.ticks)).collect();
        self.at = Some(now);
        let lasts = |since: Option<Instant>| {
            since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
        };
        Course {
            cores,
            quiet: lasts(self.quiet_since),
            failing: lasts(self.failing_since),
            stuck: self.stuck_since.iter().map(|(member, since)| (lasts(Some(*since)), member.pid)).max(),
        }
    }
}

impl Group {
    fn judge(&self, kind: Kind, facts: &[Facts], course: &Course) -> Finding {
        let expect = &self.expect;
        let sum = |of: fn(&Facts) -> u64| facts.iter().map(of).sum::<u64>();
        let number = |limit: &Option<super::expect::Number>| limit.as_ref().map_or(0, |limit| limit.above);
        match kind {
            Kind::Min => {
                count(facts, Reason::TooFew, "at least", expect.min.unwrap_or_default(), |count, limit| {
                    count < limit
                })
            }
            Kind::Max => {
                count(facts, Reason::TooMany, "at most", expect.max.unwrap_or_default(), |count, limit| {
                    count > limit
                })
            }
            Kind::Cpu => {
                let limit = expect.cpu.as_ref().map_or(0.0, |cpu| cpu.above);
                let cores = course.cores.unwrap_or_default();
                let wrong = (cores > limit).then_some(Reason::Above);
                Finding::new(wrong, format!("uses {cores:.2} cores, at most {limit} expected")).of(cores)
            }
            Kind::Rss => {
                let limit = expect.rss.as_ref().map_or(ByteSize(0), |rss| rss.above);
                let (rss, rounded) =
                    (sum(|facts| facts.resident_bytes), |size: u64| ByteSize(size >> 10 << 10));
                let wrong = (rss > limit.0).then_some(Reason::Above);
                let words = format!("has {} resident, at most {limit} expected", rounded(rss));
                Finding::new(wrong, words).of(rss as f64)
            }
            Kind::Fds => above(sum(|facts| facts.open_files), number(&expect.fds), "open files"),
            Kind::Threads => above(sum(|facts| facts.threads), number(&expect.threads), "threads"),
            Kind::Zombies => {
                above(sum(|facts| u64::from(facts.state == b'Z')), number(&expect.zombies), "zombies")
            }
            _ => expect.hung.as_ref().map_or_else(|| Finding::new(None, ""), |hung| hangs(hung, course)),
        }
    }
}

fn count(facts: &[Facts], reason: Reason, side: &str, limit: u32, is_wrong: fn(u64, u64) -> bool) -> Finding {
    let count = facts.iter().filter(|process| process.matches).count() as u64;
    let wrong = is_wrong(count, u64::from(limit)).then_some(reason);
    let processes = if count == 1 { "process" } else { "processes" };
    Finding::new(wrong, format!("has {count} {processes}, {side} {limit} expected")).of(count as f64)
}

fn above(found: u64, limit: u64, what: &str) -> Finding {
    let wrong = (found > limit).then_some(Reason::Above);
    Finding::new(wrong, format!("has {found} {what}, at most {limit} expected")).of(found as f64)
}

/// In whole seconds, unless it is short.
fn shown(time: Duration) -> HumanDuration {
    let millis = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    HumanDuration(if time.as_secs() < 10 { millis } else { Duration::from_secs(time.as_secs()) })
}

fn hangs(hung: &Hung, course: &Course) -> Finding {
    let patience = hung.patience.0;
    if let Some((time, pid)) = course.stuck.filter(|(time, _)| *time >= patience) {
        let words = format!("hangs: process {pid} has been in uninterruptible sleep for {}", shown(time));
        return Finding::new(Some(Reason::Uninterruptible), words);
    }
    match &hung.probe {
        Some(probe) if course.failing >= patience => {
            let words = format!("hangs: its probe {probe} has failed for {}", shown(course.failing));
            Finding::new(Some(Reason::ProbeFails), words)
        }
        None if course.quiet >= patience => {
            let words = format!("hangs: it has used no CPU time for {}", shown(course.quiet));
            Finding::new(Some(Reason::NoProgress), words)
        }
        _ => Finding::new(None, "goes on"),
    }
}

#[cfg(test)]
mod tests;

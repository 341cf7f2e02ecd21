//! `processes`: how many processes and threads there are, by state, and how many there may be.
//!
//! From `/proc/<pid>/stat` (proc_pid_stat(5)): state, 3rd field, and num_threads, 20th, of all processes, in the pass over
//! them that the process groups share. The states of threads are in `task/<tid>/stat`; the first thread of a process has
//! the state of the process, so only the others' are read.

use std::time::Duration;

use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::processes::procfs::{Buffer, Procfs};
use crate::processes::survey::{Extent, Seen, SharedSurvey, Survey};
use crate::system::config::Roots;
use crate::system::group::Around;

static STATES: Family = Family::gauge("node_processes_state", "Number of processes in each state.");
static THREAD_STATES: Family =
    Family::gauge("node_processes_threads_state", "Number of threads in each state.");
static PIDS: Family = Family::gauge("node_processes_pids", "Number of PIDs");
static THREADS: Family = Family::gauge("node_processes_threads", "Allocated threads in system");
static MAX_THREADS: Family = Family::gauge("node_processes_max_threads", "Limit of threads in the system");
static MAX_PROCESSES: Family = Family::gauge("node_processes_max_processes", "Number of max PIDs limit");

/// The letters that a state can be; more than the kernel uses, so that memory and series are bounded.
const LETTERS: usize = 26 * 2;

/// What somebody else has just seen is as good.
const FRESH: Duration = Duration::from_secs(1);

pub(super) struct Processes {
    survey: SharedSurvey,
    clock: Clock,
    buffer: Buffer,
    max_threads: KeptFile,
    max_processes: KeptFile,
}

/// What was counted.
#[derive(Debug)]
struct Census {
    pids: u64,
    threads: u64,
    states: [u64; LETTERS],
    thread_states: [u64; LETTERS],
}

impl Default for Census {
    fn default() -> Self {
        Self { pids: 0, threads: 0, states: [0; LETTERS], thread_states: [0; LETTERS] }
    }
}

impl Processes {
    pub(super) fn new(roots: &Roots, around: &Around) -> Self {
        Self {
            survey: Survey::shared(&roots.procfs, &around.commons),
            clock: around.clock.clone(),
            buffer: Buffer::default(),
            max_threads: KeptFile::new(roots.procfs.join("sys/kernel/threads-max")),
            max_processes: KeptFile::new(roots.procfs.join("sys/kernel/pid_max")),
        }
    }

    fn census(&mut self) -> Result<Census, Error> {
        let root = self.survey.of();
        let failed = |error| format!("list {}: {error}", root.display());
        let mut survey = self.survey.hold()?;
        survey.look(Extent::All, FRESH, self.clock.monotonic()).map_err(failed)?;
        let procfs = Procfs::open(root).map_err(failed)?;
        let mut census = Census::default();
        for seen in survey.processes() {
            census.look_at(seen, &procfs, &mut self.buffer);
        }
        Ok(census)
    }
}

impl Census {
    fn look_at(&mut self, seen: &Seen, procfs: &Procfs, buffer: &mut Buffer) {
        let (state, threads) = (seen.stat.state, seen.stat.threads);
        self.pids += 1;
        self.threads = self.threads.saturating_add(threads);
        count(&mut self.states, state);
        if threads == 1 {
            return count(&mut self.thread_states, state);
        }
        for thread in procfs.threads(seen.pid).unwrap_or_default() {
            let first = (thread == seen.pid).then_some(state);
            let mut read = || parse(procfs.read(seen.pid, &format!("task/{thread}/stat"), buffer).ok()?);
            if let Some(state) = first.or_else(&mut read) {
                count(&mut self.thread_states, state);
            }
        }
    }
}

impl Sampler for Processes {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let census = self.census()?;
        page.set(&PIDS, Labels::NONE, census.pids as f64);
        page.set(&THREADS, Labels::NONE, census.threads as f64);
        write_states(page, &STATES, "state", &census.states);
        write_states(page, &THREAD_STATES, "thread_state", &census.thread_states);
        for (file, family) in
            [(&mut self.max_threads, &MAX_THREADS), (&mut self.max_processes, &MAX_PROCESSES)]
        {
            let most = parse::whole_file(file.read()?).ok_or_else(|| file.malformed("not a whole number"))?;
            page.set(family, Labels::NONE, most as f64);
        }
        Ok(())
    }
}

/// Fields are counted behind the name of the program, which stands in brackets and may contain anything.
fn parse(stat: &[u8]) -> Option<u8> {
    parse::words(&stat[memchr::memrchr(b')', stat)? + 1..]).next()?.first().copied()
}

fn count(states: &mut [u64; LETTERS], state: u8) {
    let at = match state {
        b'A'..=b'Z' => usize::from(state - b'A'),
        b'a'..=b'z' => usize::from(state - b'a') + LETTERS / 2,
        _ => return,
    };
    states[at] += 1;
}

fn write_states(page: &mut Page, family: &'static Family, label: &str, states: &[u64; LETTERS]) {
    for (letter, count) in (b'A'..=b'Z').chain(b'a'..=b'z').zip(states).filter(|(_, count)| **count > 0) {
        let labels = page.labels(&[(label, char::from(letter).encode_utf8(&mut [0; 4]))]);
        page.set(family, labels, *count as f64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const SLEEPS: &str = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 0 14 0 0 20 0 1 0 24 0 0\n";

    fn host() -> Fixture {
        Fixture::new()
            .with("proc/sys/kernel/threads-max", "7801\n")
            .with("proc/sys/kernel/pid_max", "4194304\n")
            .with("proc/7/stat", SLEEPS)
            .with("proc/8/stat", SLEEPS.replace(" 1 0 24", " 2 0 24"))
            .with("proc/8/task/8/stat", SLEEPS)
            .with("proc/8/task/9/stat", SLEEPS.replace(") S", ") D"))
            .with("proc/10/comm", "gone")
            .with("proc/self/stat", SLEEPS)
    }

    #[test]
    fn processes_and_threads_are_counted_by_state() {
        let host = host();
        let (series, result) = host.sample(&mut Processes::new(host.roots(), &host.around()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_processes_pids 2",
                "node_processes_threads 3",
                "node_processes_state{state=\"S\"} 2",
                "node_processes_threads_state{thread_state=\"D\"} 1",
                "node_processes_threads_state{thread_state=\"S\"} 2",
                "node_processes_max_threads 7801",
                "node_processes_max_processes 4194304"
            ]
        );
    }

    survives_any_bytes!("proc/7/stat", SLEEPS, host => Processes::new(host.roots(), &host.around()));
}

//! The largest programs of all, whoever they belong to: by CPU, by memory, by io.
//!
//! Processes of one name are one program, and the threads of the kernel are together one, so that series do not come
//! and go with each process. What is beyond the largest is told as `other`. CPU and io are rates since the look before, as
//! counters of whoever is among the largest now would begin and end at any value; of a process that was not there before,
//! all that it has used is counted, and what one has used between the last look and its end is not seen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::group::TICKS_PER_SECOND;
use super::procfs::{Buffer, Procfs};
use super::survey::{Extent, Seen, SharedSurvey};
use super::usage;

static CPU: Family = Family::gauge(
    "vigie_top_cpu_cores",
    "CPUs that the processes of a name have kept busy since the look before: those with the most, and all others.",
);
static MEMORY: Family = Family::gauge(
    "vigie_top_resident_memory_bytes",
    "Resident memory of the processes of a name: those with the most, and all others.",
);
static IO: Family = Family::gauge(
    "vigie_top_io_bytes_per_second",
    "What the processes of a name have read from and written to block devices since the look before: those with the most, \
     and all others.",
);

/// Who asks more often gets the same values again.
const FRESH: Duration = Duration::from_secs(1);

/// The name of all threads of the kernel.
const KERNEL: &str = "[kernel]";

/// The name of all that are not among the largest.
const OTHER: &str = "other";

/// See the module.
pub(super) struct Top {
    pub(super) most: usize,
    pub(super) survey: SharedSurvey,
    pub(super) clock: Clock,
    /// What each process had used at the last look, by PID.
    last: HashMap<u32, Used>,
    at: Option<(Instant, u64)>,
    buffer: Buffer,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
struct Used {
    start: u64,
    ticks: u64,
    /// None if we may not know.
    io: Option<u64>,
}

/// What the processes of one name use.
#[derive(Debug, Clone, Copy, Default)]
struct Program {
    ticks: u64,
    pages: u64,
    io: u64,
}

impl Top {
    pub(super) fn new(most: usize, survey: SharedSurvey, clock: Clock) -> Self {
        Self { most, survey, clock, last: HashMap::new(), at: None, buffer: Buffer::default() }
    }

    /// What each program uses, and how long CPU and io took; none at the first look.
    fn look(&mut self) -> Result<(HashMap<String, Program>, Option<Duration>), Error> {
        let root = self.survey.of();
        let failed = |error| format!("list {}: {error}", root.display());
        let mut survey = self.survey.hold()?;
        let now = self.clock.monotonic();
        survey.look(Extent::All, FRESH, now).map_err(failed)?;
        let procfs = Procfs::open(root).map_err(failed)?;
        let mut programs: HashMap<String, Program> = HashMap::new();
        let mut next = HashMap::with_capacity(survey.processes().len());
        let before = self.at.map(|(_, pass)| pass);
        for seen in survey.processes() {
            let used = Used::read(seen, &procfs, &mut self.buffer);
            let last = self.last.get(&seen.pid).filter(|last| last.start == used.start).copied();
            // One that was there before anybody looked has used what it has used at any time.
            let is_new = before.is_some_and(|pass| seen.born > pass);
            let last = last.unwrap_or(if is_new { Used { ticks: 0, io: Some(0), ..used } } else { used });
            let program = programs.entry(name(seen)).or_default();
            program.ticks = program.ticks.saturating_add(used.ticks.saturating_sub(last.ticks));
            program.pages = program.pages.saturating_add(seen.stat.resident_pages);
            let io = used.io.zip(last.io).map_or(0, |(now, before)| now.saturating_sub(before));
            program.io = program.io.saturating_add(io);
            next.insert(seen.pid, used);
        }
        self.last = next;
        let before = self.at.replace((now, survey.passes()));
        Ok((programs, before.map(|(before, _)| now.duration_since(before))))
    }
}

impl Used {
    fn read(seen: &Seen, procfs: &Procfs, buffer: &mut Buffer) -> Self {
        let stat = &seen.stat;
        let io = match stat.is_kernel_thread {
            true => None,
            false => procfs.read(seen.pid, "io", buffer).ok().and_then(usage::io),
        };
        Self {
            start: stat.start,
            ticks: stat.user.saturating_add(stat.system),
            io: io.map(|io| io.read_bytes.saturating_add(io.write_bytes)),
        }
    }
}

fn name(seen: &Seen) -> String {
    match seen.stat.is_kernel_thread {
        true => KERNEL.to_owned(),
        false => String::from_utf8_lossy(&seen.comm).into_owned(),
    }
}

impl Sampler for Top {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let (programs, took) = self.look()?;
        let bytes = rustix::param::page_size() as f64;
        self.write(page, &MEMORY, &programs, |program| program.pages as f64 * bytes);
        // At the first look there is no rate.
        if let Some(seconds) = took.map(|took| took.as_secs_f64()).filter(|seconds| *seconds > 0.0) {
            let ticks = TICKS_PER_SECOND as f64;
            self.write(page, &CPU, &programs, |program| program.ticks as f64 / ticks / seconds);
            self.write(page, &IO, &programs, |program| program.io as f64 / seconds);
        }
        Ok(())
    }
}

impl Top {
    /// Writes the largest, by `value`, and the rest.
    fn write(
        &self,
        page: &mut Page,
        family: &'static Family,
        programs: &HashMap<String, Program>,
        value: impl Fn(&Program) -> f64,
    ) {
        let mut values: Vec<(&str, f64)> =
            programs.iter().map(|(name, program)| (name.as_str(), value(program))).collect();
        values.sort_unstable_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
        let largest = values.iter().take(self.most).filter(|(_, value)| *value > 0.0);
        // A program that is called `other` is among the others.
        let largest: Vec<_> = largest.filter(|(name, _)| *name != OTHER).copied().collect();
        let rest = values.iter().filter(|value| !largest.contains(value));
        let rest: f64 = rest.map(|(_, value)| value).sum();
        for (name, value) in largest.into_iter().chain([(OTHER, rest)]) {
            let labels = page.labels(&[("name", name)]);
            page.set(family, labels, value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::time::UNIX_EPOCH;

    use vigie_pipeline::clock::Hand;
    use vigie_pipeline::commons::Commons;

    use super::*;
    use crate::processes::fixture::{FakeProc, Process};
    use crate::processes::survey::Survey;

    struct Rig {
        fake: FakeProc,
        top: Top,
        hand: Hand,
    }

    fn rig(most: usize) -> Rig {
        let (clock, hand) = Clock::manual(UNIX_EPOCH);
        let fake = FakeProc::new();
        let survey = Survey::shared(fake.path(), &Commons::default());
        Rig { top: Top::new(most, survey, clock), fake, hand }
    }

    impl Rig {
        /// Samples ten seconds later.
        fn sample(&mut self) -> BTreeMap<String, f64> {
            self.hand.advance(Duration::from_secs(10));
            let mut page = Page::default();
            self.top.sample(&mut page).unwrap();
            let mut series = BTreeMap::new();
            for (family, rows) in page.families() {
                let family = family.name.trim_start_matches("vigie_top_");
                series.extend(rows.map(|row| (format!("{family} {}", row.labels), row.value)));
            }
            series
        }
    }

    fn process(pid: u32, comm: &'static str, user: u64) -> Process {
        Process { pid, comm, user, read_bytes: user * 10, ..Process::default() }
    }

    #[test]
    fn the_largest_are_told_by_name_and_the_rest_together() {
        let mut rig = rig(2);
        for (pid, comm) in [(4, "api"), (5, "api"), (6, "db"), (7, "cron"), (8, "other")] {
            rig.fake.set(&process(pid, comm, 100));
        }
        let page_size = rustix::param::page_size() as f64;
        let first = rig.sample();
        let expected = [("api", 10.0), ("cron", 5.0), ("other", 10.0)];
        let memory = |(name, pages): (&str, f64)| {
            (format!("resident_memory_bytes name=\"{name}\""), pages * page_size)
        };
        assert_eq!(first, BTreeMap::from(expected.map(memory)), "there is no rate yet");

        for (pid, comm, user) in [(4, "api", 400), (5, "api", 100), (6, "db", 1600), (7, "cron", 200)] {
            rig.fake.set(&process(pid, comm, user));
        }
        rig.fake.set(&Process { start: 900, ..process(9, "new", 100) });
        let second = rig.sample();
        for (series, value) in [
            ("cpu_cores name=\"db\"", 1.5),
            ("cpu_cores name=\"api\"", 0.3),
            ("cpu_cores name=\"other\"", 0.1 + 0.103),
            ("io_bytes_per_second name=\"db\"", 1500.0),
            ("io_bytes_per_second name=\"other\"", 100.0 + 100.6),
        ] {
            assert!((second[series] - value).abs() < 1e-9, "{series}: {second:?}");
        }
        assert!(!second.contains_key("cpu_cores name=\"cron\""));
    }

    #[test]
    fn who_does_nothing_is_not_among_the_largest() {
        let mut rig = rig(5);
        rig.fake.set(&process(4, "api", 100));
        rig.sample();
        let idle = rig.sample();
        assert_eq!(idle["cpu_cores name=\"other\""], 0.0);
        assert!(!idle.contains_key("cpu_cores name=\"api\""));
    }
}

//! `schedstat`: how long tasks have run and waited on each CPU.
//!
//! The `cpu<N>` lines of `/proc/schedstat` (the kernel's scheduler/sched-stats.rst): the 7th number is time spent
//! running, the 8th time spent waiting to run, both in nanoseconds, the 9th the number of time slices.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::in_unit;
use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static COLUMNS: [(Family, f64); 3] = [
    (Family::counter("node_schedstat_running_seconds_total", "Number of seconds CPU spent running a process."), 1e-9),
    (Family::counter("node_schedstat_waiting_seconds_total", "Number of seconds spent by processing waiting for this CPU."), 1e-9),
    (Family::counter("node_schedstat_timeslices_total", "Number of timeslices executed by CPU."), 1.0),
];

/// How many numbers stand before those.
const BEFORE: usize = 6;

pub(super) struct SchedStat {
    file: KeptFile,
}

impl SchedStat {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("schedstat")) }
    }
}

impl Sampler for SchedStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a CPU without its nine numbers", |line| {
            let Some(line) = line.strip_prefix(b"cpu") else { return Some(()) };
            let (cpu, numbers) = parse(line)?;
            let labels = page.labels(&[("cpu", &parse::label(cpu))]);
            for ((family, unit), number) in COLUMNS.iter().zip(numbers) {
                page.set(family, labels, in_unit(number as f64, *unit));
            }
            Some(())
        })
    }
}

/// A line behind its `cpu`.
fn parse(line: &[u8]) -> Option<(&[u8], [u64; COLUMNS.len()])> {
    let (cpu, numbers) = parse::first_word(line);
    parse::whole(cpu)?;
    let mut numbers = parse::words(numbers).skip(BEFORE).map(parse::whole);
    let mut next = || numbers.next().flatten();
    Some((cpu, [next()?, next()?, next()?]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "version 15\ntimestamp 1\ncpu0 1 0 3 4 5 6 7000000000 8500000000 9\ndomain0 3 1 2\n";

    #[test]
    fn nanoseconds_become_seconds() {
        let host = Fixture::new().with("proc/schedstat", TEXT);
        let (series, result) = host.sample(&mut SchedStat::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_schedstat_running_seconds_total{cpu=\"0\"} 7",
                "node_schedstat_waiting_seconds_total{cpu=\"0\"} 8.5",
                "node_schedstat_timeslices_total{cpu=\"0\"} 9"
            ]
        );
    }

    #[test]
    fn a_line_cut_short_is_an_error_that_keeps_the_others() {
        let host = Fixture::new().with("proc/schedstat", "cpu0 1 2 3\ncpu1 1 0 3 4 5 6 7 8 9\n");
        let (series, result) = host.sample(&mut SchedStat::new(host.roots()));
        assert_eq!(series.len(), 3);
        assert!(result.is_err());
    }

    survives_any_bytes!("proc/schedstat", TEXT, host => SchedStat::new(host.roots()));
}

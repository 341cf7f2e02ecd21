//! `stat`: interrupts, context switches, forks, and when the machine booted.
//!
//! The lines of `/proc/stat` that are not about one CPU (proc_stat(5)); `cpu` reads the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

/// First word of the line, and the family that its second word is the value of.
static FIELDS: [(&[u8], Family); 6] = [
    (b"intr", Family::counter("node_intr_total", "Total number of interrupts serviced.")),
    (b"ctxt", Family::counter("node_context_switches_total", "Total number of context switches.")),
    (b"processes", Family::counter("node_forks_total", "Total number of forks.")),
    (b"btime", Family::gauge("node_boot_time_seconds", "Node boot time, in unixtime.")),
    (b"procs_running", Family::gauge("node_procs_running", "Number of processes in runnable state.")),
    (
        b"procs_blocked",
        Family::gauge("node_procs_blocked", "Number of processes blocked waiting for I/O to complete."),
    ),
];

static SOFTIRQS: Family = Family::counter("node_softirqs_total", "Number of softirq calls.");

/// The vectors in the order of the `softirq` line, behind their sum.
const VECTORS: [&str; 10] =
    ["hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu"];

/// Settings of the group `stat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatSettings {
    /// Expose softirq calls per vector.
    pub softirq: bool,
}

impl Check for StatSettings {
    fn check(&self, _: &mut Place<'_>) {}
}

pub(super) struct Stat {
    file: KeptFile,
    softirq: bool,
}

impl Stat {
    pub(super) fn new(roots: &Roots, settings: &StatSettings) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("stat")), softirq: settings.softirq }
    }
}

impl Sampler for Stat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let softirq = self.softirq;
        let mut unread = None;
        for line in parse::lines(self.file.read()?) {
            let (name, rest) = parse::first_word(line);
            let read = if softirq && name == b"softirq" {
                write_softirqs(page, rest)
            } else if let Some((_, family)) = FIELDS.iter().find(|(field, _)| *field == name) {
                let value = parse::whole(parse::first_word(rest).0);
                value.map(|value| page.set(family, Labels::NONE, value as f64))
            } else {
                Some(())
            };
            if read.is_none() && unread.is_none() {
                unread = Some(parse::label(name).into_owned());
            }
        }
        match unread {
            Some(name) => Err(self.file.malformed(format!("`{name}` without its number")).into()),
            None => Ok(()),
        }
    }
}

/// `softirq <sum> <hi> <timer> …`
fn write_softirqs(page: &mut Page, values: &[u8]) -> Option<()> {
    let mut values = parse::words(values).map(parse::whole);
    let _sum = values.next()??;
    for vector in VECTORS {
        let value = values.next()??;
        let labels = page.labels(&[("vector", vector)]);
        page.set(&SOFTIRQS, labels, value as f64);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "cpu  1 2 3\nintr 8885917 17 0 0\nctxt 38014093\nbtime 1418183276\nprocesses 26442\n\
                        procs_running 2\nprocs_blocked 0\nsoftirq 55 1 2 3 4 5 6 7 8 9 10\n";

    #[test]
    fn each_line_gives_its_first_number() {
        let host = Fixture::new().with("proc/stat", TEXT);
        let (series, result) = host.sample(&mut Stat::new(host.roots(), &StatSettings::default()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_intr_total 8885917",
                "node_context_switches_total 38014093",
                "node_boot_time_seconds 1418183276",
                "node_forks_total 26442",
                "node_procs_running 2",
                "node_procs_blocked 0"
            ]
        );
    }

    #[test]
    fn softirqs_come_by_vector_when_asked_for() {
        let host = Fixture::new().with("proc/stat", TEXT);
        let (series, result) = host.sample(&mut Stat::new(host.roots(), &StatSettings { softirq: true }));
        result.unwrap();
        assert_eq!(series[6], "node_softirqs_total{vector=\"hi\"} 1");
        assert_eq!(series[15], "node_softirqs_total{vector=\"rcu\"} 10");
    }

    #[test]
    fn a_line_without_its_number_is_named_and_the_others_are_kept() {
        let host = Fixture::new().with("proc/stat", "ctxt\nbtime 12\n");
        let (series, result) = host.sample(&mut Stat::new(host.roots(), &StatSettings::default()));
        assert_eq!(series, ["node_boot_time_seconds 12"]);
        assert!(result.unwrap_err().to_string().ends_with("`ctxt` without its number"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_read_or_refused(
            head in "(intr|softirq|ctxt|cpu) ?",
            tail in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let host = Fixture::new().with("proc/stat", [head.as_bytes(), &tail].concat());
            let _ = host.sample(&mut Stat::new(host.roots(), &StatSettings { softirq: true }));
        }
    }
}

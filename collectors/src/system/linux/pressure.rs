//! `pressure`: how long tasks have waited for CPU, I/O, memory and interrupts.
//!
//! `/proc/pressure/{cpu,io,memory,irq}`, each with up to two lines that end in `total=<microseconds>`:
//! `some` (at least one task waited) and `full` (no task could go on). See the kernel's
//! accounting/psi.rst. `irq` has no `some`; the `full` of `cpu` is defined away for the whole system.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, NoData, Sampler};

use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;

struct Resource {
    file: &'static str,
    some: Option<Family>,
    full: Option<Family>,
}

static RESOURCES: [Resource; 4] = [
    Resource {
        file: "pressure/cpu",
        some: Some(Family::counter(
            "node_pressure_cpu_waiting_seconds_total",
            "Total time in seconds that processes have waited for CPU time",
        )),
        full: None,
    },
    Resource {
        file: "pressure/io",
        some: Some(Family::counter(
            "node_pressure_io_waiting_seconds_total",
            "Total time in seconds that processes have waited due to IO congestion",
        )),
        full: Some(Family::counter(
            "node_pressure_io_stalled_seconds_total",
            "Total time in seconds no process could make progress due to IO congestion",
        )),
    },
    Resource {
        file: "pressure/memory",
        some: Some(Family::counter(
            "node_pressure_memory_waiting_seconds_total",
            "Total time in seconds that processes have waited for memory",
        )),
        full: Some(Family::counter(
            "node_pressure_memory_stalled_seconds_total",
            "Total time in seconds no process could make progress due to memory congestion",
        )),
    },
    Resource {
        file: "pressure/irq",
        some: None,
        full: Some(Family::counter(
            "node_pressure_irq_stalled_seconds_total",
            "Total time in seconds no process could make progress due to IRQ congestion",
        )),
    },
];

pub(super) struct Pressure {
    files: [KeptFile; 4],
}

impl Pressure {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { files: RESOURCES.each_ref().map(|resource| KeptFile::new(roots.procfs.join(resource.file))) }
    }
}

impl Sampler for Pressure {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut found = false;
        for (resource, file) in RESOURCES.iter().zip(&mut self.files) {
            let totals = match file.read() {
                Ok(text) => parse(text),
                // A kernel before 4.20 (irq: 6.1) has no such file; one with `psi=0` refuses to read it.
                Err(error) if error.is_absent() => continue,
                Err(FileError::Open { source, .. } | FileError::Read { source, .. })
                    if source.kind() == std::io::ErrorKind::Unsupported =>
                {
                    return Err(NoData("the kernel keeps no pressure: boot it with psi=1".into()).into());
                }
                Err(error) => return Err(error.into()),
            };
            for (family, total) in [(&resource.some, totals.some), (&resource.full, totals.full)] {
                let Some(family) = family else { continue };
                let total = total.ok_or_else(|| file.malformed("no total"))?;
                page.set(family, Labels::NONE, total as f64 / 1000.0 / 1000.0);
                found = true;
            }
        }
        if found { Ok(()) } else { Err(NoData("the kernel keeps no pressure".into()).into()) }
    }
}

/// Microseconds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) some: Option<u64>,
    pub(super) full: Option<u64>,
}

/// `some avg10=0.18 avg60=0.34 avg300=0.10 total=159886802`, and the same for `full`.
pub(super) fn parse(text: &[u8]) -> Totals {
    let mut totals = Totals::default();
    for line in parse::lines(text) {
        let total = || parse::whole(parse::words(line).find_map(|word| word.strip_prefix(b"total="))?);
        match parse::first_word(line).0 {
            b"some" => totals.some = total(),
            b"full" => totals.full = total(),
            _ => {}
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    const BOTH: &str = "some avg10=0.18 avg60=0.34 avg300=0.10 total=159886802\n\
                        full avg10=0.18 avg60=0.34 avg300=0.10 total=1\n";

    #[test]
    fn totals_become_seconds() {
        let host = Fixture::new().with("proc/pressure/cpu", BOTH).with("proc/pressure/io", BOTH);
        let (series, result) = host.sample(&mut Pressure::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_pressure_cpu_waiting_seconds_total 159.886802",
                "node_pressure_io_waiting_seconds_total 159.886802",
                "node_pressure_io_stalled_seconds_total 0.000001"
            ]
            .map(|line| line.replace("0.000001", "1e-6"))
        );
    }

    #[test]
    fn a_kernel_without_pressure_has_no_data_and_no_failure() {
        let host = Fixture::new();
        let (series, result) = host.sample(&mut Pressure::new(host.roots()));
        assert!(series.is_empty());
        assert!(result.unwrap_err().is::<NoData>());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..100), cut in 0..BOTH.len()) {
            let _ = parse(&text);
            let _ = parse(&BOTH.as_bytes()[..cut]);
        }
    }
}

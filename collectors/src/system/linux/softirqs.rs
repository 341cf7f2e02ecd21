//! `softirqs`: soft interrupts by kind and CPU.
//!
//! `/proc/softirqs`: a line of CPUs, then a line for each kind with a number for each CPU (proc_softirqs is in
//! the kernel's filesystems/proc.rst).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;

static FUNCTIONS: Family = Family::counter("node_softirqs_functions_total", "Softirq counts per CPU.");

pub(super) struct SoftIrqs {
    file: KeptFile,
}

impl SoftIrqs {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("softirqs")) }
    }
}

impl Sampler for SoftIrqs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut understood = true;
        let mut lines = parse::lines(self.file.read().map_err(FileError::or_no_data)?);
        let cpus = lines.next().unwrap_or_default();
        for line in lines {
            let (kind, counts) = parse::first_word(line);
            let kind = parse::label(kind.strip_suffix(b":").unwrap_or(kind));
            for (cpu, count) in parse::words(cpus).zip(parse::words(counts)) {
                let (Some(cpu), Some(count)) = (cpu.strip_prefix(b"CPU"), parse::whole(count)) else {
                    understood = false;
                    continue;
                };
                let labels = page.labels(&[("cpu", &parse::label(cpu)), ("type", &kind)]);
                page.set(&FUNCTIONS, labels, count as f64);
            }
        }
        if understood { Ok(()) } else { Err(self.file.malformed("a count that is none").into()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str =
        "         CPU0       CPU2\n      HI:          7          1\n   TIMER:     424191     108342\n";

    #[test]
    fn each_cpu_has_a_count_of_each_kind() {
        let host = Fixture::new().with("proc/softirqs", TEXT);
        let (series, result) = host.sample(&mut SoftIrqs::new(host.roots()));
        result.unwrap();
        assert_eq!(series.len(), 4);
        assert_eq!(series[1], "node_softirqs_functions_total{cpu=\"2\",type=\"HI\"} 1");
    }

    survives_any_bytes!("proc/softirqs", TEXT, host => SoftIrqs::new(host.roots()));
}

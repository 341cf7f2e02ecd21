//! `kernel_hung`: tasks that the kernel has found hung.
//!
//! `/proc/sys/kernel/hung_task_detect_count` (Linux 6.13). A much used dashboard asks for the name without
//! `_total`, so both are there.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static TOTAL: Family = Family::counter(
    "node_kernel_hung_tasks_total",
    "Total number of tasks that have been detected as hung since the system booted.",
);
static TASKS: Family = Family::gauge(
    "node_kernel_hung_tasks",
    "The same as node_kernel_hung_tasks_total, as dashboards ask for it.",
);

pub(super) struct KernelHung {
    file: KeptFile,
}

impl KernelHung {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("sys/kernel/hung_task_detect_count")) }
    }
}

impl Sampler for KernelHung {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let tasks = parse::whole_file(self.file.read().map_err(super::file::FileError::or_no_data)?);
        let tasks = tasks.ok_or_else(|| self.file.malformed("not a whole number"))? as f64;
        page.set(&TOTAL, Labels::NONE, tasks);
        page.set(&TASKS, Labels::NONE, tasks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;
    use vigie_pipeline::plug::NoData;

    const FILE: &str = "proc/sys/kernel/hung_task_detect_count";

    #[test]
    fn hung_tasks_are_counted_under_both_names() {
        let host = Fixture::new().with(FILE, "3\n");
        let (series, result) = host.sample(&mut KernelHung::new(host.roots()));
        result.unwrap();
        assert_eq!(series, ["node_kernel_hung_tasks_total 3", "node_kernel_hung_tasks 3"]);
    }

    #[test]
    fn an_older_kernel_has_no_data() {
        let host = Fixture::new();
        let (_, result) = host.sample(&mut KernelHung::new(host.roots()));
        assert!(result.unwrap_err().is::<NoData>());
    }

    survives_any_bytes!(FILE, "3\n", host => KernelHung::new(host.roots()));
}

//! `ksmd`: memory that the kernel has merged because it is the same.
//!
//! The files of `/sys/kernel/mm/ksm` (the kernel's admin-guide/mm/ksm.rst), one number each.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, NoData, Sampler};

use super::attributes::{Attribute, Attributes};
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static FILES: [Attribute; 10] = [
    Attribute::plain("full_scans", Family::counter("node_ksmd_full_scans_total", "How many times all mergeable areas have been scanned.")),
    Attribute::plain("general_profit", Family::gauge("node_ksmd_general_profit_bytes", "How effective is KSM. ksm_saved_pages * sizeof(page) - (all_rmap_items) * sizeof(rmap_item)")),
    Attribute::plain("merge_across_nodes", Family::gauge("node_ksmd_merge_across_nodes", "Specifies if pages from different NUMA nodes can be merged.")),
    Attribute::plain("pages_shared", Family::gauge("node_ksmd_pages_shared", "How many shared pages are being used.")),
    Attribute::plain("pages_sharing", Family::gauge("node_ksmd_pages_sharing", "How many more sites are sharing them i.e. how much saved.")),
    Attribute::plain("pages_to_scan", Family::gauge("node_ksmd_pages_to_scan", "How many pages to scan before ksmd goes to sleep.")),
    Attribute::plain("pages_unshared", Family::gauge("node_ksmd_pages_unshared", "How many pages unique but repeatedly checked for merging.")),
    Attribute::plain("pages_volatile", Family::gauge("node_ksmd_pages_volatile", "How many pages changing too fast to be placed in a tree.")),
    Attribute::plain("run", Family::gauge("node_ksmd_run", "The status of ksmd. stopped = 0, running = 1")),
    Attribute::scaled("sleep_millisecs", Family::gauge("node_ksmd_sleep_seconds", "How many seconds ksmd should sleep before next scan."), 1e-3),
];

pub(super) struct Ksmd {
    files: Attributes,
    buffer: Vec<u8>,
}

impl Ksmd {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { files: Attributes::new(&roots.sysfs.join("kernel/mm/ksm"), &FILES), buffer: Vec::new() }
    }
}

impl Sampler for Ksmd {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        match self.files.write(page, Labels::NONE, &mut self.buffer) {
            0 => Err(NoData("the kernel merges no memory".to_owned()).into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn each_file_is_one_metric() {
        let host = Fixture::new()
            .with("sys/kernel/mm/ksm/run", "1\n")
            .with("sys/kernel/mm/ksm/sleep_millisecs", "20\n");
        let (series, result) = host.sample(&mut Ksmd::new(host.roots()));
        result.unwrap();
        assert_eq!(series, ["node_ksmd_run 1", "node_ksmd_sleep_seconds 0.02"]);
    }

    #[test]
    fn a_kernel_without_it_has_no_data() {
        let host = Fixture::new();
        assert!(host.sample(&mut Ksmd::new(host.roots())).1.unwrap_err().is::<NoData>());
    }

    survives_any_bytes!("sys/kernel/mm/ksm/run", "1\n", host => Ksmd::new(host.roots()));
}

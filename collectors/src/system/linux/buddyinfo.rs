//! `buddyinfo`: free memory in blocks, by their size.
//!
//! `/proc/buddyinfo`: `Node 0, zone DMA 1 0 2 …`, one number for each order: blocks of 2^order pages
//! (the kernel's filesystems/proc.rst).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static BLOCKS: Family = Family::gauge("node_buddyinfo_blocks", "Count of free blocks according to size.");

pub(super) struct BuddyInfo {
    file: KeptFile,
}

impl BuddyInfo {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("buddyinfo")) }
    }
}

impl Sampler for BuddyInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a line that is no zone's", |line| {
            let mut words = parse::words(line);
            let mut next = || words.next();
            let (Some(b"Node"), Some(node), Some(b"zone"), Some(zone)) = (next(), next(), next(), next())
            else {
                return None;
            };
            let node = parse::label(node.strip_suffix(b",").unwrap_or(node));
            let zone = parse::label(zone);
            for (order, count) in words.enumerate() {
                let count = parse::whole(count)?;
                let labels = page.labels(&[
                    ("node", &node),
                    ("size", itoa::Buffer::new().format(order)),
                    ("zone", &zone),
                ]);
                page.set(&BLOCKS, labels, count as f64);
            }
            Some(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str =
        "Node 0, zone      DMA      1      0      3 \nNode 1, zone   Normal   4381   1093    185 \n";

    #[test]
    fn blocks_come_by_node_zone_and_order() {
        let host = Fixture::new().with("proc/buddyinfo", TEXT);
        let (series, result) = host.sample(&mut BuddyInfo::new(host.roots()));
        result.unwrap();
        assert_eq!(series.len(), 6);
        assert_eq!(series[2], "node_buddyinfo_blocks{node=\"0\",size=\"2\",zone=\"DMA\"} 3");
        assert_eq!(series[3], "node_buddyinfo_blocks{node=\"1\",size=\"0\",zone=\"Normal\"} 4381");
    }

    survives_any_bytes!("proc/buddyinfo", TEXT, host => BuddyInfo::new(host.roots()));
}

//! `zoneinfo`: the memory zones, page by page.
//!
//! `/proc/zoneinfo` (proc_zoneinfo(5)): `Node 0, zone DMA` begins a zone; `per-node stats` are told in the first zone
//! of a node. `pages free 2949` and `min 8` are fields as any other, `protection: (0, 2039)` is a list.

use std::sync::Arc;

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static FIELDS: [(&[u8], Family); 32] = [
    (b"high", Family::gauge("node_zoneinfo_high_pages", "Zone watermark pages_high")),
    (b"low", Family::gauge("node_zoneinfo_low_pages", "Zone watermark pages_low")),
    (b"managed", Family::gauge("node_zoneinfo_managed_pages", "Present pages managed by the buddy system")),
    (b"min", Family::gauge("node_zoneinfo_min_pages", "Zone watermark pages_min")),
    (b"nr_active_anon", Family::gauge("node_zoneinfo_nr_active_anon_pages", "Number of anonymous pages recently more used")),
    (b"nr_active_file", Family::gauge("node_zoneinfo_nr_active_file_pages", "Number of active pages with file-backing")),
    (b"nr_anon_pages", Family::gauge("node_zoneinfo_nr_anon_pages", "Number of anonymous pages currently used by the system")),
    (b"nr_anon_transparent_hugepages", Family::gauge("node_zoneinfo_nr_anon_transparent_hugepages", "Number of anonymous transparent huge pages currently used by the system")),
    (b"nr_dirtied", Family::counter("node_zoneinfo_nr_dirtied_total", "Page dirtyings since bootup")),
    (b"nr_dirty", Family::gauge("node_zoneinfo_nr_dirty_pages", "Number of dirty pages")),
    (b"nr_file_pages", Family::gauge("node_zoneinfo_nr_file_pages", "Number of file pages")),
    (b"nr_free_pages", Family::gauge("node_zoneinfo_nr_free_pages", "Total number of free pages in the zone")),
    (b"nr_inactive_anon", Family::gauge("node_zoneinfo_nr_inactive_anon_pages", "Number of anonymous pages recently less used")),
    (b"nr_inactive_file", Family::gauge("node_zoneinfo_nr_inactive_file_pages", "Number of inactive pages with file-backing")),
    (b"nr_isolated_anon", Family::gauge("node_zoneinfo_nr_isolated_anon_pages", "Temporary isolated pages from anon lru")),
    (b"nr_isolated_file", Family::gauge("node_zoneinfo_nr_isolated_file_pages", "Temporary isolated pages from file lru")),
    (b"nr_kernel_stack", Family::gauge("node_zoneinfo_nr_kernel_stacks", "Number of kernel stacks")),
    (b"nr_mapped", Family::gauge("node_zoneinfo_nr_mapped_pages", "Number of mapped pages")),
    (b"nr_shmem", Family::gauge("node_zoneinfo_nr_shmem_pages", "Number of shmem pages (included tmpfs/GEM pages)")),
    (b"nr_slab_reclaimable", Family::gauge("node_zoneinfo_nr_slab_reclaimable_pages", "Number of reclaimable slab pages")),
    (b"nr_slab_unreclaimable", Family::gauge("node_zoneinfo_nr_slab_unreclaimable_pages", "Number of unreclaimable slab pages")),
    (b"nr_unevictable", Family::gauge("node_zoneinfo_nr_unevictable_pages", "Number of unevictable pages")),
    (b"nr_writeback", Family::gauge("node_zoneinfo_nr_writeback_pages", "Number of writeback pages")),
    (b"nr_written", Family::counter("node_zoneinfo_nr_written_total", "Page writings since bootup")),
    (b"numa_foreign", Family::counter("node_zoneinfo_numa_foreign_total", "Was intended here, hit elsewhere")),
    (b"numa_hit", Family::counter("node_zoneinfo_numa_hit_total", "Allocated in intended node")),
    (b"numa_interleave", Family::counter("node_zoneinfo_numa_interleave_total", "Interleaver preferred this zone")),
    (b"numa_local", Family::counter("node_zoneinfo_numa_local_total", "Allocation from local node")),
    (b"numa_miss", Family::counter("node_zoneinfo_numa_miss_total", "Allocated in non intended node")),
    (b"numa_other", Family::counter("node_zoneinfo_numa_other_total", "Allocation from other node")),
    (b"present", Family::gauge("node_zoneinfo_present_pages", "Physical pages existing within the zone")),
    (b"spanned", Family::gauge("node_zoneinfo_spanned_pages", "Total pages spanned by the zone, including holes")),
];

/// More zones than any kernel has: it bounds what a list of protections makes.
const MOST_PROTECTIONS: usize = 16;

pub(super) struct ZoneInfo {
    file: KeptFile,
    protections: Vec<Arc<Family>>,
}

impl ZoneInfo {
    pub(super) fn new(roots: &Roots) -> Self {
        let protection = |number| {
            let (name, help) =
                (format!("node_zoneinfo_protection_{number}"), format!("Protection array {number}. field"));
            Arc::new(Family::met(name, Kind::Gauge, help))
        };
        Self {
            file: KeptFile::new(roots.procfs.join("zoneinfo")),
            protections: (0..MOST_PROTECTIONS).map(protection).collect(),
        }
    }
}

impl Sampler for ZoneInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut understood = true;
        let mut zone = None;
        for line in parse::lines(self.file.read().map_err(FileError::or_no_data)?) {
            if let Some((node, name)) = zone_of(line) {
                let labels = page.labels(&[("node", &parse::label(node)), ("zone", &parse::label(name))]);
                zone = Some(labels);
                continue;
            }
            let Some(labels) = zone else { continue };
            // What stands behind the zone's lists of pages per CPU is no field of the zone.
            if line.trim_ascii() == b"pagesets" {
                zone = None;
                continue;
            }
            let line = line.trim_ascii_start();
            let line = line.strip_prefix(b"pages ").unwrap_or(line);
            let (field, value) = parse::first_word(line);
            if field == b"protection:" {
                understood &= write_protections(page, labels, value, &self.protections);
            } else if let Some((_, family)) = FIELDS.iter().find(|(known, _)| *known == field) {
                match parse::number(value.trim_ascii()) {
                    Some(value) => page.set(family, labels, value),
                    None => understood = false,
                }
            }
        }
        if understood { Ok(()) } else { Err(self.file.malformed("a field without a number").into()) }
    }
}

/// `Node 0, zone   Normal`
fn zone_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"Node ")?;
    let comma = memchr::memchr(b',', rest)?;
    Some((rest[..comma].trim_ascii(), rest[comma + 1..].trim_ascii().strip_prefix(b"zone")?.trim_ascii()))
}

/// `(0, 2039, 31932)`
fn write_protections(page: &mut Page, labels: Labels, list: &[u8], families: &[Arc<Family>]) -> bool {
    let list = list.trim_ascii();
    let Some(list) = list.strip_prefix(b"(").and_then(|list| list.strip_suffix(b")")) else { return false };
    for (family, word) in families.iter().zip(list.split(|byte| *byte == b',')) {
        let Some(pages) = parse::whole_file(word) else { return false };
        page.set(family, labels, pages as f64);
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 95612\n  pages free     2949\n\
                        \x20       min      8\n        protection: (0, 2039)\n      nr_free_pages 2949\n  pagesets\n\
                        \x20   cpu: 0\n              high:  0\n";

    #[test]
    fn fields_come_by_node_and_zone() {
        let host = Fixture::new().with("proc/zoneinfo", TEXT);
        let (series, result) = host.sample(&mut ZoneInfo::new(host.roots()));
        result.unwrap();
        let zone = "{node=\"0\",zone=\"DMA\"}";
        assert_eq!(
            series,
            [
                format!("node_zoneinfo_nr_inactive_anon_pages{zone} 95612"),
                format!("node_zoneinfo_min_pages{zone} 8"),
                format!("node_zoneinfo_protection_0{zone} 0"),
                format!("node_zoneinfo_protection_1{zone} 2039"),
                format!("node_zoneinfo_nr_free_pages{zone} 2949"),
            ]
        );
    }

    survives_any_bytes!("proc/zoneinfo", TEXT, host => ZoneInfo::new(host.roots()));
}

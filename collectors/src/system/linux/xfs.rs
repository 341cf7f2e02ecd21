//! `xfs`: what each XFS file system has done.
//!
//! `/sys/fs/xfs/<device>/stats/stats` (xfs.org's Runtime_Stats): a word and its numbers on each line.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::class::Class;
use super::file::SmallFile;
use super::parse;
use crate::system::config::Roots;

/// The word of the line, where the number stands behind it, what it is.
#[rustfmt::skip] // one line each, however long
static NUMBERS: [(&[u8], usize, Family); 39] = [
    (b"extent_alloc", 0, Family::counter("node_xfs_extent_allocation_extents_allocated_total", "Number of extents allocated for a filesystem.")),
    (b"extent_alloc", 1, Family::counter("node_xfs_extent_allocation_blocks_allocated_total", "Number of blocks allocated for a filesystem.")),
    (b"extent_alloc", 2, Family::counter("node_xfs_extent_allocation_extents_freed_total", "Number of extents freed for a filesystem.")),
    (b"extent_alloc", 3, Family::counter("node_xfs_extent_allocation_blocks_freed_total", "Number of blocks freed for a filesystem.")),
    (b"abt", 0, Family::counter("node_xfs_allocation_btree_lookups_total", "Number of allocation B-tree lookups for a filesystem.")),
    (b"abt", 1, Family::counter("node_xfs_allocation_btree_compares_total", "Number of allocation B-tree compares for a filesystem.")),
    (b"abt", 2, Family::counter("node_xfs_allocation_btree_records_inserted_total", "Number of allocation B-tree records inserted for a filesystem.")),
    (b"abt", 3, Family::counter("node_xfs_allocation_btree_records_deleted_total", "Number of allocation B-tree records deleted for a filesystem.")),
    (b"blk_map", 0, Family::counter("node_xfs_block_mapping_reads_total", "Number of block map for read operations for a filesystem.")),
    (b"blk_map", 1, Family::counter("node_xfs_block_mapping_writes_total", "Number of block map for write operations for a filesystem.")),
    (b"blk_map", 2, Family::counter("node_xfs_block_mapping_unmaps_total", "Number of block unmaps (deletes) for a filesystem.")),
    (b"blk_map", 3, Family::counter("node_xfs_block_mapping_extent_list_insertions_total", "Number of extent list insertions for a filesystem.")),
    (b"blk_map", 4, Family::counter("node_xfs_block_mapping_extent_list_deletions_total", "Number of extent list deletions for a filesystem.")),
    (b"blk_map", 5, Family::counter("node_xfs_block_mapping_extent_list_lookups_total", "Number of extent list lookups for a filesystem.")),
    (b"blk_map", 6, Family::counter("node_xfs_block_mapping_extent_list_compares_total", "Number of extent list compares for a filesystem.")),
    (b"bmbt", 0, Family::counter("node_xfs_block_map_btree_lookups_total", "Number of block map B-tree lookups for a filesystem.")),
    (b"bmbt", 1, Family::counter("node_xfs_block_map_btree_compares_total", "Number of block map B-tree compares for a filesystem.")),
    (b"bmbt", 2, Family::counter("node_xfs_block_map_btree_records_inserted_total", "Number of block map B-tree records inserted for a filesystem.")),
    (b"bmbt", 3, Family::counter("node_xfs_block_map_btree_records_deleted_total", "Number of block map B-tree records deleted for a filesystem.")),
    (b"dir", 0, Family::counter("node_xfs_directory_operation_lookup_total", "Number of file name directory lookups which miss the operating systems directory name lookup cache.")),
    (b"dir", 1, Family::counter("node_xfs_directory_operation_create_total", "Number of times a new directory entry was created for a filesystem.")),
    (b"dir", 2, Family::counter("node_xfs_directory_operation_remove_total", "Number of times an existing directory entry was created for a filesystem.")),
    (b"dir", 3, Family::counter("node_xfs_directory_operation_getdents_total", "Number of times the directory getdents operation was performed for a filesystem.")),
    (b"ig", 0, Family::counter("node_xfs_inode_operation_attempts_total", "Number of times the OS looked for an XFS inode in the inode cache.")),
    (b"ig", 1, Family::counter("node_xfs_inode_operation_found_total", "Number of times the OS looked for and found an XFS inode in the inode cache.")),
    (b"ig", 2, Family::counter("node_xfs_inode_operation_recycled_total", "Number of times the OS found an XFS inode in the cache, but could not use it as it was being recycled.")),
    (b"ig", 3, Family::counter("node_xfs_inode_operation_missed_total", "Number of times the OS looked for an XFS inode in the cache, but did not find it.")),
    (b"ig", 4, Family::counter("node_xfs_inode_operation_duplicates_total", "Number of times the OS tried to add a missing XFS inode to the inode cache, but found it had already been added by another process.")),
    (b"ig", 5, Family::counter("node_xfs_inode_operation_reclaims_total", "Number of times the OS reclaimed an XFS inode from the inode cache to free memory for another purpose.")),
    (b"ig", 6, Family::counter("node_xfs_inode_operation_attribute_changes_total", "Number of times the OS explicitly changed the attributes of an XFS inode.")),
    (b"rw", 0, Family::counter("node_xfs_write_calls_total", "Number of write(2) system calls made to files in a filesystem.")),
    (b"rw", 1, Family::counter("node_xfs_read_calls_total", "Number of read(2) system calls made to files in a filesystem.")),
    (b"vnodes", 0, Family::counter("node_xfs_vnode_active_total", "Number of vnodes not on free lists for a filesystem.")),
    (b"vnodes", 1, Family::counter("node_xfs_vnode_allocate_total", "Number of times vn_alloc called for a filesystem.")),
    (b"vnodes", 2, Family::counter("node_xfs_vnode_get_total", "Number of times vn_get called for a filesystem.")),
    (b"vnodes", 3, Family::counter("node_xfs_vnode_hold_total", "Number of times vn_hold called for a filesystem.")),
    (b"vnodes", 4, Family::counter("node_xfs_vnode_release_total", "Number of times vn_rele called for a filesystem.")),
    (b"vnodes", 5, Family::counter("node_xfs_vnode_reclaim_total", "Number of times vn_reclaim called for a filesystem.")),
    (b"vnodes", 6, Family::counter("node_xfs_vnode_remove_total", "Number of times vn_remove called for a filesystem.")),
];

pub(super) struct Xfs {
    file_systems: Class<SmallFile>,
}

impl Xfs {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file_systems: Class::new(roots.sysfs.join("fs/xfs")) }
    }
}

impl Sampler for Xfs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file_systems.each(
            // What all of them have done together.
            |name| name != "stats",
            |_, dir: &Path| SmallFile::new(dir.join("stats/stats")),
            |name, file, buffer| {
                let Ok(text) = file.read(buffer) else { return };
                let labels = page.labels(&[("device", name)]);
                for line in parse::lines(text) {
                    let (word, numbers) = parse::first_word(line);
                    for (_, at, family) in NUMBERS.iter().filter(|(known, ..)| *known == word) {
                        if let Some(count) = parse::words(numbers).nth(*at).and_then(parse::whole) {
                            page.set(family, labels, count as f64);
                        }
                    }
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "extent_alloc 1 872 0 0\nrw 28 5\nxpc 3571712 3568056 0\n";

    #[test]
    fn each_file_system_has_its_counts() {
        let host =
            Fixture::new().with("sys/fs/xfs/sda1/stats/stats", TEXT).with("sys/fs/xfs/stats/stats", TEXT);
        let (series, result) = host.sample(&mut Xfs::new(host.roots()));
        result.unwrap();
        assert_eq!(series.len(), 6);
        assert_eq!(series[1], "node_xfs_extent_allocation_blocks_allocated_total{device=\"sda1\"} 872");
        assert_eq!(series[5], "node_xfs_read_calls_total{device=\"sda1\"} 5");
    }

    survives_any_bytes!("sys/fs/xfs/sda1/stats/stats", TEXT, host => Xfs::new(host.roots()));
}

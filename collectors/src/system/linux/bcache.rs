//! `bcache`: solid-state disks that cache slower ones.
//!
//! `/sys/fs/bcache/<uuid>` is a set of caches (the kernel's admin-guide/bcache.rst): numbers of the set, of each backing
//! device `bdev<N>` and of each `cache<N>`. Most are written for people, `427.5k` ([`mod@size`]).

mod size;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use vigie_pipeline::check::{Check, Place};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use self::size::size;
use super::class::{Class, is_numbered, or_nothing};
use super::file::{SmallFile, names_in};
use super::parse;
use crate::system::config::Roots;

/// A file and what one of its units is in the unit of the metric.
type Number = (&'static str, Family, f64);

#[rustfmt::skip] // one line each, however long
static SET: [Number; 10] = [
    ("average_key_size", Family::gauge("node_bcache_average_key_size_sectors", "Average data per key in the btree (sectors)."), 1.0),
    ("btree_cache_size", Family::gauge("node_bcache_btree_cache_size_bytes", "Amount of memory currently used by the btree cache."), 1.0),
    ("cache_available_percent", Family::gauge("node_bcache_cache_available_percent", "Percentage of cache device without dirty data, usable for writeback (may contain clean cached data)."), 1.0),
    ("congested", Family::gauge("node_bcache_congested", "Congestion."), 1.0),
    ("root_usage_percent", Family::gauge("node_bcache_root_usage_percent", "Percentage of the root btree node in use (tree depth increases if too high)."), 1.0),
    ("tree_depth", Family::gauge("node_bcache_tree_depth", "Depth of the btree."), 1.0),
    ("internal/active_journal_entries", Family::gauge("node_bcache_active_journal_entries", "Number of journal entries that are newer than the index."), 1.0),
    ("internal/btree_nodes", Family::gauge("node_bcache_btree_nodes", "Total nodes in the btree."), 1.0),
    // Upstream takes the microseconds for nanoseconds; dashboards know its values.
    ("internal/btree_read_average_duration_us", Family::gauge("node_bcache_btree_read_average_duration_seconds", "Average btree read duration."), 1e-9),
    ("internal/cache_read_races", Family::counter("node_bcache_cache_read_races_total", "Counts instances where while data was being read from the cache, the bucket was reused and invalidated - i.e. where the pointer was stale after the read completed."), 1.0),
];

#[rustfmt::skip] // one line each, however long
static BACKING: [Number; 8] = [
    ("dirty_data", Family::gauge("node_bcache_dirty_data_bytes", "Amount of dirty data for this backing device in the cache."), 1.0),
    ("stats_total/bypassed", Family::counter("node_bcache_bypassed_bytes_total", "Amount of IO (both reads and writes) that has bypassed the cache."), 1.0),
    ("stats_total/cache_bypass_hits", Family::counter("node_bcache_cache_bypass_hits_total", "Hits for IO intended to skip the cache."), 1.0),
    ("stats_total/cache_bypass_misses", Family::counter("node_bcache_cache_bypass_misses_total", "Misses for IO intended to skip the cache."), 1.0),
    ("stats_total/cache_hits", Family::counter("node_bcache_cache_hits_total", "Hits counted per individual IO as bcache sees them."), 1.0),
    ("stats_total/cache_miss_collisions", Family::counter("node_bcache_cache_miss_collisions_total", "Instances where data insertion from cache miss raced with write (data already present)."), 1.0),
    ("stats_total/cache_misses", Family::counter("node_bcache_cache_misses_total", "Misses counted per individual IO as bcache sees them."), 1.0),
    ("stats_total/cache_readaheads", Family::counter("node_bcache_cache_readaheads_total", "Count of times readahead occurred."), 1.0),
];

#[rustfmt::skip] // one line each, however long
static CACHE: [Number; 3] = [
    ("io_errors", Family::gauge("node_bcache_io_errors", "Number of errors that have occurred, decayed by io_error_halflife."), 1.0),
    ("metadata_written", Family::counter("node_bcache_metadata_written_bytes_total", "Sum of all non data writes (btree writes and all other metadata)."), 1.0),
    ("written", Family::counter("node_bcache_written_bytes_total", "Sum of all data that has been written to the cache."), 1.0),
];

/// The lines of `writeback_rate_debug`.
#[rustfmt::skip] // one line each, however long
static WRITEBACK: [(&[u8], Family); 5] = [
    (b"change", Family::gauge("node_bcache_writeback_change", "Last writeback rate change step for this backing device.")),
    (b"integral", Family::gauge("node_bcache_writeback_rate_integral_term", "Current result of integral controller, part of writeback rate")),
    (b"proportional", Family::gauge("node_bcache_writeback_rate_proportional_term", "Current result of proportional controller, part of writeback rate")),
    (b"rate", Family::gauge("node_bcache_writeback_rate", "Current writeback rate for this backing device in bytes.")),
    (b"target", Family::gauge("node_bcache_dirty_target_bytes", "Current dirty data target threshold for this backing device in bytes.")),
];

/// The lines of `priority_stats`.
#[rustfmt::skip] // one line each, however long
static PRIORITIES: [(&[u8], Family); 2] = [
    (b"Metadata", Family::gauge("node_bcache_priority_stats_metadata_percent", "Bcache's metadata overhead.")),
    (b"Unused", Family::gauge("node_bcache_priority_stats_unused_percent", "The percentage of the cache that doesn't contain any data.")),
];

/// Settings of the group `bcache`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BcacheSettings {
    /// Expose what the cache is filled with, which the kernel takes its time to count.
    #[schemars(extend("x-flag" = "collector.bcache.priorityStats"))]
    pub priority_stats: bool,
}

impl Check for BcacheSettings {
    fn check(&self, _: &mut Place<'_>) {}
}

pub(super) struct Bcache {
    sets: Class<Set>,
    priorities: bool,
}

struct Set {
    numbers: Vec<SmallFile>,
    members: Vec<Member>,
}

/// A backing device or a cache.
struct Member {
    name: String,
    label: &'static str,
    table: &'static [Number],
    numbers: Vec<SmallFile>,
    lines: SmallFile,
    line_table: &'static [(&'static [u8], Family)],
}

impl Bcache {
    pub(super) fn new(roots: &Roots, settings: &BcacheSettings) -> Self {
        Self { sets: Class::new(roots.sysfs.join("fs/bcache")), priorities: settings.priority_stats }
    }
}

impl Sampler for Bcache {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let priorities = self.priorities;
        or_nothing(self.sets.each(
            // A set is named by its UUID; there are files of the module beside.
            |name| name.contains('-'),
            |_, dir| Set::new(dir, priorities),
            |uuid, set, buffer| {
                let labels = page.labels(&[("uuid", uuid)]);
                write_numbers(page, labels, &SET, &mut set.numbers, buffer);
                for member in &mut set.members {
                    member.write(page, uuid, buffer);
                }
            },
        ))
    }
}

impl Set {
    fn new(dir: &Path, priorities: bool) -> Self {
        let names = names_in(dir).unwrap_or_default();
        let members =
            names.iter().filter_map(|name| Member::new(name, &dir.join(name), priorities)).collect();
        Self { numbers: files(dir, &SET), members }
    }
}

impl Member {
    fn new(name: &str, dir: &Path, priorities: bool) -> Option<Self> {
        let (label, table, lines, line_table): (_, &'static [Number], _, &'static [_]) =
            if is_numbered(name, "bdev") {
                ("backing_device", &BACKING, "writeback_rate_debug", &WRITEBACK)
            } else if is_numbered(name, "cache") {
                ("cache_device", &CACHE, "priority_stats", if priorities { &PRIORITIES } else { &[] })
            } else {
                return None;
            };
        let (numbers, lines) = (files(dir, table), SmallFile::new(dir.join(lines)));
        Some(Self { name: name.to_owned(), label, table, numbers, lines, line_table })
    }

    fn write(&mut self, page: &mut Page, uuid: &str, buffer: &mut Vec<u8>) {
        let labels = page.labels(&[(self.label, &self.name), ("uuid", uuid)]);
        write_numbers(page, labels, self.table, &mut self.numbers, buffer);
        if self.line_table.is_empty() {
            return;
        }
        for line in parse::lines(self.lines.read(buffer).unwrap_or_default()) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
            let value = [&b"/sec"[..], b"%"].iter().find_map(|end| value.strip_suffix(*end)).unwrap_or(value);
            let family = self.line_table.iter().find(|(known, _)| *known == name);
            if let (Some((_, family)), Some(value)) = (family, size(value)) {
                page.set(family, labels, value);
            }
        }
    }
}

fn files(dir: &Path, table: &[Number]) -> Vec<SmallFile> {
    table.iter().map(|(file, ..)| SmallFile::new(dir.join(file))).collect()
}

fn write_numbers(
    page: &mut Page,
    labels: Labels,
    table: &'static [Number],
    files: &mut [SmallFile],
    buffer: &mut Vec<u8>,
) {
    for ((_, family, unit), file) in table.iter().zip(files) {
        if let Some(number) = file.read(buffer).ok().and_then(size) {
            page.set(family, labels, number * unit);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const DEBUG: &str =
        "rate:           1.1M/sec\ndirty:          20.4G\nchange:         -321.5k/sec\nnext io:   17ms\n";

    #[test]
    fn the_set_its_disks_and_its_caches_are_told() {
        let file = |name: &str| format!("sys/fs/bcache/de-ad/{name}");
        let host = Fixture::new()
            .with(&file("tree_depth"), "1\n")
            .with(&file("bdev0/writeback_rate_debug"), DEBUG)
            .with(&file("bdev0/stats_total/cache_hits"), "546\n")
            .with(&file("cache0/written"), "427.5k\n")
            .with(&file("cache0/priority_stats"), "Unused:\t\t99%\nAverage:\t10473\n")
            .with("sys/fs/bcache/register", "");
        let sample = |priority_stats| {
            let (series, result) =
                host.sample(&mut Bcache::new(host.roots(), &BcacheSettings { priority_stats }));
            result.unwrap();
            series
        };
        let series = sample(true);
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:#?}");
        has("node_bcache_tree_depth{uuid=\"de-ad\"} 1");
        has("node_bcache_writeback_rate{backing_device=\"bdev0\",uuid=\"de-ad\"} 1150976");
        has("node_bcache_writeback_change{backing_device=\"bdev0\",uuid=\"de-ad\"} -329204");
        has("node_bcache_cache_hits_total{backing_device=\"bdev0\",uuid=\"de-ad\"} 546");
        has("node_bcache_written_bytes_total{cache_device=\"cache0\",uuid=\"de-ad\"} 437748");
        has("node_bcache_priority_stats_unused_percent{cache_device=\"cache0\",uuid=\"de-ad\"} 99");
        assert_eq!(sample(false).len(), series.len() - 1);
    }

    survives_any_bytes!("sys/fs/bcache/de-ad/bdev0/writeback_rate_debug", DEBUG, host => {
        Bcache::new(host.roots(), &BcacheSettings::default())
    });
}

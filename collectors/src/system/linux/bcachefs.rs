//! `bcachefs`: bcachefs file systems, their devices and what they count.
//!
//! `/sys/fs/bcachefs/<uuid>` (fs/bcachefs/sysfs.c): tables for people, with sizes as `28.2k` and `2.05G`.

mod device;
mod size;

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use self::device::Device;
use self::size::size;
use super::class::Class;
use super::file::{SmallFile, names_in};
use super::names::Names;
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;

static INFO: Family = Family::gauge("node_bcachefs_info", "Filesystem information.");
static BTREE_CACHE: Family =
    Family::gauge("node_bcachefs_btree_cache_size_bytes", "Btree cache memory usage in bytes.");
static BTREE_WRITES: Family =
    Family::counter("node_bcachefs_btree_writes_total", "Number of btree writes by type.");
static BTREE_WRITE_SIZE: Family =
    Family::gauge("node_bcachefs_btree_write_average_size_bytes", "Average btree write size by type.");
static COMPRESSED: Family =
    Family::gauge("node_bcachefs_compression_compressed_bytes", "Compressed size by algorithm.");
static UNCOMPRESSED: Family =
    Family::gauge("node_bcachefs_compression_uncompressed_bytes", "Uncompressed size by algorithm.");
static ERRORS: Family = Family::counter("node_bcachefs_errors_total", "Error count by error type.");

pub(super) struct BcacheFs {
    file_systems: Class<FileSystem>,
    /// Of the counters of all file systems, so that they share families.
    names: Names,
}

struct FileSystem {
    dir: PathBuf,
    btree_cache: SmallFile,
    btree_writes: SmallFile,
    compression: SmallFile,
    errors: SmallFile,
    counters: Vec<(String, SmallFile)>,
    devices: Roster<Device>,
}

impl BcacheFs {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file_systems: Class::new(roots.sysfs.join("fs/bcachefs")), names: Names::default() }
    }
}

impl Sampler for BcacheFs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.names.rewind();
        let names = &mut self.names;
        self.file_systems.each(
            |_| true,
            FileSystem::new,
            |uuid, file_system, buffer| file_system.write(page, uuid, names, buffer),
        )
    }
}

impl FileSystem {
    fn new(_: &str, dir: &Path) -> Self {
        let counters = dir.join("counters");
        let counter = |name: String| (name.clone(), SmallFile::new(counters.join(name)));
        Self {
            dir: dir.to_owned(),
            btree_cache: SmallFile::new(dir.join("btree_cache_size")),
            btree_writes: SmallFile::new(dir.join("btree_write_stats")),
            compression: SmallFile::new(dir.join("compression_stats")),
            errors: SmallFile::new(dir.join("errors")),
            counters: names_in(&counters).unwrap_or_default().into_iter().map(counter).collect(),
            devices: Roster::default(),
        }
    }

    fn write(&mut self, page: &mut Page, uuid: &str, names: &mut Names, buffer: &mut Vec<u8>) {
        let labels = page.labels(&[("uuid", uuid)]);
        page.set(&INFO, labels, 1.0);
        if let Some(bytes) = self.btree_cache.read(buffer).ok().and_then(size) {
            page.set(&BTREE_CACHE, labels, bytes);
        }
        self.write_counters(page, labels, names, buffer);
        let table = self.btree_writes.read(buffer).unwrap_or_default();
        write_table(page, ("type", uuid), table, &[Some(&BTREE_WRITES), Some(&BTREE_WRITE_SIZE)]);
        let table = self.compression.read(buffer).unwrap_or_default();
        write_table(page, ("algorithm", uuid), table, &[Some(&COMPRESSED), Some(&UNCOMPRESSED)]);
        // It has no heading, and the second number is when the error was last met.
        let table = self.errors.read(buffer).unwrap_or_default();
        write_rows(page, ("error_type", uuid), parse::lines(table), &[Some(&ERRORS)]);
        self.devices.begin();
        for name in names_in(&self.dir).unwrap_or_default() {
            let Some(number) = name.strip_prefix("dev-") else { continue };
            let new = || Device::new(number, &self.dir.join(&name));
            self.devices.meet(|device| device.is(number), new).write(page, uuid, buffer);
        }
        self.devices.end();
    }

    /// Each counter is a file with two lines; the one that survives a remount counts.
    fn write_counters(&mut self, page: &mut Page, labels: Labels, names: &mut Names, buffer: &mut Vec<u8>) {
        for (name, file) in &mut self.counters {
            let Ok(text) = file.read(buffer) else { continue };
            let count = parse::lines(text)
                .find_map(|line| line.strip_prefix(b"since filesystem creation:"))
                .and_then(size);
            if let (Some(count), Some(family)) =
                (count, names.family(name.as_bytes(), |name| Some(family(name))))
            {
                page.set(family, labels, count);
            }
        }
    }
}

fn family(counter: &str) -> Family {
    let help = format!("Bcachefs counter {counter} since filesystem creation.");
    Family::met(format!("node_bcachefs_{counter}_total"), Kind::Counter, help)
}

/// Writes a table that has a heading.
fn write_table(page: &mut Page, label: (&str, &str), table: &[u8], columns: &[Option<&'static Family>]) {
    write_rows(page, label, parse::lines(table).skip(1), columns);
}

/// Writes rows of a name and numbers; `label` is what the name is called, and the file system.
fn write_rows<'t>(
    page: &mut Page,
    (label, uuid): (&str, &str),
    rows: impl Iterator<Item = &'t [u8]>,
    columns: &[Option<&'static Family>],
) {
    for row in rows {
        let (name, numbers) = parse::first_word(row);
        let name = parse::label(name.strip_suffix(b":").unwrap_or(name));
        if name.is_empty() {
            continue;
        }
        let labels = page.labels(&[(label, &name), ("uuid", uuid)]);
        for (family, number) in columns.iter().zip(parse::words(numbers)) {
            if let (Some(family), Some(number)) = (family, size(number)) {
                page.set(*family, labels, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const WRITES: &str = "                   nr        size\ninitial:           3298401   28.2k\n";

    #[test]
    fn tables_for_people_become_numbers() {
        let file = |name: &str| format!("sys/fs/bcachefs/dead/{name}");
        let host = Fixture::new()
            .with(&file("btree_cache_size"), "2.05G\n")
            .with(&file("btree_write_stats"), WRITES)
            .with(&file("compression_stats"), "typetype compressed\nlz4   48.9G  71.2G  62.5k\n")
            .with(&file("counters/fsync"), "since mount:  3\nsince filesystem creation:  15\n")
            .with(&file("errors"), "bset_bad_csum    2   1767112063\n")
            .with(&file("dev-6/nbuckets"), "953864\n")
            .with(&file("dev-6/io_errors"), "IO errors since filesystem creation\n  read:    18828\n")
            .with(&file("dev-6/io_done"), "read:\nsb          :       86016\nwrite:\nsb   : 677376\n");
        let (series, result) = host.sample(&mut BcacheFs::new(host.roots()));
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:#?}");
        has("node_bcachefs_btree_cache_size_bytes{uuid=\"dead\"} 2201170739");
        has("node_bcachefs_btree_write_average_size_bytes{type=\"initial\",uuid=\"dead\"} 28876");
        has("node_bcachefs_compression_compressed_bytes{algorithm=\"lz4\",uuid=\"dead\"} 52505975193");
        has("node_bcachefs_fsync_total{uuid=\"dead\"} 15");
        has("node_bcachefs_errors_total{error_type=\"bset_bad_csum\",uuid=\"dead\"} 2");
        has("node_bcachefs_device_buckets{device=\"6\",uuid=\"dead\"} 953864");
        has("node_bcachefs_device_io_errors_total{device=\"6\",type=\"read\",uuid=\"dead\"} 18828");
        has(
            "node_bcachefs_device_io_done_bytes_total{data_type=\"sb\",device=\"6\",operation=\"write\",uuid=\"dead\"} 677376",
        );
    }

    survives_any_bytes!("sys/fs/bcachefs/dead/btree_write_stats", WRITES, host => BcacheFs::new(host.roots()));
}

//! `zfs`: what the ZFS module counts, for the whole module and for each pool and data set.
//!
//! Files in `/proc/spl/kstat/zfs`, as the Solaris Porting Layer writes them: two lines of heading, then name, type
//! and value. Types 3 and 4 are 64-bit numbers with and without a sign, 7 is text.

mod pool;

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, NoData, Sampler};

use self::pool::Pool;
use super::file::{KeptFile, names_in};
use super::names::Names;
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;

/// The files of the whole module, and how the names of their metrics go on behind `node_zfs_`.
const FILES: [(&str, &str); 11] = [
    ("abdstats", "abd"),
    ("arcstats", "arc"),
    ("dbufstats", "dbuf"),
    ("dmu_tx", "dmu_tx"),
    ("dnodestats", "dnode"),
    ("fm", "fm"),
    ("vdev_cache_stats", "vdev_cache"),
    ("vdev_mirror_stats", "vdev_mirror"),
    ("xuio_stats", "xuio"),
    ("zfetchstats", "zfetch"),
    ("zil", "zil"),
];

pub(super) struct Zfs {
    roots: Roots,
    tables: Vec<Table>,
    pools: Roster<Pool>,
    /// Of all pools, so that they share families.
    pool_names: pool::PoolNames,
}

struct Table {
    file: KeptFile,
    names: Names,
    kstat: &'static str,
    prefix: &'static str,
}

impl Zfs {
    pub(super) fn new(roots: &Roots) -> Self {
        let dir = roots.procfs.join("spl/kstat/zfs");
        let table = |(kstat, prefix)| Table {
            file: KeptFile::new(dir.join(kstat)),
            names: Names::default(),
            kstat,
            prefix,
        };
        Self {
            roots: roots.clone(),
            tables: FILES.map(table).into(),
            pools: Roster::default(),
            pool_names: pool::PoolNames::default(),
        }
    }
}

impl Sampler for Zfs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let dir = self.roots.procfs.join("spl/kstat/zfs");
        let entries = names_in(&dir).map_err(|_| NoData("no ZFS module is loaded".to_owned()))?;
        let mut wrong = None;
        for table in &mut self.tables {
            wrong = wrong.or(table.write(page).err());
        }
        self.pool_names.rewind();
        self.pools.begin();
        for name in entries.iter().filter(|name| dir.join(name).is_dir()) {
            let pool = self.pools.meet(|pool| pool.is(name), || Pool::new(&dir, name));
            wrong = wrong.or(pool.write(page, &mut self.pool_names).err());
        }
        self.pools.end();
        wrong.map_or(Ok(()), Err)
    }
}

impl Table {
    /// Which tables there are depends on the version of the module.
    fn write(&mut self, page: &mut Page) -> Result<(), Error> {
        let text = match self.file.read() {
            Ok(text) => text,
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.names.rewind();
        for (name, value) in numbers(text) {
            let meet = |name: &str| Some(family(self.prefix, self.kstat, name));
            if let Some(family) = self.names.family(name, meet) {
                page.set(family, Labels::NONE, value);
            }
        }
        Ok(())
    }
}

/// `node_zfs_<prefix>_<name>`; ZFS itself separates words of some names with dashes.
fn family(prefix: &str, kstat: &str, name: &str) -> Family {
    let help = format!("kstat.zfs.misc.{kstat}.{name}");
    Family::met(format!("node_zfs_{prefix}_{}", name.replace('-', "_")), Kind::Untyped, help)
}

/// The numbers of a table of names, types and values.
fn numbers(text: &[u8]) -> impl Iterator<Item = (&[u8], f64)> {
    parse::lines(text).skip(2).filter_map(|line| {
        let mut words = parse::words(line);
        let (name, kind, value) = (words.next()?, words.next()?, words.next()?);
        matches!(kind, b"3" | b"4").then(|| Some((name, parse::number(value)?)))?
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "6 1 0x01 91 4368 5266997922 97951858082072\nname                            type data\n\
                        anon_size                       4    1917440\nmemory_available_bytes          3    -10\n";
    const SET: &str = "23 1 0x01 7 2160 221578688875 6665999035587\nname  type data\n\
                       dataset_name                    7    tank/home\nwrites                          4    4\n";

    fn host() -> Fixture {
        Fixture::new()
            .with("proc/spl/kstat/zfs/arcstats", TEXT)
            .with("proc/spl/kstat/zfs/fm", "1\nname\nerpt-dropped 4 18\n")
            .with("proc/spl/kstat/zfs/tank/io", "12 3 0x00\nnread    nwritten\n1884160  3206144\n")
            .with("proc/spl/kstat/zfs/tank/objset-0x36", SET)
            .with("proc/spl/kstat/zfs/tank/state", "DEGRADED\n")
            .with("proc/spl/kstat/zfs/zap/state", "ONLINE\n")
    }

    #[test]
    fn the_module_the_pools_and_the_data_sets_are_told() {
        let host = host();
        let mut zfs = Zfs::new(host.roots());
        for _ in 0..2 {
            let (series, result) = host.sample(&mut zfs);
            result.unwrap();
            let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:?}");
            has("node_zfs_arc_anon_size 1917440");
            has("node_zfs_arc_memory_available_bytes -10");
            has("node_zfs_fm_erpt_dropped 18");
            has("node_zfs_zpool_nwritten{zpool=\"tank\"} 3206144");
            has("node_zfs_zpool_dataset_writes{dataset=\"tank/home\",zpool=\"tank\"} 4");
            has("node_zfs_zpool_state{state=\"degraded\",zpool=\"tank\"} 1");
            has("node_zfs_zpool_state{state=\"online\",zpool=\"tank\"} 0");
            has("node_zfs_zpool_state{state=\"online\",zpool=\"zap\"} 1");
            assert_eq!(series.len(), 3 + 2 + 1 + 14);
        }
    }

    #[test]
    fn a_host_without_zfs_has_no_data() {
        let host = Fixture::new();
        assert!(host.sample(&mut Zfs::new(host.roots())).1.unwrap_err().is::<NoData>());
    }

    survives_any_bytes!("proc/spl/kstat/zfs/arcstats", TEXT, host => Zfs::new(host.roots()));

    mod data_sets {
        use super::*;
        survives_any_bytes!("proc/spl/kstat/zfs/tank/objset-1", SET, host => Zfs::new(host.roots()));
    }
}

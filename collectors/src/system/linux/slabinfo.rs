//! `slabinfo`: the kernel's caches of small objects; off by default, as only root may read it.
//!
//! `/proc/slabinfo` (slabinfo(5)), version 2.1: name, active objects, objects, size, objects per slab, pages per slab.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::{Filter, Patterns, pair};

#[rustfmt::skip] // one line each, however long
static COLUMNS: [Family; 5] = [
    Family::gauge("node_slabinfo_active_objects", "The number of objects that are currently active (i.e., in use)."),
    Family::gauge("node_slabinfo_objects", "The total number of allocated objects (i.e., objects that are both in use and not in use)."),
    Family::gauge("node_slabinfo_object_size_bytes", "The size of objects in this slab, in bytes."),
    Family::gauge("node_slabinfo_objects_per_slab", "The number of objects stored in each slab."),
    Family::gauge("node_slabinfo_pages_per_slab", "The number of pages allocated for each slab."),
];

/// Settings of the group `slabinfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlabInfoSettings {
    /// Caches to expose; excludes `slabs_exclude`.
    pub slabs_include: String,
    /// Caches to leave out.
    pub slabs_exclude: String,
}

impl Check for SlabInfoSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("slabs_include", &self.slabs_include), ("slabs_exclude", &self.slabs_exclude));
    }
}

pub(super) struct SlabInfo {
    file: KeptFile,
    filter: Filter,
}

impl SlabInfo {
    pub(super) fn new(roots: &Roots, settings: &SlabInfoSettings) -> Result<Self, Error> {
        let filter = Filter::new(Patterns::new(&settings.slabs_include, &settings.slabs_exclude, ""))?;
        Ok(Self { file: KeptFile::new(roots.procfs.join("slabinfo")), filter })
    }
}

impl Sampler for SlabInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a cache without its numbers", |line| {
            if line.starts_with(b"#") || line.starts_with(b"slabinfo ") {
                return Some(());
            }
            let (name, numbers) = parse::first_word(line);
            let name = parse::label(name);
            let mut numbers = parse::words(numbers).map_while(parse::whole);
            let columns: [Option<u64>; COLUMNS.len()] = std::array::from_fn(|_| numbers.next());
            if columns.contains(&None) {
                return None;
            }
            if self.filter.wants(&name) {
                let labels = page.labels(&[("slab", &name)]);
                for (family, number) in COLUMNS.iter().zip(columns.into_iter().flatten()) {
                    page.set(family, labels, number as f64);
                }
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

    const TEXT: &str = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs>\n\
                        tw_sock_TCP          704    864    256   32    2 : tunables    0    0    0\n\
                        kmem_cache           320    321    256   32    2 : tunables    0    0    0\n";

    #[test]
    fn each_cache_has_its_numbers() {
        let host = Fixture::new().with("proc/slabinfo", TEXT);
        let settings = SlabInfoSettings { slabs_exclude: "^tw_".into(), ..Default::default() };
        let (series, result) = host.sample(&mut SlabInfo::new(host.roots(), &settings).unwrap());
        result.unwrap();
        assert_eq!(series.len(), 5);
        assert_eq!(
            series[..2],
            [
                "node_slabinfo_active_objects{slab=\"kmem_cache\"} 320",
                "node_slabinfo_objects{slab=\"kmem_cache\"} 321"
            ]
        );
    }

    survives_any_bytes!("proc/slabinfo", TEXT, host => {
        SlabInfo::new(host.roots(), &SlabInfoSettings::default()).unwrap()
    });
}

//! `cgroups`: how many control groups each controller has.
//!
//! `/proc/cgroups`: name, hierarchy, number of groups, enabled (cgroups(7)).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static CGROUPS: Family = Family::gauge("node_cgroups_cgroups", "Current cgroup number of the subsystem.");
static ENABLED: Family = Family::gauge("node_cgroups_enabled", "Current cgroup number of the subsystem.");

pub(super) struct CGroups {
    file: KeptFile,
}

impl CGroups {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("cgroups")) }
    }
}

impl Sampler for CGroups {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a controller without its numbers", |line| {
            if line.starts_with(b"#") {
                return Some(());
            }
            let (name, numbers) = parse::first_word(line);
            let mut numbers = parse::words(numbers).map(parse::whole);
            let mut next = || numbers.next().flatten();
            let (_hierarchy, groups, enabled) = (next()?, next()?, next()?);
            let labels = page.labels(&[("subsys_name", &parse::label(name))]);
            page.set(&CGROUPS, labels, groups as f64);
            page.set(&ENABLED, labels, enabled as f64);
            Some(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t5\t47\t1\nmemory\t0\t90\t0\n";

    #[test]
    fn each_controller_has_its_groups() {
        let host = Fixture::new().with("proc/cgroups", TEXT);
        let (series, result) = host.sample(&mut CGroups::new(host.roots()));
        result.unwrap();
        assert_eq!(series[0], "node_cgroups_cgroups{subsys_name=\"cpuset\"} 47");
        assert_eq!(series[3], "node_cgroups_enabled{subsys_name=\"memory\"} 0");
    }

    survives_any_bytes!("proc/cgroups", TEXT, host => CGroups::new(host.roots()));
}

//! What `/sys/devices/system/cpu` tells of the CPUs: throttling, isolation, who is online.
//!
//! Which files there are is found out once and again whenever CPUs come or go; a scrape reads only the
//! counts. A core's CPUs share its count, a package's cores share that of the package, so each is read
//! through the first CPU that has it.

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::super::file::{KeptFile, read_once};
use super::super::parse;
use crate::system::config::Roots;

static CORE_THROTTLES: Family =
    Family::counter("node_cpu_core_throttles_total", "Number of times this CPU core has been throttled.");
static PACKAGE_THROTTLES: Family = Family::counter(
    "node_cpu_package_throttles_total",
    "Number of times this CPU package has been throttled.",
);
static ISOLATED: Family = Family::gauge(
    "node_cpu_isolated",
    "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
);
static ONLINE: Family = Family::gauge("node_cpu_online", "CPUs that are online and being scheduled.");

/// More CPUs than Linux can be built for; bounds what a list such as `0-4294967295` can ask for.
const MOST_CPUS: u64 = 8192;

#[derive(Debug)]
pub(super) struct SysFs {
    dir: PathBuf,
    cores: Vec<Core>,
    packages: Vec<Package>,
    online: Vec<(String, KeptFile)>,
    isolated: Vec<String>,
}

#[derive(Debug)]
struct Core {
    core: String,
    package: String,
    throttles: KeptFile,
}

#[derive(Debug)]
struct Package {
    package: String,
    throttles: KeptFile,
}

impl SysFs {
    pub(super) fn new(roots: &Roots) -> Self {
        let dir = roots.sysfs.join("devices/system/cpu");
        Self { dir, cores: Vec::new(), packages: Vec::new(), online: Vec::new(), isolated: Vec::new() }
    }

    /// Writes what there is. All of it is optional: virtual machines mostly have none.
    pub(super) fn write(&mut self, page: &mut Page, cpus_changed: bool) {
        if cpus_changed {
            self.discover();
        }
        for package in &mut self.packages {
            if let Some(count) = value(&mut package.throttles) {
                let labels = page.labels(&[("package", &package.package)]);
                page.set(&PACKAGE_THROTTLES, labels, count as f64);
            }
        }
        for core in &mut self.cores {
            if let Some(count) = value(&mut core.throttles) {
                let labels = page.labels(&[("core", &core.core), ("package", &core.package)]);
                page.set(&CORE_THROTTLES, labels, count as f64);
            }
        }
        for (cpu, file) in &mut self.online {
            let labels = page.labels(&[("cpu", cpu)]);
            page.set(&ONLINE, labels, f64::from(value(file) == Some(1)));
        }
        for cpu in &self.isolated {
            let labels = page.labels(&[("cpu", cpu)]);
            page.set(&ISOLATED, labels, 1.0);
        }
    }

    fn discover(&mut self) {
        self.cores.clear();
        self.packages.clear();
        self.online.clear();
        let mut buffer = Vec::new();
        for (number, dir) in cpus(&self.dir) {
            let mut read = |file: &str| parse::whole_file(read_once(&dir.join(file), &mut buffer).ok()?);
            // The first CPU may not be taken offline on some machines: then none has a state to tell.
            if dir.join("online").exists() {
                self.online.push((number.to_string(), KeptFile::new(dir.join("online"))));
            }
            let (Some(package), Some(core)) =
                (read("topology/physical_package_id"), read("topology/core_id"))
            else {
                continue;
            };
            let (package, core) = (package.to_string(), core.to_string());
            let file = "thermal_throttle/package_throttle_count";
            if self.packages.iter().all(|known| known.package != package) && read(file).is_some() {
                let throttles = KeptFile::new(dir.join(file));
                self.packages.push(Package { package: package.clone(), throttles });
            }
            let file = "thermal_throttle/core_throttle_count";
            let is_new = |known: &Core| known.core != core || known.package != package;
            if self.cores.iter().all(is_new) && read(file).is_some() {
                self.cores.push(Core { core, package, throttles: KeptFile::new(dir.join(file)) });
            }
        }
        if self.online.first().is_none_or(|(number, _)| number != "0") {
            self.online.clear();
        }
        let isolated = read_once(&self.dir.join("isolated"), &mut buffer).ok().and_then(parse_list);
        self.isolated = isolated.unwrap_or_default().iter().map(u64::to_string).collect();
    }
}

fn value(file: &mut KeptFile) -> Option<u64> {
    parse::whole_file(file.read().ok()?)
}

/// The directories `cpu<N>`, by number.
fn cpus(dir: &Path) -> Vec<(u64, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut cpus: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let number = parse::whole(entry.file_name().as_encoded_bytes().strip_prefix(b"cpu")?)?;
            Some((number, entry.path()))
        })
        .collect();
    cpus.sort_unstable();
    cpus
}

/// A list as the kernel writes it: `1,3-5,9`.
fn parse_list(text: &[u8]) -> Option<Vec<u64>> {
    let mut cpus = Vec::new();
    for range in text.trim_ascii().split(|byte| *byte == b',').filter(|range| !range.is_empty()) {
        let (first, last) = match memchr::memchr(b'-', range) {
            Some(dash) => (parse::whole(&range[..dash])?, parse::whole(&range[dash + 1..])?),
            None => (parse::whole(range)?, parse::whole(range)?),
        };
        if last >= MOST_CPUS {
            return None;
        }
        cpus.extend(first..=last);
    }
    (cpus.len() as u64 <= MOST_CPUS).then_some(cpus)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::{Fixture, lines};
    use super::*;
    use proptest::prelude::*;

    fn cpu(host: Fixture, number: u32, package: u32, core: u32, throttles: &str) -> Fixture {
        let dir = format!("sys/devices/system/cpu/cpu{number}");
        host.with(&format!("{dir}/topology/physical_package_id"), format!("{package}\n"))
            .with(&format!("{dir}/topology/core_id"), format!("{core}\n"))
            .with(&format!("{dir}/thermal_throttle/core_throttle_count"), throttles)
            .with(&format!("{dir}/thermal_throttle/package_throttle_count"), "30\n")
    }

    #[test]
    fn a_core_and_a_package_are_counted_once_however_many_cpus_they_have() {
        let host = cpu(Fixture::new(), 0, 0, 0, "5\n");
        let host = cpu(host, 1, 0, 0, "5\n");
        let host = cpu(host, 2, 1, 0, "9\n");
        let mut page = Page::default();
        SysFs::new(host.roots()).write(&mut page, true);
        assert_eq!(
            lines(&page),
            [
                "node_cpu_package_throttles_total{package=\"0\"} 30",
                "node_cpu_package_throttles_total{package=\"1\"} 30",
                "node_cpu_core_throttles_total{core=\"0\",package=\"0\"} 5",
                "node_cpu_core_throttles_total{core=\"0\",package=\"1\"} 9"
            ]
        );
    }

    #[test]
    fn cpus_are_online_or_not_where_the_first_one_tells() {
        let host = Fixture::new().with("sys/devices/system/cpu/cpu1/online", "0\n");
        let mut page = Page::default();
        SysFs::new(host.roots()).write(&mut page, true);
        assert!(page.is_empty());
        host.write("sys/devices/system/cpu/cpu0/online", "1\n");
        SysFs::new(host.roots()).write(&mut page, true);
        assert_eq!(lines(&page), ["node_cpu_online{cpu=\"0\"} 1", "node_cpu_online{cpu=\"1\"} 0"]);
    }

    #[test]
    fn isolated_cpus_are_listed() {
        let host = Fixture::new().with("sys/devices/system/cpu/isolated", "1,3-4\n");
        let mut page = Page::default();
        SysFs::new(host.roots()).write(&mut page, true);
        let isolated = ["1", "3", "4"].map(|cpu| format!("node_cpu_isolated{{cpu=\"{cpu}\"}} 1"));
        assert_eq!(lines(&page), isolated);
    }

    proptest! {
        #[test]
        fn any_list_is_read_or_refused(text in "[0-9,-]{0,30}|\\PC{0,10}") {
            if let Some(cpus) = parse_list(text.as_bytes()) {
                prop_assert!(cpus.len() as u64 <= MOST_CPUS);
            }
        }
    }
}

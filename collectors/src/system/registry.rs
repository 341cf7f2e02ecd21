//! The groups there are.
//!
//! A new group is one file beside this one and one line in [`GROUPS`]: what `collect[]`, `enable`, `disable`
//! and `--collector.<name>` call it, whether it is on by default, what it measures, and how it is made from
//! the roots and its settings.

use vigie_pipeline::plug::{Error, Part, Sampler, Sampling, Surroundings};
use vigie_pipeline::recipe::Recipe;

use super::config::{Config, Roots};

/// One group.
#[derive(Debug)]
pub struct Group {
    /// node_exporter's name of the collector.
    pub name: &'static str,
    /// Whether it is on unless the configuration disables it.
    pub on: bool,
    /// What it measures, in a line.
    pub about: &'static str,
    recipe: fn(&Self, &Config) -> Recipe,
}

#[cfg(target_os = "linux")]
use super::{
    cpu, diskstats, filefd, filesystem, loadavg, meminfo, netdev, netstat, os, pressure, sockstat, stat,
    textfile, time, uname, vmstat,
};

#[cfg(not(target_os = "linux"))]
use super::portable;

/// Every group, in the order of their names.
#[cfg(target_os = "linux")]
#[rustfmt::skip] // one line each, however long
static GROUPS: &[Group] = &[
    Group { name: "cpu", on: true, about: "time spent by each CPU in each mode, throttling", recipe: |g, c| g.part(c, &c.cpu, |roots, settings, _| cpu::Cpu::new(roots, settings)) },
    Group { name: "diskstats", on: true, about: "reads and writes of each disk, and what the disks are", recipe: |g, c| g.part(c, &c.diskstats, |roots, settings, _| diskstats::DiskStats::new(roots, settings)) },
    Group { name: "filefd", on: true, about: "open file handles and their limit", recipe: |g, c| g.part(c, &(), |roots, (), _| Ok(filefd::FileFd::new(roots))) },
    Group { name: "filesystem", on: true, about: "how full the file systems are", recipe: |g, c| g.part(c, &c.filesystem, |roots, settings, _| filesystem::FileSystem::new(roots, settings)) },
    Group { name: "loadavg", on: true, about: "load averages over 1, 5 and 15 minutes", recipe: |g, c| g.part(c, &(), |roots, (), _| Ok(loadavg::LoadAvg::new(roots))) },
    Group { name: "meminfo", on: true, about: "where the memory is", recipe: |g, c| g.part(c, &(), |roots, (), _| Ok(meminfo::MemInfo::new(roots))) },
    Group { name: "netdev", on: true, about: "what the network interfaces have sent and received", recipe: |g, c| g.part(c, &c.netdev, |roots, settings, _| netdev::NetDev::new(roots, settings)) },
    Group { name: "netstat", on: true, about: "what the network protocols have counted", recipe: |g, c| g.part(c, &c.netstat, |roots, settings, _| netstat::NetStat::new(roots, settings)) },
    Group { name: "os", on: true, about: "name and version of the operating system", recipe: |g, c| g.part(c, &(), |roots, (), _| Ok(os::Os::new(roots))) },
    Group { name: "pressure", on: true, about: "time lost waiting for CPU, I/O, memory, interrupts", recipe: |g, c| g.part(c, &(), |roots, (), _| Ok(pressure::Pressure::new(roots))) },
    Group { name: "sockstat", on: true, about: "sockets by protocol and state", recipe: |g, c| g.part(c, &(), |roots, (), _| Ok(sockstat::SockStat::new(roots))) },
    Group { name: "stat", on: true, about: "interrupts, context switches, forks, boot time", recipe: |g, c| g.part(c, &c.stat, |roots, settings, _| Ok(stat::Stat::new(roots, settings))) },
    Group { name: "textfile", on: true, about: "metrics that others leave in files", recipe: |g, c| g.part(c, &c.textfile, |_, settings, _| Ok(textfile::TextFile::new(settings))) },
    Group { name: "time", on: true, about: "wall clock, time zone, clock sources", recipe: |g, c| g.part(c, &(), |roots, (), around| Ok(time::Time::new(roots, around.clock.clone()))) },
    Group { name: "uname", on: true, about: "kernel and host name", recipe: |g, c| g.part(c, &(), |_, (), _| Ok(uname::UnameInfo)) },
    Group { name: "vmstat", on: true, about: "paging, faults, OOM kills", recipe: |g, c| g.part(c, &c.vmstat, |roots, settings, _| vmstat::VmStat::new(roots, settings)) },
];

/// The groups where there is no procfs, in the order of their names.
#[cfg(not(target_os = "linux"))]
#[rustfmt::skip] // one line each, however long
static GROUPS: &[Group] = &[
    Group { name: "boottime", on: true, about: "when the machine booted", recipe: |g, c| g.part(c, &(), |_, (), _| Ok(portable::BootTime)) },
    Group { name: "filesystem", on: true, about: "how full the file systems are", recipe: |g, c| g.part(c, &c.filesystem, |_, settings, _| portable::FileSystem::new(settings)) },
    Group { name: "loadavg", on: true, about: "load averages over 1, 5 and 15 minutes", recipe: |g, c| g.part(c, &(), |_, (), _| Ok(portable::LoadAvg)) },
    Group { name: "meminfo", on: true, about: "where the memory is", recipe: |g, c| g.part(c, &(), |_, (), _| portable::MemInfo::new()) },
    Group { name: "netdev", on: true, about: "what the network interfaces have sent and received", recipe: |g, c| g.part(c, &c.netdev, |_, settings, _| portable::NetDev::new(settings)) },
    Group { name: "uname", on: true, about: "kernel and host name", recipe: |g, c| g.part(c, &(), |_, (), _| Ok(portable::UnameInfo)) },
];

/// Every group there is on this operating system, in the order of their names.
#[must_use]
pub fn groups() -> &'static [Group] {
    GROUPS
}

impl Group {
    /// The recipe of a group that is made from `settings`: a change elsewhere does not rebuild it.
    fn part<C, S>(
        &self,
        config: &Config,
        settings: &C,
        new: fn(&Roots, &C, &Surroundings) -> Result<S, Error>,
    ) -> Recipe
    where
        C: Clone + PartialEq + Send + Sync + 'static,
        S: Sampler + 'static,
    {
        let all = (config.roots(), config.deadline, settings.clone());
        Recipe::new("system", self.name, &all, move |(roots, deadline, settings), surroundings| {
            let sampler = Box::new(new(roots, settings, surroundings)?);
            Ok(Part::Sampler(Sampling { sampler, deadline: deadline.0 }))
        })
    }

    fn is_wanted(&self, config: &Config) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == self.name);
        (self.on || named(&config.enable)) && !named(&config.disable)
    }
}

/// How the groups that are wanted are built.
#[must_use]
pub fn recipes(config: &Config) -> Vec<Recipe> {
    let wanted = GROUPS.iter().filter(|group| group.is_wanted(config));
    wanted.map(|group| (group.recipe)(group, config)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(config: &Config) -> Vec<String> {
        recipes(config).iter().map(|recipe| recipe.name.to_string()).collect()
    }

    #[test]
    fn groups_stand_in_the_order_of_their_names_each_once() {
        assert!(GROUPS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn a_default_group_can_be_disabled() {
        assert!(names(&Config::default()).contains(&"cpu".to_owned()));
        let config = Config { disable: vec!["cpu".into()], ..Config::default() };
        assert!(!names(&config).contains(&"cpu".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_changed_setting_rebuilds_its_own_group_alone() {
        let changed = Config { stat: super::super::Stat { softirq: true }, ..Config::default() };
        let (before, after) = (recipes(&Config::default()), recipes(&changed));
        let rebuilt: Vec<_> =
            before.iter().zip(&after).filter(|(a, b)| !a.is_same(b)).map(|(a, _)| &*a.name).collect();
        assert_eq!(rebuilt, ["stat"]);
    }
}

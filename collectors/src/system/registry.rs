//! The groups there are.
//!
//! A new group is one file beside this one and one line here: what `collect[]`, `enable`, `disable` and
//! `--collector.<name>` call it, whether it is on by default, what it measures, the type of its settings if it
//! has any, and how it is made from the roots and its settings. From that line follow its section in the
//! configuration, the schema, its flags and what `check` looks at ([`super::group`]).

use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::units::HumanDuration;

use super::group::{Group, groups};

#[cfg(target_os = "linux")]
use super::{
    cpu, diskstats, filefd, filesystem, loadavg, meminfo, netdev, netstat, os, pressure, sockstat, stat,
    textfile, time, uname, vmstat,
};

#[cfg(not(target_os = "linux"))]
use super::{filesystem, netdev, portable};

#[cfg(target_os = "linux")]
groups! {
    cpu, on, "time spent by each CPU in each mode, throttling", cpu::CpuSettings => |roots, settings, _| cpu::Cpu::new(roots, settings);
    diskstats, on, "reads and writes of each disk, and what the disks are", diskstats::DiskStatsSettings => |roots, settings, _| diskstats::DiskStats::new(roots, settings);
    filefd, on, "open file handles and their limit" => |roots, (), _| Ok(filefd::FileFd::new(roots));
    filesystem, on, "how full the file systems are", filesystem::settings::FileSystemSettings => |roots, settings, _| filesystem::FileSystem::new(roots, settings);
    loadavg, on, "load averages over 1, 5 and 15 minutes" => |roots, (), _| Ok(loadavg::LoadAvg::new(roots));
    meminfo, on, "where the memory is" => |roots, (), _| Ok(meminfo::MemInfo::new(roots));
    netdev, on, "what the network interfaces have sent and received", netdev::settings::NetDevSettings => |roots, settings, _| netdev::NetDev::new(roots, settings);
    netstat, on, "what the network protocols have counted", netstat::NetStatSettings => |roots, settings, _| netstat::NetStat::new(roots, settings);
    os, on, "name and version of the operating system" => |roots, (), _| Ok(os::Os::new(roots));
    pressure, on, "time lost waiting for CPU, I/O, memory, interrupts" => |roots, (), _| Ok(pressure::Pressure::new(roots));
    sockstat, on, "sockets by protocol and state" => |roots, (), _| Ok(sockstat::SockStat::new(roots));
    stat, on, "interrupts, context switches, forks, boot time", stat::StatSettings => |roots, settings, _| Ok(stat::Stat::new(roots, settings));
    textfile, on, "metrics that others leave in files", textfile::TextFileSettings => |_, settings, _| Ok(textfile::TextFile::new(settings));
    time, on, "wall clock, time zone, clock sources" => |roots, (), around| Ok(time::Time::new(roots, around.clock.clone()));
    uname, on, "kernel and host name" => |_, (), _| Ok(uname::UnameInfo);
    vmstat, on, "paging, faults, OOM kills", vmstat::VmStatSettings => |roots, settings, _| vmstat::VmStat::new(roots, settings);
}

#[cfg(not(target_os = "linux"))]
groups! {
    boottime, on, "when the machine booted" => |_, (), _| Ok(portable::BootTime);
    filesystem, on, "how full the file systems are", filesystem::settings::FileSystemSettings => |_, settings, _| portable::FileSystem::new(settings);
    loadavg, on, "load averages over 1, 5 and 15 minutes" => |_, (), _| Ok(portable::LoadAvg);
    meminfo, on, "where the memory is" => |_, (), _| portable::MemInfo::new();
    netdev, on, "what the network interfaces have sent and received", netdev::settings::NetDevSettings => |_, settings, _| portable::NetDev::new(settings);
    uname, on, "kernel and host name" => |_, (), _| Ok(portable::UnameInfo);
}

/// Every group there is on this operating system, in the order of their names.
#[must_use]
pub fn groups() -> &'static [Group] {
    GROUPS
}

/// How the groups that are wanted are built.
#[must_use]
pub fn recipes(config: &Config) -> Vec<Recipe> {
    GROUPS.iter().filter(|group| group.is_wanted(config)).map(|group| group.recipe(config)).collect()
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
        let changed = Config { stat: stat::StatSettings { softirq: true }, ..Config::default() };
        let (before, after) = (recipes(&Config::default()), recipes(&changed));
        let rebuilt: Vec<_> =
            before.iter().zip(&after).filter(|(a, b)| !a.is_same(b)).map(|(a, _)| &*a.name).collect();
        assert_eq!(rebuilt, ["stat"]);
    }
}

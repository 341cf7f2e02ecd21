//! The `collectors.system` section, but for the settings of groups, which stand beside them.
//!
//! Settings of a group carry node_exporter's names (`--collector.diskstats.device-exclude` is
//! `diskstats.device_exclude`), meaning and defaults. An empty pattern stands for the default.

use vigie_pipeline::check::Place;
use vigie_pipeline::file_path::FilePath;

pub use super::registry::Config;
use super::registry::groups;

/// Where the host is found. Every path that a group reads begins with one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Where procfs is mounted.
    pub procfs: FilePath,
    /// Where sysfs is mounted.
    pub sysfs: FilePath,
    /// Where the host's root is mounted.
    pub rootfs: FilePath,
    /// Where udev keeps what it knows of block devices.
    pub udev_data: FilePath,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: "/".into(),
            udev_data: "/run/udev/data".into(),
        }
    }
}

impl Config {
    /// The roots without the rest.
    #[must_use]
    pub fn roots(&self) -> Roots {
        Roots {
            procfs: self.procfs.clone(),
            sysfs: self.sysfs.clone(),
            rootfs: self.rootfs.clone(),
            udev_data: self.udev_data.clone(),
        }
    }
}

/// Looks at all but the settings of groups.
pub(super) fn check(config: &Config, at: &Place<'_>) {
    check_roots(config, at);
    for (at, name) in at.key("enable").each(&config.enable) {
        check_group(&at, name);
    }
    for (at, name) in at.key("disable").each(&config.disable) {
        check_group(&at, name);
        if config.enable.contains(name) {
            at.wrong(format_args!("`{name}` is enabled too"));
        }
    }
    check_statistics(config, at);
    if config.deadline.0.is_zero() {
        at.key("deadline").wrong("no time at all; write for example `5s`");
    }
}

/// Two groups must not tell the same.
#[cfg(target_os = "linux")]
fn check_statistics(config: &Config, at: &Place<'_>) {
    let netdev = groups().iter().find(|group| group.name == "netdev");
    let told = config.netclass.netlink && config.netclass.rtnl_with_stats;
    if told && netdev.is_some_and(|group| group.is_wanted(config)) {
        at.key("netclass").key("rtnl_with_stats").wrong("the group `netdev` tells the same: disable it");
    }
}

#[cfg(not(target_os = "linux"))]
fn check_statistics(_: &Config, _: &Place<'_>) {}

/// A root that was chosen has to be there. A default one may be missing: the groups that read it say so.
fn check_roots(config: &Config, at: &Place<'_>) {
    let (chosen, default) = (config.roots(), Roots::default());
    for (key, chosen, default) in [
        ("procfs", &chosen.procfs, &default.procfs),
        ("sysfs", &chosen.sysfs, &default.sysfs),
        ("rootfs", &chosen.rootfs, &default.rootfs),
        ("udev_data", &chosen.udev_data, &default.udev_data),
    ] {
        if chosen != default && !chosen.is_dir() {
            at.key(key).wrong(format_args!("{} is not a directory", chosen.display()));
        }
    }
}

fn check_group(at: &Place<'_>, name: &str) {
    let known = || groups().iter().map(|group| group.name);
    if known().any(|group| group == name) {
        return;
    }
    // The nearest ones: many names are short, so that a few slips lead from any of them to another.
    let distance =
        |group: &str| if group.contains(name) { 1 } else { strsim::damerau_levenshtein(group, name) };
    let least = known().map(distance).min().unwrap_or_default();
    let near = known().filter(|group| distance(group) == least && least <= 2);
    let near: Vec<String> = near.map(|group| format!("`{group}`")).collect();
    if near.is_empty() {
        let all: Vec<&str> = known().collect();
        at.wrong(format_args!("no group `{name}`; there are {}", all.join(", ")));
    } else {
        at.wrong(format_args!("no group `{name}` (did you mean {}?)", near.join(" or ")));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::linux::netdev::settings::NetDevSettings;
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn wrong(config: &Config) -> Vec<String> {
        problems(KeyPath::default(), config).iter().map(|p| format!("{}: {}", p.path, p.what)).collect()
    }

    #[test]
    fn the_defaults_are_right() {
        assert!(wrong(&Config::default()).is_empty());
    }

    #[test]
    fn a_misspelt_group_is_told_its_neighbours() {
        let config =
            Config { enable: vec!["cup".into()], disable: vec!["weather".into()], ..Config::default() };
        let wrong = wrong(&config);
        assert_eq!(wrong[0], "enable[0]: no group `cup` (did you mean `cpu`?)");
        assert!(wrong[1].starts_with("disable[0]: no group `weather`; there are "), "{wrong:?}");
    }

    #[test]
    fn a_group_cannot_be_both_enabled_and_disabled() {
        let config = Config { enable: vec!["cpu".into()], disable: vec!["cpu".into()], ..Config::default() };
        assert_eq!(wrong(&config), ["disable[0]: `cpu` is enabled too"]);
    }

    #[test]
    fn patterns_have_to_compile_and_exclude_each_other() {
        let netdev =
            NetDevSettings { device_include: "(".into(), device_exclude: "lo".into(), ..Default::default() };
        let wrong = wrong(&Config { netdev, ..Config::default() });
        assert_eq!(
            wrong,
            [
                "netdev.device_include: unclosed group",
                "netdev.device_exclude: `device_include` is set too: only one of the two may be"
            ]
        );
    }

    #[test]
    fn a_chosen_root_has_to_be_a_directory() {
        let config = Config { procfs: "/nowhere".into(), ..Config::default() };
        assert_eq!(wrong(&config), ["procfs: /nowhere is not a directory"]);
    }
}

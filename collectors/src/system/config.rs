//! The `collectors.system` section.
//!
//! Settings of a group carry node_exporter's names (`--collector.diskstats.device-exclude` is
//! `diskstats.device_exclude`), meaning and defaults. An empty pattern stands for the default.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::units::HumanDuration;

use super::registry::groups;

/// The `collectors.system` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where procfs is mounted.
    pub procfs: FilePath,
    /// Where sysfs is mounted.
    pub sysfs: FilePath,
    /// Where the host's root is mounted, if not at `/`: the mount points are below it.
    pub rootfs: FilePath,
    /// Where udev keeps what it knows of block devices.
    pub udev_data: FilePath,
    /// Groups beyond the default ones, by node_exporter's collector names.
    pub enable: Vec<String>,
    /// Default groups to leave out.
    pub disable: Vec<String>,
    /// How long a group may take; one that hangs is cut, marked, and not asked again until it returns.
    pub deadline: HumanDuration,
    /// Settings of the group `cpu`.
    pub cpu: Cpu,
    /// Settings of the group `diskstats`.
    pub diskstats: DiskStats,
    /// Settings of the group `filesystem`.
    pub filesystem: FileSystem,
    /// Settings of the group `netdev`.
    pub netdev: NetDev,
    /// Settings of the group `netstat`.
    pub netstat: NetStat,
    /// Settings of the group `stat`.
    pub stat: Stat,
    /// Settings of the group `textfile`.
    pub textfile: TextFile,
    /// Settings of the group `vmstat`.
    pub vmstat: VmStat,
}

impl Default for Config {
    fn default() -> Self {
        let roots = Roots::default();
        Self {
            procfs: roots.procfs,
            sysfs: roots.sysfs,
            rootfs: roots.rootfs,
            udev_data: roots.udev_data,
            enable: Vec::new(),
            disable: Vec::new(),
            deadline: HumanDuration::secs(5),
            cpu: Cpu::default(),
            diskstats: DiskStats::default(),
            filesystem: FileSystem::default(),
            netdev: NetDev::default(),
            netstat: NetStat::default(),
            stat: Stat::default(),
            textfile: TextFile::default(),
            vmstat: VmStat::default(),
        }
    }
}

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

/// Settings of the group `cpu`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cpu {
    /// Expose the time spent in guests, which `user` and `nice` contain too.
    pub guest: bool,
    /// Expose what `/proc/cpuinfo` says of each CPU.
    pub info: bool,
    /// Of the first CPU's flags, expose those that match; implies `info`.
    pub info_flags_include: String,
    /// Of the first CPU's bugs, expose those that match; implies `info`.
    pub info_bugs_include: String,
}

impl Default for Cpu {
    fn default() -> Self {
        let (info_flags_include, info_bugs_include) = (String::new(), String::new());
        Self { guest: true, info: false, info_flags_include, info_bugs_include }
    }
}

impl Cpu {
    pub(super) fn wants_info(&self) -> bool {
        self.info || !self.info_flags_include.is_empty() || !self.info_bugs_include.is_empty()
    }
}

/// Settings of the group `diskstats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiskStats {
    /// Disks to leave out; by default partitions, RAM disks, loop devices and floppies.
    pub device_exclude: String,
    /// Disks to expose; excludes `device_exclude`.
    pub device_include: String,
}

/// Settings of the group `filesystem`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FileSystem {
    /// Mount points to leave out; by default those of the kernel, of containers and of credentials.
    pub mount_points_exclude: String,
    /// Mount points to expose; excludes `mount_points_exclude`.
    pub mount_points_include: String,
    /// Types of file systems to leave out; by default those that hold no files of their own.
    pub fs_types_exclude: String,
    /// Types of file systems to expose; excludes `fs_types_exclude`.
    pub fs_types_include: String,
}

/// Settings of the group `netdev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetDev {
    /// Interfaces to expose; excludes `device_exclude`.
    pub device_include: String,
    /// Interfaces to leave out.
    pub device_exclude: String,
    /// Ask the kernel through netlink, which knows more counters, instead of reading `/proc/net/dev`.
    pub netlink: bool,
}

impl Default for NetDev {
    fn default() -> Self {
        Self { device_include: String::new(), device_exclude: String::new(), netlink: true }
    }
}

/// Settings of the group `netstat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetStat {
    /// Fields to expose, as `<protocol>_<field>`.
    pub fields: String,
}

/// Settings of the group `stat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stat {
    /// Expose softirq calls per vector.
    pub softirq: bool,
}

/// Settings of the group `textfile`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TextFile {
    /// Directories whose `*.prom` files are exposed; `*`, `?` and `[…]` stand for parts of a name.
    pub directory: Vec<FilePath>,
}

/// Settings of the group `vmstat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VmStat {
    /// Fields to expose.
    pub fields: String,
}

const NETSTAT_FIELDS: &str = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|\
    Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|\
    Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
    Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";
const VMSTAT_FIELDS: &str = "^(oom_kill|pgpg|pswp|pg.*fault).*";

fn or_default<'s>(pattern: &'s str, default: &'static str) -> &'s str {
    if pattern.is_empty() { default } else { pattern }
}

impl NetStat {
    pub(super) fn fields(&self) -> &str {
        or_default(&self.fields, NETSTAT_FIELDS)
    }
}

impl VmStat {
    pub(super) fn fields(&self) -> &str {
        or_default(&self.fields, VMSTAT_FIELDS)
    }
}

const DISKS_EXCLUDED: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
const MOUNT_POINTS_EXCLUDED: &str =
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
const FS_TYPES_EXCLUDED: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|\
    hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|\
    sysfs|tracefs)$";

/// A pair of settings: what to include, what to exclude. At most one of them may be set; if none is, the
/// default exclusion applies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patterns<'c> {
    pub(super) include: &'c str,
    pub(super) exclude: &'c str,
}

impl<'c> Patterns<'c> {
    fn new(include: &'c str, exclude: &'c str, default_exclude: &'static str) -> Self {
        let exclude = if include.is_empty() { or_default(exclude, default_exclude) } else { exclude };
        Self { include, exclude }
    }
}

impl DiskStats {
    pub(super) fn devices(&self) -> Patterns<'_> {
        Patterns::new(&self.device_include, &self.device_exclude, DISKS_EXCLUDED)
    }
}

impl FileSystem {
    pub(super) fn mount_points(&self) -> Patterns<'_> {
        Patterns::new(&self.mount_points_include, &self.mount_points_exclude, MOUNT_POINTS_EXCLUDED)
    }

    pub(super) fn fs_types(&self) -> Patterns<'_> {
        Patterns::new(&self.fs_types_include, &self.fs_types_exclude, FS_TYPES_EXCLUDED)
    }
}

impl NetDev {
    pub(super) fn devices(&self) -> Patterns<'_> {
        Patterns::new(&self.device_include, &self.device_exclude, "")
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        check_roots(self, at);
        for (at, name) in at.key("enable").each(&self.enable) {
            check_group(&at, name);
        }
        for (at, name) in at.key("disable").each(&self.disable) {
            check_group(&at, name);
            if self.enable.contains(name) {
                at.wrong(format_args!("`{name}` is enabled too"));
            }
        }
        if self.deadline.0.is_zero() {
            at.key("deadline").wrong("no time at all; write for example `5s`");
        }
        let cpu = at.key("cpu");
        regex(&cpu, "info_flags_include", &self.cpu.info_flags_include);
        regex(&cpu, "info_bugs_include", &self.cpu.info_bugs_include);
        regex(&at.key("netstat"), "fields", &self.netstat.fields);
        regex(&at.key("vmstat"), "fields", &self.vmstat.fields);
        let DiskStats { device_include, device_exclude } = &self.diskstats;
        pair(&at.key("diskstats"), ("device_include", device_include), ("device_exclude", device_exclude));
        let NetDev { device_include, device_exclude, .. } = &self.netdev;
        pair(&at.key("netdev"), ("device_include", device_include), ("device_exclude", device_exclude));
        let mounts = &self.filesystem;
        let at = at.key("filesystem");
        pair(
            &at,
            ("mount_points_include", &mounts.mount_points_include),
            ("mount_points_exclude", &mounts.mount_points_exclude),
        );
        pair(
            &at,
            ("fs_types_include", &mounts.fs_types_include),
            ("fs_types_exclude", &mounts.fs_types_exclude),
        );
    }
}

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
    let near = known().filter(|group| strsim::damerau_levenshtein(group, name) <= 2 || group.contains(name));
    let near: Vec<String> = near.map(|group| format!("`{group}`")).collect();
    if near.is_empty() {
        let all: Vec<&str> = known().collect();
        at.wrong(format_args!("no group `{name}`; there are {}", all.join(", ")));
    } else {
        at.wrong(format_args!("no group `{name}` (did you mean {}?)", near.join(" or ")));
    }
}

fn regex(at: &Place<'_>, key: &str, pattern: &str) {
    at.key(key).ok(Regex::new(pattern));
}

fn pair(at: &Place<'_>, include: (&str, &str), exclude: (&str, &str)) {
    regex(at, include.0, include.1);
    regex(at, exclude.0, exclude.1);
    if !include.1.is_empty() && !exclude.1.is_empty() {
        at.key(exclude.0).wrong(format_args!("`{}` is set too: only one of the two may be", include.0));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn wrong(config: &Config) -> Vec<String> {
        problems(KeyPath::default(), config).iter().map(|p| format!("{}: {}", p.path, p.what)).collect()
    }

    #[test]
    fn the_defaults_are_right() {
        assert!(wrong(&Config::default()).is_empty());
        for pattern in
            [NETSTAT_FIELDS, VMSTAT_FIELDS, DISKS_EXCLUDED, MOUNT_POINTS_EXCLUDED, FS_TYPES_EXCLUDED]
        {
            Regex::new(pattern).unwrap();
        }
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
        let netdev = NetDev { device_include: "(".into(), device_exclude: "lo".into(), netlink: true };
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

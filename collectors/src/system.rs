//! The host, under node_exporter's names.
//!
//! What is measured is cut into groups, node_exporter's collectors: each is a part of its own, so that
//! `collect[]=cpu` asks one alone, a hung one takes nothing else along and a changed setting restarts
//! nothing else. The [registry] lists them. A group is one file: its families, its
//! sampler, and a parser that is a pure function from the bytes of a kernel file to values.
//!
//! On Linux the groups read procfs and sysfs themselves: descriptors stay open ([`mod@file`]), numbers are
//! read from bytes ([`parse`]), families whose names the kernel makes up are met once ([`names`]), and in
//! the steady state a scrape allocates nothing. Elsewhere a few groups give the basics through sysinfo.

mod config;
mod filter;
mod group;
pub mod host;
mod os_release;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
mod registry;
mod setting;

pub use config::{Config, Roots};
pub use group::Group;
pub use registry::{groups, recipes};
pub use setting::{Setting, SettingKind};

/// What is set alike on any operating system.
#[cfg(not(target_os = "linux"))]
mod filesystem {
    pub(super) mod settings;
}
#[cfg(not(target_os = "linux"))]
mod netdev {
    pub(super) mod settings;
}

#[cfg(target_os = "linux")]
mod arp;
#[cfg(target_os = "linux")]
mod attributes;
#[cfg(target_os = "linux")]
mod bcache;
#[cfg(target_os = "linux")]
mod bcachefs;
#[cfg(target_os = "linux")]
mod bonding;
#[cfg(target_os = "linux")]
mod btrfs;
#[cfg(target_os = "linux")]
mod buddyinfo;
#[cfg(target_os = "linux")]
mod cgroups;
#[cfg(target_os = "linux")]
mod class;
#[cfg(target_os = "linux")]
mod conntrack;
#[cfg(target_os = "linux")]
mod cpu;
#[cfg(target_os = "linux")]
mod cpu_vulnerabilities;
#[cfg(target_os = "linux")]
mod cpufreq;
#[cfg(target_os = "linux")]
mod diskstats;
#[cfg(target_os = "linux")]
mod dmi;
#[cfg(target_os = "linux")]
mod dmmultipath;
#[cfg(target_os = "linux")]
mod drbd;
#[cfg(target_os = "linux")]
mod edac;
#[cfg(target_os = "linux")]
mod entropy;
#[cfg(target_os = "linux")]
mod fibrechannel;
#[cfg(target_os = "linux")]
mod file;
#[cfg(target_os = "linux")]
mod filefd;
#[cfg(target_os = "linux")]
mod filesystem;
#[cfg(all(test, target_os = "linux"))]
mod fixture;
#[cfg(target_os = "linux")]
mod hwmon;
#[cfg(target_os = "linux")]
mod infiniband;
#[cfg(target_os = "linux")]
mod interrupts;
#[cfg(target_os = "linux")]
mod ipvs;
#[cfg(target_os = "linux")]
mod kernel_hung;
#[cfg(target_os = "linux")]
mod ksmd;
#[cfg(target_os = "linux")]
mod lnstat;
#[cfg(target_os = "linux")]
mod loadavg;
#[cfg(target_os = "linux")]
mod mdadm;
#[cfg(target_os = "linux")]
mod meminfo;
#[cfg(target_os = "linux")]
mod meminfo_numa;
#[cfg(target_os = "linux")]
mod mountstats;
#[cfg(target_os = "linux")]
mod names;
#[cfg(target_os = "linux")]
mod netclass;
#[cfg(target_os = "linux")]
mod netdev;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod netstat;
#[cfg(target_os = "linux")]
mod network_route;
#[cfg(target_os = "linux")]
mod nfs;
#[cfg(target_os = "linux")]
mod nfsd;
#[cfg(target_os = "linux")]
mod nvme;
#[cfg(target_os = "linux")]
mod os;
#[cfg(target_os = "linux")]
mod parse;
#[cfg(target_os = "linux")]
mod pcidevice;
#[cfg(target_os = "linux")]
mod powersupplyclass;
#[cfg(target_os = "linux")]
mod pressure;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod qdisc;
#[cfg(target_os = "linux")]
mod rapl;
#[cfg(target_os = "linux")]
mod roster;
#[cfg(target_os = "linux")]
mod schedstat;
#[cfg(target_os = "linux")]
mod selinux;
#[cfg(target_os = "linux")]
mod slabinfo;
#[cfg(target_os = "linux")]
mod sockstat;
#[cfg(target_os = "linux")]
mod softirqs;
#[cfg(target_os = "linux")]
mod softnet;
#[cfg(target_os = "linux")]
mod stat;
#[cfg(target_os = "linux")]
mod sysctl;
#[cfg(target_os = "linux")]
mod tapestats;
#[cfg(target_os = "linux")]
mod tcpstat;
#[cfg(target_os = "linux")]
mod textfile;
#[cfg(target_os = "linux")]
mod thermal_zone;
#[cfg(target_os = "linux")]
mod time;
#[cfg(target_os = "linux")]
mod timex;
#[cfg(target_os = "linux")]
mod udp_queues;
#[cfg(target_os = "linux")]
mod uname;
#[cfg(target_os = "linux")]
mod vmstat;
#[cfg(target_os = "linux")]
mod watchdog;
#[cfg(target_os = "linux")]
mod xfrm;
#[cfg(target_os = "linux")]
mod xfs;
#[cfg(target_os = "linux")]
mod zfs;
#[cfg(target_os = "linux")]
mod zoneinfo;

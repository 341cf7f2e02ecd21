//! The host, under node_exporter's names.
//!
//! What is measured is cut into groups, node_exporter's collectors: each is a part of its own, so that
//! `collect[]=cpu` asks one alone, a hung one takes nothing else along and a changed setting restarts
//! nothing else. The [registry] lists them. A group is one file: its families, its
//! sampler, and a parser that is a pure function from the bytes of a kernel file to values.
//!
//! On Linux the groups read procfs and sysfs themselves; elsewhere a few groups give the basics through
//! sysinfo.

mod absent;
pub(crate) mod config;
mod filter;
mod group;
pub mod host;
#[cfg(target_os = "linux")]
mod linux;
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
mod linux {
    pub(super) mod filesystem {
        pub(in crate::system) mod settings;
    }
    pub(super) mod netdev {
        pub(in crate::system) mod settings;
    }
}

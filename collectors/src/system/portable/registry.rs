//! The groups that there are off Linux.

use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::units::HumanDuration;

use crate::system::group::{Group, groups};

use super as portable;
use crate::system::linux::{filesystem, netdev};

groups! {
    boottime, on, "when the machine booted" => |_, (), _| Ok(portable::BootTime);
    filesystem, on, "how full the file systems are", filesystem::settings::FileSystemSettings => |_, settings, _| portable::FileSystem::new(settings);
    loadavg, on, "load averages over 1, 5 and 15 minutes" => |_, (), _| Ok(portable::LoadAvg);
    meminfo, on, "where the memory is" => |_, (), _| portable::MemInfo::new();
    netdev, on, "what the network interfaces have sent and received", netdev::settings::NetDevSettings => |_, settings, _| portable::NetDev::new(settings);
    uname, on, "kernel and host name" => |_, (), _| Ok(portable::UnameInfo);
}

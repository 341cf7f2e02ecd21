//! The basics of a host through sysinfo: the backend where there is no procfs.
//!
//! The families are those that node_exporter has on such systems too. There is no `cpu`: sysinfo knows how
//! busy a CPU is, not for how long it has been. The module is tested on Linux and registered elsewhere.

use sysinfo::{Disks, Networks, System};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::filter::Filter;
use super::linux::filesystem::settings::FileSystemSettings;
use super::linux::netdev::settings::NetDevSettings;

#[cfg(not(target_os = "linux"))]
pub(super) mod registry;

static BOOT_TIME: Family =
    Family::gauge("node_boot_time_seconds", "Unix time of last boot, including microseconds.");

pub(super) struct BootTime;

impl Sampler for BootTime {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        page.set(&BOOT_TIME, Labels::NONE, System::boot_time()? as f64);
        Ok(())
    }
}

static LOADS: [Family; 3] = [
    Family::gauge("node_load1", "1m load average."),
    Family::gauge("node_load5", "5m load average."),
    Family::gauge("node_load15", "15m load average."),
];

pub(super) struct LoadAvg;

impl Sampler for LoadAvg {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let load = System::load_average()?;
        for (family, load) in LOADS.iter().zip([load.one, load.five, load.fifteen]) {
            page.set(family, Labels::NONE, load);
        }
        Ok(())
    }
}

static MEMORY: [Family; 4] = [
    Family::gauge("node_memory_total_bytes", "Memory information field total_bytes."),
    Family::gauge("node_memory_free_bytes", "Memory information field free_bytes."),
    Family::gauge("node_memory_swap_total_bytes", "Memory information field swap_total_bytes."),
    Family::gauge("node_memory_swap_used_bytes", "Memory information field swap_used_bytes."),
];

pub(super) struct MemInfo(System);

impl MemInfo {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self(System::new()?))
    }
}

impl Sampler for MemInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.0.refresh_memory();
        let Self(system) = self;
        let values = [system.total_memory(), system.free_memory(), system.total_swap(), system.used_swap()];
        for (family, value) in MEMORY.iter().zip(values) {
            page.set(family, Labels::NONE, value as f64);
        }
        Ok(())
    }
}

static SIZE: Family = Family::gauge("node_filesystem_size_bytes", "Filesystem size in bytes.");
static AVAIL: Family =
    Family::gauge("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.");
static READ_ONLY: Family = Family::gauge("node_filesystem_readonly", "Filesystem read-only status.");

pub(super) struct FileSystem {
    disks: Disks,
    mount_points: Filter,
    fs_types: Filter,
}

impl FileSystem {
    pub(super) fn new(settings: &FileSystemSettings) -> Result<Self, Error> {
        let (mount_points, fs_types) =
            (Filter::new(settings.mount_points())?, Filter::new(settings.fs_types())?);
        Ok(Self { disks: Disks::new()?, mount_points, fs_types })
    }
}

impl Sampler for FileSystem {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.disks.refresh(true);
        for disk in self.disks.iter() {
            let (mount_point, fs_type) =
                (disk.mount_point().to_string_lossy(), disk.file_system().to_string_lossy());
            if !self.mount_points.wants(&mount_point) || !self.fs_types.wants(&fs_type) {
                continue;
            }
            let labels = page.labels(&[
                ("device", &disk.name().to_string_lossy()),
                ("fstype", &fs_type),
                ("mountpoint", &mount_point),
            ]);
            page.set(&SIZE, labels, disk.total_space() as f64);
            page.set(&AVAIL, labels, disk.available_space() as f64);
            page.set(&READ_ONLY, labels, f64::from(disk.is_read_only()));
        }
        Ok(())
    }
}

static NETWORK: [Family; 6] = [
    Family::counter("node_network_receive_bytes_total", "Network device statistic receive_bytes."),
    Family::counter("node_network_receive_packets_total", "Network device statistic receive_packets."),
    Family::counter("node_network_receive_errs_total", "Network device statistic receive_errs."),
    Family::counter("node_network_transmit_bytes_total", "Network device statistic transmit_bytes."),
    Family::counter("node_network_transmit_packets_total", "Network device statistic transmit_packets."),
    Family::counter("node_network_transmit_errs_total", "Network device statistic transmit_errs."),
];

pub(super) struct NetDev {
    networks: Networks,
    filter: Filter,
}

impl NetDev {
    pub(super) fn new(settings: &NetDevSettings) -> Result<Self, Error> {
        Ok(Self { networks: Networks::new()?, filter: Filter::new(settings.devices())? })
    }
}

impl Sampler for NetDev {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.networks.refresh(true);
        for (device, data) in &self.networks {
            let device = device.to_string_lossy();
            if !self.filter.wants(&device) {
                continue;
            }
            let labels = page.labels(&[("device", &device)]);
            let values = [
                data.total_received(),
                data.total_packets_received(),
                data.total_errors_on_received(),
                data.total_transmitted(),
                data.total_packets_transmitted(),
                data.total_errors_on_transmitted(),
            ];
            for (family, value) in NETWORK.iter().zip(values) {
                page.set(family, labels, value as f64);
            }
        }
        Ok(())
    }
}

static UNAME: Family =
    Family::gauge("node_uname_info", "Labeled system information as provided by the uname system call.");

pub(super) struct UnameInfo;

impl Sampler for UnameInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let labels = page.labels(&[
            ("machine", &System::cpu_arch()),
            ("nodename", &System::host_name()?),
            ("release", &System::kernel_version()?),
            ("sysname", &System::name()?),
            ("version", &System::os_version()?),
        ]);
        page.set(&UNAME, labels, 1.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The families that a sampler writes, and the values of the first.
    fn sample(mut sampler: impl Sampler) -> (Vec<String>, Vec<f64>) {
        let mut page = Page::default();
        sampler.sample(&mut page).unwrap();
        let names = page.families().map(|(family, _)| family.name.to_string()).collect();
        let values = page.families().next().map(|(_, rows)| rows.map(|row| row.value).collect());
        (names, values.unwrap_or_default())
    }

    #[test]
    fn memory_load_and_boot_time_are_those_of_this_machine() {
        let (names, values) = sample(MemInfo::new().unwrap());
        assert_eq!(names, MEMORY.each_ref().map(|family| family.name.to_string()));
        assert!(values[0] > 1e6);
        let (names, values) = sample(LoadAvg);
        assert_eq!(names.len(), 3);
        assert!(values[0] >= 0.0);
        assert!(sample(BootTime).1[0] > 1e9);
        assert_eq!(sample(UnameInfo).1, [1.0]);
    }

    #[test]
    fn interfaces_can_be_left_out() {
        let only_lo = NetDevSettings { device_include: "^lo$".into(), ..NetDevSettings::default() };
        let (names, values) = sample(NetDev::new(&only_lo).unwrap());
        assert_eq!((names.len(), values.len()), (6, 1));
        let none = NetDevSettings { device_exclude: ".".into(), ..NetDevSettings::default() };
        assert!(sample(NetDev::new(&none).unwrap()).0.is_empty());
    }

    #[test]
    fn file_systems_have_a_size() {
        let all = FileSystemSettings {
            mount_points_include: ".".into(),
            fs_types_include: ".".into(),
            ..FileSystemSettings::default()
        };
        // A container may show none that sysinfo calls a disk.
        let (names, values) = sample(FileSystem::new(&all).unwrap());
        assert!(
            names.is_empty()
                || names
                    == [
                        "node_filesystem_size_bytes",
                        "node_filesystem_avail_bytes",
                        "node_filesystem_readonly"
                    ]
        );
        assert!(values.iter().all(|size| *size > 0.0));
    }
}

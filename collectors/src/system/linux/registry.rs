//! The groups of a Linux host.
//!
//! A new group is one file beside this one and one line here: what `collect[]`, `enable`, `disable` and
//! `--collector.<name>` call it, whether it is on by default, what it measures, the type of its settings if it
//! has any, and how it is made from the roots and its settings. From that line follow its section in the
//! configuration, the schema, its flags and what `check` looks at ([`crate::system::group`]).

use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::units::HumanDuration;

use crate::system::group::{Group, groups};

use super::{
    arp, bcache, bcachefs, bonding, btrfs, buddyinfo, cgroups, conntrack, container, cpu,
    cpu_vulnerabilities, cpufreq, diskstats, dmi, dmmultipath, drbd, edac, entropy, ethtool, fibrechannel,
    filefd, filesystem, hwmon, infiniband, interrupts, ipvs, kernel_hung, ksmd, lnstat, loadavg, logind,
    mdadm, meminfo, meminfo_numa, mountstats, netclass, netdev, netstat, network_route, nfs, nfsd, nvme, os,
    pcidevice, powersupplyclass, pressure, processes, qdisc, rapl, schedstat, selinux, slabinfo, sockstat,
    softirqs, softnet, stat, sysctl, systemd, tapestats, tcpstat, textfile, thermal_zone, time, timex,
    udp_queues, uname, vmstat, watchdog, wifi, xfrm, xfs, zfs, zoneinfo,
};

groups! {
    arp, on, "neighbours that each interface knows", arp::ArpSettings => |roots, settings, _| arp::Arp::new(roots, settings);
    bcache, on, "solid-state disks that cache slower ones", bcache::BcacheSettings => |roots, settings, _| Ok(bcache::Bcache::new(roots, settings));
    bcachefs, on, "bcachefs file systems, their devices and what they count" => |roots, (), _| Ok(bcachefs::BcacheFs::new(roots));
    bonding, on, "how many of the bonded interfaces work" => |roots, (), _| Ok(bonding::Bonding::new(roots));
    btrfs, on, "how btrfs file systems use their devices" => |roots, (), _| Ok(btrfs::Btrfs::new(roots));
    buddyinfo, off, "free memory in blocks, by their size" => |roots, (), _| Ok(buddyinfo::BuddyInfo::new(roots));
    cgroups, off, "how many control groups each controller has" => |roots, (), _| Ok(cgroups::CGroups::new(roots));
    conntrack, on, "the table of tracked connections" => |roots, (), around| Ok(conntrack::ConnTrack::new(roots, around));
    container, on, "what containers use and may use, and the units of systemd", container::settings::ContainerSettings => container::Container::new;
    cpu, on, "time spent by each CPU in each mode, throttling", cpu::CpuSettings => |roots, settings, _| cpu::Cpu::new(roots, settings);
    cpu_vulnerabilities, off, "faults of the CPUs and what is done about them" => |roots, (), _| Ok(cpu_vulnerabilities::CpuVulnerabilities::new(roots));
    cpufreq, on, "how fast the CPUs run and may run" => |roots, (), _| Ok(cpufreq::CpuFreq::new(roots));
    diskstats, on, "reads and writes of each disk, and what the disks are", diskstats::DiskStatsSettings => |roots, settings, _| diskstats::DiskStats::new(roots, settings);
    dmi, on, "what the firmware says of the machine" => |roots, (), _| Ok(dmi::Dmi::new(roots));
    dmmultipath, on, "disks that are reached over several paths" => |roots, (), _| Ok(dmmultipath::DmMultipath::new(roots));
    drbd, off, "disks that DRBD 8 mirrors over the network" => |roots, (), _| Ok(drbd::Drbd::new(roots));
    edac, on, "errors of memory" => |roots, (), _| Ok(edac::Edac::new(roots));
    entropy, on, "what the random number generator has gathered" => |roots, (), _| Ok(entropy::Entropy::new(roots));
    ethtool, off, "what the drivers of network interfaces say and count", ethtool::EthtoolSettings => |roots, settings, _| ethtool::Ethtool::new(roots, settings);
    fibrechannel, on, "Fibre Channel host adapters" => |roots, (), _| Ok(fibrechannel::FibreChannel::new(roots));
    filefd, on, "open file handles and their limit" => |roots, (), around| Ok(filefd::FileFd::new(roots, around));
    filesystem, on, "how full the file systems are", filesystem::settings::FileSystemSettings => filesystem::FileSystem::new;
    hwmon, on, "temperatures, voltages, fans", hwmon::HwMonSettings => |roots, settings, _| hwmon::HwMon::new(roots, settings);
    infiniband, on, "InfiniBand adapters and their ports", infiniband::InfiniBandSettings => |roots, settings, _| infiniband::InfiniBand::new(roots, settings);
    interrupts, off, "hardware interrupts by CPU, source and driver", interrupts::InterruptsSettings => |roots, settings, _| interrupts::Interrupts::new(roots, settings);
    ipvs, on, "the kernel's load balancer", ipvs::IpvsSettings => |roots, settings, _| Ok(ipvs::Ipvs::new(roots, settings));
    kernel_hung, off, "tasks that the kernel has found hung" => |roots, (), _| Ok(kernel_hung::KernelHung::new(roots));
    ksmd, off, "memory that was merged because it is the same" => |roots, (), _| Ok(ksmd::Ksmd::new(roots));
    lnstat, off, "the kernel's network caches" => |roots, (), _| Ok(lnstat::LnStat::new(roots));
    loadavg, on, "load averages over 1, 5 and 15 minutes" => |roots, (), _| Ok(loadavg::LoadAvg::new(roots));
    logind, off, "sessions of users, by seat and kind" => |roots, (), _| Ok(logind::LogInd::new(roots));
    mdadm, on, "software RAID" => |roots, (), _| Ok(mdadm::MdAdm::new(roots));
    meminfo, on, "where the memory is" => |roots, (), around| Ok(meminfo::MemInfo::new(roots, around));
    meminfo_numa, off, "where the memory of each NUMA node is" => |roots, (), _| Ok(meminfo_numa::MemInfoNuma::new(roots));
    mountstats, off, "what each NFS mount has read, written and waited for" => |roots, (), _| Ok(mountstats::MountStats::new(roots));
    netclass, on, "what the network interfaces are set to, and whether they are up", netclass::NetClassSettings => |roots, settings, _| netclass::NetClass::new(roots, settings);
    netdev, on, "what the network interfaces have sent and received", netdev::settings::NetDevSettings => |roots, settings, _| netdev::NetDev::new(roots, settings);
    netstat, on, "what the network protocols have counted", netstat::NetStatSettings => |roots, settings, _| netstat::NetStat::new(roots, settings);
    network_route, off, "the routing table, route by route" => |_, (), _| Ok(network_route::NetworkRoute::new());
    nfs, on, "what the NFS client has asked for" => |roots, (), _| Ok(nfs::Nfs::new(roots));
    nfsd, on, "what the NFS server was asked for" => |roots, (), _| Ok(nfsd::Nfsd::new(roots));
    nvme, on, "NVMe controllers and their namespaces" => |roots, (), _| Ok(nvme::Nvme::new(roots));
    os, on, "name and version of the operating system" => |roots, (), _| Ok(os::Os::new(roots));
    pcidevice, off, "devices on the PCI bus, and how they are linked", pcidevice::PciDeviceSettings => |roots, settings, _| Ok(pcidevice::PciDevice::new(roots, settings));
    powersupplyclass, on, "batteries and what charges them", powersupplyclass::PowerSupplyClassSettings => |roots, settings, _| powersupplyclass::PowerSupplyClass::new(roots, settings);
    pressure, on, "time lost waiting for CPU, I/O, memory, interrupts" => |roots, (), _| Ok(pressure::Pressure::new(roots));
    processes, on, "processes and threads by state, and their limits" => |roots, (), around| Ok(processes::Processes::new(roots, around));
    qdisc, off, "the queueing discipline of each network interface", qdisc::QdiscSettings => |_, settings, _| qdisc::Qdisc::new(settings);
    rapl, on, "energy that the CPUs and the memory have used", rapl::RaplSettings => |roots, settings, _| Ok(rapl::Rapl::new(roots, settings));
    schedstat, on, "how long tasks have run and waited on each CPU" => |roots, (), _| Ok(schedstat::SchedStat::new(roots));
    selinux, on, "whether SELinux enforces its policy" => |roots, (), _| Ok(selinux::SeLinux::new(roots));
    slabinfo, off, "the kernel's caches of small objects", slabinfo::SlabInfoSettings => |roots, settings, _| slabinfo::SlabInfo::new(roots, settings);
    sockstat, on, "sockets by protocol and state" => |roots, (), _| Ok(sockstat::SockStat::new(roots));
    softirqs, off, "soft interrupts by kind and CPU" => |roots, (), _| Ok(softirqs::SoftIrqs::new(roots));
    softnet, on, "packets that each CPU has taken from the network" => |roots, (), _| Ok(softnet::SoftNet::new(roots));
    stat, on, "interrupts, context switches, forks, boot time", stat::StatSettings => |roots, settings, _| Ok(stat::Stat::new(roots, settings));
    sysctl, off, "settings of the kernel that the configuration names", sysctl::SysctlSettings => |roots, settings, _| Ok(sysctl::Sysctl::new(roots, settings));
    systemd, on, "systemd and its units: states, restarts, sockets, timers", systemd::SystemdSettings => |roots, settings, around| systemd::Systemd::new(roots, settings, around.clock.clone());
    tapestats, on, "what the tape drives have read and written", tapestats::TapeStatsSettings => |roots, settings, _| tapestats::TapeStats::new(roots, settings);
    tcpstat, on, "TCP connections by state, and what waits in their queues" => |roots, (), _| Ok(tcpstat::TcpStat::new(roots));
    textfile, on, "metrics that others leave in files", textfile::TextFileSettings => |_, settings, around| Ok(textfile::TextFile::new(settings, around.clock.clone()));
    thermal_zone, on, "temperatures of zones, and what cools them" => |roots, (), _| Ok(thermal_zone::ThermalZone::new(roots));
    time, on, "wall clock, time zone, clock sources" => |roots, (), around| Ok(time::Time::new(roots, around.clock.clone()));
    timex, on, "how well the kernel's clock is disciplined" => |_, (), _| Ok(timex::Timex);
    udp_queues, on, "memory of UDP datagrams that wait" => |roots, (), _| Ok(udp_queues::UdpQueues::new(roots));
    uname, on, "kernel and host name" => |_, (), _| Ok(uname::UnameInfo);
    vmstat, on, "paging, faults, OOM kills", vmstat::VmStatSettings => |roots, settings, _| vmstat::VmStat::new(roots, settings);
    watchdog, on, "timers that reset the machine when nobody feeds them" => |roots, (), _| Ok(watchdog::Watchdog::new(roots));
    wifi, off, "wireless interfaces, their networks and stations", wifi::WifiSettings => |_, settings, _| Ok(wifi::Wifi::new(settings));
    xfrm, off, "what IPsec has refused, and why" => |roots, (), _| Ok(xfrm::Xfrm::new(roots));
    xfs, on, "what each XFS file system has done" => |roots, (), _| Ok(xfs::Xfs::new(roots));
    zfs, on, "what the ZFS module, its pools and data sets count" => |roots, (), _| Ok(zfs::Zfs::new(roots));
    zoneinfo, off, "the memory zones, page by page" => |roots, (), _| Ok(zoneinfo::ZoneInfo::new(roots));
}

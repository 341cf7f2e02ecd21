//! `netclass`: what the network interfaces are set to, and whether they are up.
//!
//! The files of `/sys/class/net/<interface>` (the kernel's ABI/testing/sysfs-class-net). Some cannot be read while an
//! interface is down, or by drivers that do not know: they have no series then ([`sysfs`]). With `netclass.netlink` the
//! kernel is asked over netlink instead ([`rtnl`]), which upstream tells in other labels.

mod link;
mod rtnl;
mod settings;
mod states;
mod sysfs;

use regex::Regex;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::rtnl::Rtnl;
pub(super) use self::settings::NetClassSettings;
use self::sysfs::Sysfs;
use super::attributes::Attribute;
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static FILES: [Attribute; 14] = [
    Attribute::plain("addr_assign_type", Family::gauge("node_network_address_assign_type", "Network device property: address_assign_type")),
    Attribute::plain("carrier", Family::gauge("node_network_carrier", "Network device property: carrier")),
    Attribute::plain("carrier_changes", Family::counter("node_network_carrier_changes_total", "Network device property: carrier_changes_total")),
    Attribute::plain("carrier_up_count", Family::counter("node_network_carrier_up_changes_total", "Network device property: carrier_up_changes_total")),
    Attribute::plain("carrier_down_count", Family::counter("node_network_carrier_down_changes_total", "Network device property: carrier_down_changes_total")),
    Attribute::plain("dormant", Family::gauge("node_network_dormant", "Network device property: dormant")),
    Attribute::plain("ifindex", Family::gauge("node_network_iface_id", "Network device property: iface_id")),
    Attribute::plain("iflink", Family::gauge("node_network_iface_link", "Network device property: iface_link")),
    Attribute::plain("link_mode", Family::gauge("node_network_iface_link_mode", "Network device property: iface_link_mode")),
    Attribute::plain("mtu", Family::gauge("node_network_mtu_bytes", "Network device property: mtu_bytes")),
    Attribute::plain("name_assign_type", Family::gauge("node_network_name_assign_type", "Network device property: name_assign_type")),
    Attribute::plain("netdev_group", Family::gauge("node_network_net_dev_group", "Network device property: net_dev_group")),
    Attribute::plain("tx_queue_len", Family::gauge("node_network_transmit_queue_length", "Network device property: transmit_queue_length")),
    Attribute::plain("type", Family::gauge("node_network_protocol_type", "Network device property: protocol_type")),
];

static DEVICE_ID: Family = Family::gauge("node_network_device_id", "Network device property: device_id");
static FLAGS: Family = Family::gauge("node_network_flags", "Network device property: flags");
static SPEED: Family = Family::gauge("node_network_speed_bytes", "Network device property: speed_bytes");
static INFO: Family =
    Family::gauge("node_network_info", "Non-numeric data from /sys/class/net/<iface>, value is always 1.");
static UP: Family = Family::gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.");

/// `speed` is in megabits per second.
const MEGABIT: f64 = 1e6 / 8.0;

pub(super) struct NetClass {
    source: Source,
    ignored: Regex,
}

enum Source {
    Sysfs(Sysfs),
    Rtnl(Rtnl),
}

impl NetClass {
    pub(super) fn new(roots: &Roots, settings: &NetClassSettings) -> Result<Self, Error> {
        let dir = roots.sysfs.join("class/net");
        let source = match settings.netlink {
            true => Source::Rtnl(Rtnl::new(dir, settings.rtnl_with_stats)),
            false => Source::Sysfs(Sysfs::new(dir, settings.ignore_invalid_speed)),
        };
        Ok(Self { source, ignored: Regex::new(settings.ignored())? })
    }
}

impl Sampler for NetClass {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        match &mut self.source {
            Source::Sysfs(sysfs) => sysfs.sample(page, &self.ignored),
            Source::Rtnl(rtnl) => rtnl.sample(page, &self.ignored),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    fn host() -> Fixture {
        Fixture::new()
            .with("sys/class/net/bonding_masters", "bond0\n")
            .with("sys/class/net/eth0/flags", "0x1003\n")
            .with("sys/class/net/eth0/mtu", "1500\n")
            .with("sys/class/net/eth0/speed", "1000\n")
            .with("sys/class/net/eth0/operstate", "up\n")
            .with("sys/class/net/tap0/speed", "-1\n")
    }

    fn series(settings: &NetClassSettings) -> Vec<String> {
        let host = host();
        let (series, result) = host.sample(&mut NetClass::new(host.roots(), settings).unwrap());
        result.unwrap();
        series
    }

    #[test]
    fn an_interface_has_the_files_that_it_has() {
        let series = series(&NetClassSettings { ignored_devices: "tap".into(), ..Default::default() });
        assert_eq!(
            series,
            [
                "node_network_mtu_bytes{device=\"eth0\"} 1500",
                "node_network_flags{device=\"eth0\"} 4099",
                "node_network_speed_bytes{device=\"eth0\"} 125000000",
                "node_network_up{device=\"eth0\"} 1",
                "node_network_info{address=\"\",adminstate=\"up\",broadcast=\"\",device=\"eth0\",duplex=\"\",\
                 ifalias=\"\",operstate=\"up\"} 1"
            ]
        );
    }

    #[test]
    fn a_speed_that_is_none_is_exposed_unless_it_is_ignored() {
        let unknown =
            |series: &[String]| series.iter().any(|line| line.ends_with("{device=\"tap0\"} -125000"));
        assert!(unknown(&series(&NetClassSettings::default())));
        assert!(!unknown(&series(&NetClassSettings { ignore_invalid_speed: true, ..Default::default() })));
    }

    survives_any_bytes!("sys/class/net/eth0/flags", "0x1003\n", host => {
        NetClass::new(host.roots(), &NetClassSettings::default()).unwrap()
    });
}

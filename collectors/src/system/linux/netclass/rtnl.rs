//! Network interfaces over netlink: rtnetlink(7), `RTM_GETLINK`, and for what the cable does the family `ethtool`.
//!
//! One answer tells all interfaces, where sysfs takes the kernel's lock of the whole network for each file. What netlink
//! does not tell is read from sysfs all the same: those files need no such lock.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use regex::Regex;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::Error;

use super::super::file::SmallFile;
use super::super::genl::{Genl, GenlError};
use super::super::netdev::families::link_statistics;
use super::super::netlink::{IFINFOMSG, Netlink, RTM_GETLINK, RTM_NEWLINK, Subject, attributes, u32_at};
use super::super::parse;
use super::super::roster::Roster;
use super::link::Link;
use super::{DEVICE_ID, FILES, FLAGS, MEGABIT, SPEED, UP};

static INFO: Family = Family::gauge("node_network_info", "Non-numeric data of <iface>, value is always 1.");
static ALTNAMES: Family =
    Family::gauge("node_network_altnames_info", "Non-numeric data of <iface> altname, value is always 1.");

macro_rules! statistics {
    ($($key:literal),* $(,)?) => {
        [$(Family::counter(
            concat!("node_network_", $key, "_total"),
            concat!("Network device property: ", $key, "_total"),
        )),*]
    };
}

/// Upstream calls them gauges; they are counters.
static STATISTICS: [Family; 24] = link_statistics!(statistics);

const ETHTOOL_MSG_LINKMODES_GET: u8 = 4;
const ETHTOOL_A_LINKMODES_HEADER: u16 = 1;
const ETHTOOL_A_LINKMODES_SPEED: u16 = 5;
const ETHTOOL_A_LINKMODES_DUPLEX: u16 = 6;
const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;

pub(super) struct Rtnl {
    route: Netlink,
    ethtool: Genl,
    with_statistics: bool,
    sysfs: PathBuf,
    files: Roster<Files>,
    buffer: Vec<u8>,
}

/// What only sysfs has of an interface.
struct Files {
    name: String,
    numbers: [(&'static str, SmallFile); 2],
    device_id: SmallFile,
}

/// What a cable does: megabits per second, and whether both directions at once.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Mode {
    speed: Option<u32>,
    duplex: &'static str,
}

impl Rtnl {
    /// `sysfs` is the directory of the interfaces.
    pub(super) fn new(sysfs: PathBuf, with_statistics: bool) -> Self {
        Self {
            route: Netlink::new(Subject::Route),
            ethtool: Genl::new("ethtool"),
            with_statistics,
            sysfs,
            files: Roster::default(),
            buffer: Vec::new(),
        }
    }

    pub(super) fn sample(&mut self, page: &mut Page, ignored: &Regex) -> Result<(), Error> {
        let Self { route, ethtool, with_statistics, sysfs, files, buffer } = self;
        let mut modes = HashMap::new();
        match ethtool.dump(ETHTOOL_MSG_LINKMODES_GET, &[], |body| modes.extend(mode(body))) {
            // A kernel before 5.6: speed and duplex have no series then.
            Err(GenlError::Absent(_)) => {}
            asked => asked?,
        }
        files.begin();
        route.dump(RTM_GETLINK, &[0; IFINFOMSG], |kind, body| {
            let Some(link) = Link::parse(body).filter(|_| kind == RTM_NEWLINK) else { return };
            let name = parse::label(link.name);
            if ignored.is_match(&name) {
                return;
            }
            let mode = modes.get(&link.index).copied().unwrap_or_default();
            let labels = link.write(page, &name, mode);
            let files = files.meet(|files| files.name == *name, || Files::new(&name, sysfs));
            files.write(page, labels, buffer);
            if let Some(statistics) = link.statistics.filter(|_| *with_statistics) {
                for (family, value) in STATISTICS.iter().zip(statistics.numbers()) {
                    page.set(family, labels, value as f64);
                }
            }
        })?;
        files.end();
        Ok(())
    }
}

impl Files {
    fn new(name: &str, sysfs: &Path) -> Self {
        let file = |file: &str| SmallFile::new(sysfs.join(name).join(file));
        let numbers = ["addr_assign_type", "name_assign_type"].map(|name| (name, file(name)));
        Self { name: name.to_owned(), numbers, device_id: file("dev_id") }
    }

    fn write(&mut self, page: &mut Page, labels: Labels, buffer: &mut Vec<u8>) {
        for (name, file) in &mut self.numbers {
            if let Some(number) = file.number(buffer) {
                set(page, labels, name, number);
            }
        }
        if let Some(id) = self.device_id.read(buffer).ok().and_then(|id| parse::hex(id.trim_ascii())) {
            page.set(&DEVICE_ID, labels, id as f64);
        }
    }
}

/// Writes what sysfs has in a file of that name.
fn set(page: &mut Page, labels: Labels, file: &str, value: f64) {
    if let Some(attribute) = FILES.iter().find(|attribute| attribute.file == file) {
        page.set(&attribute.family, labels, value);
    }
}

impl Link<'_> {
    fn write(&self, page: &mut Page, name: &str, mode: Mode) -> Labels {
        let device = page.labels(&[("device", name)]);
        for (file, number) in &self.numbers {
            set(page, device, file, *number as f64);
        }
        page.set(&FLAGS, device, f64::from(self.flags));
        page.set(&UP, device, f64::from(self.state == "up"));
        if let Some(speed) = mode.speed {
            page.set(&SPEED, device, f64::from(speed) * MEGABIT);
        }
        let labels = page.full_labels(&[
            ("address", &self.address),
            ("broadcast", &self.broadcast),
            ("device", name),
            ("duplex", mode.duplex),
            ("ifalias", &parse::label(self.alias)),
            ("operstate", self.state),
        ]);
        page.set(&INFO, labels, 1.0);
        for other in BTreeSet::from_iter(&self.other_names) {
            let labels = page.labels(&[("altname", &parse::label(other)), ("device", name)]);
            page.set(&ALTNAMES, labels, 1.0);
        }
        device
    }
}

/// The number of an interface and what its cable does; the words are upstream's.
fn mode(body: &[u8]) -> Option<(u32, Mode)> {
    let (mut index, mut mode) = (None, Mode::default());
    for (kind, value) in attributes(body) {
        match kind {
            ETHTOOL_A_LINKMODES_HEADER => {
                let number = attributes(value).find(|(kind, _)| *kind == ETHTOOL_A_HEADER_DEV_INDEX);
                index = number.map(|(_, value)| u32_at(value));
            }
            // All ones: not known.
            ETHTOOL_A_LINKMODES_SPEED => {
                mode.speed = Some(u32_at(value)).filter(|speed| *speed <= i32::MAX as u32)
            }
            ETHTOOL_A_LINKMODES_DUPLEX => {
                mode.duplex = match value.first() {
                    Some(0) => "Half",
                    Some(1) => "Full",
                    _ => "Unknown",
                };
            }
            _ => {}
        }
    }
    Some((index?, mode))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::{Fixture, lines};
    use super::super::super::netlink::attribute;
    use super::super::link::tests::message;
    use super::super::{NetClass, NetClassSettings};
    use super::*;
    use proptest::prelude::*;

    fn linkmodes(speed: u32, duplex: u8) -> Vec<u8> {
        let index = attribute(ETHTOOL_A_HEADER_DEV_INDEX, &7_u32.to_ne_bytes());
        [
            attribute(ETHTOOL_A_LINKMODES_HEADER, &index),
            attribute(ETHTOOL_A_LINKMODES_SPEED, &speed.to_ne_bytes()),
            attribute(ETHTOOL_A_LINKMODES_DUPLEX, &[duplex]),
        ]
        .concat()
    }

    #[test]
    fn a_speed_that_is_not_known_is_none() {
        assert_eq!(mode(&linkmodes(10_000, 1)), Some((7, Mode { speed: Some(10_000), duplex: "Full" })));
        assert_eq!(mode(&linkmodes(u32::MAX, 0xff)), Some((7, Mode { speed: None, duplex: "Unknown" })));
        assert_eq!(mode(&[]), None);
    }

    #[test]
    fn each_number_that_netlink_has_is_one_that_sysfs_has() {
        let body = message();
        let link = Link::parse(&body).unwrap();
        let mut page = Page::default();
        link.write(&mut page, "eth0", Mode { speed: Some(1000), duplex: "Full" });
        let lines = lines(&page);
        assert_eq!(lines.len(), link.numbers.len() + 5);
        for line in [
            "node_network_carrier_up_changes_total{device=\"eth0\"} 47",
            "node_network_iface_link{device=\"eth0\"} 5",
            "node_network_dormant{device=\"eth0\"} 1",
            "node_network_speed_bytes{device=\"eth0\"} 125000000",
            "node_network_up{device=\"eth0\"} 1",
            "node_network_altnames_info{altname=\"enp1s0\",device=\"eth0\"} 1",
            "node_network_info{address=\"02:00:01\",broadcast=\"ff\",device=\"eth0\",duplex=\"Full\",\
             ifalias=\"uplink\",operstate=\"up\"} 1",
        ] {
            assert!(lines.iter().any(|known| known == line), "{line} of {lines:#?}");
        }
    }

    #[test]
    fn the_kernel_tells_of_the_loopback_interface_and_sysfs_what_it_leaves_out() {
        let host = Fixture::new().with("sys/class/net/lo/dev_id", "0x1f\n");
        let settings = NetClassSettings {
            ignored_devices: "^[^l]".into(),
            netlink: true,
            rtnl_with_stats: true,
            ..NetClassSettings::default()
        };
        let mut sampler = NetClass::new(host.roots(), &settings).unwrap();
        let (series, result) = host.sample(&mut sampler);
        result.unwrap();
        let told = |line: &str| series.iter().any(|known| known.starts_with(line));
        assert!(told("node_network_device_id{device=\"lo\"} 31"));
        assert!(told("node_network_iface_id{device=\"lo\"} 1"));
        assert!(told("node_network_receive_length_errors_total{device=\"lo\"} 0"));
        assert_eq!(host.sample(&mut sampler).0.len(), series.len());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = mode(&bytes);
        }
    }
}

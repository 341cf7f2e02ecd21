//! `netdev`: what the network interfaces have sent and received.
//!
//! The kernel is asked through netlink ([`netlink`]), which tells each kind of error apart; the families are
//! those of `/proc/net/dev`, which sums them up. With `netdev.netlink: false` that file is read instead: it
//! lacks `receive_nohandler`. With `netdev.enable_detailed_metrics` what the source tells is not summed up.

mod addresses;
pub(super) mod families;
mod netlink;
pub(in crate::system) mod settings;

use std::path::PathBuf;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::addresses::Addresses;
use self::families::{COLUMNS, DETAILED, DETAILED_COLUMNS, FAMILIES};
pub(super) use self::netlink::Stats;
use self::netlink::{Link, links};
use self::settings::NetDevSettings;
use super::class::text;
use super::file::{KeptFile, SmallFile};
use super::netlink::{Netlink, Subject};
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;
use crate::system::filter::Filter;

pub(super) struct NetDev {
    source: Source,
    detailed: bool,
    addresses: Option<Addresses>,
    devices: Devices,
}

enum Source {
    Netlink(Netlink),
    File(KeptFile),
}

/// The interfaces, and how they are told.
struct Devices {
    known: Roster<Device>,
    filter: Filter,
    families: &'static [Family],
    /// Where the aliases stand, if they are wanted.
    aliases: Option<PathBuf>,
    buffer: Vec<u8>,
}

struct Device {
    name: Box<[u8]>,
    label: String,
    wanted: bool,
    alias: Option<SmallFile>,
}

impl NetDev {
    pub(super) fn new(roots: &Roots, settings: &NetDevSettings) -> Result<Self, Error> {
        let source = match settings.netlink {
            true => Source::Netlink(Netlink::new(Subject::Route)),
            false => Source::File(KeptFile::new(roots.procfs.join("net/dev"))),
        };
        let detailed = settings.enable_detailed_metrics;
        let families: &[Family] = match (detailed, settings.netlink) {
            (false, _) => &FAMILIES,
            (true, true) => &DETAILED,
            (true, false) => &DETAILED_COLUMNS,
        };
        let devices = Devices {
            known: Roster::default(),
            filter: Filter::new(settings.devices())?,
            families,
            aliases: settings.label_ifalias.then(|| roots.sysfs.join("class/net")),
            buffer: Vec::new(),
        };
        Ok(Self { source, detailed, addresses: settings.address_info.then(Addresses::new), devices })
    }
}

impl Sampler for NetDev {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let Self { source, detailed, addresses, devices } = self;
        devices.known.begin();
        let mut understood = Ok(());
        match source {
            Source::Netlink(netlink) => links(netlink, |link| match detailed {
                true => devices.write(page, link.name, link.stats.numbers()),
                false => devices.write(page, link.name, columns(link)),
            })?,
            Source::File(file) => {
                let mut all = true;
                for line in parse::lines(file.read()?).skip(HEADERS) {
                    match parse(line) {
                        Some((name, columns)) => devices.write(page, name, columns),
                        None => all = false,
                    }
                }
                if !all {
                    understood = Err(file.malformed("a line that is no interface's"));
                }
            }
        }
        devices.known.end();
        if let Some(addresses) = addresses {
            addresses.write(page, &devices.filter)?;
        }
        Ok(understood?)
    }
}

impl Devices {
    fn write(&mut self, page: &mut Page, name: &[u8], numbers: impl IntoIterator<Item = u64>) {
        let Self { known, filter, families, aliases, buffer } = self;
        let device = known.meet(
            |device| *device.name == *name,
            || {
                let label = parse::label(name).into_owned();
                let alias = aliases.as_ref().map(|dir| SmallFile::new(dir.join(&label).join("ifalias")));
                Device { name: name.into(), wanted: filter.wants(&label), alias, label }
            },
        );
        if !device.wanted {
            return;
        }
        let alias = device.alias.as_mut().and_then(|file| text(file, buffer)).unwrap_or_default();
        let labels = page.labels(&[("device", &device.label), ("ifalias", &alias)]);
        for (family, value) in families.iter().zip(numbers) {
            page.set(family, labels, value as f64);
        }
    }
}

/// Sums up what netlink tells apart, as the kernel does for `/proc/net/dev` (net/core/net-procfs.c).
fn columns(link: &Link<'_>) -> [u64; COLUMNS + 1] {
    let stats = &link.stats;
    let sum = |parts: &[u64]| parts.iter().fold(0_u64, |sum, part| sum.wrapping_add(*part));
    [
        stats.rx_bytes(),
        stats.rx_packets(),
        stats.rx_errors(),
        sum(&[stats.rx_dropped(), stats.rx_missed_errors()]),
        stats.rx_fifo_errors(),
        sum(&[
            stats.rx_frame_errors(),
            stats.rx_length_errors(),
            stats.rx_over_errors(),
            stats.rx_crc_errors(),
        ]),
        stats.rx_compressed(),
        stats.multicast(),
        stats.tx_bytes(),
        stats.tx_packets(),
        stats.tx_errors(),
        stats.tx_dropped(),
        stats.tx_fifo_errors(),
        stats.collisions(),
        sum(&[
            stats.tx_carrier_errors(),
            stats.tx_aborted_errors(),
            stats.tx_heartbeat_errors(),
            stats.tx_window_errors(),
        ]),
        stats.tx_compressed(),
        stats.rx_nohandler(),
    ]
}

/// The lines above the interfaces.
const HEADERS: usize = 2;

/// `  eth0: 68210035520 520993275 …`: the name ends with the last colon, as an alias has one within.
fn parse(line: &[u8]) -> Option<(&[u8], [u64; COLUMNS])> {
    let colon = memchr::memrchr(b':', line)?;
    let mut columns = [0; COLUMNS];
    let mut words = parse::words(&line[colon + 1..]);
    for column in &mut columns {
        *column = parse::whole(words.next()?)?;
    }
    Some((line[..colon].trim_ascii(), columns))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    const DEV: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n    \
        lo: 435303245 1832522 0 0 0 0 0 0 435303245 1832522 0 0 0 0 0 0\n \
        eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";

    fn from_file(host: &Fixture, device_exclude: &str) -> NetDev {
        let settings = NetDevSettings {
            netlink: false,
            device_exclude: device_exclude.into(),
            ..NetDevSettings::default()
        };
        NetDev::new(host.roots(), &settings).unwrap()
    }

    #[test]
    fn the_file_has_sixteen_columns() {
        let host = Fixture::new().with("proc/net/dev", DEV);
        let (series, result) = host.sample(&mut from_file(&host, "^lo$"));
        result.unwrap();
        assert_eq!(series.len(), 16);
        assert_eq!(series[0], "node_network_receive_bytes_total{device=\"eth0\"} 1");
        assert_eq!(series[15], "node_network_transmit_compressed_total{device=\"eth0\"} 16");
    }

    #[test]
    fn in_detail_the_columns_have_names_of_their_own_and_the_alias_is_a_label() {
        let host = Fixture::new().with("proc/net/dev", DEV).with("sys/class/net/eth0/ifalias", "uplink\n");
        let settings = NetDevSettings {
            netlink: false,
            device_include: "eth0".into(),
            label_ifalias: true,
            enable_detailed_metrics: true,
            ..NetDevSettings::default()
        };
        let (series, result) = host.sample(&mut NetDev::new(host.roots(), &settings).unwrap());
        result.unwrap();
        assert_eq!(series.len(), 16);
        let labels = "{device=\"eth0\",ifalias=\"uplink\"}";
        assert_eq!(series[3], format!("node_network_receive_dropped_total{labels} 4"));
    }

    #[test]
    fn in_detail_netlink_tells_each_counter() {
        let host = Fixture::new();
        let settings = NetDevSettings {
            device_include: "^lo$".into(),
            enable_detailed_metrics: true,
            ..NetDevSettings::default()
        };
        let (series, result) = host.sample(&mut NetDev::new(host.roots(), &settings).unwrap());
        result.unwrap();
        assert_eq!(series.len(), 24);
        assert!(series[10].starts_with("node_network_receive_length_errors_total{device=\"lo\"} "));
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error_that_keeps_the_rest() {
        let host = Fixture::new().with("proc/net/dev", DEV.replace("435303245 1832522 0", "435303245 -1 0"));
        let (series, result) = host.sample(&mut from_file(&host, ""));
        assert_eq!(series.len(), 16);
        assert!(result.is_err());
    }

    #[test]
    fn netlink_and_the_file_agree() {
        let host = Fixture::new();
        host.write("proc/net/dev", std::fs::read("/proc/net/dev").unwrap());
        let settings = NetDevSettings::default();
        let (told, result) = host.sample(&mut NetDev::new(host.roots(), &settings).unwrap());
        result.unwrap();
        let (read, _) = host.sample(&mut from_file(&host, ""));
        let names = |series: &[String]| {
            let mut names: Vec<String> = series
                .iter()
                .filter_map(|line| line.rsplit_once(' '))
                .map(|(name, _)| name.to_owned())
                .filter(|name| !name.contains("nohandler"))
                .collect();
            names.sort();
            names
        };
        assert!(!told.is_empty());
        assert_eq!(names(&told), names(&read));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&line);
        }
    }
}

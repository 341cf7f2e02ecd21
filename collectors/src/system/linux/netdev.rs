//! `netdev`: what the network interfaces have sent and received.
//!
//! The kernel is asked through netlink ([`netlink`]), which tells each kind of error apart; the families are
//! those of `/proc/net/dev`, which sums them up. With `netdev.netlink: false` that file is read instead: it
//! lacks `receive_nohandler`.

mod netlink;
pub(in crate::system) mod settings;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::netlink::{Link, links};
use self::settings::NetDevSettings;
use super::file::KeptFile;
use super::netlink::{Netlink, Subject};
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;
use crate::system::filter::Filter;

/// The columns of `/proc/net/dev`, in their order, and what only netlink knows.
#[rustfmt::skip]
static FAMILIES: [Family; COLUMNS + 1] = [
    Family::counter("node_network_receive_bytes_total", "Network device statistic receive_bytes."),
    Family::counter("node_network_receive_packets_total", "Network device statistic receive_packets."),
    Family::counter("node_network_receive_errs_total", "Network device statistic receive_errs."),
    Family::counter("node_network_receive_drop_total", "Network device statistic receive_drop."),
    Family::counter("node_network_receive_fifo_total", "Network device statistic receive_fifo."),
    Family::counter("node_network_receive_frame_total", "Network device statistic receive_frame."),
    Family::counter("node_network_receive_compressed_total", "Network device statistic receive_compressed."),
    Family::counter("node_network_receive_multicast_total", "Network device statistic receive_multicast."),
    Family::counter("node_network_transmit_bytes_total", "Network device statistic transmit_bytes."),
    Family::counter("node_network_transmit_packets_total", "Network device statistic transmit_packets."),
    Family::counter("node_network_transmit_errs_total", "Network device statistic transmit_errs."),
    Family::counter("node_network_transmit_drop_total", "Network device statistic transmit_drop."),
    Family::counter("node_network_transmit_fifo_total", "Network device statistic transmit_fifo."),
    Family::counter("node_network_transmit_colls_total", "Network device statistic transmit_colls."),
    Family::counter("node_network_transmit_carrier_total", "Network device statistic transmit_carrier."),
    Family::counter("node_network_transmit_compressed_total", "Network device statistic transmit_compressed."),
    Family::counter("node_network_receive_nohandler_total", "Network device statistic receive_nohandler."),
];

const COLUMNS: usize = 16;

pub(super) struct NetDev {
    source: Source,
    filter: Filter,
    devices: Roster<Device>,
}

enum Source {
    Netlink(Netlink),
    File(KeptFile),
}

struct Device {
    name: Box<[u8]>,
    label: String,
    wanted: bool,
}

impl NetDev {
    pub(super) fn new(roots: &Roots, settings: &NetDevSettings) -> Result<Self, Error> {
        let source = match settings.netlink {
            true => Source::Netlink(Netlink::new(Subject::Route)),
            false => Source::File(KeptFile::new(roots.procfs.join("net/dev"))),
        };
        Ok(Self { source, filter: Filter::new(settings.devices())?, devices: Roster::default() })
    }
}

impl Sampler for NetDev {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let Self { source, filter, devices } = self;
        devices.begin();
        match source {
            Source::Netlink(netlink) => links(netlink, |link| {
                write(page, filter, devices, link.name, &columns(link));
            })?,
            Source::File(file) => {
                let mut understood = true;
                for line in parse::lines(file.read()?).skip(HEADERS) {
                    match parse(line) {
                        Some((name, columns)) => write(page, filter, devices, name, &columns),
                        None => understood = false,
                    }
                }
                if !understood {
                    return Err(file.malformed("a line that is no interface's").into());
                }
            }
        }
        devices.end();
        Ok(())
    }
}

fn write(page: &mut Page, filter: &Filter, devices: &mut Roster<Device>, name: &[u8], columns: &[u64]) {
    let device = devices.meet(
        |device| *device.name == *name,
        || {
            let label = parse::label(name).into_owned();
            Device { name: name.into(), wanted: filter.wants(&label), label }
        },
    );
    if !device.wanted {
        return;
    }
    let labels = page.labels(&[("device", &device.label)]);
    for (family, value) in FAMILIES.iter().zip(columns) {
        page.set(family, labels, *value as f64);
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

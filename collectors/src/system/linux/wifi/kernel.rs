//! What nl80211 (linux/nl80211.h), a family of generic netlink, tells of wireless interfaces.

use std::io::ErrorKind;

use vigie_pipeline::plug::{Error, NoData};

use super::super::genl::{Genl, GenlError};
use super::super::netlink::{NetlinkError, attribute, attributes, text, u16_at, u32_at, u64_at};
use super::super::parse;
use super::{Interface, Network, Station};

const NL80211_CMD_GET_INTERFACE: u8 = 5;
const NL80211_CMD_GET_STATION: u8 = 17;
const NL80211_CMD_GET_SCAN: u8 = 32;

const NL80211_ATTR_IFINDEX: u16 = 3;
const NL80211_ATTR_IFNAME: u16 = 4;
const NL80211_ATTR_MAC: u16 = 6;
const NL80211_ATTR_STA_INFO: u16 = 21;
const NL80211_ATTR_WIPHY_FREQ: u16 = 38;
const NL80211_ATTR_BSS: u16 = 47;

const NL80211_BSS_BSSID: u16 = 1;
const NL80211_BSS_INFORMATION_ELEMENTS: u16 = 6;
const NL80211_BSS_STATUS: u16 = 9;

const NL80211_STA_INFO_INACTIVE_TIME: u16 = 1;
const NL80211_STA_INFO_RX_BYTES: u16 = 2;
const NL80211_STA_INFO_TX_BYTES: u16 = 3;
const NL80211_STA_INFO_SIGNAL: u16 = 7;
const NL80211_STA_INFO_TX_BITRATE: u16 = 8;
const NL80211_STA_INFO_RX_PACKETS: u16 = 9;
const NL80211_STA_INFO_TX_PACKETS: u16 = 10;
const NL80211_STA_INFO_TX_RETRIES: u16 = 11;
const NL80211_STA_INFO_TX_FAILED: u16 = 12;
const NL80211_STA_INFO_RX_BITRATE: u16 = 14;
const NL80211_STA_INFO_CONNECTED_TIME: u16 = 16;
const NL80211_STA_INFO_BEACON_LOSS: u16 = 18;
const NL80211_STA_INFO_RX_BYTES64: u16 = 23;
const NL80211_STA_INFO_TX_BYTES64: u16 = 24;

const NL80211_RATE_INFO_BITRATE: u16 = 1;
const NL80211_RATE_INFO_BITRATE32: u16 = 5;

/// The information element that holds the name of a network (IEEE 802.11).
const SSID: u8 = 0;

pub(super) struct Kernel {
    nl80211: Genl,
}

impl Kernel {
    pub(super) fn new() -> Self {
        Self { nl80211: Genl::new("nl80211") }
    }

    /// # Errors
    /// `NoData` where the kernel has no wireless.
    pub(super) fn interfaces(&mut self) -> Result<Vec<Interface>, Error> {
        let mut found = Vec::new();
        let listed = self.nl80211.dump(NL80211_CMD_GET_INTERFACE, &[], |body| found.extend(interface(body)));
        listed.map_err(|error| match error {
            GenlError::Absent(_) => NoData(error.to_string()).into(),
            GenlError::Netlink(_) => Error::from(error),
        })?;
        for (number, interface) in &mut found {
            let which = attribute(NL80211_ATTR_IFINDEX, &number.to_ne_bytes());
            let network = &mut interface.network;
            or_nothing(self.nl80211.dump(NL80211_CMD_GET_SCAN, &which, |body| {
                *network = network.take().or_else(|| joined(body));
            }))?;
            let stations = &mut interface.stations;
            or_nothing(
                self.nl80211.dump(NL80211_CMD_GET_STATION, &which, |body| stations.extend(station(body))),
            )?;
        }
        Ok(found.into_iter().map(|(_, interface)| interface).collect())
    }
}

/// A kind of interface that has nothing of the sort, and one that has gone meanwhile, are no failures.
fn or_nothing(asked: Result<(), GenlError>) -> Result<(), GenlError> {
    match asked {
        Err(GenlError::Netlink(NetlinkError::Refused(error)))
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported)
                || error.raw_os_error() == Some(libc::ENODEV) =>
        {
            Ok(())
        }
        asked => asked,
    }
}

/// Number and what is known so far; `None` for a device that has none, as one for peer-to-peer.
fn interface(body: &[u8]) -> Option<(u32, Interface)> {
    let (mut number, mut interface) = (None, Interface::default());
    for (kind, value) in attributes(body) {
        match kind {
            NL80211_ATTR_IFINDEX => number = Some(u32_at(value)),
            NL80211_ATTR_IFNAME => interface.name = parse::label(text(value)).into_owned(),
            NL80211_ATTR_WIPHY_FREQ => interface.megahertz = u32_at(value),
            _ => {}
        }
    }
    Some((number?, interface))
}

/// The network of a scan result, if it is one that was joined: only those have a status.
fn joined(body: &[u8]) -> Option<Network> {
    let (_, bss) = attributes(body).find(|(kind, _)| *kind == NL80211_ATTR_BSS)?;
    let (mut status, mut bssid, mut ssid) = (None, String::new(), String::new());
    for (kind, value) in attributes(bss) {
        match kind {
            NL80211_BSS_STATUS => status = Some(u32_at(value)),
            NL80211_BSS_BSSID => bssid = parse::hardware_address(value),
            NL80211_BSS_INFORMATION_ELEMENTS => ssid = name(value),
            _ => {}
        }
    }
    Some(Network { bssid, ssid, status: status? })
}

/// The name among the information elements: each is a number, a length and so many bytes. What cannot be shown in a
/// name is replaced.
fn name(mut elements: &[u8]) -> String {
    while let [element, length, rest @ ..] = elements {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        if *element == SSID {
            return parse::label(value).replace(char::is_control, "\u{fffd}");
        }
        elements = rest;
    }
    String::new()
}

fn station(body: &[u8]) -> Option<Station> {
    let (mut station, mut told) = (Station::default(), None);
    for (kind, value) in attributes(body) {
        match kind {
            NL80211_ATTR_MAC => station.address = parse::hardware_address(value),
            NL80211_ATTR_STA_INFO => told = Some(value),
            _ => {}
        }
    }
    for (kind, value) in attributes(told?) {
        let number = || u64::from(u32_at(value));
        match kind {
            NL80211_STA_INFO_CONNECTED_TIME => station.connected_seconds = f64::from(u32_at(value)),
            NL80211_STA_INFO_INACTIVE_TIME => station.inactive_seconds = f64::from(u32_at(value)) / 1e3,
            NL80211_STA_INFO_RX_BITRATE => station.receive_bits_per_second = rate(value),
            NL80211_STA_INFO_TX_BITRATE => station.transmit_bits_per_second = rate(value),
            // The wide ones follow the narrow ones, which wrap around.
            NL80211_STA_INFO_RX_BYTES => station.received_bytes = number(),
            NL80211_STA_INFO_TX_BYTES => station.transmitted_bytes = number(),
            NL80211_STA_INFO_RX_BYTES64 => station.received_bytes = u64_at(value),
            NL80211_STA_INFO_TX_BYTES64 => station.transmitted_bytes = u64_at(value),
            NL80211_STA_INFO_RX_PACKETS => station.received_packets = number(),
            NL80211_STA_INFO_TX_PACKETS => station.transmitted_packets = number(),
            NL80211_STA_INFO_SIGNAL => {
                station.signal_dbm = value.first().map_or(0, |byte| byte.cast_signed())
            }
            NL80211_STA_INFO_TX_RETRIES => station.retries = number(),
            NL80211_STA_INFO_TX_FAILED => station.failed = number(),
            NL80211_STA_INFO_BEACON_LOSS => station.beacon_loss = number(),
            _ => {}
        }
    }
    Some(station)
}

/// Bits per second. The kernel counts in 100,000 of them: in 16 bits, and in 32 where that is not enough.
fn rate(value: &[u8]) -> f64 {
    let (mut narrow, mut wide) = (0, None);
    for (kind, value) in attributes(value) {
        match kind {
            NL80211_RATE_INFO_BITRATE => narrow = u32::from(u16_at(value)),
            NL80211_RATE_INFO_BITRATE32 => wide = Some(u32_at(value)),
            _ => {}
        }
    }
    f64::from(wide.unwrap_or(narrow)) * 1e5
}

#[cfg(test)]
mod tests;

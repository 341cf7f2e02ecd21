//! `wifi`: wireless interfaces, the networks that they have joined, and the stations at their other end.
//!
//! The kernel is asked over nl80211 ([`kernel`]). With `wifi.fixtures` the answers are read from files
//! ([`fixtures`]).

mod fixtures;
mod kernel;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::kernel::Kernel;

static FREQUENCY: Family = Family::gauge(
    "node_wifi_interface_frequency_hertz",
    "The current frequency a WiFi interface is operating at, in hertz.",
);
static INFO: Family = Family::gauge(
    "node_wifi_station_info",
    "Labeled WiFi interface station information as provided by the operating system.",
);

#[rustfmt::skip] // one line each, however long
static CONNECTED: Family = Family::counter("node_wifi_station_connected_seconds_total", "The total number of seconds a station has been connected to an access point.");
static INACTIVE: Family = Family::gauge(
    "node_wifi_station_inactive_seconds",
    "The number of seconds since any wireless activity has occurred on a station.",
);
#[rustfmt::skip]
static RECEIVE_RATE: Family = Family::gauge("node_wifi_station_receive_bits_per_second", "The current WiFi receive bitrate of a station, in bits per second.");
#[rustfmt::skip]
static TRANSMIT_RATE: Family = Family::gauge("node_wifi_station_transmit_bits_per_second", "The current WiFi transmit bitrate of a station, in bits per second.");
#[rustfmt::skip]
static RECEIVED_BYTES: Family = Family::counter("node_wifi_station_receive_bytes_total", "The total number of bytes received by a WiFi station.");
#[rustfmt::skip]
static TRANSMITTED_BYTES: Family = Family::counter("node_wifi_station_transmit_bytes_total", "The total number of bytes transmitted by a WiFi station.");
#[rustfmt::skip]
static SIGNAL: Family = Family::gauge("node_wifi_station_signal_dbm", "The current WiFi signal strength, in decibel-milliwatts (dBm).");
#[rustfmt::skip]
static RETRIES: Family = Family::counter("node_wifi_station_transmit_retries_total", "The total number of times a station has had to retry while sending a packet.");
#[rustfmt::skip]
static FAILED: Family = Family::counter("node_wifi_station_transmit_failed_total", "The total number of times a station has failed to send a packet.");
#[rustfmt::skip]
static BEACON_LOSS: Family = Family::counter("node_wifi_station_beacon_loss_total", "The total number of times a station has detected a beacon loss.");
#[rustfmt::skip]
static TRANSMITTED_PACKETS: Family = Family::counter("node_wifi_station_transmitted_packets_total", "The total number of packets transmitted by a station.");
#[rustfmt::skip]
static RECEIVED_PACKETS: Family = Family::counter("node_wifi_station_received_packets_total", "The total number of packets received by a station.");

/// Settings of the group `wifi`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WifiSettings {
    /// Directory whose JSON files stand for the kernel's answers, to try dashboards and rules without the hardware.
    pub fixtures: FilePath,
}

impl Check for WifiSettings {
    fn check(&self, _: &mut Place<'_>) {}
}

pub(super) struct Wifi {
    source: Source,
}

enum Source {
    Kernel(Kernel),
    Fixtures(FilePath),
}

/// A wireless interface.
#[derive(Debug, Default, PartialEq)]
struct Interface {
    name: String,
    megahertz: u32,
    /// The network that it has joined.
    network: Option<Network>,
    stations: Vec<Station>,
}

#[derive(Debug, PartialEq)]
struct Network {
    /// Hardware address of the access point.
    bssid: String,
    /// What it calls itself: any bytes, by the standard.
    ssid: String,
    /// How the interface is part of it, as nl80211 numbers that.
    status: u32,
}

/// The other end of a radio link: the access point, or each of its clients if the interface is one. What a driver does
/// not tell is 0, as upstream has it.
#[derive(Debug, Default, PartialEq)]
struct Station {
    address: String,
    connected_seconds: f64,
    inactive_seconds: f64,
    receive_bits_per_second: f64,
    transmit_bits_per_second: f64,
    received_bytes: u64,
    transmitted_bytes: u64,
    received_packets: u64,
    transmitted_packets: u64,
    signal_dbm: i8,
    retries: u64,
    failed: u64,
    beacon_loss: u64,
}

impl Wifi {
    pub(super) fn new(settings: &WifiSettings) -> Self {
        let source = match settings.fixtures.as_os_str().is_empty() {
            true => Source::Kernel(Kernel::new()),
            false => Source::Fixtures(settings.fixtures.clone()),
        };
        Self { source }
    }
}

impl Sampler for Wifi {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let interfaces = match &mut self.source {
            Source::Kernel(kernel) => kernel.interfaces()?,
            Source::Fixtures(dir) => fixtures::interfaces(dir)?,
        };
        let mut names = BTreeSet::new();
        for interface in &interfaces {
            // A virtual device has no name.
            if !interface.name.is_empty() && names.insert(&interface.name) {
                interface.write(page);
            }
        }
        Ok(())
    }
}

impl Interface {
    fn write(&self, page: &mut Page) {
        let labels = page.labels(&[("device", &self.name)]);
        page.set(&FREQUENCY, labels, f64::from(self.megahertz) * 1e6);
        if let Some(network) = &self.network {
            let labels = page.full_labels(&[
                ("bssid", &network.bssid),
                ("device", &self.name),
                ("mode", network.mode()),
                ("ssid", &network.ssid),
            ]);
            page.set(&INFO, labels, 1.0);
        }
        let mut addresses = BTreeSet::new();
        for station in &self.stations {
            if addresses.insert(&station.address) {
                station.write(page, &self.name);
            }
        }
    }
}

impl Network {
    /// Of `nl80211_bss_status`: authenticated, associated, joined to an ad-hoc network.
    fn mode(&self) -> &'static str {
        match self.status {
            0 | 1 => "client",
            2 => "ad-hoc",
            _ => "unknown",
        }
    }
}

impl Station {
    fn write(&self, page: &mut Page, device: &str) {
        let labels = page.full_labels(&[("device", device), ("mac_address", &self.address)]);
        page.set(&CONNECTED, labels, self.connected_seconds);
        page.set(&INACTIVE, labels, self.inactive_seconds);
        page.set(&RECEIVE_RATE, labels, self.receive_bits_per_second);
        page.set(&TRANSMIT_RATE, labels, self.transmit_bits_per_second);
        page.set(&RECEIVED_BYTES, labels, self.received_bytes as f64);
        page.set(&TRANSMITTED_BYTES, labels, self.transmitted_bytes as f64);
        page.set(&SIGNAL, labels, f64::from(self.signal_dbm));
        page.set(&RETRIES, labels, self.retries as f64);
        page.set(&FAILED, labels, self.failed as f64);
        page.set(&BEACON_LOSS, labels, self.beacon_loss as f64);
        page.set(&TRANSMITTED_PACKETS, labels, self.transmitted_packets as f64);
        page.set(&RECEIVED_PACKETS, labels, self.received_packets as f64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::super::parse::hardware_address;
    use super::*;
    use vigie_pipeline::plug::NoData;

    #[test]
    fn an_interface_is_told_with_its_network_and_stations_each_once() {
        let station =
            || Station { address: hardware_address(&[0xaa, 1]), signal_dbm: -52, ..Station::default() };
        let network = Network { bssid: hardware_address(&[0, 0x11]), ssid: "a \"b\"".to_owned(), status: 2 };
        let interface = Interface {
            name: "wlan0".to_owned(),
            megahertz: 2412,
            network: Some(network),
            stations: vec![station(), station()],
        };
        let mut page = Page::default();
        interface.write(&mut page);
        let lines = super::super::fixture::lines(&page);
        assert_eq!(lines[0], "node_wifi_interface_frequency_hertz{device=\"wlan0\"} 2412000000");
        let labels = "bssid=\"00:11\",device=\"wlan0\",mode=\"ad-hoc\",ssid=\"a \\\"b\\\"\"";
        assert_eq!(lines[1], format!("node_wifi_station_info{{{labels}}} 1"));
        assert!(lines.contains(
            &"node_wifi_station_signal_dbm{device=\"wlan0\",mac_address=\"aa:01\"} -52".to_owned()
        ));
        assert_eq!(lines.len(), 2 + 12);
    }

    #[test]
    fn the_kernel_answers_or_knows_no_wireless() {
        let host = Fixture::new();
        let (series, result) = host.sample(&mut Wifi::new(&WifiSettings::default()));
        assert!(series.iter().all(|line| line.starts_with("node_wifi_")));
        assert!(result.is_ok() || result.unwrap_err().is::<NoData>());
    }
}

//! Made-up wireless interfaces: `interfaces.json`, and of each `<name>/bss.json` and `<name>/stationinfo.json`.
//!
//! Their form is that of upstream's own: durations are nanoseconds, hardware addresses are in base64.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::super::answers;
use super::super::file::FileError;
use super::super::parse::hardware_address;
use super::{Interface, Network, Station};

#[derive(Deserialize, Default)]
#[serde(default)]
struct InterfaceJson {
    name: String,
    frequency: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct BssJson {
    ssid: String,
    #[serde(deserialize_with = "base64_address")]
    bssid: String,
    status: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StationJson {
    #[serde(deserialize_with = "base64_address")]
    hardwareaddr: String,
    connected: u64,
    inactive: u64,
    receivebitrate: u64,
    transmitbitrate: u64,
    receivedbytes: u64,
    transmittedbytes: u64,
    receivedpackets: u64,
    transmittedpackets: u64,
    signal: i8,
    transmitretries: u64,
    transmitfailed: u64,
    beaconloss: u64,
}

fn base64_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
    Ok(hardware_address(&bytes))
}

/// What the files of a directory say.
pub(super) fn interfaces(dir: &Path) -> Result<Vec<Interface>, FileError> {
    let interfaces: Vec<InterfaceJson> = answers::read(&dir.join("interfaces.json"))?;
    // A name with a slash would lead to files elsewhere; no interface has one.
    let named = interfaces.into_iter().filter(|json| !json.name.is_empty() && !json.name.contains('/'));
    named
        .map(|InterfaceJson { name, frequency }| {
            let dir = dir.join(&name);
            let network = there(&dir.join("bss.json"))?.map(BssJson::network);
            let stations: Option<Vec<StationJson>> = there(&dir.join("stationinfo.json"))?;
            let stations = stations.unwrap_or_default().into_iter().map(StationJson::station).collect();
            Ok(Interface { name, megahertz: frequency, network, stations })
        })
        .collect()
}

/// What a file says that need not be there.
fn there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    match answers::read(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

impl BssJson {
    fn network(self) -> Network {
        Network { bssid: self.bssid, ssid: self.ssid, status: self.status }
    }
}

impl StationJson {
    fn station(self) -> Station {
        Station {
            address: self.hardwareaddr,
            connected_seconds: self.connected as f64 / 1e9,
            inactive_seconds: self.inactive as f64 / 1e9,
            receive_bits_per_second: self.receivebitrate as f64,
            transmit_bits_per_second: self.transmitbitrate as f64,
            received_bytes: self.receivedbytes,
            transmitted_bytes: self.transmittedbytes,
            received_packets: self.receivedpackets,
            transmitted_packets: self.transmittedpackets,
            signal_dbm: self.signal,
            retries: self.transmitretries,
            failed: self.transmitfailed,
            beacon_loss: self.beaconloss,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::Fixture;
    use super::super::{Wifi, WifiSettings};

    fn sampler(host: &Fixture) -> Wifi {
        Wifi::new(&WifiSettings { fixtures: host.path().join("wifi").into() })
    }

    const STATIONS: &str = r#"[{"HardwareAddr": "qrvM3e7/", "inactive": 400000000, "signal": -52}]"#;

    fn host() -> Fixture {
        let interfaces = r#"[{"name": "wlan0", "frequency": 2412}, {"name": "wlan1"}, {"type": 10}]"#;
        Fixture::new()
            .with("wifi/interfaces.json", interfaces)
            .with("wifi/wlan0/bss.json", r#"{"ssid": "Example", "bssid": "ABEiM0RV", "status": 1}"#)
            .with("wifi/wlan0/stationinfo.json", STATIONS)
    }

    #[test]
    fn files_stand_for_the_kernel() {
        let host = host();
        let (series, result) = host.sample(&mut sampler(&host));
        result.unwrap();
        let labels = "bssid=\"00:11:22:33:44:55\",device=\"wlan0\",mode=\"client\",ssid=\"Example\"";
        let station = "device=\"wlan0\",mac_address=\"aa:bb:cc:dd:ee:ff\"";
        for line in [
            "node_wifi_interface_frequency_hertz{device=\"wlan0\"} 2412000000".to_owned(),
            "node_wifi_interface_frequency_hertz{device=\"wlan1\"} 0".to_owned(),
            format!("node_wifi_station_info{{{labels}}} 1"),
            format!("node_wifi_station_inactive_seconds{{{station}}} 0.4"),
            format!("node_wifi_station_receive_bytes_total{{{station}}} 0"),
        ] {
            assert!(series.contains(&line), "{line} of {series:#?}");
        }
        assert_eq!(series.len(), 3 + 12);
    }

    #[test]
    fn a_file_that_is_wrong_is_an_error() {
        let host = host();
        host.write("wifi/wlan0/bss.json", r#"{"bssid": "?"}"#);
        assert!(host.sample(&mut sampler(&host)).1.unwrap_err().to_string().contains("bss.json"));
        std::fs::remove_dir_all(host.path().join("wifi")).unwrap();
        assert!(host.sample(&mut sampler(&host)).1.is_err());
    }

    super::super::super::fixture::survives_any_bytes!("wifi/interfaces.json", "[{\"name\": \"wlan0\", \"frequency\": 2412}]", host => {
        sampler(&host)
    });
}

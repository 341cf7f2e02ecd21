#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn nested(kind: u16, inner: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind, &inner.concat())
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_ne_bytes())
}

const AP: [u8; 6] = [0, 0x11, 0x22, 0x33, 0x44, 0x55];

fn scan_result(status: Option<u32>, elements: &[u8]) -> Vec<u8> {
    let mut inner =
        vec![attribute(NL80211_BSS_BSSID, &AP), attribute(NL80211_BSS_INFORMATION_ELEMENTS, elements)];
    inner.extend(status.map(|status| number(NL80211_BSS_STATUS, status)));
    nested(NL80211_ATTR_BSS, &inner)
}

fn station_message() -> Vec<u8> {
    let rates = [
        attribute(NL80211_RATE_INFO_BITRATE, &u16::MAX.to_ne_bytes()),
        number(NL80211_RATE_INFO_BITRATE32, 86_667),
    ];
    let narrow_only = [attribute(NL80211_RATE_INFO_BITRATE, &540_u16.to_ne_bytes())];
    let info = [
        number(NL80211_STA_INFO_INACTIVE_TIME, 400),
        number(NL80211_STA_INFO_RX_BYTES, 7),
        attribute(NL80211_STA_INFO_RX_BYTES64, &(7_u64 << 32).to_ne_bytes()),
        number(NL80211_STA_INFO_TX_BYTES, 8),
        attribute(NL80211_STA_INFO_SIGNAL, &[(-52_i8).cast_unsigned()]),
        nested(NL80211_STA_INFO_RX_BITRATE, &rates),
        nested(NL80211_STA_INFO_TX_BITRATE, &narrow_only),
        number(NL80211_STA_INFO_RX_PACKETS, 1),
        number(NL80211_STA_INFO_TX_PACKETS, 2),
        number(NL80211_STA_INFO_TX_RETRIES, 3),
        number(NL80211_STA_INFO_TX_FAILED, 4),
        number(NL80211_STA_INFO_CONNECTED_TIME, 30),
        number(NL80211_STA_INFO_BEACON_LOSS, 5),
    ];
    [attribute(NL80211_ATTR_MAC, &AP), nested(NL80211_ATTR_STA_INFO, &info)].concat()
}

#[test]
fn an_interface_has_a_number_or_is_none() {
    let name = attribute(NL80211_ATTR_IFNAME, b"wlan0\0");
    let body =
        [number(NL80211_ATTR_IFINDEX, 3), name.clone(), number(NL80211_ATTR_WIPHY_FREQ, 2412)].concat();
    let expected = Interface { name: "wlan0".to_owned(), megahertz: 2412, ..Interface::default() };
    assert_eq!(interface(&body), Some((3, expected)));
    assert_eq!(interface(&name), None);
}

#[test]
fn only_a_network_that_was_joined_counts() {
    let elements = b"\x01\x02ab\x00\x05Caf\xe9\n";
    let network = joined(&scan_result(Some(1), elements)).unwrap();
    assert_eq!(network.ssid, "Caf\u{fffd}\u{fffd}");
    assert_eq!((network.bssid.as_str(), network.mode()), ("00:11:22:33:44:55", "client"));
    assert_eq!(joined(&scan_result(None, elements)), None);
    assert_eq!(name(b"\x00\x20short"), "");
}

#[test]
fn a_station_is_told_in_base_units() {
    let expected = Station {
        address: "00:11:22:33:44:55".to_owned(),
        connected_seconds: 30.0,
        inactive_seconds: 0.4,
        receive_bits_per_second: 8_666_700_000.0,
        transmit_bits_per_second: 54e6,
        received_bytes: 7 << 32,
        transmitted_bytes: 8,
        received_packets: 1,
        transmitted_packets: 2,
        signal_dbm: -52,
        retries: 3,
        failed: 4,
        beacon_loss: 5,
    };
    assert_eq!(station(&station_message()), Some(expected));
}

#[test]
fn a_device_without_stations_is_no_failure_but_a_refusal_is() {
    let refused =
        |code| or_nothing(Err(NetlinkError::Refused(std::io::Error::from_raw_os_error(code)).into()));
    for code in [libc::ENODEV, libc::ENOENT, libc::EOPNOTSUPP] {
        assert!(refused(code).is_ok(), "{code}");
    }
    assert!(refused(libc::EPERM).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        flip in any::<proptest::sample::Index>(),
        to in any::<u8>(),
    ) {
        for mut body in [bytes.clone(), station_message(), scan_result(Some(0), &bytes)] {
            if !body.is_empty() {
                let at = flip.index(body.len());
                body[at] = to;
            }
            let _ = (interface(&body), joined(&body), station(&body));
            prop_assert!(name(&body).len() <= 3 * 255);
        }
    }
}

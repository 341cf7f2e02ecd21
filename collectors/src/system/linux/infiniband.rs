//! `infiniband`: the InfiniBand and RoCE adapters and their ports.
//!
//! `/sys/class/infiniband/<device>/ports/<port>` (the kernel's ABI/stable/sysfs-class-infiniband): counts in
//! `counters`, in drivers of old in `counters_ext` too; data is counted in words of four octets.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::{Attribute, Attributes};
use super::class::{Class, Texts, text};
use super::file::{SmallFile, names_in};
use super::parse;
use crate::system::config::Roots;

static INFO: Family = Family::gauge(
    "node_infiniband_info",
    "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
);
static STATE: Family = Family::gauge(
    "node_infiniband_state_id",
    "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)",
);
static PHYSICAL_STATE: Family = Family::gauge(
    "node_infiniband_physical_state_id",
    "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)",
);
static RATE: Family = Family::gauge("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate");

const WORD: f64 = 4.0;

#[rustfmt::skip] // one line each, however long
static COUNTERS: [Attribute; 24] = [
    Attribute::scaled("counters_ext/port_rcv_data_64", Family::counter("node_infiniband_legacy_data_received_bytes_total", "Number of data octets received on all links"), WORD),
    Attribute::scaled("counters_ext/port_xmit_data_64", Family::counter("node_infiniband_legacy_data_transmitted_bytes_total", "Number of data octets transmitted on all links"), WORD),
    Attribute::plain("counters_ext/port_multicast_rcv_packets", Family::counter("node_infiniband_legacy_multicast_packets_received_total", "Number of multicast packets received")),
    Attribute::plain("counters_ext/port_multicast_xmit_packets", Family::counter("node_infiniband_legacy_multicast_packets_transmitted_total", "Number of multicast packets transmitted")),
    Attribute::plain("counters_ext/port_rcv_packets_64", Family::counter("node_infiniband_legacy_packets_received_total", "Number of data packets received on all links")),
    Attribute::plain("counters_ext/port_xmit_packets_64", Family::counter("node_infiniband_legacy_packets_transmitted_total", "Number of data packets received on all links")),
    Attribute::plain("counters_ext/port_unicast_rcv_packets", Family::counter("node_infiniband_legacy_unicast_packets_received_total", "Number of unicast packets received")),
    Attribute::plain("counters_ext/port_unicast_xmit_packets", Family::counter("node_infiniband_legacy_unicast_packets_transmitted_total", "Number of unicast packets transmitted")),
    Attribute::plain("counters/link_downed", Family::counter("node_infiniband_link_downed_total", "Number of times the link failed to recover from an error state and went down")),
    Attribute::plain("counters/link_error_recovery", Family::counter("node_infiniband_link_error_recovery_total", "Number of times the link successfully recovered from an error state")),
    Attribute::plain("counters/multicast_rcv_packets", Family::counter("node_infiniband_multicast_packets_received_total", "Number of multicast packets received (including errors)")),
    Attribute::plain("counters/multicast_xmit_packets", Family::counter("node_infiniband_multicast_packets_transmitted_total", "Number of multicast packets transmitted (including errors)")),
    Attribute::plain("counters/port_rcv_constraint_errors", Family::counter("node_infiniband_port_constraint_errors_received_total", "Number of packets received on the switch physical port that are discarded")),
    Attribute::plain("counters/port_xmit_constraint_errors", Family::counter("node_infiniband_port_constraint_errors_transmitted_total", "Number of packets not transmitted from the switch physical port")),
    Attribute::scaled("counters/port_rcv_data", Family::counter("node_infiniband_port_data_received_bytes_total", "Number of data octets received on all links"), WORD),
    Attribute::scaled("counters/port_xmit_data", Family::counter("node_infiniband_port_data_transmitted_bytes_total", "Number of data octets transmitted on all links"), WORD),
    Attribute::plain("counters/port_rcv_discards", Family::counter("node_infiniband_port_discards_received_total", "Number of inbound packets discarded by the port because the port is down or congested")),
    Attribute::plain("counters/port_xmit_discards", Family::counter("node_infiniband_port_discards_transmitted_total", "Number of outbound packets discarded by the port because the port is down or congested")),
    Attribute::plain("counters/port_rcv_errors", Family::counter("node_infiniband_port_errors_received_total", "Number of packets containing an error that were received on this port")),
    Attribute::plain("counters/port_rcv_packets", Family::counter("node_infiniband_port_packets_received_total", "Number of packets received on all VLs by this port (including errors)")),
    Attribute::plain("counters/port_xmit_packets", Family::counter("node_infiniband_port_packets_transmitted_total", "Number of packets transmitted on all VLs from this port (including errors)")),
    Attribute::plain("counters/port_xmit_wait", Family::counter("node_infiniband_port_transmit_wait_total", "Number of ticks during which the port had data to transmit but no data was sent during the entire tick")),
    Attribute::plain("counters/unicast_rcv_packets", Family::counter("node_infiniband_unicast_packets_received_total", "Number of unicast packets received (including errors)")),
    Attribute::plain("counters/unicast_xmit_packets", Family::counter("node_infiniband_unicast_packets_transmitted_total", "Number of unicast packets transmitted (including errors)")),
];

pub(super) struct InfiniBand {
    devices: Class<Device>,
}

struct Device {
    texts: Texts<3>,
    ports: Vec<Port>,
}

struct Port {
    number: String,
    counters: Attributes,
    state: SmallFile,
    physical_state: SmallFile,
    rate: SmallFile,
}

impl InfiniBand {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { devices: Class::new(roots.sysfs.join("class/infiniband")) }
    }
}

impl Device {
    fn new(_: &str, dir: &Path) -> Self {
        let ports = names_in(&dir.join("ports")).unwrap_or_default();
        Self {
            texts: Texts::new(dir, ["board_id", "fw_ver", "hca_type"]),
            ports: ports.iter().map(|number| Port::new(number, &dir.join("ports").join(number))).collect(),
        }
    }
}

impl Port {
    fn new(number: &str, dir: &Path) -> Self {
        Self {
            number: number.to_owned(),
            counters: Attributes::new(dir, &COUNTERS),
            state: SmallFile::new(dir.join("state")),
            physical_state: SmallFile::new(dir.join("phys_state")),
            rate: SmallFile::new(dir.join("rate")),
        }
    }

    fn write(&mut self, page: &mut Page, device: &str, buffer: &mut Vec<u8>) {
        let labels = page.labels(&[("device", device), ("port", &self.number)]);
        for (file, family) in [(&mut self.state, &STATE), (&mut self.physical_state, &PHYSICAL_STATE)] {
            if let Some(state) = text(file, buffer).as_deref().and_then(state) {
                page.set(family, labels, state);
            }
        }
        if let Some(rate) = text(&mut self.rate, buffer).as_deref().and_then(rate) {
            page.set(&RATE, labels, rate);
        }
        self.counters.write(page, labels, buffer);
    }
}

impl Sampler for InfiniBand {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.devices.each(
            |_| true,
            Device::new,
            |name, device, buffer| {
                let [board, firmware, adapter] = device.texts.read_or_empty(buffer);
                let labels = page.full_labels(&[
                    ("board_id", &board),
                    ("device", name),
                    ("firmware_version", &firmware),
                    ("hca_type", &adapter),
                ]);
                page.set(&INFO, labels, 1.0);
                for port in &mut device.ports {
                    port.write(page, name, buffer);
                }
            },
        )
    }
}

/// `4: ACTIVE`
fn state(text: &str) -> Option<f64> {
    parse::number(text.split_once(':')?.0.trim().as_bytes())
}

/// `40 Gb/sec (4X QDR)`, in bytes per second.
fn rate(text: &str) -> Option<f64> {
    let gigabits = text.split_once(" Gb/sec")?.0;
    Some(parse::number(gigabits.trim().as_bytes())? * 1e9 / 8.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_port_has_states_a_rate_and_counts() {
        let port = |file: &str| format!("sys/class/infiniband/mlx4_0/ports/1/{file}");
        let host = Fixture::new()
            .with("sys/class/infiniband/mlx4_0/fw_ver", "2.31\n")
            .with(&port("state"), "4: ACTIVE\n")
            .with(&port("rate"), "2.5 Gb/sec (1X SDR)\n")
            .with(&port("counters/port_rcv_data"), "10\n")
            .with(&port("counters/port_rcv_errors"), "N/A (no PMA)\n");
        let (series, result) = host.sample(&mut InfiniBand::new(host.roots()));
        result.unwrap();
        let labels = "{device=\"mlx4_0\",port=\"1\"}";
        assert_eq!(
            series[1..],
            [
                format!("node_infiniband_state_id{labels} 4"),
                format!("node_infiniband_rate_bytes_per_second{labels} 312500000"),
                format!("node_infiniband_port_data_received_bytes_total{labels} 40"),
            ]
        );
    }

    survives_any_bytes!("sys/class/infiniband/mlx4_0/ports/1/rate", "40 Gb/sec (4X QDR)\n", host => {
        InfiniBand::new(host.roots())
    });
}

//! `ethtool`: what the drivers of the network interfaces say of themselves, their links and their own statistics.
//!
//! Off by default: some drivers have thousands of statistics. The interfaces are those of `/sys/class/net`; each is
//! asked by its name ([`kernel`]), and one whose driver has nothing to say has no series.

mod kernel;
mod modes;
mod names;

use std::sync::Arc;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::kernel::{Asker, Driver, Kernel, Link, Modes};
use self::names::Names;
use super::class::Class;
use crate::system::config::Roots;
use crate::system::filter::{Filter, Patterns, or_default, pair, pattern};

static INFO: Family = Family::gauge(
    "node_ethtool_info",
    "A metric with a constant '1' value labeled by bus_info, device, driver, expansion_rom_version, firmware_version, version.",
);
static SUPPORTED_PORT: Family =
    Family::gauge("node_network_supported_port_info", "Type of ports or PHYs supported by network device");
static AUTONEGOTIATE: Family =
    Family::gauge("node_network_autonegotiate", "If this port is using autonegotiate");

/// The families of a set of link modes.
struct Capabilities {
    speed: Family,
    autonegotiate: Family,
    pause: Family,
    asymmetric_pause: Family,
}

#[rustfmt::skip] // one line each, however long
static SUPPORTED: Capabilities = Capabilities {
    speed: Family::gauge("node_network_supported_speed_bytes", "Combination of speeds and features supported by network device"),
    autonegotiate: Family::gauge("node_network_autonegotiate_supported", "If this port device supports autonegotiate"),
    pause: Family::gauge("node_network_pause_supported", "If this port device supports pause frames"),
    asymmetric_pause: Family::gauge("node_network_asymmetricpause_supported", "If this port device supports asymmetric pause frames"),
};

#[rustfmt::skip] // one line each, however long
static ADVERTISED: Capabilities = Capabilities {
    speed: Family::gauge("node_network_advertised_speed_bytes", "Combination of speeds and features offered by network device"),
    autonegotiate: Family::gauge("node_network_autonegotiate_advertised", "If this port device offers autonegotiate"),
    pause: Family::gauge("node_network_pause_advertised", "If this port device offers pause capability"),
    asymmetric_pause: Family::gauge("node_network_asymmetricpause_advertised", "If this port device offers asymmetric pause capability"),
};

/// A megabit in bytes.
const MEGABIT: f64 = 1e6 / 8.0;

/// Settings of the group `ethtool`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EthtoolSettings {
    /// Interfaces to expose; excludes `device_exclude`.
    pub device_include: String,
    /// Interfaces to leave out.
    pub device_exclude: String,
    /// Statistics to expose, by the driver's name for them with `_` for what no metric's name can have.
    pub metrics_include: String,
}

impl Check for EthtoolSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
        pattern(at, "metrics_include", &self.metrics_include);
    }
}

pub(super) struct Ethtool {
    interfaces: Class<Interface>,
    filter: Filter,
    asker: Asker,
    names: Names,
    numbers: Vec<u64>,
}

/// What is kept of an interface: what its statistics are called changes only with their names.
#[derive(Default)]
struct Interface {
    names: Vec<u8>,
    families: Vec<Option<Arc<Family>>>,
}

/// A driver that failed.
#[derive(Debug, thiserror::Error)]
#[error("ask for the {what} of {interface}: {source}")]
struct EthtoolError {
    what: &'static str,
    interface: String,
    source: std::io::Error,
}

impl Ethtool {
    pub(super) fn new(roots: &Roots, settings: &EthtoolSettings) -> Result<Self, Error> {
        Self::asking(Asker::new(Kernel::default()), roots, settings)
    }

    fn asking(asker: Asker, roots: &Roots, settings: &EthtoolSettings) -> Result<Self, Error> {
        Ok(Self {
            interfaces: Class::new(roots.sysfs.join("class/net")),
            filter: Filter::new(Patterns::new(&settings.device_include, &settings.device_exclude, ""))?,
            asker,
            names: Names::new(Regex::new(or_default(&settings.metrics_include, ".*"))?),
            numbers: Vec::new(),
        })
    }
}

impl Sampler for Ethtool {
    /// All interfaces are asked, whatever is wrong with one; the first that failed is the error.
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let Self { interfaces, filter, asker, names, numbers } = self;
        let mut failed = None;
        interfaces.each(
            // A file beside the interfaces, not one of them.
            |name| name != "bonding_masters" && filter.wants(name),
            |_, _| Interface::default(),
            |name, interface, buffer| {
                let mut told = |what, result: std::io::Result<()>| {
                    let wrong = result.err().filter(|error| !is_nothing(error));
                    let wrong = wrong.map(|source| EthtoolError { what, interface: name.to_owned(), source });
                    failed = failed.take().or(wrong);
                };
                told("link", asker.link(name).map(|link| write_link(page, name, &link)));
                match asker.driver(name) {
                    Ok(driver) => {
                        write_driver(page, name, &driver);
                        let result = asker.statistics(name, &driver, buffer, numbers);
                        told(
                            "statistics",
                            result.map(|()| interface.write(page, name, buffer, numbers, names)),
                        );
                    }
                    Err(error) => told("driver", Err(error)),
                }
            },
        )?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// A driver that does not know such a thing, and an interface that has gone, are no failures.
fn is_nothing(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENODEV))
}

fn write_driver(page: &mut Page, interface: &str, driver: &Driver) {
    let labels = page.full_labels(&[
        ("bus_info", &driver.bus),
        ("device", interface),
        ("driver", &driver.name),
        ("expansion_rom_version", &driver.expansion_rom_version),
        ("firmware_version", &driver.firmware_version),
        ("version", &driver.version),
    ]);
    page.set(&INFO, labels, 1.0);
}

fn write_link(page: &mut Page, interface: &str, link: &Link) {
    for port in link.supported.ports() {
        let labels = page.labels(&[("device", interface), ("type", port)]);
        page.set(&SUPPORTED_PORT, labels, 1.0);
    }
    SUPPORTED.write(page, interface, &link.supported);
    ADVERTISED.write(page, interface, &link.advertised);
    let labels = page.labels(&[("device", interface)]);
    page.set(&AUTONEGOTIATE, labels, f64::from(link.autonegotiates));
}

impl Capabilities {
    fn write(&'static self, page: &mut Page, interface: &str, modes: &Modes) {
        for speed in modes.speeds() {
            let labels =
                page.labels(&[("device", interface), ("duplex", speed.duplex), ("mode", speed.mode)]);
            page.set(&self.speed, labels, f64::from(speed.megabits) * MEGABIT);
        }
        let labels = page.labels(&[("device", interface)]);
        page.set(&self.autonegotiate, labels, f64::from(modes.autonegotiates()));
        page.set(&self.pause, labels, f64::from(modes.pauses()));
        page.set(&self.asymmetric_pause, labels, f64::from(modes.pauses_asymmetrically()));
    }
}

impl Interface {
    fn write(&mut self, page: &mut Page, name: &str, told: &[u8], numbers: &[u64], names: &mut Names) {
        if self.names != told {
            self.families = names.families(told);
            self.names = told.to_vec();
        }
        let labels = page.labels(&[("device", name)]);
        for (family, number) in self.families.iter().zip(numbers) {
            if let Some(family) = family {
                page.set(family, labels, *number as f64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::kernel::fake::Fake;
    use super::*;

    fn host() -> Fixture {
        Fixture::new()
            .with("sys/class/net/bonding_masters", "")
            .with("sys/class/net/eth0/mtu", "1500\n")
            .with("sys/class/net/lo/mtu", "65536\n")
    }

    fn sampler(host: &Fixture, settings: &EthtoolSettings) -> Ethtool {
        let fake = Fake {
            modes: [vec![0b10_1110_1010, 1 << 15, 0, 0], vec![0b100_0000, 0, 0, 0]],
            statistics: vec![("rx_packets", 1_260_062), ("port.rx_dropped", 12_028)],
            ..Fake::default()
        };
        Ethtool::asking(Asker::new(fake), host.roots(), settings).unwrap()
    }

    #[test]
    fn a_driver_its_link_and_its_statistics_are_told() {
        let host = host();
        let mut sampler = sampler(&host, &EthtoolSettings::default());
        let (series, result) = host.sample(&mut sampler);
        result.unwrap();
        let info = "bus_info=\"0000:00:1f.6\",device=\"eth0\",driver=\"e1000e\",expansion_rom_version=\"\",\
            firmware_version=\"0.5-4\",version=\"5.11\"";
        let speed = |duplex, mode| format!("{{device=\"eth0\",duplex=\"{duplex}\",mode=\"{mode}\"}}");
        for line in [
            format!("node_ethtool_info{{{info}}} 1"),
            "node_network_supported_port_info{device=\"eth0\",type=\"MII\"} 1".to_owned(),
            format!("node_network_supported_speed_bytes{} 125000000", speed("full", "1000baseT")),
            format!("node_network_supported_speed_bytes{} 312500000", speed("full", "2500baseT")),
            "node_network_autonegotiate_supported{device=\"eth0\"} 1".to_owned(),
            "node_network_autonegotiate_advertised{device=\"eth0\"} 1".to_owned(),
            "node_network_pause_advertised{device=\"eth0\"} 0".to_owned(),
            "node_network_autonegotiate{device=\"eth0\"} 1".to_owned(),
            "node_ethtool_received_packets_total{device=\"eth0\"} 1260062".to_owned(),
            "node_ethtool_port_received_dropped{device=\"eth0\"} 12028".to_owned(),
        ] {
            assert!(series.contains(&line), "{line} of {series:#?}");
        }
        assert!(!series.iter().any(|line| line.contains("advertised_speed") || line.contains("\"lo\"")));
        assert_eq!(host.sample(&mut sampler).0, series);
    }

    #[test]
    fn interfaces_and_statistics_can_be_left_out() {
        let host = host();
        let some = EthtoolSettings { metrics_include: "^rx_".into(), ..EthtoolSettings::default() };
        let (series, _) = host.sample(&mut sampler(&host, &some));
        let told = |name: &str| series.iter().any(|line| line.contains(name));
        assert!(told("received_packets_total") && !told("port_received_dropped"));
        let none = EthtoolSettings { device_exclude: "^eth".into(), ..EthtoolSettings::default() };
        assert_eq!(host.sample(&mut sampler(&host, &none)).0, <[String; 0]>::default());
    }

    #[test]
    fn a_driver_that_fails_is_an_error_that_keeps_the_others() {
        let host = host().with("sys/class/net/broken/mtu", "1500\n");
        let (series, result) = host.sample(&mut sampler(&host, &EthtoolSettings::default()));
        assert!(series.iter().any(|line| line.starts_with("node_ethtool_received_packets_total")));
        assert!(result.unwrap_err().to_string().starts_with("ask for the link of broken: "));
    }
}

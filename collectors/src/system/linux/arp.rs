//! `arp`: neighbours that each interface knows.
//!
//! The kernel is asked through netlink ([`neighbours`]); with `arp.netlink: false` the table is read from `/proc/net/arp`
//! (arp(7)): a line for each entry, the last word is the interface.

mod neighbours;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::neighbours::Neighbours;
use super::file::{FileError, KeptFile};
use super::netlink::{Netlink, Subject};
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::{Filter, Patterns, pair};

static ENTRIES: Family = Family::gauge("node_arp_entries", "ARP entries by device");

/// Settings of the group `arp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArpSettings {
    /// Interfaces to expose; excludes `device_exclude`.
    pub device_include: String,
    /// Interfaces to leave out.
    pub device_exclude: String,
    /// Ask the kernel through netlink instead of reading `/proc/net/arp`.
    pub netlink: bool,
}

impl Default for ArpSettings {
    fn default() -> Self {
        Self { device_include: String::new(), device_exclude: String::new(), netlink: true }
    }
}

impl Check for ArpSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

pub(super) struct Arp {
    source: Source,
    filter: Filter,
}

/// Where the entries are told.
enum Source {
    Netlink(Netlink, Neighbours),
    File(KeptFile, Counts),
}

/// Interfaces, and how many entries each has.
type Counts = Vec<(Box<[u8]>, u64)>;

impl Arp {
    pub(super) fn new(roots: &Roots, settings: &ArpSettings) -> Result<Self, Error> {
        let filter = Filter::new(Patterns::new(&settings.device_include, &settings.device_exclude, ""))?;
        let source = match settings.netlink {
            true => Source::Netlink(Netlink::new(Subject::Route), Neighbours::default()),
            false => Source::File(KeptFile::new(roots.procfs.join("net/arp")), Counts::default()),
        };
        Ok(Self { source, filter })
    }
}

impl Sampler for Arp {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut write = |device: &[u8], entries: u64| {
            let device = parse::label(device);
            if self.filter.wants(&device) {
                let labels = page.labels(&[("device", &device)]);
                page.set(&ENTRIES, labels, entries as f64);
            }
        };
        match &mut self.source {
            Source::Netlink(netlink, neighbours) => neighbours.ask(netlink, write)?,
            Source::File(file, counts) => {
                count(file.read().map_err(FileError::or_no_data)?, counts);
                for (device, entries) in counts.iter().filter(|(_, entries)| *entries > 0) {
                    write(device, *entries);
                }
            }
        }
        Ok(())
    }
}

/// Counts the entries of each interface; the table has a line of names first.
fn count(text: &[u8], counts: &mut Counts) {
    counts.retain_mut(|(_, entries)| std::mem::take(entries) > 0);
    for line in parse::lines(text).skip(1) {
        let Some(device) = parse::words(line).nth(5) else { continue };
        match counts.iter_mut().find(|(known, _)| **known == *device) {
            Some((_, entries)) => *entries += 1,
            None => counts.push((device.into(), 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "IP address       HW type     Flags       HW address            Mask     Device\n\
                        10.0.0.1         0x1         0x2         cc:aa:dd:ee:aa:bb     *        eth0\n\
                        10.0.0.2         0x1         0x2         cc:aa:dd:ee:aa:bc     *        eth0\n\
                        10.1.0.2         0x1         0x2         cc:aa:dd:ee:aa:bd     *        eth1\n";

    fn from_file(device_exclude: &str) -> ArpSettings {
        ArpSettings { device_exclude: device_exclude.into(), netlink: false, ..ArpSettings::default() }
    }

    #[test]
    fn entries_are_counted_by_interface() {
        let host = Fixture::new().with("proc/net/arp", TEXT);
        let mut arp = Arp::new(host.roots(), &from_file("")).unwrap();
        for _ in 0..2 {
            let (series, result) = host.sample(&mut arp);
            result.unwrap();
            assert_eq!(
                series,
                ["node_arp_entries{device=\"eth0\"} 2", "node_arp_entries{device=\"eth1\"} 1"]
            );
        }
        host.write("proc/net/arp", "IP address\n");
        assert!(host.sample(&mut arp).0.is_empty());
        host.write("proc/net/arp", TEXT);
        let (series, _) = host.sample(&mut Arp::new(host.roots(), &from_file("0$")).unwrap());
        assert_eq!(series, ["node_arp_entries{device=\"eth1\"} 1"]);
    }

    #[test]
    fn the_kernel_is_asked_and_has_as_many_as_its_file() {
        let host = Fixture::new();
        let roots = Roots { procfs: "/proc".into(), ..host.roots().clone() };
        let sorted = |settings: &ArpSettings| {
            let (mut series, result) = host.sample(&mut Arp::new(&roots, settings).unwrap());
            result.unwrap();
            series.sort();
            series
        };
        let agrees = || sorted(&ArpSettings::default()) == sorted(&from_file(""));
        // Neighbours come and go between the two readings.
        assert!((0..5).any(|_| agrees()));
    }

    survives_any_bytes!("proc/net/arp", TEXT, host => Arp::new(host.roots(), &from_file("")).unwrap());
}

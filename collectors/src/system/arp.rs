//! `arp`: neighbours that each interface knows.
//!
//! `/proc/net/arp` (arp(7)): a line for each entry, the last word is the interface.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::config::Roots;
use super::file::{FileError, KeptFile};
use super::filter::{Filter, Patterns, pair};
use super::parse;

static ENTRIES: Family = Family::gauge("node_arp_entries", "ARP entries by device");

/// Settings of the group `arp`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArpSettings {
    /// Interfaces to expose; excludes `device_exclude`.
    pub device_include: String,
    /// Interfaces to leave out.
    pub device_exclude: String,
}

impl Check for ArpSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

pub(super) struct Arp {
    file: KeptFile,
    filter: Filter,
    counts: Vec<(Box<[u8]>, u64)>,
}

impl Arp {
    pub(super) fn new(roots: &Roots, settings: &ArpSettings) -> Result<Self, Error> {
        let filter = Filter::new(Patterns::new(&settings.device_include, &settings.device_exclude, ""))?;
        Ok(Self { file: KeptFile::new(roots.procfs.join("net/arp")), filter, counts: Vec::new() })
    }
}

impl Sampler for Arp {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let text = self.file.read().map_err(FileError::or_no_data)?;
        count(text, &mut self.counts);
        for (device, entries) in self.counts.iter().filter(|(_, entries)| *entries > 0) {
            let device = parse::label(device);
            if self.filter.wants(&device) {
                let labels = page.labels(&[("device", &device)]);
                page.set(&ENTRIES, labels, *entries as f64);
            }
        }
        Ok(())
    }
}

/// Counts the entries of each interface; the table has a line of names first.
fn count(text: &[u8], counts: &mut Vec<(Box<[u8]>, u64)>) {
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

    #[test]
    fn entries_are_counted_by_interface() {
        let host = Fixture::new().with("proc/net/arp", TEXT);
        let mut arp = Arp::new(host.roots(), &ArpSettings::default()).unwrap();
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
        let settings = ArpSettings { device_exclude: "0$".into(), ..Default::default() };
        host.write("proc/net/arp", TEXT);
        let (series, _) = host.sample(&mut Arp::new(host.roots(), &settings).unwrap());
        assert_eq!(series, ["node_arp_entries{device=\"eth1\"} 1"]);
    }

    survives_any_bytes!("proc/net/arp", TEXT, host => Arp::new(host.roots(), &ArpSettings::default()).unwrap());
}

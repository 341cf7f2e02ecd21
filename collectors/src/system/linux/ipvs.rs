//! `ipvs`: the kernel's load balancer.
//!
//! `/proc/net/ip_vs_stats` has the totals in hexadecimal on its third line; `/proc/net/ip_vs` a line for each virtual
//! service and below it one for each real server, `  -> C0A85216:0CEA Tunnel 100 248 2` ([`table`]).

mod table;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use self::table::backends;
use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static TOTALS: [Family; 5] = [
    Family::counter("node_ipvs_connections_total", "The total number of connections made."),
    Family::counter("node_ipvs_incoming_packets_total", "The total number of incoming packets."),
    Family::counter("node_ipvs_outgoing_packets_total", "The total number of outgoing packets."),
    Family::counter("node_ipvs_incoming_bytes_total", "The total amount of incoming data."),
    Family::counter("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."),
];

#[rustfmt::skip] // one line each, however long
static BACKENDS: [Family; 3] = [
    Family::gauge("node_ipvs_backend_weight", "The current backend weight by local and remote address."),
    Family::gauge("node_ipvs_backend_connections_active", "The current active connections by local and remote address."),
    Family::gauge("node_ipvs_backend_connections_inactive", "The current inactive connections by local and remote address."),
];

/// The labels that there are, in the order of their names.
const LABELS: [&str; 6] =
    ["local_address", "local_mark", "local_port", "proto", "remote_address", "remote_port"];

/// Settings of the group `ipvs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IpvsSettings {
    /// Labels of the real servers' series, with commas between them; what has the same labels is summed up.
    pub backend_labels: String,
}

impl Default for IpvsSettings {
    fn default() -> Self {
        Self { backend_labels: LABELS.join(",") }
    }
}

impl IpvsSettings {
    fn labels(&self) -> impl Iterator<Item = &str> {
        self.backend_labels.split(',').map(str::trim).filter(|label| !label.is_empty())
    }
}

impl Check for IpvsSettings {
    fn check(&self, at: &mut Place<'_>) {
        for label in self.labels().filter(|label| !LABELS.contains(label)) {
            at.key("backend_labels")
                .wrong(format_args!("no label `{label}`; there are {}", LABELS.join(", ")));
        }
    }
}

pub(super) struct Ipvs {
    totals: KeptFile,
    table: KeptFile,
    /// Which of the labels are wanted.
    wanted: [bool; LABELS.len()],
}

impl Ipvs {
    pub(super) fn new(roots: &Roots, settings: &IpvsSettings) -> Self {
        Self {
            totals: KeptFile::new(roots.procfs.join("net/ip_vs_stats")),
            table: KeptFile::new(roots.procfs.join("net/ip_vs")),
            wanted: LABELS.map(|label| settings.labels().any(|wanted| wanted == label)),
        }
    }
}

impl Sampler for Ipvs {
    /// A kernel without IPVS has none of the files.
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let totals = totals(self.totals.read().map_err(FileError::or_no_data)?);
        let totals = totals.ok_or_else(|| self.totals.malformed("not five numbers on the third line"))?;
        for (family, total) in TOTALS.iter().zip(totals) {
            page.set(family, Labels::NONE, total as f64);
        }
        let mut understood = true;
        let mut sums: BTreeMap<[String; LABELS.len()], [u64; BACKENDS.len()]> = BTreeMap::new();
        for backend in backends(self.table.read().map_err(FileError::or_no_data)?) {
            let Some(mut backend) = backend else {
                understood = false;
                continue;
            };
            for (label, _) in backend.labels.iter_mut().zip(&self.wanted).filter(|(_, wanted)| !**wanted) {
                label.clear();
            }
            let sums = sums.entry(backend.labels).or_default();
            for (sum, number) in sums.iter_mut().zip(backend.numbers) {
                *sum = sum.saturating_add(number);
            }
        }
        for (values, numbers) in &sums {
            let labels = LABELS.iter().zip(values).zip(&self.wanted).filter(|(_, wanted)| **wanted);
            let labels: Vec<_> = labels.map(|((label, value), _)| (*label, value.as_str())).collect();
            let labels = page.full_labels(&labels);
            for (family, number) in BACKENDS.iter().zip(numbers) {
                page.set(family, labels, *number as f64);
            }
        }
        if understood { Ok(()) } else { Err(self.table.malformed("a server without its numbers").into()) }
    }
}

fn totals(text: &[u8]) -> Option<[u64; TOTALS.len()]> {
    let mut words = parse::words(parse::lines(text).nth(2)?).map(parse::hex);
    let mut next = || words.next().flatten();
    Some([next()?, next()?, next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const STATS: &str = "   Total Incoming Outgoing         Incoming         Outgoing\n\
                         \x20  Conns  Packets  Packets            Bytes            Bytes\n\
                         \x20     1A E33656E5        0     51D8C8883AB3                0\n";
    const TABLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n\
                         \x20 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
                         TCP  C0A80016:0CEA wlc  \n  -> C0A85216:0CEA      Tunnel  100    248        2\n\
                         \x20 -> C0A85217:0CEA      Tunnel  100    1        1\n\
                         FWM  10001000 wlc\n  -> C0A8321A:0CEA      Route   20     64         1\n";

    fn host() -> Fixture {
        Fixture::new().with("proc/net/ip_vs_stats", STATS).with("proc/net/ip_vs", TABLE)
    }

    #[test]
    fn totals_and_servers_are_told() {
        let host = host();
        let (series, result) = host.sample(&mut Ipvs::new(host.roots(), &IpvsSettings::default()));
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}: {series:#?}");
        has("node_ipvs_connections_total 26");
        has(
            "node_ipvs_backend_connections_active{local_address=\"192.168.0.22\",local_mark=\"\",local_port=\"3306\",\
             proto=\"TCP\",remote_address=\"192.168.82.22\",remote_port=\"3306\"} 248",
        );
        has(
            "node_ipvs_backend_weight{local_address=\"\",local_mark=\"10001000\",local_port=\"0\",proto=\"FWM\",\
             remote_address=\"192.168.50.26\",remote_port=\"3306\"} 20",
        );
    }

    #[test]
    fn servers_with_the_same_labels_are_summed_up() {
        let host = host();
        let settings = IpvsSettings { backend_labels: "proto, local_port".into() };
        let (series, _) = host.sample(&mut Ipvs::new(host.roots(), &settings));
        let sum = "node_ipvs_backend_connections_active{local_port=\"3306\",proto=\"TCP\"} 249".to_owned();
        assert!(series.contains(&sum), "{series:#?}");
    }

    survives_any_bytes!("proc/net/ip_vs", TABLE, host => {
        host.write("proc/net/ip_vs_stats", STATS);
        Ipvs::new(host.roots(), &IpvsSettings::default())
    });
}

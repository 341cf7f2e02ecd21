//! What the statistics of drivers are called as metrics: each driver has names of its own.
//!
//! What no metric's name can have becomes `_`, letters become small, `rx` and `tx` are written out. Where two names of
//! an interface come out the same neither is told, as nobody could tell them apart.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use regex::Regex;
use vigie_pipeline::metric::{Family, Kind};

use super::super::netlink::text;
use super::super::parse;
use super::kernel::ETH_GSTRING_LEN;

/// Those that many drivers have.
const KNOWN: [(&str, &str, &str); 7] = [
    ("rx_bytes", "received_bytes_total", "Network interface bytes received"),
    ("rx_dropped", "received_dropped_total", "Number of received frames dropped"),
    ("rx_errors", "received_errors_total", "Number of received frames with errors"),
    ("rx_packets", "received_packets_total", "Network interface packets received"),
    ("tx_bytes", "transmitted_bytes_total", "Network interface bytes sent"),
    ("tx_errors", "transmitted_errors_total", "Number of sent frames with errors"),
    ("tx_packets", "transmitted_packets_total", "Network interface packets sent"),
];

/// More than the drivers of one machine have: bounds what is remembered.
const MOST: usize = 100_000;

/// A pattern of this file.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern that the tests compile")
}

static FOREIGN: LazyLock<Regex> = LazyLock::new(|| pattern("_*[^0-9A-Za-z_]+_*"));
static RECEIVED: LazyLock<Regex> = LazyLock::new(|| pattern("(^|_)rx(_|$)"));
static TRANSMITTED: LazyLock<Regex> = LazyLock::new(|| pattern("(^|_)tx(_|$)"));

/// The families that were met, on any interface: the same name is the same family.
pub(super) struct Names {
    wanted: Regex,
    families: HashMap<String, Arc<Family>>,
}

impl Names {
    pub(super) fn new(wanted: Regex) -> Self {
        Self { wanted, families: HashMap::new() }
    }

    /// The families of the statistics of one interface, in the order of their names, which have [`ETH_GSTRING_LEN`]
    /// bytes each; `None` for those that are not told.
    pub(super) fn families(&mut self, names: &[u8]) -> Vec<Option<Arc<Family>>> {
        let names = names.chunks_exact(ETH_GSTRING_LEN).map(|name| {
            let plain = FOREIGN.replace_all(&parse::label(text(name)), "_").into_owned();
            self.wanted
                .is_match(&plain)
                .then(|| (written_out(&plain), plain))
                .filter(|(name, _)| !name.is_empty())
        });
        let names: Vec<_> = names.collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (name, _) in names.iter().flatten() {
            *counts.entry(name).or_default() += 1;
        }
        let mut told = HashSet::new();
        let mut family = |name: &str, plain: &str| {
            let family = (counts[name] == 1).then(|| self.family(name, plain))??;
            // One may be called as a known one is.
            told.insert(family.name.to_string()).then_some(family)
        };
        names.iter().map(|name| name.as_ref().and_then(|(name, plain)| family(name, plain))).collect()
    }

    fn family(&mut self, name: &str, plain: &str) -> Option<Arc<Family>> {
        let known = KNOWN.iter().find(|(known, ..)| *known == plain);
        let (name, help) = match known {
            Some((_, name, help)) => (*name, (*help).to_owned()),
            None => (name, format!("Network interface {plain}")),
        };
        if !self.families.contains_key(name) {
            if self.families.len() == MOST {
                return None;
            }
            let family = Family::met(format!("node_ethtool_{name}"), Kind::Untyped, help);
            self.families.insert(name.to_owned(), Arc::new(family));
        }
        self.families.get(name).cloned()
    }
}

fn written_out(plain: &str) -> String {
    let lower = plain.to_ascii_lowercase();
    let received = RECEIVED.replace_all(lower.trim_start_matches('_'), "${1}received${2}");
    TRANSMITTED.replace_all(&received, "${1}transmitted${2}").into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn padded(names: &[&str]) -> Vec<u8> {
        let padded = |name: &&str| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(ETH_GSTRING_LEN, 0);
            bytes
        };
        names.iter().flat_map(padded).collect()
    }

    fn families(wanted: &str, names: &[&str]) -> Vec<Option<Arc<Family>>> {
        Names::new(pattern(wanted)).families(&padded(names))
    }

    fn named(family: &Option<Arc<Family>>) -> Option<&str> {
        family.as_ref()?.name.strip_prefix("node_ethtool_")
    }

    #[test]
    fn names_are_written_out() {
        for (name, expected) in [
            ("rx_errors", "received_errors_total"),
            ("rx_missed", "received_missed"),
            ("port.rx_dropped", "port_received_dropped"),
            ("Queue[0] AllocFails", "queue_0_allocfails"),
            ("Tx LPI entry count", "transmitted_lpi_entry_count"),
            ("[3]: tx_bytes", "3_transmitted_bytes"),
            ("     err", "err"),
            ("q0_rx", "q0_received"),
            ("rxq", "rxq"),
        ] {
            assert_eq!(named(&families(".*", &[name])[0]), Some(expected));
        }
        assert_eq!(families(".*", &["rx_missed"])[0].as_ref().unwrap().help, "Network interface rx_missed");
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_told() {
        let names = ["duplicate metric", "duplicate_metric", "rx_bytes", "received_bytes_total", "", "ok"];
        let found = families(".*", &names);
        let found: Vec<_> = found.iter().map(named).collect();
        assert_eq!(found, [None, None, Some("received_bytes_total"), None, None, Some("ok")]);
    }

    #[test]
    fn only_what_is_wanted_is_told_and_a_name_keeps_its_family() {
        let mut names = Names::new(pattern("^rx_"));
        let first = names.families(&padded(&["rx_missed", "tx_lost"]));
        assert!(first[0].is_some() && first[1].is_none());
        let again = names.families(&padded(&["rx_missed"]));
        assert!(Arc::ptr_eq(first[0].as_ref().unwrap(), again[0].as_ref().unwrap()));
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_that_metrics_can_have(
            names in proptest::collection::vec(any::<u8>(), 0..4 * ETH_GSTRING_LEN),
        ) {
            for family in Names::new(pattern(".*")).families(&names).into_iter().flatten() {
                prop_assert!(family.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
                prop_assert!(family.name.len() > "node_ethtool_".len());
            }
        }
    }
}

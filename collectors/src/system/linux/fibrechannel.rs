//! `fibrechannel`: the Fibre Channel host adapters.
//!
//! `/sys/class/fc_host/<host>`: words about the port, and counts in hexadecimal in `statistics`, where all ones
//! stand for a count that the adapter does not have.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::class::{Class, Texts};
use super::file::SmallFile;
use super::parse;
use crate::system::config::Roots;

static INFO: Family = Family::gauge(
    "node_fibrechannel_info",
    "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
);

#[rustfmt::skip] // one line each, however long
static COUNTS: [(&str, Family); 14] = [
    ("dumped_frames", Family::counter("node_fibrechannel_dumped_frames_total", "Number of dumped frames")),
    ("error_frames", Family::counter("node_fibrechannel_error_frames_total", "Number of errors in frames")),
    ("fcp_packet_aborts", Family::counter("node_fibrechannel_fcp_packet_aborts_total", "Number of aborted packets")),
    ("invalid_crc_count", Family::counter("node_fibrechannel_invalid_crc_total", "Invalid Cyclic Redundancy Check count")),
    ("invalid_tx_word_count", Family::counter("node_fibrechannel_invalid_tx_words_total", "Number of invalid words transmitted by host port")),
    ("link_failure_count", Family::counter("node_fibrechannel_link_failure_total", "Number of times the host port link has failed")),
    ("loss_of_signal_count", Family::counter("node_fibrechannel_loss_of_signal_total", "Number of times signal has been lost")),
    ("loss_of_sync_count", Family::counter("node_fibrechannel_loss_of_sync_total", "Number of failures on either bit or transmission word boundaries")),
    ("nos_count", Family::counter("node_fibrechannel_nos_total", "Number Not_Operational Primitive Sequence received by host port")),
    ("rx_frames", Family::counter("node_fibrechannel_rx_frames_total", "Number of frames received")),
    ("rx_words", Family::counter("node_fibrechannel_rx_words_total", "Number of words received by host port")),
    ("seconds_since_last_reset", Family::counter("node_fibrechannel_seconds_since_last_reset_total", "Number of seconds since last host port reset")),
    ("tx_frames", Family::counter("node_fibrechannel_tx_frames_total", "Number of frames transmitted by host port")),
    ("tx_words", Family::counter("node_fibrechannel_tx_words_total", "Number of words transmitted by host port")),
];

/// The files that are labels of their own name.
const TEXTS: [&str; 10] = [
    "dev_loss_tmo",
    "fabric_name",
    "port_id",
    "port_name",
    "port_state",
    "port_type",
    "speed",
    "supported_classes",
    "supported_speeds",
    "symbolic_name",
];

/// Those that hold a number after `0x`, of which upstream leaves out the `0x`.
const HEX: [&str; 3] = ["fabric_name", "port_id", "port_name"];

pub(super) struct FibreChannel {
    hosts: Class<Host>,
}

struct Host {
    texts: Texts<{ TEXTS.len() }>,
    counts: Vec<SmallFile>,
}

impl FibreChannel {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { hosts: Class::new(roots.sysfs.join("class/fc_host")) }
    }
}

impl Host {
    fn new(_: &str, dir: &Path) -> Self {
        let counts = COUNTS.iter().map(|(file, _)| SmallFile::new(dir.join("statistics").join(file)));
        Self { texts: Texts::new(dir, TEXTS), counts: counts.collect() }
    }
}

impl Sampler for FibreChannel {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.hosts.each(
            |_| true,
            Host::new,
            |name, host, buffer| {
                let texts = host.texts.read_or_empty(buffer);
                let mut labels = vec![("fc_host", name)];
                labels.extend(TEXTS.iter().zip(&texts).map(|(label, text)| {
                    let number = HEX.contains(label).then(|| text.strip_prefix("0x")).flatten();
                    (*label, number.unwrap_or(text))
                }));
                let labels = page.full_labels(&labels);
                page.set(&INFO, labels, 1.0);
                let labels = page.labels(&[("fc_host", name)]);
                for ((_, family), file) in COUNTS.iter().zip(&mut host.counts) {
                    let count = file.read(buffer).ok().and_then(|text| parse::hex(text.trim_ascii()));
                    if let Some(count) = count.filter(|count| *count != u64::MAX) {
                        page.set(family, labels, count as f64);
                    }
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn counts_are_hexadecimal_and_all_ones_are_none() {
        let dir = "sys/class/fc_host/host0";
        let host = Fixture::new()
            .with(&format!("{dir}/port_id"), "0x000002\n")
            .with(&format!("{dir}/statistics/tx_words"), "0x10\n")
            .with(&format!("{dir}/statistics/dumped_frames"), "0xffffffffffffffff\n");
        let (series, result) = host.sample(&mut FibreChannel::new(host.roots()));
        result.unwrap();
        assert!(series[0].contains("port_id=\"000002\""), "{series:?}");
        assert_eq!(series[1..], ["node_fibrechannel_tx_words_total{fc_host=\"host0\"} 16"]);
    }

    survives_any_bytes!("sys/class/fc_host/host0/statistics/tx_words", "0x10\n", host => {
        FibreChannel::new(host.roots())
    });
}

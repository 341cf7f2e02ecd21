//! `drbd`: disks that are mirrored over the network, as DRBD 8 tells it.
//!
//! `/proc/drbd`: ` 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate` begins a device, on the next line its
//! counts follow as `ns:17324442 nr:10961011 …`.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;

static CONNECTED: Family = Family::gauge("node_drbd_connected", "Whether DRBD is connected to the peer.");
static ROLE: Family =
    Family::gauge("node_drbd_node_role_is_primary", "Whether the role of the node is in the primary state.");
static DISK: Family =
    Family::gauge("node_drbd_disk_state_is_up_to_date", "Whether the disk of the node is up to date.");

const KIBIBYTES: f64 = 1024.0;

/// The counts, and what one of their units is in the unit of the metric.
#[rustfmt::skip] // one line each, however long
static COUNTS: [(&[u8], Family, f64); 12] = [
    (b"ns", Family::counter("node_drbd_network_sent_bytes_total", "Total number of bytes sent via the network."), KIBIBYTES),
    // Upstream leaves the kibibytes as they are here.
    (b"nr", Family::counter("node_drbd_network_received_bytes_total", "Total number of bytes received via the network."), 1.0),
    (b"dw", Family::counter("node_drbd_disk_written_bytes_total", "Net data written on local hard disk; in bytes."), KIBIBYTES),
    (b"dr", Family::counter("node_drbd_disk_read_bytes_total", "Net data read from local hard disk; in bytes."), KIBIBYTES),
    (b"al", Family::counter("node_drbd_activitylog_writes_total", "Number of updates of the activity log area of the meta data."), 1.0),
    (b"bm", Family::counter("node_drbd_bitmap_writes_total", "Number of updates of the bitmap area of the meta data."), 1.0),
    (b"lo", Family::gauge("node_drbd_local_pending", "Number of open requests to the local I/O sub-system."), 1.0),
    (b"pe", Family::gauge("node_drbd_remote_pending", "Number of requests sent to the peer, but that have not yet been answered by the latter."), 1.0),
    (b"ua", Family::gauge("node_drbd_remote_unacknowledged", "Number of requests received by the peer via the network connection, but that have not yet been answered."), 1.0),
    (b"ap", Family::gauge("node_drbd_application_pending", "Number of block I/O requests forwarded to DRBD, but not yet answered by DRBD."), 1.0),
    (b"ep", Family::gauge("node_drbd_epochs", "Number of Epochs currently on the fly."), 1.0),
    (b"oos", Family::gauge("node_drbd_out_of_sync_bytes", "Amount of data known to be out of sync; in bytes."), KIBIBYTES),
];

pub(super) struct Drbd {
    file: KeptFile,
}

impl Drbd {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("drbd")) }
    }
}

impl Sampler for Drbd {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut device = None;
        for word in parse::words(self.file.read().map_err(FileError::or_no_data)?) {
            let Some(colon) = memchr::memchr(b':', word) else { continue };
            let (key, value) = (&word[..colon], &word[colon + 1..]);
            if value.is_empty() {
                device = parse::whole(key).map(|number| format!("drbd{number}"));
            } else if let Some(device) = &device {
                write(page, device, key, value);
            }
        }
        Ok(())
    }
}

fn write(page: &mut Page, device: &str, key: &[u8], value: &[u8]) {
    let labels = page.labels(&[("device", device)]);
    if let Some((_, family, unit)) = COUNTS.iter().find(|(known, ..)| *known == key) {
        if let Some(count) = parse::whole(value) {
            page.set(family, labels, count as f64 * unit);
        }
        return;
    }
    match key {
        b"cs" => page.set(&CONNECTED, labels, f64::from(value == b"Connected")),
        b"ro" => write_both(page, labels, &ROLE, value, b"Primary"),
        b"ds" => write_both(page, labels, &DISK, value, b"UpToDate"),
        _ => {}
    }
}

/// `Primary/Secondary`: this node and the other one.
fn write_both(page: &mut Page, device: Labels, family: &'static Family, states: &[u8], good: &[u8]) {
    for (node, state) in ["local", "remote"].into_iter().zip(states.split(|byte| *byte == b'/')) {
        let labels = page.labels_after(device, &[("node", node)]);
        page.set(family, labels, f64::from(state == good));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "version: 8.4.3 (api:1/proto:86-101)\nsrcversion: 1A9F\n\n\
                        \x201: cs:Connected ro:Primary/Secondary ds:UpToDate/Diskless C r-----\n\
                        \x20   ns:2 nr:3 dw:4 dr:5 al:6 bm:7 lo:8 pe:9 ua:10 ap:11 ep:1 wo:d oos:12\n";

    #[test]
    fn both_ends_of_a_mirror_are_told() {
        let host = Fixture::new().with("proc/drbd", TEXT);
        let (series, result) = host.sample(&mut Drbd::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series[..6],
            [
                "node_drbd_connected{device=\"drbd1\"} 1",
                "node_drbd_node_role_is_primary{device=\"drbd1\",node=\"local\"} 1",
                "node_drbd_node_role_is_primary{device=\"drbd1\",node=\"remote\"} 0",
                "node_drbd_disk_state_is_up_to_date{device=\"drbd1\",node=\"local\"} 1",
                "node_drbd_disk_state_is_up_to_date{device=\"drbd1\",node=\"remote\"} 0",
                "node_drbd_network_sent_bytes_total{device=\"drbd1\"} 2048"
            ]
        );
        assert_eq!(series.len(), 5 + 12);
    }

    survives_any_bytes!("proc/drbd", TEXT, host => Drbd::new(host.roots()));
}

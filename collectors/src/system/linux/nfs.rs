//! `nfs`: what the NFS client has asked for.
//!
//! `/proc/net/rpc/nfs` (nfsstat(8)): `net` packets, `rpc` calls, and a line for each version with the number of its
//! procedures and how often each was called.

pub(super) mod procedures;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static CONNECTIONS: Family =
    Family::counter("node_nfs_connections_total", "Total number of NFSd TCP connections.");
static PACKETS: Family =
    Family::counter("node_nfs_packets_total", "Total NFSd network packets (sent+received) by protocol type.");
static REQUESTS: Family = Family::counter("node_nfs_requests_total", "Number of NFS procedures invoked.");

#[rustfmt::skip] // one line each, however long
static RPC: [Family; 3] = [
    Family::counter("node_nfs_rpcs_total", "Total number of RPCs performed."),
    Family::counter("node_nfs_rpc_retransmissions_total", "Number of RPC transmissions performed."),
    Family::counter("node_nfs_rpc_authentication_refreshes_total", "Number of RPC authentication refreshes performed."),
];

pub(super) struct Nfs {
    file: KeptFile,
}

impl Nfs {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("net/rpc/nfs")) }
    }
}

impl Sampler for Nfs {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a line without its numbers", |line| write(page, line))
    }
}

/// Writes a line; `None` if it lacks what it should have.
fn write(page: &mut Page, line: &[u8]) -> Option<()> {
    let (kind, numbers) = parse::first_word(line);
    let mut words = parse::words(numbers).map(parse::whole);
    let mut next = || words.next().flatten();
    match kind {
        b"net" => {
            let (_packets, udp, tcp, connections) = (next()?, next()?, next()?, next()?);
            for (protocol, packets) in [("udp", udp), ("tcp", tcp)] {
                let labels = page.labels(&[("protocol", protocol)]);
                page.set(&PACKETS, labels, packets as f64);
            }
            page.set(&CONNECTIONS, Labels::NONE, connections as f64);
        }
        b"rpc" => {
            for family in &RPC {
                page.set(family, Labels::NONE, next()? as f64);
            }
        }
        b"proc2" => write_calls(page, &REQUESTS, "2", &procedures::V2, numbers)?,
        b"proc3" => write_calls(page, &REQUESTS, "3", &procedures::V3, numbers)?,
        b"proc4" => write_calls(page, &REQUESTS, "4", &procedures::CLIENT_V4, numbers)?,
        _ => {}
    }
    Some(())
}

/// How often each procedure was called: their number, then a count for each. Those that the kernel does not know, it
/// was never asked for.
pub(super) fn write_calls(
    page: &mut Page,
    family: &'static Family,
    version: &str,
    procedures: &[&str],
    numbers: &[u8],
) -> Option<()> {
    let (count, calls) = parse::first_word(numbers);
    let count = usize::try_from(parse::whole(count)?).ok()?;
    let mut calls = parse::words(calls).take(count).map(parse::whole);
    for procedure in procedures {
        let calls = calls.next().unwrap_or(Some(0))?;
        if !procedure.is_empty() {
            let labels = page.labels(&[("method", procedure), ("proto", version)]);
            page.set(family, labels, calls as f64);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "net 70 71 69 45\nrpc 1218785755 374636 1218815394\nproc2 3 16 57 74\nproc4 2 98 51\n";

    #[test]
    fn calls_come_by_version_and_procedure() {
        let host = Fixture::new().with("proc/net/rpc/nfs", TEXT);
        let (series, result) = host.sample(&mut Nfs::new(host.roots()));
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}");
        has("node_nfs_packets_total{protocol=\"udp\"} 71");
        has("node_nfs_connections_total 45");
        has("node_nfs_rpc_retransmissions_total 374636");
        has("node_nfs_requests_total{method=\"GetAttr\",proto=\"2\"} 57");
        has("node_nfs_requests_total{method=\"Read\",proto=\"4\"} 51");
        has("node_nfs_requests_total{method=\"Write\",proto=\"4\"} 0");
    }

    #[test]
    fn a_line_cut_short_is_an_error_that_keeps_the_others() {
        let host = Fixture::new().with("proc/net/rpc/nfs", "net 70\nrpc 1 2 3\n");
        let (series, result) = host.sample(&mut Nfs::new(host.roots()));
        assert_eq!(series.len(), 3);
        assert!(result.is_err());
    }

    survives_any_bytes!("proc/net/rpc/nfs", TEXT, host => Nfs::new(host.roots()));
}

//! `nfsd`: what the NFS server was asked for.
//!
//! `/proc/net/rpc/nfsd` (nfsstat(8)): a line for each part of the server, its word first.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::nfs::{procedures, write_calls};
use super::parse;
use crate::system::config::Roots;

static PACKETS: Family = Family::counter(
    "node_nfsd_packets_total",
    "Total NFSd network packets (sent+received) by protocol type.",
);
static ERRORS: Family =
    Family::counter("node_nfsd_rpc_errors_total", "Total number of NFSd RPC errors by error type.");
static REQUESTS: Family =
    Family::counter("node_nfsd_requests_total", "Total number NFSd Requests by method and protocol.");

/// The lines that are just numbers: the word, where the number stands, what it is.
#[rustfmt::skip] // one line each, however long
static NUMBERS: [(&[u8], usize, Family); 11] = [
    (b"rc", 0, Family::counter("node_nfsd_reply_cache_hits_total", "Total number of NFSd Reply Cache hits (client lost server response).")),
    (b"rc", 1, Family::counter("node_nfsd_reply_cache_misses_total", "Total number of NFSd Reply Cache an operation that requires caching (idempotent).")),
    (b"rc", 2, Family::counter("node_nfsd_reply_cache_nocache_total", "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/…).")),
    (b"fh", 0, Family::counter("node_nfsd_file_handles_stale_total", "Total number of NFSd stale file handles")),
    (b"io", 0, Family::counter("node_nfsd_disk_bytes_read_total", "Total NFSd bytes read.")),
    (b"io", 1, Family::counter("node_nfsd_disk_bytes_written_total", "Total NFSd bytes written.")),
    (b"th", 0, Family::gauge("node_nfsd_server_threads", "Total number of NFSd kernel threads that are running.")),
    (b"ra", 0, Family::gauge("node_nfsd_read_ahead_cache_size_blocks", "How large the read ahead cache is in blocks.")),
    (b"ra", 11, Family::counter("node_nfsd_read_ahead_cache_not_found_total", "Total number of NFSd read ahead cache not found.")),
    (b"net", 3, Family::counter("node_nfsd_connections_total", "Total number of NFSd TCP connections.")),
    (b"rpc", 0, Family::counter("node_nfsd_server_rpcs_total", "Total number of NFSd RPCs.")),
];

pub(super) struct Nfsd {
    file: KeptFile,
}

impl Nfsd {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("net/rpc/nfsd")) }
    }
}

impl Sampler for Nfsd {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a line without its numbers", |line| write(page, line))
    }
}

/// Writes a line; `None` if it lacks what it should have.
fn write(page: &mut Page, line: &[u8]) -> Option<()> {
    let (kind, numbers) = parse::first_word(line);
    let number = |at: usize| parse::words(numbers).nth(at).and_then(parse::number);
    for (_, at, family) in NUMBERS.iter().filter(|(known, ..)| *known == kind) {
        page.set(family, Labels::NONE, number(*at)?);
    }
    let mut each = |family, label, values: &[(&str, usize)]| {
        for (value, at) in values {
            let labels = page.labels(&[(label, value)]);
            page.set(family, labels, number(*at)?);
        }
        Some(())
    };
    match kind {
        b"net" => each(&PACKETS, "proto", &[("udp", 1), ("tcp", 2)])?,
        // The second is the sum of the others.
        b"rpc" => each(&ERRORS, "error", &[("fmt", 2), ("auth", 3), ("cInt", 4)])?,
        b"proc2" => write_calls(page, &REQUESTS, "2", &without_null(procedures::V2), numbers)?,
        b"proc3" => write_calls(page, &REQUESTS, "3", &without_null(procedures::V3), numbers)?,
        b"proc4ops" => write_calls(page, &REQUESTS, "4", &procedures::SERVER_V4, numbers)?,
        b"wdeleg_getattr" => {
            let labels = page.labels(&[("method", "WdelegGetattr"), ("proto", "4")]);
            page.set(&REQUESTS, labels, number(0)?);
        }
        _ => {}
    }
    Some(())
}

/// Upstream leaves out the server's null procedure, with which clients ask whether it is there.
fn without_null<const N: usize>(mut procedures: [&str; N]) -> [&str; N] {
    procedures[0] = "";
    procedures
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "rc 0 6 18622\nfh 7 0 0 0 0\nio 157286400 72864\nth 8 0 0.000 0.000\n\
                        ra 32 0 0 0 0 0 0 0 0 0 0 3\nnet 972 55 917 1\nrpc 18628 3 1 2 0\nproc2 3 2 69 0\n\
                        proc4 2 2 10853\nproc4ops 5 0 0 0 1098 2\nwdeleg_getattr 15\n";

    #[test]
    fn every_part_of_the_server_is_exposed() {
        let host = Fixture::new().with("proc/net/rpc/nfsd", TEXT);
        let (series, result) = host.sample(&mut Nfsd::new(host.roots()));
        result.unwrap();
        let has = |line: &str| assert!(series.iter().any(|known| known == line), "{line}");
        has("node_nfsd_reply_cache_misses_total 6");
        has("node_nfsd_server_threads 8");
        has("node_nfsd_read_ahead_cache_not_found_total 3");
        has("node_nfsd_packets_total{proto=\"tcp\"} 917");
        has("node_nfsd_rpc_errors_total{error=\"auth\"} 2");
        has("node_nfsd_requests_total{method=\"GetAttr\",proto=\"2\"} 69");
        has("node_nfsd_requests_total{method=\"Access\",proto=\"4\"} 1098");
        has("node_nfsd_requests_total{method=\"WdelegGetattr\",proto=\"4\"} 15");
        assert!(!series.iter().any(|line| line.contains("Null")));
    }

    survives_any_bytes!("proc/net/rpc/nfsd", TEXT, host => Nfsd::new(host.roots()));
}

//! `udp_queues`: memory of datagrams that wait to be sent or to be read.
//!
//! `/proc/net/udp` and `udp6`: a line for each socket, whose fifth word is `tx_queue:rx_queue` in hexadecimal
//! (proc_pid_net(5)).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, NoData, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static QUEUES: Family =
    Family::gauge("node_udp_queues", "Number of allocated memory in the kernel for UDP datagrams in bytes.");

pub(super) struct UdpQueues {
    files: [(&'static str, KeptFile); 2],
}

impl UdpQueues {
    pub(super) fn new(roots: &Roots) -> Self {
        let file = |name: &str| KeptFile::with_short_lines(roots.procfs.join(name));
        Self { files: [("v4", file("net/udp")), ("v6", file("net/udp6"))] }
    }
}

impl Sampler for UdpQueues {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        for (ip, file) in &mut self.files {
            let text = match file.read() {
                Ok(text) => text,
                Err(error) if error.is_absent() => continue,
                Err(error) => return Err(error.into()),
            };
            let (tx, rx) = sums(text).ok_or_else(|| file.malformed("a socket without its queues"))?;
            for (queue, bytes) in [("tx", tx), ("rx", rx)] {
                let labels = page.labels(&[("ip", ip), ("queue", queue)]);
                page.set(&QUEUES, labels, bytes as f64);
            }
        }
        if page.is_empty() { Err(NoData("no table of UDP sockets".to_owned()).into()) } else { Ok(()) }
    }
}

/// What waits in all sockets.
fn sums(text: &[u8]) -> Option<(u64, u64)> {
    let mut sums = (0_u64, 0_u64);
    for line in parse::lines(text).skip(1) {
        let queues = parse::words(line).nth(4)?;
        let colon = memchr::memchr(b':', queues)?;
        sums.0 = sums.0.wrapping_add(parse::hex(&queues[..colon])?);
        sums.1 = sums.1.wrapping_add(parse::hex(&queues[colon + 1..])?);
    }
    Some(sums)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr\n\
                        \x20  0: 00000000:0016 00000000:0000 0A 00000015:00000001 00:00000000 0\n\
                        \x20  1: 00000000:0017 00000000:0000 0A 00000001:00000010 00:00000000 0\n";

    #[test]
    fn what_waits_in_all_sockets_is_summed_up() {
        let host = Fixture::new().with("proc/net/udp", TEXT);
        let (series, result) = host.sample(&mut UdpQueues::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            ["node_udp_queues{ip=\"v4\",queue=\"tx\"} 22", "node_udp_queues{ip=\"v4\",queue=\"rx\"} 17"]
        );
    }

    #[test]
    fn a_host_without_udp_has_no_data() {
        let host = Fixture::new();
        assert!(host.sample(&mut UdpQueues::new(host.roots())).1.unwrap_err().is::<NoData>());
    }

    survives_any_bytes!("proc/net/udp", TEXT, host => UdpQueues::new(host.roots()));
}

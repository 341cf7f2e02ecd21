//! `tcpstat`: TCP connections by state, and what waits in their queues.
//!
//! The kernel is asked through sock_diag(7) for the sockets of both IP versions; the answer for each is an
//! `inet_diag_msg` (linux/inet_diag.h). It tells those of the agent's own network namespace.

use std::path::PathBuf;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::netlink::{Netlink, NetlinkError, Subject, u32_at};
use crate::system::config::Roots;

static STATES: Family = Family::gauge("node_tcp_connection_states", "Number of connection states.");

/// The states by number, from 1 (net/tcp_states.h).
const NAMES: [&str; 11] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// `inet_diag_req_v2`: family, protocol, two bytes of nothing, a set of states, and whom to look for.
const REQUEST: usize = 56;

/// Where the lengths of the queues stand in `inet_diag_msg`.
const RECEIVE_QUEUE: usize = 56;
const SEND_QUEUE: usize = 60;

pub(super) struct TcpStat {
    netlink: Netlink,
    /// A kernel without IPv6 does not have it.
    of_version_6: PathBuf,
}

/// What was counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    states: [u64; NAMES.len()],
    received: u64,
    to_send: u64,
}

impl TcpStat {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { netlink: Netlink::new(Subject::Sockets), of_version_6: roots.procfs.join("net/tcp6") }
    }
}

impl Sampler for TcpStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut counts = Counts::default();
        counts.ask(&mut self.netlink, AF_INET)?;
        if self.of_version_6.exists() {
            counts.ask(&mut self.netlink, AF_INET6)?;
        }
        counts.write(page);
        Ok(())
    }
}

impl Counts {
    fn ask(&mut self, netlink: &mut Netlink, family: u8) -> Result<(), NetlinkError> {
        let mut request = [0; REQUEST];
        request[0] = family;
        request[1] = IPPROTO_TCP;
        // Sockets in every state.
        request[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
        netlink.dump(SOCK_DIAG_BY_FAMILY, &request, |kind, body| {
            if kind == SOCK_DIAG_BY_FAMILY {
                self.take(body);
            }
        })
    }

    /// One socket.
    fn take(&mut self, body: &[u8]) {
        let Some(numbers) = body.get(..SEND_QUEUE + 4) else { return };
        let Some(state) = self.states.get_mut(usize::from(numbers[1]).wrapping_sub(1)) else { return };
        *state += 1;
        self.received += u64::from(u32_at(&numbers[RECEIVE_QUEUE..]));
        self.to_send += u64::from(u32_at(&numbers[SEND_QUEUE..]));
    }

    fn write(&self, page: &mut Page) {
        let states = NAMES.iter().zip(self.states).filter(|(_, count)| *count > 0);
        let queues = [(&"rx_queued_bytes", self.received), (&"tx_queued_bytes", self.to_send)];
        for (state, count) in states.chain(queues) {
            let labels = page.labels(&[("state", state)]);
            page.set(&STATES, labels, count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, lines};
    use super::*;
    use proptest::prelude::*;

    fn socket(state: u8, received: u32, to_send: u32) -> Vec<u8> {
        let mut body = vec![0; 72];
        body[1] = state;
        body[RECEIVE_QUEUE..RECEIVE_QUEUE + 4].copy_from_slice(&received.to_ne_bytes());
        body[SEND_QUEUE..SEND_QUEUE + 4].copy_from_slice(&to_send.to_ne_bytes());
        body
    }

    #[test]
    fn sockets_are_counted_by_state_and_their_queues_summed_up() {
        let mut counts = Counts::default();
        for body in [socket(1, 10, 1), socket(1, 5, 0), socket(10, 0, 128), socket(12, 1, 1), socket(0, 1, 1)]
        {
            counts.take(&body);
        }
        let mut page = Page::default();
        counts.write(&mut page);
        assert_eq!(
            lines(&page),
            [
                "node_tcp_connection_states{state=\"established\"} 2",
                "node_tcp_connection_states{state=\"listen\"} 1",
                "node_tcp_connection_states{state=\"rx_queued_bytes\"} 15",
                "node_tcp_connection_states{state=\"tx_queued_bytes\"} 129"
            ]
        );
    }

    #[test]
    fn the_kernel_tells_of_a_socket_that_listens() {
        let _socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = Fixture::new();
        let (series, result) = host.sample(&mut TcpStat::new(host.roots()));
        result.unwrap();
        assert!(series.iter().any(|line| line.contains("state=\"listen\"")), "{series:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut counts = Counts::default();
            counts.take(&body);
            prop_assert!(counts.states.iter().sum::<u64>() <= 1);
        }
    }
}

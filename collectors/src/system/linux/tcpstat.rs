//! `tcpstat`: TCP connections by state, and what waits in their queues.
//!
//! The kernel is asked through sock_diag(7), and answers with an `inet_diag_msg` (linux/inet_diag.h) for each socket of
//! the agent's own network namespace. To find them it walks its whole table of connections, however empty, which is by
//! far the most of the cost: so it is asked in the older way, that gives both IP versions in one walk, and for each
//! version by itself only where it does not know that way any more.

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

/// The request for TCP sockets of all families.
const TCPDIAG_GETSOCK: u16 = 18;
/// The request for those of one family.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// `inet_diag_req`: four bytes of nothing, whom to look for, a set of states, and four bytes of nothing.
const REQUEST: usize = 60;
const REQUEST_STATES: usize = 52;

/// `inet_diag_req_v2`: family, protocol, two bytes of nothing, a set of states, and whom to look for.
const REQUEST_V2: usize = 56;
const REQUEST_V2_STATES: usize = 4;

/// A bit for each state that has a name. Not for what newer kernels have besides, sockets with an address and nothing
/// else: to find them they would walk yet another table.
const STATE_BITS: u32 = ((1 << NAMES.len()) - 1) << 1;

/// Where the lengths of the queues stand in `inet_diag_msg`.
const RECEIVE_QUEUE: usize = 56;
const SEND_QUEUE: usize = 60;

pub(super) struct TcpStat {
    netlink: Netlink,
    /// Whether the kernel can be asked for both IP versions at once.
    at_once: bool,
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
        let netlink = Netlink::new(Subject::Sockets);
        Self { netlink, at_once: true, of_version_6: roots.procfs.join("net/tcp6") }
    }

    fn count(&mut self) -> Result<Counts, NetlinkError> {
        if self.at_once {
            match Counts::ask(&mut self.netlink) {
                Err(NetlinkError::Refused(_)) => self.at_once = false,
                asked => return asked,
            }
        }
        let mut counts = Counts::default();
        counts.ask_for(&mut self.netlink, AF_INET)?;
        if self.of_version_6.exists() {
            counts.ask_for(&mut self.netlink, AF_INET6)?;
        }
        Ok(counts)
    }
}

impl Sampler for TcpStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.count()?.write(page);
        Ok(())
    }
}

impl Counts {
    /// Asks for the sockets of both IP versions.
    fn ask(netlink: &mut Netlink) -> Result<Self, NetlinkError> {
        let mut counts = Self::default();
        let mut request = [0; REQUEST];
        request[REQUEST_STATES..][..4].copy_from_slice(&STATE_BITS.to_ne_bytes());
        counts.dump(netlink, TCPDIAG_GETSOCK, &request)?;
        Ok(counts)
    }

    /// Adds the sockets of one IP version.
    fn ask_for(&mut self, netlink: &mut Netlink, family: u8) -> Result<(), NetlinkError> {
        let mut request = [0; REQUEST_V2];
        request[0] = family;
        request[1] = IPPROTO_TCP;
        request[REQUEST_V2_STATES..][..4].copy_from_slice(&STATE_BITS.to_ne_bytes());
        self.dump(netlink, SOCK_DIAG_BY_FAMILY, &request)
    }

    fn dump(&mut self, netlink: &mut Netlink, request: u16, body: &[u8]) -> Result<(), NetlinkError> {
        netlink.dump(request, body, |kind, body| {
            // The answer is of the kind of the request.
            if kind == request {
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

    #[test]
    fn both_ways_of_asking_find_the_same_connections_of_both_ip_versions() {
        use rustix::net::{AddressFamily, SocketType};
        use std::net::{SocketAddr, TcpListener, TcpStream};
        let listeners = ["127.0.0.1:0", "[::1]:0"].map(|address| TcpListener::bind(address).unwrap());
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        let clients = listeners.each_ref().map(|listener| TcpStream::connect(address(listener)).unwrap());
        // It has an address and is neither connected nor listens.
        let bound = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let host = Fixture::new().with("proc/net/tcp6", "");
        let counts = |at_once| TcpStat { at_once, ..TcpStat::new(host.roots()) }.count().unwrap();
        let found = || {
            let (once, twice) = (counts(true), counts(false));
            // Both ends of both connections, and both listeners; none that is closed.
            assert!(once.states[0] >= 4 && once.states[9] >= 2 && once.states[6] == 0, "{once:?}");
            (once, twice)
        };
        // Other sockets come and go between the two.
        let agree = (0..50).any(|_| {
            let (once, twice) = found();
            once == twice
        });
        assert!(agree, "{:?}", found());
        drop(clients);
    }

    #[test]
    fn a_kernel_that_does_not_know_the_older_way_is_asked_for_each_ip_version() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = Fixture::new();
        // In generic netlink nothing has this number.
        let mut refused = TcpStat { netlink: Netlink::new(Subject::Generic), ..TcpStat::new(host.roots()) };
        let _ = refused.count();
        assert!(!refused.at_once);
        let mut asked = TcpStat { netlink: Netlink::new(Subject::Sockets), ..refused };
        assert!(asked.count().unwrap().states[9] >= 1);
        drop(listener);
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

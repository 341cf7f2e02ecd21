//! Asking the kernel for its network interfaces: rtnetlink(7), `RTM_GETLINK`.
//!
//! A request is a header and an empty `ifinfomsg`; the answer is one message for each interface, in as many
//! datagrams as it takes, and `NLMSG_DONE`. Everything is in the machine's byte order and aligned to four
//! bytes. The socket stays open; after any error it is opened again.

use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const HEADER: usize = 16;
const IFINFOMSG: usize = 16;
const ATTRIBUTE: usize = 4;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
/// Protocol 0 of the family, which is what asking for none means.
const NETLINK_ROUTE: Option<rustix::net::Protocol> = None;
const IFLA_IFNAME: u16 = 3;
const IFLA_STATS64: u16 = 23;

/// What the kernel fills at most for one datagram of a dump.
const DATAGRAM: usize = 32 << 10;

/// More datagrams than a machine full of interfaces needs: bounds how long one answer is listened to.
const MOST_DATAGRAMS: usize = 10_000;

/// Why there is no list of interfaces.
#[derive(Debug, thiserror::Error)]
pub(super) enum NetlinkError {
    #[error("{0} netlink socket: {1}")]
    Socket(&'static str, std::io::Error),
    #[error("netlink refused to list interfaces: {0}")]
    Refused(std::io::Error),
    #[error("netlink answer cut short")]
    CutShort,
}

/// A connection to the kernel, opened when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Netlink {
    socket: Option<OwnedFd>,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One interface.
#[derive(Debug)]
pub(super) struct Link<'m> {
    pub(super) name: &'m [u8],
    pub(super) stats: Stats<'m>,
}

/// `rtnl_link_stats64`: 64-bit numbers one behind the other, of which older kernels have fewer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stats<'m>(&'m [u8]);

macro_rules! numbers {
    ($($name:ident = $position:literal),* $(,)?) => {
        impl Stats<'_> {
            $(pub(super) fn $name(&self) -> u64 {
                self.0.get(8 * $position..8 * $position + 8).map_or(0, u64_at)
            })*
        }
    };
}

numbers! {
    rx_packets = 0,
    tx_packets = 1,
    rx_bytes = 2,
    tx_bytes = 3,
    rx_errors = 4,
    tx_errors = 5,
    rx_dropped = 6,
    tx_dropped = 7,
    multicast = 8,
    collisions = 9,
    rx_length_errors = 10,
    rx_over_errors = 11,
    rx_crc_errors = 12,
    rx_frame_errors = 13,
    rx_fifo_errors = 14,
    rx_missed_errors = 15,
    tx_aborted_errors = 16,
    tx_carrier_errors = 17,
    tx_fifo_errors = 18,
    tx_heartbeat_errors = 19,
    tx_window_errors = 20,
    rx_compressed = 21,
    tx_compressed = 22,
    rx_nohandler = 23,
}

impl Netlink {
    /// Calls `take` for each interface that has statistics.
    pub(super) fn links(&mut self, take: impl FnMut(&Link<'_>)) -> Result<(), NetlinkError> {
        let asked = self.ask(take);
        if asked.is_err() {
            self.socket = None;
        }
        asked
    }

    fn ask(&mut self, mut take: impl FnMut(&Link<'_>)) -> Result<(), NetlinkError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open()?,
        };
        let socket = &*self.socket.insert(socket);
        self.sequence = self.sequence.wrapping_add(1);
        self.buffer.resize(DATAGRAM, 0);
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(socket, &request(self.sequence), SendFlags::empty(), &kernel)
            .map_err(|errno| NetlinkError::Socket("send to", errno.into()))?;
        for _ in 0..MOST_DATAGRAMS {
            let (filled, length) = rustix::net::recv(socket, &mut self.buffer[..], RecvFlags::TRUNC)
                .map_err(|errno| NetlinkError::Socket("receive from", errno.into()))?;
            if length > filled {
                return Err(NetlinkError::CutShort);
            }
            if read(&self.buffer[..filled], self.sequence, &mut take)? == End::Last {
                return Ok(());
            }
        }
        Err(NetlinkError::CutShort)
    }
}

fn open() -> Result<OwnedFd, NetlinkError> {
    let flags = SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, NETLINK_ROUTE)
        .map_err(|errno| NetlinkError::Socket("open", errno.into()))
}

fn request(sequence: u32) -> [u8; HEADER + IFINFOMSG] {
    let mut message = [0; HEADER + IFINFOMSG];
    message[0..4].copy_from_slice(&((HEADER + IFINFOMSG) as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&RTM_GETLINK.to_ne_bytes());
    message[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message[8..12].copy_from_slice(&sequence.to_ne_bytes());
    message
}

/// Whether another datagram follows.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Last,
    More,
}

/// Reads the messages of one datagram that answer the request of that number.
fn read(datagram: &[u8], sequence: u32, take: &mut impl FnMut(&Link<'_>)) -> Result<End, NetlinkError> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let header = rest.get(..HEADER).ok_or(NetlinkError::CutShort)?;
        let length = u32_at(header) as usize;
        let kind = u16_at(&header[4..]);
        let body = rest.get(HEADER..length).ok_or(NetlinkError::CutShort)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        // An answer to a request whose reading was broken off.
        if u32_at(&header[8..]) != sequence {
            continue;
        }
        match kind {
            NLMSG_DONE => return Ok(End::Last),
            NLMSG_ERROR => return Err(refusal(body)),
            RTM_NEWLINK => {
                if let Some(link) = link(body) {
                    take(&link);
                }
            }
            _ => {}
        }
    }
    Ok(End::More)
}

/// The body of an error begins with the negative error number.
fn refusal(body: &[u8]) -> NetlinkError {
    match body.get(..4) {
        Some(code) => {
            let code = u32_at(code).cast_signed();
            NetlinkError::Refused(std::io::Error::from_raw_os_error(code.wrapping_neg()))
        }
        None => NetlinkError::CutShort,
    }
}

/// The attributes behind the `ifinfomsg`; none if the interface has no name or no statistics.
fn link(body: &[u8]) -> Option<Link<'_>> {
    let mut rest = body.get(IFINFOMSG..)?;
    let (mut name, mut stats) = (None, None);
    while let Some(header) = rest.get(..ATTRIBUTE) {
        let length = usize::from(u16_at(header));
        let value = rest.get(ATTRIBUTE..length)?;
        match u16_at(&header[2..]) {
            IFLA_IFNAME => name = Some(value.split(|byte| *byte == 0).next().unwrap_or_default()),
            IFLA_STATS64 => stats = Some(Stats(value)),
            _ => {}
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Some(Link { name: name?, stats: stats? })
}

const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn u16_at(bytes: &[u8]) -> u16 {
    bytes.first_chunk().map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn u64_at(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend([0; 2]);
        message.extend(sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        message.resize(aligned(message.len()), 0);
        message
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut attribute = Vec::new();
        attribute.extend(((ATTRIBUTE + value.len()) as u16).to_ne_bytes());
        attribute.extend(kind.to_ne_bytes());
        attribute.extend(value);
        attribute.resize(aligned(attribute.len()), 0);
        attribute
    }

    fn interface(name: &str, stats: &[u64]) -> Vec<u8> {
        let stats: Vec<u8> = stats.iter().flat_map(|number| number.to_ne_bytes()).collect();
        [vec![0; IFINFOMSG], attribute(IFLA_IFNAME, name.as_bytes()), attribute(IFLA_STATS64, &stats)]
            .concat()
    }

    /// Name, bytes received, packets without a handler.
    type Met = (String, u64, u64);

    fn all(datagram: &[u8]) -> (Vec<Met>, Result<End, NetlinkError>) {
        let mut links = Vec::new();
        let end = read(datagram, 7, &mut |link| {
            let name = String::from_utf8_lossy(link.name).into_owned();
            links.push((name, link.stats.rx_bytes(), link.stats.rx_nohandler()));
        });
        (links, end)
    }

    #[test]
    fn interfaces_come_with_the_numbers_that_the_kernel_has() {
        let full: Vec<u64> = (0..25).collect();
        let datagram = [
            message(RTM_NEWLINK, 7, &interface("lo\0", &full)),
            message(RTM_NEWLINK, 7, &interface("eth0\0", &full[..23])),
            message(NLMSG_DONE, 7, &[0; 4]),
        ]
        .concat();
        let (links, end) = all(&datagram);
        assert_eq!(links, [("lo".to_owned(), 2, 23), ("eth0".to_owned(), 2, 0)]);
        assert_eq!(end.unwrap(), End::Last);
    }

    #[test]
    fn an_answer_to_another_request_is_passed_over() {
        let (links, end) = all(&message(RTM_NEWLINK, 6, &interface("lo\0", &[1; 25])));
        assert!(links.is_empty());
        assert_eq!(end.unwrap(), End::More);
    }

    #[test]
    fn a_refusal_says_why() {
        let (_, end) = all(&message(NLMSG_ERROR, 7, &(-1_i32).to_ne_bytes()));
        assert!(end.unwrap_err().to_string().contains("not permitted"));
    }

    #[test]
    fn a_message_longer_than_its_datagram_is_cut_short() {
        let whole = message(RTM_NEWLINK, 7, &interface("lo\0", &[1; 25]));
        let (links, end) = all(&whole[..whole.len() - 4]);
        assert!(links.is_empty());
        assert!(matches!(end, Err(NetlinkError::CutShort)));
    }

    #[test]
    fn the_kernel_knows_the_loopback_interface() {
        let mut names = Vec::new();
        let mut netlink = Netlink::default();
        for _ in 0..2 {
            netlink.links(|link| names.push(link.name.to_vec())).unwrap();
        }
        assert_eq!(names.iter().filter(|name| **name == b"lo").count(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            flip in any::<proptest::sample::Index>(),
            to in any::<u8>(),
        ) {
            let _ = all(&bytes);
            let mut datagram = message(RTM_NEWLINK, 7, &interface("lo\0", &[1; 25]));
            let at = flip.index(datagram.len());
            datagram[at] = to;
            let _ = all(&datagram);
        }
    }
}

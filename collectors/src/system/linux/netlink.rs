//! Asking the kernel over netlink(7) for a list of things: interfaces, sockets, families of generic netlink.
//!
//! A request is a header and what the family wants behind it; the answer is one message for each thing, in as many
//! datagrams as it takes, and `NLMSG_DONE`. Everything is in the machine's byte order and aligned to four bytes. The
//! socket stays open; after any error it is opened again.

use std::os::fd::OwnedFd;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

const HEADER: usize = 16;
const ATTRIBUTE: usize = 4;

pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_GETLINK: u16 = 18;
pub(super) const IFINFOMSG: usize = 16;
pub(super) const IFLA_IFNAME: u16 = 3;

/// Asks to leave out of the message what takes the kernel long: IPv6's counters of each CPU. Nobody reads them here.
const IFLA_EXT_MASK: u16 = 29;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;

/// The kind of an attribute without the flags that say whether it is nested and in which byte order.
const NLA_TYPE_MASK: u16 = 0x3fff;

/// What the kernel fills at most for one datagram of a dump.
const DATAGRAM: usize = 32 << 10;

/// More datagrams than a machine full of interfaces and sockets needs: bounds how long one answer is listened to.
const MOST_DATAGRAMS: usize = 10_000;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum NetlinkError {
    #[error("{0} netlink socket: {1}")]
    Socket(&'static str, std::io::Error),
    #[error("netlink refused to list: {0}")]
    Refused(std::io::Error),
    #[error("netlink answer cut short")]
    CutShort,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Interfaces and what belongs to them: rtnetlink(7).
    Route,
    /// Sockets: sock_diag(7).
    Sockets,
    /// What has no protocol of its own, such as nl80211: a family that has a number while the kernel runs.
    Generic,
}

impl Subject {
    fn protocol(self) -> Option<Protocol> {
        match self {
            // Protocol 0 of the family, which is what asking for none means.
            Self::Route => None,
            Self::Sockets => Some(netlink::SOCK_DIAG),
            Self::Generic => Some(netlink::GENERIC),
        }
    }
}

/// A connection to the kernel, opened when it is first needed.
#[derive(Debug)]
pub(super) struct Netlink {
    subject: Subject,
    socket: Option<OwnedFd>,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject, socket: None, sequence: 0, buffer: Vec::new() }
    }

    /// Asks for all things of a kind, and calls `take` with kind and body of each message of the answer.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        body: &[u8],
        mut take: impl FnMut(u16, &[u8]),
    ) -> Result<(), NetlinkError> {
        let asked = self.ask(kind, body, &mut take);
        if asked.is_err() {
            self.socket = None;
        }
        asked
    }

    /// Calls `take` with number and name of each network interface.
    pub(super) fn interfaces(&mut self, mut take: impl FnMut(u32, &[u8])) -> Result<(), NetlinkError> {
        self.links(|body| {
            if let Some((number, name)) = interface(body) {
                take(number, name);
            }
        })
    }

    /// Calls `take` with each network interface: an `ifinfomsg` and attributes.
    pub(super) fn links(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), NetlinkError> {
        let mask = attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
        self.dump(RTM_GETLINK, &[&[0; IFINFOMSG], &mask[..]].concat(), |kind, body| {
            if kind == RTM_NEWLINK {
                take(body);
            }
        })
    }

    fn ask(&mut self, kind: u16, body: &[u8], take: &mut impl FnMut(u16, &[u8])) -> Result<(), NetlinkError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(self.subject)?,
        };
        let socket = &*self.socket.insert(socket);
        self.sequence = self.sequence.wrapping_add(1);
        self.buffer.resize(DATAGRAM, 0);
        let kernel = SocketAddrNetlink::new(0, 0);
        let request = message(kind, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, body);
        rustix::net::sendto(socket, &request, SendFlags::empty(), &kernel)
            .map_err(|errno| NetlinkError::Socket("send to", errno.into()))?;
        for _ in 0..MOST_DATAGRAMS {
            let (filled, length) = rustix::net::recv(socket, &mut self.buffer[..], RecvFlags::TRUNC)
                .map_err(|errno| NetlinkError::Socket("receive from", errno.into()))?;
            if length > filled {
                return Err(NetlinkError::CutShort);
            }
            if read(&self.buffer[..filled], self.sequence, take)? == End::Last {
                return Ok(());
            }
        }
        Err(NetlinkError::CutShort)
    }
}

fn open(subject: Subject) -> Result<OwnedFd, NetlinkError> {
    let flags = SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, subject.protocol())
        .map_err(|errno| NetlinkError::Socket("open", errno.into()))
}

/// A message with its header.
pub(super) fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(aligned(HEADER + body.len()));
    message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(body);
    message.resize(aligned(message.len()), 0);
    message
}

/// Whether another datagram follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Last,
    More,
}

/// Reads the messages of one datagram that answer the request of that number.
pub(super) fn read(
    datagram: &[u8],
    sequence: u32,
    take: &mut impl FnMut(u16, &[u8]),
) -> Result<End, NetlinkError> {
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
            // A list that broke off says why here; one without a number is an older kernel's.
            NLMSG_DONE if body.get(..4).is_some_and(|code| u32_at(code).cast_signed() < 0) => {
                return Err(refusal(body));
            }
            NLMSG_DONE => return Ok(End::Last),
            NLMSG_ERROR => return Err(refusal(body)),
            _ => take(kind, body),
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

/// Number and name, of an `ifinfomsg` and its attributes.
fn interface(body: &[u8]) -> Option<(u32, &[u8])> {
    let message = body.get(..IFINFOMSG)?;
    let (_, name) = attributes(&body[IFINFOMSG..]).find(|(kind, _)| *kind == IFLA_IFNAME)?;
    Some((u32_at(&message[4..]), text(name)))
}

/// A text up to the zero at its end.
pub(super) fn text(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An attribute, for a request.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut attribute = Vec::with_capacity(aligned(ATTRIBUTE + value.len()));
    attribute.extend(((ATTRIBUTE + value.len()) as u16).to_ne_bytes());
    attribute.extend(kind.to_ne_bytes());
    attribute.extend(value);
    attribute.resize(aligned(attribute.len()), 0);
    attribute
}

/// The attributes that follow one another in `bytes`, each with its kind; the first that is cut short ends them.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.get(..ATTRIBUTE)?;
        let length = usize::from(u16_at(header));
        let value = rest.get(ATTRIBUTE..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((u16_at(&header[2..]) & NLA_TYPE_MASK, value))
    })
}

const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

pub(super) fn u16_at(bytes: &[u8]) -> u16 {
    bytes.first_chunk().map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const NLA_NESTED: u16 = 0x8000;

    /// Kind and body.
    type Message = (u16, Vec<u8>);

    fn all(datagram: &[u8]) -> (Vec<Message>, Result<End, NetlinkError>) {
        let mut found = Vec::new();
        let end = read(datagram, 7, &mut |kind, body| found.push((kind, body.to_vec())));
        (found, end)
    }

    #[test]
    fn messages_come_until_the_last() {
        let datagram =
            [message(20, 0, 7, b"one"), message(20, 0, 7, b"four"), message(NLMSG_DONE, 0, 7, &[0; 4])];
        let (found, end) = all(&datagram.concat());
        assert_eq!(found, [(20, b"one".to_vec()), (20, b"four".to_vec())]);
        assert_eq!(end.unwrap(), End::Last);
    }

    #[test]
    fn an_answer_to_another_request_is_passed_over() {
        let (found, end) = all(&message(20, 0, 6, b"old"));
        assert!(found.is_empty());
        assert_eq!(end.unwrap(), End::More);
    }

    #[test]
    fn a_refusal_says_why() {
        let (_, end) = all(&message(NLMSG_ERROR, 0, 7, &(-1_i32).to_ne_bytes()));
        assert!(end.unwrap_err().to_string().contains("not permitted"));
    }

    #[test]
    fn a_list_that_broke_off_says_why() {
        let code = |code: i32| message(NLMSG_DONE, 0, 7, &code.to_ne_bytes());
        let datagram = [message(20, 0, 7, b"one"), code(-19)].concat();
        let (found, end) = all(&datagram);
        assert_eq!(found.len(), 1);
        assert!(end.unwrap_err().to_string().contains("No such device"));
        assert_eq!(all(&code(0)).1.unwrap(), End::Last);
    }

    #[test]
    fn attributes_are_read_as_they_are_written_whatever_their_flags() {
        let both = [attribute(3, b"lo\0"), attribute(NLA_NESTED | 8, b"1234")].concat();
        assert_eq!(both.len(), 16);
        assert_eq!(attributes(&both).collect::<Vec<_>>(), [(3, &b"lo\0"[..]), (8, b"1234")]);
    }

    #[test]
    fn a_message_longer_than_its_datagram_is_cut_short() {
        let whole = message(20, 0, 7, b"12345678");
        let (found, end) = all(&whole[..whole.len() - 4]);
        assert!(found.is_empty());
        assert!(matches!(end, Err(NetlinkError::CutShort)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (found, _) = all(&bytes);
            prop_assert!(found.len() <= bytes.len());
            let _ = interface(&bytes);
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}

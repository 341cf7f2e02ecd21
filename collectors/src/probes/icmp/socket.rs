//! The socket of one ping: unprivileged if the kernel allows it, raw else.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use socket2::{Domain, MaybeUninitSlice, MsgHdrMut, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::packet::{HEADER, Ping, Version, without_header};

mod control;

use self::control::{Origin, extended_error, hops};

/// What lies before the ICMP header of what a raw socket receives: the longest header of IPv4.
const IP_HEADER: usize = 60;
/// After so many errors that are about nothing known, it is the socket itself that has one.
const MOST_STRANGE: u32 = 100;
/// Room for the control messages that are asked for, with an address in one of them.
const CONTROL: usize = 256;

/// How the kernel lets the socket ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The kernel sees to it that only replies to its own requests arrive, and to the identifier.
    Datagram,
    Raw,
}

/// See the module. It hears of nobody but its peer.
#[derive(Debug)]
pub(super) struct Echo {
    socket: AsyncFd<Socket>,
    kind: Kind,
    version: Version,
}

/// What became of a request. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// `hops` is the time to live that the reply had left.
    Reply {
        hops: Option<u8>,
    },
    Unreachable(String),
    TimeExceeded(String),
    TooBig(String),
    Other(String),
}

impl Echo {
    /// Opens a socket to `peer`.
    ///
    /// # Errors
    /// Permission denied, if neither kind of socket may be used; else what the kernel says.
    pub(super) fn open(peer: IpAddr, source: Option<IpAddr>) -> io::Result<Self> {
        let (domain, protocol, version) = match peer {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, Version::V4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, Version::V6),
        };
        let (socket, kind) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
            Ok(socket) => (socket, Kind::Datagram),
            // The group may not, or the kernel has no such sockets.
            Err(_) => (Socket::new(domain, Type::RAW, Some(protocol))?, Kind::Raw),
        };
        socket.set_nonblocking(true)?;
        match version {
            Version::V4 => control::ask_v4(&socket)?,
            Version::V6 => control::ask_v6(&socket)?,
        }
        let any: IpAddr = match version {
            Version::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Version::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        // Also without an address to send from: it gives an unprivileged socket its identifier.
        socket.bind(&SocketAddr::new(source.unwrap_or(any), 0).into())?;
        // A route that is prohibited is no want of rights to the socket.
        socket.connect(&SocketAddr::new(peer, 0).into()).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => io::Error::other(error),
            _ => error,
        })?;
        let interest = Interest::READABLE | Interest::ERROR | Interest::WRITABLE;
        // SAFETY: `Socket` owns its descriptor, and it is neither replaced nor closed before it is dropped.
        #[allow(unsafe_code)]
        let socket = unsafe { AsyncFd::register_with_interest(socket, interest)? };
        Ok(Self { socket, kind, version })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The identifier that the kernel gives all requests of an unprivileged socket.
    pub(super) fn identifier(&self) -> Option<u16> {
        match self.kind {
            Kind::Datagram => Some(self.socket.get_ref().local_addr().ok()?.as_socket()?.port()),
            Kind::Raw => None,
        }
    }

    /// As many hops the request may take.
    pub(super) fn set_ttl(&self, ttl: u8) -> io::Result<()> {
        match self.version {
            Version::V4 => self.socket.get_ref().set_ttl_v4(u32::from(ttl)),
            Version::V6 => self.socket.get_ref().set_unicast_hops_v6(u32::from(ttl)),
        }
    }

    /// Sets the bit that says so, in IPv4.
    pub(super) fn forbid_fragments(&self) -> io::Result<()> {
        Ok(set_ip_mtu_discover(self.socket.get_ref(), Ipv4PathMtuDiscovery::DO)?)
    }

    pub(super) async fn send(&self, ping: &Ping<'_>) -> io::Result<()> {
        let packet = ping.encode(self.version);
        let send = |socket: &Socket| socket.send(&packet);
        self.socket.async_io(Interest::WRITABLE, send).await.map(drop)
    }

    /// Waits until it is known what became of `ping`.
    pub(super) async fn reply(&self, ping: &Ping<'_>) -> io::Result<Report> {
        // One byte more than a reply shows those that are longer.
        let mut packet = Buffer::of(IP_HEADER + HEADER + ping.payload.len() + 1);
        let mut control = Buffer::of(CONTROL);
        let mut strange = 0;
        loop {
            let mut ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            loop {
                let received = self.receive(&mut packet, &mut control, 0);
                if let Ok((packet, control)) = &received
                    && self.payload(packet).and_then(|p| Ping::reply(p, self.version)) == Some(*ping)
                {
                    return Ok(Report::Reply { hops: hops(control) });
                }
                let received = received.map(drop);
                // Whoever is told of an error finds what it is about in the queue of errors.
                let queued = self.receive(&mut packet, &mut control, libc::MSG_ERRQUEUE);
                if let Ok((packet, control)) = &queued
                    && let Some(report) = self.report(packet, control, ping)
                {
                    return Ok(report);
                }
                match (received, queued.map(drop)) {
                    (Err(first), Err(second)) if is_later(&first) && is_later(&second) => break,
                    (_, Err(error)) if !is_later(&error) => return Err(error),
                    // A raw socket hears of errors that are about others, which a socket of the kernel's own does not.
                    (Err(error), Err(_)) if !is_later(&error) => {
                        strange += 1;
                        if self.kind == Kind::Datagram || strange > MOST_STRANGE {
                            return Err(error);
                        }
                    }
                    _ => {}
                }
            }
            ready.clear_ready();
        }
    }

    /// The ICMP packet in what was received.
    fn payload<'a>(&self, packet: &'a [u8]) -> Option<&'a [u8]> {
        match (self.kind, self.version) {
            (Kind::Raw, Version::V4) => without_header(packet),
            _ => Some(packet),
        }
    }

    /// What an error says that quotes the request, if it is one's own.
    fn report(&self, quoted: &[u8], control: &[u8], ping: &Ping<'_>) -> Option<Report> {
        let own = Ping::quoted(quoted, self.version)?;
        if (own.identifier, own.sequence) != (ping.identifier, ping.sequence) {
            return None;
        }
        let error = extended_error(control)?;
        let detail = error.to_string();
        Some(match (error.origin, error.kind, error.code) {
            (Origin::Icmp4, 3, 4) | (Origin::Icmp6, 2, _) => Report::TooBig(detail),
            (Origin::Local, ..) if error.errno == libc::EMSGSIZE => Report::TooBig(detail),
            (Origin::Icmp4, 3, _) | (Origin::Icmp6, 1, _) => Report::Unreachable(detail),
            (Origin::Icmp4, 11, _) | (Origin::Icmp6, 3, _) => Report::TimeExceeded(detail),
            _ => Report::Other(detail),
        })
    }

    /// One packet and its control messages.
    fn receive<'b>(
        &self,
        packet: &'b mut Buffer,
        control: &'b mut Buffer,
        flags: libc::c_int,
    ) -> io::Result<(&'b [u8], &'b [u8])> {
        let mut parts = [MaybeUninitSlice::new(&mut packet.0)];
        let mut message = MsgHdrMut::new().with_buffers(&mut parts).with_control(&mut control.0);
        let len = self.socket.get_ref().recvmsg(&mut message, flags)?;
        let control_len = message.control_len();
        Ok((packet.filled(len), control.filled(control_len)))
    }
}

fn is_later(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Bytes for the kernel to fill.
struct Buffer(Vec<MaybeUninit<u8>>);

impl Buffer {
    fn of(len: usize) -> Self {
        Self(vec![MaybeUninit::new(0); len])
    }

    /// The first bytes.
    fn filled(&self, len: usize) -> &[u8] {
        let filled = &self.0[..len.min(self.0.len())];
        // SAFETY: all bytes were set when the buffer was made, and nobody makes them unset.
        #[allow(unsafe_code)]
        unsafe {
            filled.assume_init_ref()
        }
    }
}

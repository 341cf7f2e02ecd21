//! What the kernel tells beside a packet: how many hops it had left, and errors that other hosts have sent.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use socket2::Socket;

/// Asks for both on a socket of IPv4.
pub(super) fn ask_v4(socket: &Socket) -> io::Result<()> {
    switch_on(socket, libc::IPPROTO_IP, libc::IP_RECVERR)?;
    switch_on(socket, libc::IPPROTO_IP, libc::IP_RECVTTL)
}

/// Asks for both on a socket of IPv6.
pub(super) fn ask_v6(socket: &Socket) -> io::Result<()> {
    switch_on(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR)?;
    switch_on(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT)
}

fn switch_on(socket: &Socket, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let len = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and the kernel reads `len` bytes of `on`.
    #[allow(unsafe_code)]
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), len) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Level, type and data of each control message; `cmsg(3)`.
fn messages(mut control: &[u8]) -> impl Iterator<Item = (libc::c_int, libc::c_int, &[u8])> {
    const WORD: usize = size_of::<usize>();
    const HEADER: usize = WORD + 8;
    std::iter::from_fn(move || {
        let (len, rest) = control.split_first_chunk::<WORD>()?;
        let (level, rest) = rest.split_first_chunk::<4>()?;
        let (kind, _) = rest.split_first_chunk::<4>()?;
        let len = usize::from_ne_bytes(*len);
        let data = control.get(HEADER..len)?;
        control = control.get(len.checked_next_multiple_of(WORD)?..).unwrap_or_default();
        Some((i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind), data))
    })
}

/// The time to live that a packet had left.
pub(super) fn hops(control: &[u8]) -> Option<u8> {
    let wanted = [(libc::IPPROTO_IP, libc::IP_TTL), (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT)];
    let (_, _, data) = messages(control).find(|(level, kind, _)| wanted.contains(&(*level, *kind)))?;
    u8::try_from(i32::from_ne_bytes(*data.first_chunk()?)).ok()
}

/// Who says that there is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This host.
    Local,
    /// A message of ICMP.
    Icmp4,
    /// One of ICMPv6.
    Icmp6,
    Other,
}

/// `struct sock_extended_err` of `linux/errqueue.h`, with the address behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExtendedError {
    pub(super) errno: i32,
    pub(super) origin: Origin,
    /// Of the message of ICMP.
    pub(super) kind: u8,
    pub(super) code: u8,
    from: Option<IpAddr>,
}

impl fmt::Display for ExtendedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = io::Error::from_raw_os_error(self.errno);
        match (self.origin, self.from) {
            (Origin::Icmp4 | Origin::Icmp6, Some(from)) => {
                write!(f, "{from} says by ICMP type {} code {}: {error}", self.kind, self.code)
            }
            _ => error.fmt(f),
        }
    }
}

/// The error that a message from the queue of errors is about.
pub(super) fn extended_error(control: &[u8]) -> Option<ExtendedError> {
    let wanted = [(libc::IPPROTO_IP, libc::IP_RECVERR), (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)];
    let (_, _, data) = messages(control).find(|(level, kind, _)| wanted.contains(&(*level, *kind)))?;
    let (errno, rest) = data.split_first_chunk::<4>()?;
    let ([origin, kind, code, ..], rest) = rest.split_first_chunk::<12>()?;
    let origin = match origin {
        1 => Origin::Local,
        2 => Origin::Icmp4,
        3 => Origin::Icmp6,
        _ => Origin::Other,
    };
    let errno = i32::from_ne_bytes(*errno);
    Some(ExtendedError { errno, origin, kind: *kind, code: *code, from: address(rest) })
}

/// The address in a `struct sockaddr_in` or `sockaddr_in6`.
fn address(socket_address: &[u8]) -> Option<IpAddr> {
    let (family, rest) = socket_address.split_first_chunk::<2>()?;
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Some(Ipv4Addr::from(*rest.get(2..)?.first_chunk::<4>()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(*rest.get(6..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let len = size_of::<usize>() + 8 + data.len();
        let mut bytes = len.to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(len.next_multiple_of(size_of::<usize>()), 0);
        bytes
    }

    #[test]
    fn messages_stand_behind_each_other() {
        let mut control = message(9, 9, b"other");
        control.extend(message(libc::IPPROTO_IP, libc::IP_TTL, &63_i32.to_ne_bytes()));
        assert_eq!(hops(&control), Some(63));
        assert_eq!(hops(&message(libc::IPPROTO_IP, libc::IP_TTL, &[1])), None);
        assert_eq!(extended_error(&control), None);
    }

    #[test]
    fn an_error_says_who_sent_it() {
        let mut data = libc::EHOSTUNREACH.to_ne_bytes().to_vec();
        data.extend([2, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        data.extend((libc::AF_INET as u16).to_ne_bytes());
        data.extend([0, 0, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
        let error = extended_error(&message(libc::IPPROTO_IP, libc::IP_RECVERR, &data));
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("192.0.2.7 says by ICMP type 11 code 0: No route to host"), "{text}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_or_none(control in prop::collection::vec(any::<u8>(), 0..200), len in 0..64_usize) {
            let framed = message(libc::IPPROTO_IPV6, libc::IPV6_RECVERR, &control[..control.len().min(len)]);
            for bytes in [control, framed] {
                let _ = (hops(&bytes), extended_error(&bytes));
            }
        }
    }
}

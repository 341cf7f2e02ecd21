//! The sockets that take what comes: what `/proc/net/tcp`, `udp` and their namesakes for IPv6 say.
//!
//! The network is that of the host's first process, where that may be seen, so that from a container it is the host's ports
//! that are looked at. The kernel lists TCP sockets that listen before all others; reading ends with them,
//! however many connections there are.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::procfs::Procfs;

/// The most that is read of one file: 100,000 sockets.
const LARGEST: u64 = 16 << 20;

/// What is listened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Sockets that listen.
    Tcp,
    /// Sockets without a peer.
    Udp,
}

/// A socket that takes what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// The number that descriptors of the socket have; 0 if none is open any more.
    pub(crate) inode: u64,
}

impl Transport {
    /// The files, and the state of their sockets in hexadecimal.
    fn files(self) -> ([&'static str; 2], &'static str) {
        match self {
            Self::Tcp => (["tcp", "tcp6"], "0A"),
            Self::Udp => (["udp", "udp6"], "07"),
        }
    }
}

/// All of one transport.
///
/// # Errors
/// What cannot be opened or read, and why; begins with a verb.
pub(crate) fn listeners(procfs: &Procfs, transport: Transport) -> Result<Vec<Listener>, String> {
    let (names, state) = transport.files();
    let mut found = Vec::new();
    for (name, may_be_missing) in names.into_iter().zip([false, true]) {
        let first = procfs.file(&format!("1/net/{name}"));
        let file = match first.or_else(|_| procfs.file(&format!("net/{name}"))) {
            // A kernel without IPv6 has no such file.
            Err(error) if may_be_missing && error.kind() == ErrorKind::NotFound => continue,
            opened => opened.map_err(|error| format!("open net/{name}: {error}"))?,
        };
        let lines = BufReader::with_capacity(16 << 10, file.take(LARGEST));
        listening(lines, state, transport == Transport::Tcp, &mut found)
            .map_err(|error| format!("read net/{name}: {error}"))?;
    }
    Ok(found)
}

/// Adds the sockets in `state`. If they come `first` the rest is not read.
fn listening(mut lines: impl BufRead, state: &str, first: bool, found: &mut Vec<Listener>) -> io::Result<()> {
    let mut line = String::new();
    // The first line has the titles.
    lines.read_line(&mut line)?;
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        // sl, local_address, rem_address, st, queues, timer, retrnsmt, uid, timeout, inode
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, _, st) = (fields.next(), fields.next(), fields.next());
        if st != Some(state) {
            if first {
                return Ok(());
            }
            continue;
        }
        let inode = fields.nth(5).and_then(|inode| inode.parse().ok()).unwrap_or(0);
        let socket = |(address, port)| Listener { address, port, inode };
        found.extend(local.and_then(address_and_port).map(socket));
    }
}

/// `0100007F:1F40`: an address as words of 32 bits in the machine's byte order, and a port.
fn address_and_port(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = std::array::from_fn(|at| words[at / 4][at % 4]);
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn connections_behind_those_who_listen_are_not_read() {
        let text = "title\n 0: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n 1: 0100007F:0051 0100007F:0050 01\n \
                    2: 0100007F:0052 00000000:0000 0A\n";
        let mut found = Vec::new();
        listening(text.as_bytes(), "0A", true, &mut found).unwrap();
        assert_eq!(found, [Listener { address: "127.0.0.1".parse().unwrap(), port: 80, inode: 77 }]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([ 0-9A-F:é]{0,60}\n?){0,8}", first in any::<bool>()) {
            let _ = listening(text.as_bytes(), "0A", first, &mut Vec::new());
            let _ = address_and_port(&text);
        }
    }
}

//! What rtnetlink(7) tells of the interfaces: `RTM_GETLINK`, each answer an `ifinfomsg` and attributes behind it.

use super::super::netlink::{
    IFINFOMSG, IFLA_IFNAME, Netlink, NetlinkError, RTM_GETLINK, RTM_NEWLINK, attributes, text, u64_at,
};

const IFLA_STATS64: u16 = 23;

/// One interface.
#[derive(Debug)]
pub(super) struct Link<'m> {
    pub(super) name: &'m [u8],
    pub(super) stats: Stats<'m>,
}

/// `rtnl_link_stats64`: 64-bit numbers one behind the other, of which older kernels have fewer.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Stats<'m>(pub(in super::super) &'m [u8]);

macro_rules! numbers {
    ($($name:ident = $position:literal),* $(,)?) => {
        impl Stats<'_> {
            /// All of them, in the kernel's order; what an older kernel lacks is 0.
            pub(in super::super) fn numbers(&self) -> [u64; [$($position),*].len()] {
                [$(self.$name()),*]
            }

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

/// Calls `take` for each interface that has statistics.
pub(super) fn links(netlink: &mut Netlink, mut take: impl FnMut(&Link<'_>)) -> Result<(), NetlinkError> {
    netlink.dump(RTM_GETLINK, &[0; IFINFOMSG], |kind, body| {
        if let Some(link) = link(body).filter(|_| kind == RTM_NEWLINK) {
            take(&link);
        }
    })
}

/// The attributes behind the `ifinfomsg`; none if the interface has no name or no statistics.
fn link(body: &[u8]) -> Option<Link<'_>> {
    let (mut name, mut stats) = (None, None);
    for (kind, value) in attributes(body.get(IFINFOMSG..)?) {
        match kind {
            IFLA_IFNAME => name = Some(text(value)),
            IFLA_STATS64 => stats = Some(Stats(value)),
            _ => {}
        }
    }
    Some(Link { name: name?, stats: stats? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::netlink::{Subject, attribute};
    use super::*;
    use proptest::prelude::*;

    fn interface(name: &str, stats: &[u64]) -> Vec<u8> {
        let stats: Vec<u8> = stats.iter().flat_map(|number| number.to_ne_bytes()).collect();
        [vec![0; IFINFOMSG], attribute(IFLA_IFNAME, name.as_bytes()), attribute(IFLA_STATS64, &stats)]
            .concat()
    }

    #[test]
    fn interfaces_come_with_the_numbers_that_the_kernel_has() {
        let full: Vec<u64> = (0..25).collect();
        let (new, old) = (interface("lo\0", &full), interface("eth0\0", &full[..23]));
        let (new, old) = (link(&new).unwrap(), link(&old).unwrap());
        assert_eq!((new.name, new.stats.rx_bytes(), new.stats.rx_nohandler()), (&b"lo"[..], 2, 23));
        assert_eq!((old.name, old.stats.rx_bytes(), old.stats.rx_nohandler()), (&b"eth0"[..], 2, 0));
    }

    #[test]
    fn the_kernel_knows_the_loopback_interface() {
        let mut names = Vec::new();
        let mut netlink = Netlink::new(Subject::Route);
        for _ in 0..2 {
            links(&mut netlink, |link| names.push(link.name.to_vec())).unwrap();
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
            let _ = link(&bytes);
            let mut message = interface("lo\0", &[1; 25]);
            let at = flip.index(message.len());
            message[at] = to;
            let _ = link(&message);
        }
    }
}

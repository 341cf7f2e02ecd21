//! What rtnetlink(7) tells of neighbours: `RTM_GETNEIGH`, each answer an `ndmsg`.

use super::super::netlink::{Netlink, NetlinkError, u16_at, u32_at};

const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const NDMSG: usize = 12;
const AF_INET: u8 = 2;

/// A neighbour that needs no ARP, as that of a tunnel: `/proc/net/arp` leaves it out too.
const NUD_NOARP: u16 = 0x40;

/// How many neighbours of IP version 4 each interface has, by the interface's number.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    counts: Vec<(u32, u64)>,
}

impl Neighbours {
    /// Asks the kernel, and calls `take` with the name of each interface that has neighbours, and how many.
    pub(super) fn ask(
        &mut self,
        netlink: &mut Netlink,
        mut take: impl FnMut(&[u8], u64),
    ) -> Result<(), NetlinkError> {
        self.counts.clear();
        let mut request = [0; NDMSG];
        request[0] = AF_INET;
        netlink.dump(RTM_GETNEIGH, &request, |kind, body| {
            if kind == RTM_NEWNEIGH {
                self.count(body);
            }
        })?;
        if self.counts.is_empty() {
            return Ok(());
        }
        netlink.interfaces(|number, name| {
            if let Some((_, count)) = self.counts.iter().find(|(known, _)| *known == number) {
                take(name, *count);
            }
        })
    }

    /// One neighbour.
    fn count(&mut self, body: &[u8]) {
        let Some(message) = body.get(..NDMSG) else { return };
        if message[0] != AF_INET || u16_at(&message[8..]) & NUD_NOARP != 0 {
            return;
        }
        let number = u32_at(&message[4..]);
        match self.counts.iter_mut().find(|(known, _)| *known == number) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((number, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn neighbour(family: u8, interface: u32, state: u16) -> Vec<u8> {
        let mut body = vec![family, 0, 0, 0];
        body.extend(interface.to_ne_bytes());
        body.extend(state.to_ne_bytes());
        body.extend([0; 2]);
        body
    }

    #[test]
    fn neighbours_are_counted_by_interface_but_for_those_without_arp() {
        let mut neighbours = Neighbours::default();
        for body in [
            neighbour(AF_INET, 2, 2),
            neighbour(AF_INET, 3, 4),
            neighbour(AF_INET, 2, 0x20),
            neighbour(AF_INET, 2, NUD_NOARP),
            neighbour(10, 2, 2),
        ] {
            neighbours.count(&body);
        }
        assert_eq!(neighbours.counts, [(2, 2), (3, 1)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            Neighbours::default().count(&body);
        }
    }
}

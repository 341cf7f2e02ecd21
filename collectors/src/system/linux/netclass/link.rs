//! One interface as `RTM_GETLINK` tells it: an `ifinfomsg` and attributes (linux/if_link.h).

use super::super::netdev::Stats;
use super::super::netlink::{IFINFOMSG, IFLA_IFNAME, attributes, text, u16_at, u32_at};
use super::super::parse::hardware_address;

const IFLA_ADDRESS: u16 = 1;
const IFLA_BROADCAST: u16 = 2;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_TXQLEN: u16 = 13;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKMODE: u16 = 17;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;
const IFLA_GROUP: u16 = 27;
const IFLA_CARRIER: u16 = 33;
const IFLA_CARRIER_CHANGES: u16 = 35;
const IFLA_CARRIER_UP_COUNT: u16 = 47;
const IFLA_CARRIER_DOWN_COUNT: u16 = 48;
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;

const IFF_DORMANT: u32 = 1 << 17;
const OPERATION_STATES: [&str; 7] =
    ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];

/// One interface.
#[derive(Debug, Default)]
pub(super) struct Link<'m> {
    pub(super) index: u32,
    pub(super) name: &'m [u8],
    pub(super) flags: u32,
    /// By the names that sysfs has for them.
    pub(super) numbers: Vec<(&'static str, u64)>,
    pub(super) state: &'static str,
    pub(super) address: String,
    pub(super) broadcast: String,
    pub(super) alias: &'m [u8],
    pub(super) other_names: Vec<&'m [u8]>,
    pub(super) statistics: Option<Stats<'m>>,
}

impl<'m> Link<'m> {
    /// `None` for what has no name.
    pub(super) fn parse(body: &'m [u8]) -> Option<Self> {
        let message = body.get(..IFINFOMSG)?;
        let (index, flags) = (u32_at(&message[4..]), u32_at(&message[8..]));
        let mut link = Self { index, flags, state: OPERATION_STATES[0], ..Self::default() };
        // The kernel tells what an interface stands upon only if that is another.
        let mut below = index;
        for (kind, value) in attributes(&body[IFINFOMSG..]) {
            match kind {
                IFLA_IFNAME => link.name = text(value),
                IFLA_ADDRESS => link.address = hardware_address(value),
                IFLA_BROADCAST => link.broadcast = hardware_address(value),
                IFLA_LINK => below = u32_at(value),
                IFLA_OPERSTATE => {
                    let state = value.first().and_then(|state| OPERATION_STATES.get(usize::from(*state)));
                    link.state = state.unwrap_or(&OPERATION_STATES[0]);
                }
                IFLA_IFALIAS => link.alias = text(value),
                IFLA_PROP_LIST => {
                    let names = attributes(value).filter(|(kind, _)| *kind == IFLA_ALT_IFNAME);
                    link.other_names.extend(names.map(|(_, name)| text(name)));
                }
                IFLA_STATS64 => link.statistics = Some(Stats(value)),
                _ => link.numbers.extend(number(kind, value)),
            }
        }
        link.numbers.extend([
            ("ifindex", u64::from(index)),
            ("iflink", u64::from(below)),
            ("type", u64::from(u16_at(&message[2..]))),
            ("dormant", u64::from(flags & IFF_DORMANT != 0)),
        ]);
        Some(link).filter(|link| !link.name.is_empty())
    }
}

/// A number, of one octet or four, by the name of the file that has it.
fn number(kind: u16, value: &[u8]) -> Option<(&'static str, u64)> {
    let file = match kind {
        IFLA_CARRIER => "carrier",
        IFLA_LINKMODE => "link_mode",
        IFLA_CARRIER_CHANGES => "carrier_changes",
        IFLA_CARRIER_UP_COUNT => "carrier_up_count",
        IFLA_CARRIER_DOWN_COUNT => "carrier_down_count",
        IFLA_MTU => "mtu",
        IFLA_GROUP => "netdev_group",
        IFLA_TXQLEN => "tx_queue_len",
        _ => return None,
    };
    match value {
        [octet] => Some((file, u64::from(*octet))),
        [_, _, _, _] => Some((file, u64::from(u32_at(value)))),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::netlink::attribute;
    use super::*;
    use proptest::prelude::*;

    /// One that has everything; numbers are those of their attributes.
    pub(in super::super) fn message() -> Vec<u8> {
        let header = [&[0, 0, 1, 0][..], &7_u32.to_ne_bytes(), &(IFF_DORMANT | 1).to_ne_bytes(), &[0; 4]];
        let number = |kind: u16| attribute(kind, &u32::from(kind).to_ne_bytes());
        let other_name = attribute(IFLA_ALT_IFNAME, b"enp1s0\0");
        let mut attributes = vec![
            attribute(IFLA_IFNAME, b"eth0\0"),
            attribute(IFLA_ADDRESS, &[2, 0, 1]),
            attribute(IFLA_BROADCAST, &[0xff]),
            attribute(IFLA_OPERSTATE, &[6]),
            attribute(IFLA_IFALIAS, b"uplink\0"),
            attribute(IFLA_PROP_LIST, &[other_name.clone(), other_name].concat()),
            attribute(IFLA_CARRIER, &[1]),
            attribute(IFLA_LINKMODE, &[0]),
        ];
        let numbers = [
            IFLA_MTU,
            IFLA_LINK,
            IFLA_TXQLEN,
            IFLA_GROUP,
            IFLA_CARRIER_CHANGES,
            IFLA_CARRIER_UP_COUNT,
            IFLA_CARRIER_DOWN_COUNT,
        ];
        attributes.extend(numbers.map(number));
        [header.concat(), attributes.concat()].concat()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            flip in any::<proptest::sample::Index>(),
            to in any::<u8>(),
        ) {
            let _ = Link::parse(&bytes);
            let mut message = message();
            let at = flip.index(message.len());
            message[at] = to;
            let _ = Link::parse(&message);
        }
    }
}

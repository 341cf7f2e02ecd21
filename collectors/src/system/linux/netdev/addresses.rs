//! The addresses of the interfaces: rtnetlink(7), `RTM_GETADDR`, each answer an `ifaddrmsg` and attributes.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::super::netlink::{Netlink, NetlinkError, Subject, attributes, u32_at};
use super::super::parse;
use crate::system::filter::Filter;

static INFO: Family = Family::gauge("node_network_address_info", "node network address by device");

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const IFADDRMSG: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// More than an interface has one by one: the other addresses are not told.
const MOST: usize = 10_000;

#[derive(Debug)]
pub(super) struct Addresses {
    netlink: Netlink,
}

/// One address: the number of its interface, itself, the length of its prefix.
type Address = (u32, IpAddr, u8);

impl Addresses {
    pub(super) fn new() -> Self {
        Self { netlink: Netlink::new(Subject::Route) }
    }

    pub(super) fn write(&mut self, page: &mut Page, filter: &Filter) -> Result<(), NetlinkError> {
        let mut found = BTreeSet::new();
        self.netlink.dump(RTM_GETADDR, &[0; IFADDRMSG], |kind, body| {
            if kind == RTM_NEWADDR && found.len() < MOST {
                found.extend(parse(body));
            }
        })?;
        let mut names = HashMap::new();
        self.netlink.interfaces(|number, name| {
            names.insert(number, parse::label(name).into_owned());
        })?;
        for (interface, address, length) in found {
            let Some(name) = names.get(&interface).filter(|name| filter.wants(name)) else { continue };
            let labels = page.full_labels(&[
                ("address", &address.to_string()),
                ("device", name),
                ("netmask", &length.to_string()),
                ("scope", scope(address)),
            ]);
            page.set(&INFO, labels, 1.0);
        }
        Ok(())
    }
}

/// Of a point-to-point link, the address is the other end's, and the own one is told besides.
fn parse(body: &[u8]) -> Option<Address> {
    let message = body.get(..IFADDRMSG)?;
    let value =
        |wanted| attributes(&body[IFADDRMSG..]).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let address = value(IFA_LOCAL).or_else(|| value(IFA_ADDRESS))?;
    let address = match <[u8; 4]>::try_from(address) {
        Ok(four) => Ipv4Addr::from(four).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into(),
    };
    Some((u32_at(&message[4..]), address, message[1]))
}

/// How far an address reaches; nothing for one that is no host's.
fn scope(address: IpAddr) -> &'static str {
    let (near, nowhere) = match address {
        IpAddr::V4(address) => (address.is_link_local(), address.is_broadcast()),
        IpAddr::V6(address) => (address.is_unicast_link_local(), false),
    };
    if near || address.is_loopback() {
        "link-local"
    } else if nowhere || address.is_unspecified() || address.is_multicast() {
        ""
    } else {
        "global"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::lines;
    use super::super::super::netlink::attribute;
    use super::*;
    use crate::system::filter::Patterns;
    use proptest::prelude::*;

    fn message(length: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        [&[2, length, 0, 0][..], &3_u32.to_ne_bytes(), &attributes.concat()].concat()
    }

    #[test]
    fn the_own_end_of_a_link_is_its_address() {
        let other = attribute(IFA_ADDRESS, &[192, 0, 2, 1]);
        let own = attribute(IFA_LOCAL, &[192, 0, 2, 2]);
        let expected = (3, "192.0.2.2".parse().unwrap(), 32);
        assert_eq!(parse(&message(32, &[other.clone(), own])), Some(expected));
        assert_eq!(parse(&message(24, &[other])), Some((3, "192.0.2.1".parse().unwrap(), 24)));
        assert_eq!(parse(&message(24, &[attribute(IFA_ADDRESS, &[1, 2, 3])])), None);
    }

    #[test]
    fn an_address_says_how_far_it_reaches() {
        for (address, expected) in [
            ("127.0.0.1", "link-local"),
            ("169.254.3.4", "link-local"),
            ("10.1.2.3", "global"),
            ("0.0.0.0", ""),
            ("255.255.255.255", ""),
            ("::1", "link-local"),
            ("fe80::1", "link-local"),
            ("2001:db8::1", "global"),
            ("ff02::1", ""),
        ] {
            assert_eq!(scope(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn the_kernel_knows_the_address_of_the_loopback_interface() {
        let mut page = Page::default();
        let only_lo = Filter::new(Patterns::new("^lo$", "", "")).unwrap();
        Addresses::new().write(&mut page, &only_lo).unwrap();
        let labels = "address=\"127.0.0.1\",device=\"lo\",netmask=\"8\",scope=\"link-local\"";
        assert!(lines(&page).contains(&format!("node_network_address_info{{{labels}}} 1")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
            let _ = parse(&message(24, &[attribute(IFA_LOCAL, &bytes), bytes.clone()]));
        }
    }
}

//! `network_route`: the routing table, route by route; off by default, as a router has many.
//!
//! rtnetlink(7), `RTM_GETROUTE`: each answer is an `rtmsg` and attributes. Only routes to other machines are told, not
//! those to the host's own addresses.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::netlink::{Netlink, Subject, attributes, u16_at, u32_at};
use super::parse;

static INFO: Family = Family::gauge("node_network_route_info", "network routing table information");
static ROUTES: Family = Family::gauge("node_network_routes", "network routes by interface");

const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTMSG: usize = 12;
const RTN_UNICAST: u8 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_MULTIPATH: u16 = 9;
const RTNEXTHOP: usize = 8;

/// The most that are told one by one; a router of the Internet has a million.
const MOST: usize = 10_000;

/// Who made a route (linux/rtnetlink.h).
const PROTOCOLS: [(u8, &str); 21] = [
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (17, "mrouted"),
    (42, "babel"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];

pub(super) struct NetworkRoute {
    netlink: Netlink,
}

/// One way to a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    interface: u32,
    destination: String,
    gateway: String,
    priority: String,
    protocol: &'static str,
    source: String,
    weight: String,
}

impl NetworkRoute {
    pub(super) fn new() -> Self {
        Self { netlink: Netlink::new(Subject::Route) }
    }
}

impl Sampler for NetworkRoute {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        // Two tables may have the same route.
        let mut routes = BTreeSet::new();
        let mut more = false;
        self.netlink.dump(RTM_GETROUTE, &[0; RTMSG], |kind, body| {
            if kind == RTM_NEWROUTE {
                for route in parse(body) {
                    *counts.entry(route.interface).or_default() += 1;
                    more |= routes.len() == MOST && !routes.contains(&route);
                    if routes.len() < MOST {
                        routes.insert(route);
                    }
                }
            }
        })?;
        let mut names = HashMap::new();
        self.netlink.interfaces(|number, name| {
            names.insert(number, parse::label(name).into_owned());
        })?;
        for route in &routes {
            let Some(device) = names.get(&route.interface) else { continue };
            let labels = page.full_labels(&[
                ("dest", &route.destination),
                ("device", device),
                ("gw", &route.gateway),
                ("priority", &route.priority),
                ("proto", route.protocol),
                ("src", &route.source),
                ("weight", &route.weight),
            ]);
            page.set(&INFO, labels, 1.0);
        }
        for (number, count) in &counts {
            let Some(device) = names.get(number) else { continue };
            let labels = page.labels(&[("device", device)]);
            page.set(&ROUTES, labels, *count as f64);
        }
        if more {
            Err(format!("more than {MOST} routes: the others are only counted").into())
        } else {
            Ok(())
        }
    }
}

/// The ways of a route: one, or several that share the load.
fn parse(body: &[u8]) -> Vec<Route> {
    let Some(message) = body.get(..RTMSG) else { return Vec::new() };
    let (family, length, protocol, kind) = (message[0], message[1], message[5], message[7]);
    if kind != RTN_UNICAST || !matches!(family, AF_INET | AF_INET6) {
        return Vec::new();
    }
    let protocol =
        PROTOCOLS.iter().find(|(number, _)| *number == protocol).map_or("unknown", |(_, name)| name);
    let mut route = Route { protocol, priority: "0".to_owned(), ..Route::default() };
    let mut hops = Vec::new();
    for (attribute, value) in attributes(&body[RTMSG..]) {
        match attribute {
            RTA_DST => route.destination = format!("{}/{length}", address(value)),
            RTA_OIF => route.interface = u32_at(value),
            RTA_GATEWAY => route.gateway = address(value),
            RTA_PRIORITY => route.priority = u32_at(value).to_string(),
            RTA_PREFSRC => route.source = address(value),
            RTA_MULTIPATH => hops = next_hops(value),
            _ => {}
        }
    }
    if length == 0 {
        route.destination = "default".to_owned();
    }
    match hops.is_empty() {
        true => vec![route],
        false => {
            let way = |(interface, gateway, weight)| Route { interface, gateway, weight, ..route.clone() };
            hops.into_iter().map(way).collect()
        }
    }
}

/// Interface, gateway and weight of each `rtnexthop`.
fn next_hops(mut rest: &[u8]) -> Vec<(u32, String, String)> {
    let mut hops = Vec::new();
    while let Some(header) = rest.get(..RTNEXTHOP) {
        let length = usize::from(u16_at(header));
        let Some(inner) = rest.get(RTNEXTHOP..length) else { break };
        let gateway = attributes(inner).find(|(kind, _)| *kind == RTA_GATEWAY);
        let gateway = gateway.map(|(_, value)| address(value)).unwrap_or_default();
        hops.push((u32_at(&header[4..]), gateway, (u32::from(header[3]) + 1).to_string()));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

/// Of either version; nothing for what is none.
fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        Ipv4Addr::from(four).to_string()
    } else if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
        Ipv6Addr::from(sixteen).to_string()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::super::netlink::attribute;
    use super::*;
    use proptest::prelude::*;

    fn message(length: u8, kind: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        [vec![AF_INET, length, 0, 0, 254, 2, 0, kind, 0, 0, 0, 0], attributes.concat()].concat()
    }

    #[test]
    fn a_route_has_one_way_or_several() {
        let one = message(
            24,
            RTN_UNICAST,
            &[
                attribute(RTA_DST, &[192, 0, 2, 0]),
                attribute(RTA_OIF, &3_u32.to_ne_bytes()),
                attribute(RTA_PREFSRC, &[192, 0, 2, 2]),
            ],
        );
        let expected = Route {
            interface: 3,
            destination: "192.0.2.0/24".to_owned(),
            priority: "0".to_owned(),
            protocol: "kernel",
            source: "192.0.2.2".to_owned(),
            ..Route::default()
        };
        assert_eq!(parse(&one), [expected]);
        let hop = |interface: u32, weight: u8| {
            let gateway = attribute(RTA_GATEWAY, &[10, 0, 0, weight]);
            let length = (RTNEXTHOP + gateway.len()) as u16;
            [&length.to_ne_bytes()[..], &[0, weight - 1], &interface.to_ne_bytes(), &gateway].concat()
        };
        let hops = [hop(1, 1), hop(2, 5)].concat();
        let several = parse(&message(0, RTN_UNICAST, &[attribute(RTA_MULTIPATH, &hops)]));
        let told: Vec<_> =
            several.iter().map(|way| (way.interface, way.gateway.as_str(), way.weight.as_str())).collect();
        assert_eq!(told, [(1, "10.0.0.1", "1"), (2, "10.0.0.5", "5")]);
        assert!(several.iter().all(|way| way.destination == "default"));
    }

    #[test]
    fn a_way_to_the_host_itself_is_no_route() {
        assert_eq!(parse(&message(32, 2, &[])), []);
    }

    #[test]
    fn the_kernel_answers() {
        let host = Fixture::new();
        let (series, result) = host.sample(&mut NetworkRoute::new());
        result.unwrap();
        assert!(series.iter().all(|line| line.starts_with("node_network_route")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            kind in any::<u8>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let ways = parse(&message(kind, RTN_UNICAST, &[attribute(RTA_MULTIPATH, &bytes), bytes.clone()]));
            prop_assert!(ways.len() <= 1 + bytes.len());
            let _ = parse(&bytes);
        }
    }
}

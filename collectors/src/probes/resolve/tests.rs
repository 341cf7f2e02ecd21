//! Against a name server of our own.
#![allow(clippy::unwrap_used)]

use std::io::Cursor;
use std::time::Duration;

use hickory_resolver::config::ConnectionConfig;
use tokio::net::UdpSocket;

use super::*;

/// A name server that knows `both`, `four` and `empty`, is in trouble about `broken`, says nothing about
/// `mute` and knows no other name. Resolving by it, with this hosts file.
async fn lookup(hosts: &str) -> Lookup {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut connection = ConnectionConfig::udp();
    connection.port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut query = [0; 512];
        loop {
            let (len, peer) = socket.recv_from(&mut query).await.unwrap();
            if let Some(answer) = answer(&query[..len]) {
                socket.send_to(&answer, peer).await.unwrap();
            }
        }
    });
    let server = NameServerConfig::new(Ipv4Addr::LOCALHOST.into(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let mut options = ResolverOpts::default();
    options.timeout = Duration::from_millis(100);
    options.attempts = 1;
    let mut parsed = Hosts::default();
    parsed.read_hosts_conf(Cursor::new(hosts.to_owned())).unwrap();
    Lookup::new(parsed, config, options).unwrap()
}

fn answer(query: &[u8]) -> Option<Vec<u8>> {
    const A: u16 = 1;
    const AAAA: u16 = 28;
    let name_len = query[12] as usize;
    let name = String::from_utf8_lossy(&query[13..13 + name_len]).to_lowercase();
    let question_end = 12 + 1 + name_len + 1 + 4;
    let kind = u16::from_be_bytes([query[question_end - 4], query[question_end - 3]]);
    let (code, data): (u8, Option<Vec<u8>>) = match (name.as_str(), kind) {
        ("mute", _) => return None,
        ("broken", _) => (2, None),
        ("both" | "four", A) => (0, Some(Ipv4Addr::new(192, 0, 2, 1).octets().to_vec())),
        ("both", AAAA) => (0, Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets().to_vec())),
        ("four" | "empty", _) => (0, None),
        _ => (3, None),
    };
    let mut out = query[..2].to_vec();
    out.extend([0x85, 0x80 | code, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    out.extend(&query[12..question_end]);
    if let Some(data) = data {
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        out.extend(data);
    }
    Some(out)
}

async fn found(lookup: &Lookup, name: &str, preferred: IpProtocol, fallback: bool) -> Vec<String> {
    let addresses = lookup.find(name, preferred, fallback).await.unwrap();
    addresses.iter().map(IpAddr::to_string).collect()
}

#[tokio::test]
async fn the_preferred_family_comes_first_and_the_other_only_if_allowed() {
    let lookup = lookup("").await;
    assert_eq!(found(&lookup, "both", IpProtocol::Ip6, true).await, ["2001:db8::1", "192.0.2.1"]);
    assert_eq!(found(&lookup, "both", IpProtocol::Ip4, true).await, ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(found(&lookup, "both", IpProtocol::Ip4, false).await, ["192.0.2.1"]);
    assert_eq!(found(&lookup, "four", IpProtocol::Ip6, true).await, ["192.0.2.1"]);
}

#[tokio::test]
async fn each_way_of_not_resolving_has_its_reason() {
    let lookup = lookup("").await;
    for (name, reason) in [
        ("unknown", Reason::DnsNxdomain),
        ("empty", Reason::DnsNoAddress),
        ("broken", Reason::DnsError),
        ("mute", Reason::DnsTimeout),
    ] {
        let failure = lookup.find(name, IpProtocol::Ip6, true).await.unwrap_err();
        assert_eq!((failure.reason, failure.phase), (reason, Phase::Resolve), "{name}: {failure}");
    }
    let failure = lookup.find("four", IpProtocol::Ip6, false).await.unwrap_err();
    assert_eq!(failure.reason, Reason::DnsNoAddress);
}

#[tokio::test]
async fn the_hosts_file_comes_before_the_name_servers() {
    let lookup = lookup("198.51.100.7 both alias # comment\n").await;
    assert_eq!(found(&lookup, "both", IpProtocol::Ip6, true).await, ["198.51.100.7"]);
    assert_eq!(found(&lookup, "ALIAS", IpProtocol::Ip6, true).await, ["198.51.100.7"]);
    assert_eq!(found(&lookup, "localhost", IpProtocol::Ip4, false).await, ["127.0.0.1"]);
}

#[test]
fn a_file_without_a_name_server_is_seen_as_such() {
    assert!(has_server(b"# x\nsearch example\n  nameserver 192.0.2.53\n"));
    assert!(!has_server(b"# nameserver 192.0.2.53\n; none\n"));
}

//! The table of virtual services and their real servers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::parse;
use super::{BACKENDS, LABELS};

/// One real server: its labels in the order of [`LABELS`], and weight, active and inactive connections.
pub(super) struct Backend {
    pub(super) labels: [String; LABELS.len()],
    pub(super) numbers: [u64; BACKENDS.len()],
}

/// What a line says that begins a virtual service.
#[derive(Clone)]
struct Service {
    protocol: String,
    address: String,
    port: u64,
    mark: String,
}

/// The servers that can be understood; what cannot is `None`.
pub(super) fn backends(text: &[u8]) -> impl Iterator<Item = Option<Backend>> {
    let mut service: Option<Service> = None;
    parse::lines(text).filter_map(move |line| {
        let (first, rest) = parse::first_word(line);
        match first {
            b"TCP" | b"UDP" | b"SCTP" | b"FWM" => {
                service = parse_service(first, rest);
                service.is_none().then_some(None)
            }
            b"->" if parse::first_word(rest).0 != b"RemoteAddress:Port" => {
                Some(service.as_ref().and_then(|service| parse_server(service, rest)))
            }
            _ => None,
        }
    })
}

/// `C0A80016:0CEA wlc`, or `10001000 wlc` for one that is known by a mark of the firewall.
fn parse_service(protocol: &[u8], rest: &[u8]) -> Option<Service> {
    let (target, _) = parse::first_word(rest);
    let protocol = parse::label(protocol).into_owned();
    if protocol == "FWM" {
        let mark = parse::label(target).into_owned();
        return Some(Service { protocol, address: String::new(), port: 0, mark });
    }
    let (address, port) = parse_address(target)?;
    Some(Service { protocol, address, port, mark: String::new() })
}

/// `C0A85216:0CEA      Tunnel  100    248        2`
fn parse_server(service: &Service, rest: &[u8]) -> Option<Backend> {
    let mut words = parse::words(rest);
    let (address, port) = parse_address(words.next()?)?;
    let mut numbers = words.skip(1).map(parse::whole);
    let mut next = || numbers.next().flatten();
    let Service { protocol, address: local, port: local_port, mark } = service.clone();
    Some(Backend {
        labels: [local, mark, local_port.to_string(), protocol, address, port.to_string()],
        numbers: [next()?, next()?, next()?],
    })
}

/// `C0A85216:0CEA`, or `[2620:0000:…:0001]:0050`
fn parse_address(text: &[u8]) -> Option<(String, u64)> {
    let colon = memchr::memrchr(b':', text)?;
    let (address, port) = (&text[..colon], parse::hex(&text[colon + 1..])?);
    let address = match address.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")) {
        Some(inner) => std::str::from_utf8(inner).ok()?.parse::<Ipv6Addr>().ok()?.to_string(),
        None => Ipv4Addr::from(u32::try_from(parse::hex(address)?).ok()?).to_string(),
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds_are_read() {
        assert_eq!(parse_address(b"C0A85216:0CEA"), Some(("192.168.82.22".to_owned(), 3306)));
        let six = parse_address(b"[2620:0000:0000:0000:0000:0000:0000:0001]:0050");
        assert_eq!(six, Some(("2620::1".to_owned(), 80)));
        for wrong in [&b""[..], b":", b"C0A85216", b"1C0A85216:1", b"[::1:50", b"[x]:1"] {
            assert_eq!(parse_address(wrong), None);
        }
    }
}

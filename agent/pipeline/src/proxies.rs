//! Which proxy the environment names, and for whom.
//!
//! `HTTPS_PROXY` is for destinations with TLS, `HTTP_PROXY` for others, each also in lower case, which wins;
//! `NO_PROXY` says who is reached without.

use std::net::IpAddr;

/// The variable that names the proxy for destinations with TLS or without, and what it says; `variable` reads the
/// environment.
pub fn variable(tls: bool, variable: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    set(if tls { "HTTPS_PROXY" } else { "HTTP_PROXY" }, variable)
}

/// Who is reached without a proxy: a list for [`is_exempt`].
pub fn exempt(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    set("NO_PROXY", variable).map(|(_, list)| list)
}

fn set(name: &str, variable: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    [name.to_ascii_lowercase(), name.to_owned()]
        .into_iter()
        .find_map(|name| variable(&name).filter(|value| !value.trim().is_empty()).map(|value| (name, value)))
}

/// Whether a host is this one by its name or address. To a proxy it would be the proxy's.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let named = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    named || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether `list` names the destination: `*`, an address, a network as `10.0.0.0/8`, a host, or a domain with all
/// that is below it, with a dot before it or without; each with a port or without.
#[must_use]
pub fn is_exempt(host: &str, port: u16, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        let (name, own) = split_port(&entry);
        if own.is_some_and(|own| own != port) {
            return false;
        }
        match address {
            Some(address) => in_network(address, name),
            None => {
                let domain = name.trim_start_matches("*.").trim_matches('.');
                let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
                !domain.is_empty() && (host == domain || below)
            }
        }
    })
}

/// `host:port`, `[address]:port`, or one of them without a port; an IPv6 address without brackets has none.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((name, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (name, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: &str) -> bool {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else { return false };
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            address.to_bits() & mask == base.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            address.to_bits() & mask == base.to_bits() & mask
        }
        _ => false,
    }
}

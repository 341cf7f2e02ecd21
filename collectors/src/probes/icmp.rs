//! Pings, with blackbox_exporter's options under its names.
//!
//! A run sends one echo request from a socket of its own and waits for its reply. The kernel's unprivileged sockets
//! are used where `net.ipv4.ping_group_range` allows them, for `dont_fragment` as well; raw ones need the capability
//! `CAP_NET_RAW`. A raw socket hears all replies of its peer, so a reply is one's own only if number, sequence and
//! payload are.
//!
//! What the kernel learns of the request's fate from other hosts (unreachable, time exceeded, too big) ends the run
//! at once, rather than at its deadline.

mod metrics;
mod packet;
mod prober;
mod socket;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

use self::prober::Prober;
use super::Shared;
use super::prober::{self as probing, Kind};
use super::resolve::IpProtocol;

/// A ping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whom to ping: a name or an address. Required unless there are `targets`.
    pub host: String,
    /// Length of the payload in bytes, at most 65507; 0 for 28.
    pub payload_size: u16,
    /// As many hops the request may take; 0 for what the system has.
    pub ttl: u8,
    /// Forbid that the request is cut into fragments; only for IPv4.
    pub dont_fragment: bool,
    /// The address of this host to ping from.
    pub source_ip_address: Option<IpAddr>,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: String::new(),
            payload_size: 0,
            ttl: 0,
            dont_fragment: false,
            source_ip_address: None,
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

/// What an IPv4 packet of 64 KiB has room for behind its header and that of ICMP.
const MAX_PAYLOAD: u16 = 65_507;

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.host.trim().is_empty() {
            at.key("host").ok(host(&self.host));
        }
        if self.payload_size > MAX_PAYLOAD {
            at.key("payload_size").wrong(format_args!("more than {MAX_PAYLOAD}"));
        }
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("host", &self.host)
    }

    fn prober(
        &self,
        shared: &Arc<Shared>,
        _surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self, shared)))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        host(target)?;
        Ok(())
    }
}

/// Why a text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum HostError {
    #[error("no host")]
    Empty,
    #[error("a host has no port, and a URL is none; write for example `gateway.example`")]
    Characters,
}

/// A name, or an address with or without brackets.
fn host(text: &str) -> Result<&str, HostError> {
    let text = text.trim();
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if address.parse::<Ipv6Addr>().is_ok() {
        return Ok(address);
    }
    let strange = |c: char| c.is_whitespace() || c.is_control() || ":/@[]".contains(c);
    match text {
        "" => Err(HostError::Empty),
        text if text.contains(strange) => Err(HostError::Characters),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_name_or_an_address() {
        assert_eq!(host(" gateway.example "), Ok("gateway.example"));
        assert_eq!(host("192.0.2.1"), Ok("192.0.2.1"));
        assert_eq!(host("[2001:db8::1]"), Ok("2001:db8::1"));
        assert_eq!(host("::1"), Ok("::1"));
        assert_eq!(host(""), Err(HostError::Empty));
        for text in ["gateway:80", "http://gateway", "[gateway]", "a b", "me@gateway"] {
            assert_eq!(host(text), Err(HostError::Characters), "{text}");
        }
    }
}

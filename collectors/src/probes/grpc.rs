//! Probes of gRPC servers by the standard health protocol, with blackbox_exporter's options under its names.
//!
//! A run makes one call of `grpc.health.v1.Health/Check` over a connection of its own, and succeeds if the service is
//! `SERVING`. The server is told how long the answer may take (`grpc-timeout`), and whose trace the call belongs to.
//! Of an answer 64 KiB are read, where a few bytes would do.

mod call;
mod health;
mod metadata;
mod metrics;
mod prober;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::uri::Authority;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;

use self::prober::Prober;
use super::Shared;
use super::host_port::{HostPort, HostPortError};
use super::prober::{self as probing, Kind};
use super::resolve::IpProtocol;
use super::tls::TlsConfig;

/// A probe of a gRPC server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The server, as `host:port`; without a port that is 80, or 443 over TLS. Required unless there are `targets`.
    pub address: String,
    /// The service to ask for; none is the server as a whole.
    pub service: String,
    /// Connect over TLS.
    pub tls: bool,
    /// How the TLS connection is made.
    pub tls_config: TlsConfig,
    /// What goes with the call. The values of a key that ends in `-bin` are sent in base 64.
    pub metadata: BTreeMap<String, Vec<Secret>>,
    /// The name of the server in the call, if it is not that of the address.
    pub authority: Option<String>,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: String::new(),
            service: String::new(),
            tls: false,
            tls_config: TlsConfig::default(),
            metadata: BTreeMap::new(),
            authority: None,
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

impl Config {
    /// That of a server without one.
    fn default_port(&self) -> u16 {
        if self.tls { 443 } else { 80 }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.address.trim().is_empty() {
            at.key("address").ok(server(&self.address, self.default_port()));
        }
        self.tls_config.check(&mut at.key("tls_config"));
        for (name, values) in &self.metadata {
            let at = at.key("metadata").key(name);
            for (at, value) in at.each(values) {
                at.ok(metadata::entry(name, value));
            }
        }
        if let Some(authority) = &self.authority {
            at.key("authority").ok(authority.parse::<Authority>());
        }
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("address", &self.address)
    }

    fn prober(
        &self,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        server(target, self.default_port())?;
        Ok(())
    }
}

/// A target. As blackbox_exporter has it, it may look like a URL of HTTP, whose scheme says nothing about TLS.
fn server(target: &str, default_port: u16) -> Result<HostPort, HostPortError> {
    let target = target.trim();
    let bare = ["http://", "https://"].iter().find_map(|scheme| target.strip_prefix(scheme));
    let bare = bare.map_or(target, |rest| rest.split('/').next().unwrap_or_default());
    HostPort::parse(bare, Some(default_port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_target_may_look_like_a_url() {
        for text in ["shop.example:50051", "http://shop.example:50051", "https://shop.example:50051/x"] {
            assert_eq!(server(text, 80).unwrap().to_string(), "shop.example:50051", "{text}");
        }
        assert_eq!(server("[::1]", 443).unwrap().to_string(), "[::1]:443");
        assert!(server("ftp://shop.example", 80).is_err());
        assert!(server("http://", 80).is_err());
    }
}

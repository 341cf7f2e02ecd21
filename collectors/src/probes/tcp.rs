//! Probes of TCP ports, with blackbox_exporter's options under its names: does it take a connection, and does it say
//! what it should?
//!
//! What a peer can make the agent hold is bounded by one line of 64 KiB.

mod prober;

use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

use self::prober::Prober;
use super::Shared;
use super::host_port::HostPort;
use super::prober::{self as probing, Kind};
pub use super::query_response::{ExpectLabel, QueryResponse};
pub use super::resolve::IpProtocol;
pub use super::tls::TlsConfig;

/// A TCP probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What to connect to: `host:port`. Required unless there are `targets`.
    pub address: String,
    /// What is expected and sent, step by step.
    pub query_response: Vec<QueryResponse>,
    /// Begin with TLS.
    pub tls: bool,
    /// How TLS connections are made, also those that `starttls` leads to.
    pub tls_config: TlsConfig,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
    /// Connect from this address of the host.
    pub source_ip_address: Option<IpAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: String::new(),
            query_response: Vec::new(),
            tls: false,
            tls_config: TlsConfig::default(),
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
            source_ip_address: None,
        }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.address.trim().is_empty() {
            at.key("address").ok(HostPort::parse(&self.address, None));
        }
        super::query_response::check(&self.query_response, self.tls, &at.key("query_response"));
        self.tls_config.check(&mut at.key("tls_config"));
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
        HostPort::parse(target, None)?;
        Ok(())
    }
}

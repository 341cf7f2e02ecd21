//! Probes of mail servers: greeting, `EHLO`, and `STARTTLS` where it is wanted (RFC 5321, RFC 3207).
//!
//! No mail is sent and nobody logs in. What a peer can make the agent hold is bounded by one reply: 128 lines of 512
//! characters.

mod metrics;
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
pub use super::resolve::IpProtocol;
pub use super::tls::TlsConfig;

/// The port of servers that take mail from other servers.
const PORT: u16 = 25;

/// A probe of a mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What to connect to: `host:port`; without a port it is 25. Required unless there are `targets`.
    pub address: String,
    /// What the agent calls itself; the name of its host if this is empty.
    pub ehlo: String,
    /// Whether to go over to TLS.
    pub starttls: StartTls,
    /// Begin with TLS, as on port 465.
    pub tls: bool,
    /// How TLS connections are made.
    pub tls_config: TlsConfig,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
    /// Connect from this address of the host.
    pub source_ip_address: Option<IpAddr>,
}

/// Whether a mail server is asked to go over to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    /// Never.
    Off,
    /// If it offers it.
    #[default]
    Opportunistic,
    /// Always: one that does not offer it fails.
    Required,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: String::new(),
            ehlo: String::new(),
            starttls: StartTls::default(),
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
            at.key("address").ok(HostPort::parse(&self.address, Some(PORT)));
        }
        if self.ehlo.chars().any(|c| !c.is_ascii_graphic()) {
            at.key("ehlo").wrong("not the name of a host");
        }
        if self.tls && self.starttls == StartTls::Required {
            at.key("starttls").wrong("contradicts tls: the connection is encrypted already");
        }
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
        HostPort::parse(target, Some(PORT))?;
        Ok(())
    }
}

//! Probes of name servers, with blackbox_exporter's options under its names.
//!
//! A run asks one question, over a socket of its own, and judges the one answer. The question is sent once: that a
//! datagram gets lost is part of what is measured. A datagram may have 512 bytes, as nothing else is agreed on; an
//! answer that was cut to fit is judged as it is. Over TCP an answer has at most 64 KiB.
//!
//! Regular expressions see a record as blackbox_exporter prints it ([`presentation`]), so that those of an existing
//! configuration say the same here.

mod codes;
mod exchange;
mod message;
mod metrics;
mod presentation;
mod prober;
mod rules;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

use self::codes::{class_number, rcode_number, type_number};
use self::message::domain_name;
use self::prober::Prober;
pub use self::rules::RrValidator;
use super::Shared;
use super::host_port::HostPort;
use super::prober::{self as probing, Kind};
use super::resolve::IpProtocol;
use super::tls::TlsConfig;

/// A probe of a name server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The name server, as `host` or `host:port`; without a port that is 53, or 853 over TLS. Required unless there
    /// are `targets`.
    pub server: String,
    /// (required) The name to ask for.
    pub query_name: String,
    /// The type of record to ask for, by its name or as `TYPE` and a number.
    pub query_type: String,
    /// The class to ask in, by its name or as `CLASS` and a number.
    pub query_class: String,
    /// Ask the server to find the answer elsewhere if it has to.
    pub recursion_desired: bool,
    /// What to ask over.
    pub transport_protocol: TransportProtocol,
    /// Ask over TLS; needs `transport_protocol: tcp`.
    pub dns_over_tls: bool,
    /// How the TLS connection is made.
    pub tls_config: TlsConfig,
    /// The response codes that mean success; `NOERROR` if there are none.
    pub valid_rcodes: Vec<String>,
    /// What the records of the answer have to be.
    pub validate_answer_rrs: RrValidator,
    /// What the records about authority have to be.
    pub validate_authority_rrs: RrValidator,
    /// What the additional records have to be.
    pub validate_additional_rrs: RrValidator,
    /// The address of this host to ask from.
    pub source_ip_address: Option<IpAddr>,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
}

/// What a question goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransportProtocol {
    /// A datagram.
    Udp,
    /// A connection.
    Tcp,
}

impl TransportProtocol {
    fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: String::new(),
            query_name: String::new(),
            query_type: "ANY".to_owned(),
            query_class: "IN".to_owned(),
            recursion_desired: true,
            transport_protocol: TransportProtocol::Udp,
            dns_over_tls: false,
            tls_config: TlsConfig::default(),
            valid_rcodes: Vec::new(),
            validate_answer_rrs: RrValidator::default(),
            validate_authority_rrs: RrValidator::default(),
            validate_additional_rrs: RrValidator::default(),
            source_ip_address: None,
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

impl Config {
    /// That of a server without one.
    fn default_port(&self) -> u16 {
        if self.dns_over_tls { 853 } else { 53 }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.server.trim().is_empty() {
            at.key("server").ok(HostPort::parse(&self.server, Some(self.default_port())));
        }
        if self.query_name.trim().is_empty() {
            at.key("query_name").wrong("required");
        } else {
            at.key("query_name").ok(domain_name(&self.query_name));
        }
        if type_number(&self.query_type).is_none() {
            at.key("query_type").wrong("not a type of record; write for example `AAAA` or `TYPE65`");
        }
        if class_number(&self.query_class).is_none() {
            at.key("query_class").wrong("not a class; write for example `IN`");
        }
        for (at, name) in at.key("valid_rcodes").each(&self.valid_rcodes) {
            if rcode_number(name).is_none() {
                at.wrong("not a response code; write for example `NXDOMAIN`");
            }
        }
        if self.dns_over_tls && self.transport_protocol != TransportProtocol::Tcp {
            at.key("dns_over_tls").wrong("needs transport_protocol: tcp");
        }
        self.tls_config.check(&mut at.key("tls_config"));
        for (key, rules) in [
            ("validate_answer_rrs", &self.validate_answer_rrs),
            ("validate_authority_rrs", &self.validate_authority_rrs),
            ("validate_additional_rrs", &self.validate_additional_rrs),
        ] {
            rules.check(&mut at.key(key));
        }
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("server", &self.server)
    }

    fn prober(
        &self,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        HostPort::parse(target, Some(self.default_port()))?;
        Ok(())
    }
}

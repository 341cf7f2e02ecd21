//! Probes of certificates, under the key `tls`: a handshake and nothing else, or files of this host.
//!
//! Every certificate of the chain has its series, whether the chain is trusted or not. A chain that is good today
//! may be told as a failure so long before it ends that somebody can still do something about it.
//!
//! A file is read at every run, up to 1 MiB of it, and up to 400 certificates of all files that a pattern matches.

mod files;
mod prober;
mod starttls;

use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::units::HumanDuration;

use self::prober::{Prober, Target};
pub use self::starttls::StartTls;
use super::Shared;
use super::host_port::HostPort;
use super::prober::{self as probing, Kind};
pub use super::resolve::IpProtocol;
pub use super::tls::TlsConfig;

/// A probe of certificates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whom to make a handshake with: `host:port`. Required unless there are `files` or `targets`.
    pub address: String,
    /// PEM files of this host with certificates. The last part of a path may be a glob; each path is a target of its
    /// own.
    pub files: Vec<FilePath>,
    /// Ask the server to go over to TLS, in this protocol.
    pub starttls: Option<StartTls>,
    /// Fail if a certificate of the chain ends sooner than this; 0 for as soon as it has ended.
    pub fail_if_expires_within: HumanDuration,
    /// The protocols to offer within TLS, the best first.
    pub alpn: Vec<String>,
    /// How TLS connections are made.
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
            files: Vec::new(),
            starttls: None,
            fail_if_expires_within: HumanDuration::default(),
            alpn: Vec::new(),
            tls_config: TlsConfig::default(),
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
            source_ip_address: None,
        }
    }
}

/// The longest name of a protocol within TLS, in bytes (RFC 7301).
const LONGEST_PROTOCOL: usize = 255;

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.address.trim().is_empty() {
            at.key("address").ok(HostPort::parse(&self.address, None));
        }
        for (at, file) in at.key("files").each(&self.files) {
            at.ok(files::pattern(file));
        }
        for (at, protocol) in at.key("alpn").each(&self.alpn) {
            if protocol.is_empty() || protocol.len() > LONGEST_PROTOCOL {
                at.wrong(format_args!("not between 1 and {LONGEST_PROTOCOL} bytes"));
            }
        }
        self.tls_config.check(&mut at.key("tls_config"));
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("address", &self.address)
    }

    fn more_targets(&self) -> Vec<String> {
        self.files.iter().map(|file| file.to_string_lossy().into_owned()).collect()
    }

    fn prober(
        &self,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        Target::parse(target)?;
        Ok(())
    }
}

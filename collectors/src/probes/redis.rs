//! Probes of Redis and what speaks its protocol: log in, then PING or another command that only reads.
//!
//! The protocol is RESP2, as every version of the server speaks it. `HELLO` logs in where the server knows it, and
//! tells its version and role; an older one gets `AUTH`. Of a reply at most 256 KiB are read, and of it the first 64
//! values are kept.

mod command;
mod metrics;
mod prober;
mod reply;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;

use self::prober::Prober;
use super::Shared;
use super::address::Address;
use super::password::check_password;
use super::prober::{self as probing, Kind};
use super::resolve::IpProtocol;
use super::tls::TlsConfig;

/// Where the server listens unless an address says otherwise.
const PORT: u16 = 6379;

/// What the server has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It takes writes.
    Master,
    /// It follows another.
    Replica,
}

/// A Redis probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port`, `host` for port 6379, or `unix:/path`. Required unless there are `targets`.
    pub address: String,
    /// The user to log in as; the default user if there is only a password.
    pub username: String,
    /// The password.
    pub password: Option<Secret>,
    /// File with the password, read at every probe; blank space around it is left out.
    pub password_file: Option<FilePath>,
    /// The number of the database.
    pub database: u32,
    /// The command with its arguments: one that only reads. If its first value is a number, it becomes a series.
    pub command: Vec<String>,
    /// Fail unless the server has this role.
    pub role: Option<Role>,
    /// Connect over TLS.
    pub tls: bool,
    /// How TLS connections are made.
    pub tls_config: TlsConfig,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: String::new(),
            username: String::new(),
            password: None,
            password_file: None,
            database: 0,
            command: vec!["PING".to_owned()],
            role: None,
            tls: false,
            tls_config: TlsConfig::default(),
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.address.trim().is_empty() {
            at.key("address").ok(Address::parse(&self.address, Some(PORT)));
        }
        check_password(at, self.password.as_ref(), self.password_file.as_ref());
        if !self.username.is_empty() && self.password.is_none() && self.password_file.is_none() {
            at.key("username").wrong("needs a password");
        }
        at.key("command").ok(command::check(&self.command));
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
        Address::parse(target, Some(PORT))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Probes of PostgreSQL and what speaks its protocol: log in, then one statement that only reads.
//!
//! The statement is sent by the extended protocol, which takes no second one, between `BEGIN READ ONLY` and
//! `ROLLBACK`: nothing of it stays, neither in the database nor in a connection that a pooler gives to others. The
//! server itself ends it at the deadline of the run. All of it goes out at once, with the message that ends the session,
//! so that the server's log has no broken connection to tell of.
//!
//! A password goes out as it is only over TLS or a socket of this host. One message may have 256 KiB, all of
//! them together 4 MiB.

mod error;
mod login;
mod metrics;
mod prober;
mod query;
mod session;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;

use self::prober::Prober;
use super::Shared;
use super::address::{Address, AddressError};
use super::database::TlsMode;
use super::password::check_password;
use super::prober::{self as probing, Kind};
use super::resolve::IpProtocol;
use super::tls::TlsConfig;

/// Where the server listens unless an address says otherwise.
const PORT: u16 = 5432;

/// How the sockets in a directory are called, before the port.
const SOCKET: &str = ".s.PGSQL.";

/// A PostgreSQL probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port`, `host` for port 5432, or `unix:/path` of a socket or of the directory that has it. Required
    /// unless there are `targets`.
    pub address: String,
    /// (required) The user to log in as.
    pub user: String,
    /// The password.
    pub password: Option<Secret>,
    /// File with the password, read at every probe; blank space around it is left out.
    pub password_file: Option<FilePath>,
    /// The database; by default the one called as the user.
    pub database: String,
    /// One statement that reads. If its first value is a number, it becomes a series.
    pub query: String,
    /// Whether the connection is encrypted.
    pub tls: TlsMode,
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
            user: String::new(),
            password: None,
            password_file: None,
            database: String::new(),
            query: "SELECT 1".to_owned(),
            tls: TlsMode::default(),
            tls_config: TlsConfig::default(),
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.address.trim().is_empty() {
            at.key("address").ok(address(&self.address));
        }
        if self.user.is_empty() {
            at.key("user").wrong("required");
        }
        if self.query.trim().is_empty() {
            at.key("query").wrong("empty");
        }
        for (key, text) in [("user", &self.user), ("database", &self.database), ("query", &self.query)] {
            if text.contains('\0') {
                at.key(key).wrong("has a character that cannot be sent");
            }
        }
        check_password(at, self.password.as_ref(), self.password_file.as_ref());
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
        address(target)?;
        Ok(())
    }
}

/// Reads an address; a directory stands for the socket in it.
fn address(text: &str) -> Result<Address, AddressError> {
    Ok(match Address::parse(text, Some(PORT))? {
        Address::Unix(path) => Address::Unix(socket(&path)),
        tcp => tcp,
    })
}

fn socket(path: &Path) -> PathBuf {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SOCKET));
    if named { path.to_owned() } else { path.join(format!("{SOCKET}{PORT}")) }
}

#[cfg(test)]
mod tests;

//! Probes of MySQL and MariaDB: log in, then one statement that only reads.
//!
//! The statement is asked in a transaction that is read only, over a connection that takes no second statement with it;
//! the server itself ends it at the deadline of the run, where it can. The session is ended as the protocol has it, so
//! that the server counts no aborted connection.
//!
//! Logins are by `mysql_native_password` and `caching_sha2_password`. The latter wants the password as it is when the
//! server has not seen it for a while: it only goes out over TLS or a socket of this host. One packet may have 256 KiB,
//! all of them together 4 MiB.

mod auth;
mod error;
mod greeting;
mod login;
mod metrics;
mod packet;
mod prober;
mod query;

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
use super::database::TlsMode;
use super::password::check_password;
use super::prober::{self as probing, Kind};
use super::resolve::IpProtocol;
use super::tls::TlsConfig;

/// Where the server listens unless an address says otherwise.
const PORT: u16 = 3306;

/// A MySQL or MariaDB probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port`, `host` for port 3306, or `unix:/path`. Required unless there are `targets`.
    pub address: String,
    /// (required) The user to log in as.
    pub user: String,
    /// The password.
    pub password: Option<Secret>,
    /// File with the password, read at every probe; blank space around it is left out.
    pub password_file: Option<FilePath>,
    /// The database; none by default.
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
            at.key("address").ok(Address::parse(&self.address, Some(PORT)));
        }
        if self.user.is_empty() {
            at.key("user").wrong("required");
        }
        if self.query.trim().is_empty() {
            at.key("query").wrong("empty");
        }
        for (key, text) in [("user", &self.user), ("database", &self.database)] {
            if text.contains('\0') {
                at.key(key).wrong("has a character that cannot be sent");
            }
        }
        if self.query.len() > packet::LONGEST_SENT {
            at.key("query").wrong("longer than 64 KiB");
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
        Address::parse(target, Some(PORT))?;
        Ok(())
    }
}

/// A whole session with a server that says these bytes.
#[cfg(any(test, fuzzing))]
pub fn converse(said: &[u8]) {
    use futures_util::FutureExt;
    use vigie_pipeline::clock::Clock;

    use super::record::Record;

    let mut record = Record::new(Clock::system());
    let stream = tokio::io::join(said, tokio::io::sink());
    let mut session = packet::Session::new(stream);
    let run = async {
        let greeting = login::greeted(&mut session, &mut record).await?;
        let login = login::Login { user: "me", database: "shop", password: Some("hush"), private: true };
        login.run(&mut session, &greeting, false, &mut record).await?;
        query::run(&mut session, "SELECT 1", greeting.is_mariadb(), None, &mut record).await
    };
    if let Ok(answer) = run.now_or_never().expect("bytes in memory are there") {
        metrics::answered(&answer, &mut record);
    }
    assert!(!record.excerpt.shown().is_some_and(|shown| shown.contains(char::is_control)));
}

#[cfg(test)]
mod tests;

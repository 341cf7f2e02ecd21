//! Probes of sockets of this host, with blackbox_exporter's options under its names: as those of TCP ports, for a path.
//!
//! What a peer can make the agent hold is bounded by one line of 64 KiB.

mod prober;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

use self::prober::{Prober, check_path};
use super::Shared;
use super::prober::{self as probing, Kind};
pub use super::query_response::{ExpectLabel, QueryResponse};
pub use super::tls::TlsConfig;

/// A probe of a Unix domain socket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What to connect to: the path of a socket, or `@name` in the abstract namespace. Required unless there are
    /// `targets`.
    pub path: String,
    /// What is expected and sent, step by step.
    pub query_response: Vec<QueryResponse>,
    /// Begin with TLS.
    pub tls: bool,
    /// How TLS connections are made, also those that `starttls` leads to.
    pub tls_config: TlsConfig,
}

impl Config {
    fn encrypts(&self) -> bool {
        self.tls || self.query_response.iter().any(|step| step.starttls)
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.path.trim().is_empty() {
            at.key("path").ok(check_path(self.path.trim()));
        }
        super::query_response::check(&self.query_response, self.tls, &at.key("query_response"));
        self.tls_config.check(&mut at.key("tls_config"));
        if self.encrypts() && self.tls_config.server_name.is_none() && !self.tls_config.insecure_skip_verify {
            at.key("tls_config").wrong("a path is no name that a certificate has: give server_name");
        }
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("path", &self.path)
    }

    fn prober(
        &self,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn probing::Prober>, Error> {
        Ok(Box::new(Prober::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        Ok(check_path(target.trim())?)
    }
}

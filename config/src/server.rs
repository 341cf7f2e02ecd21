//! The `server` section: the read side, where Prometheus scrapes.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::listen::ListenAddress;

use crate::web::Web;

/// The `server` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; `:9750` is every address.
    pub listen: ListenAddress,
    /// The most connections that are served at one time; further ones wait.
    pub max_connections: usize,
    /// A file in the format of Prometheus' exporter-toolkit: TLS, client certificates, basic auth.
    pub web_config: Option<FilePath>,
    /// What that file says.
    #[serde(skip)]
    pub web: Option<Web>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: ListenAddress::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 9750))),
            max_connections: 64,
            web_config: None,
            web: None,
        }
    }
}

impl Check for Server {
    fn check(&self, at: &mut Place<'_>) {
        if self.max_connections == 0 {
            at.key("max_connections").wrong("must be 1 or more");
        }
        if let Some(file) = &self.web_config {
            at.key("web_config").readable(file);
        }
    }
}

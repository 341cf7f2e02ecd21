//! Probes over websockets, with blackbox_exporter's options under its names: the upgrade of an HTTP connection, then a
//! conversation in messages, or a ping that has to come back.
//!
//! What a peer can make the agent hold is bounded by one message of 1 MiB, and by what the head of a response may have:
//! 124 headers.

mod conversation;
mod metrics;
mod prober;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

use self::prober::Prober;
use self::target::Target;
use super::Shared;
pub use super::http::{Authorization, BasicAuth, HeaderValues};
use super::prober::{self as probing, Kind};
pub use super::query_response::{ExpectLabel, QueryResponse};
pub use super::resolve::IpProtocol;
pub use super::tls::TlsConfig;

/// A websocket probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What to connect to: a `ws://` or `wss://` URL. Required unless there are `targets`.
    pub url: String,
    /// Who the probe says it is, and how TLS connections are made.
    pub http_config: HttpConfig,
    /// More headers of the request.
    pub headers: BTreeMap<String, HeaderValues>,
    /// What is expected and sent, message by message; a ping if there is none.
    pub query_response: Vec<QueryResponse>,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
}

/// The settings of the connection that becomes a websocket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// User and password to send.
    pub basic_auth: Option<BasicAuth>,
    /// Any other authorization to send, a bearer token for example.
    pub authorization: Option<Authorization>,
    /// How TLS connections are made.
    pub tls_config: TlsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            http_config: HttpConfig::default(),
            headers: BTreeMap::new(),
            query_response: Vec::new(),
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

/// What the upgrade itself says.
const RESERVED: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "host",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
];

/// The name of a header that may be set.
fn header_name(text: &str) -> Result<HeaderName, &'static str> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| "not the name of a header")?;
    if RESERVED.contains(&name.as_str()) { Err("set by the upgrade itself") } else { Ok(name) }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.url.trim().is_empty() {
            at.key("url").ok(Target::parse(&self.url));
        }
        self.http_config.check(&mut at.key("http_config"));
        for (name, values) in &self.headers {
            let mut at = at.key("headers").key(name);
            at.ok(header_name(name));
            values.check(&mut at);
        }
        let steps = at.key("query_response");
        super::query_response::check(&self.query_response, false, &steps);
        for (at, step) in steps.each(&self.query_response) {
            if step.starttls {
                at.key("starttls").wrong("no websocket goes over to TLS: write wss:// in the URL");
            }
            for (key, bytes) in [("expect_bytes", &step.expect_bytes), ("expect_base64", &step.expect_base64)]
            {
                if !bytes.is_empty() {
                    at.key(key).wrong("not for websockets: give expect");
                }
            }
        }
    }
}

impl Check for HttpConfig {
    fn check(&self, at: &mut Place<'_>) {
        if let Some(auth) = &self.basic_auth {
            auth.check(&mut at.key("basic_auth"));
        }
        if let Some(auth) = &self.authorization {
            auth.check(&mut at.key("authorization"));
            if self.basic_auth.is_some() {
                at.key("authorization").wrong("give either basic_auth or authorization");
            }
        }
        self.tls_config.check(&mut at.key("tls_config"));
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        ("url", &self.url)
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

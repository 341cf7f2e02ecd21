//! Probes over HTTP and HTTPS, with blackbox_exporter's options under its names.
//!
//! Each run makes its own connection, as a first visitor would, so that every phase is measured every time.
//! HTTP/2 is used where TLS agrees on it. Up to ten redirects are followed; each is a round trip of its own
//! with its own connection. Credentials go only to the host they are meant for, and never from TLS to plain text.
//!
//! What a peer can make the agent hold is bounded: 256 KiB for the head of a response, 256 headers, and of the body
//! what `body_size_limit` allows, which is only held at all where a regular expression has to see it, and then counts
//! against the memory budget.

mod asking;
mod body;
mod check;
mod compression;
mod cookies;
mod credentials;
mod exchange;
mod header_match;
mod header_values;
mod json;
mod json_path;
mod metrics;
mod oauth2;
pub(crate) mod post;
mod prober;
mod proxy;
mod response;
mod rules;
pub(super) mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::ByteSize;

pub use self::compression::Compression;
pub(super) use self::cookies::Jar;
pub(super) use self::credentials::Credentials;
pub use self::credentials::{Authorization, BasicAuth};
pub(super) use self::exchange::TRACEPARENT;
pub(super) use self::exchange::{Answer, Ask};
pub use self::header_match::HeaderMatch;
pub use self::header_values::HeaderValues;
pub use self::json::JsonRule;
pub(super) use self::json::parse as parse_json;
pub(super) use self::json_path::JsonPath;
pub use self::oauth2::OAuth2;
pub(super) use self::prober::AGENT;
pub(super) use self::prober::Prober as HttpProber;
pub(super) use self::target::Target;
use super::Shared;
use super::prober::{self as probing, Kind};
pub use super::resolve::IpProtocol;
pub use super::tls::TlsConfig;

/// An HTTP probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What to ask for: an `http://` or `https://` URL. Required unless there are `targets`.
    pub url: String,
    /// The method of the request.
    pub method: String,
    /// Headers of the request; `Host` also sets the name that TLS asks for.
    pub headers: BTreeMap<String, Secret>,
    /// Headers of the request whose values may be secret or in files, beside `headers`.
    pub http_headers: BTreeMap<String, HeaderValues>,
    /// Body of the request.
    pub body: String,
    /// File with the body of the request, at most 16 MiB, read at every probe.
    pub body_file: Option<FilePath>,
    /// The statuses that mean success; all of 2xx if there are none.
    pub valid_status_codes: Vec<u16>,
    /// The versions that mean success, `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`; all if there are none.
    pub valid_http_versions: Vec<String>,
    /// Follow redirects, ten at most.
    pub follow_redirects: bool,
    /// Fail if the last request was over TLS.
    pub fail_if_ssl: bool,
    /// Fail if the last request was not over TLS.
    pub fail_if_not_ssl: bool,
    /// Fail if one of these headers of the response matches its regular expression.
    pub fail_if_header_matches: Vec<HeaderMatch>,
    /// Fail if one of these headers of the response does not match its regular expression.
    pub fail_if_header_not_matches: Vec<HeaderMatch>,
    /// Fail if one of these regular expressions matches the body.
    pub fail_if_body_matches_regexp: Vec<String>,
    /// Fail if one of these regular expressions does not match the body.
    pub fail_if_body_not_matches_regexp: Vec<String>,
    /// Fail if the body is not JSON, or not as all of these say.
    pub json: Vec<JsonRule>,
    /// An expression in CEL; refused, as no CEL is built in: use `json`.
    pub fail_if_body_json_matches_cel: Option<String>,
    /// An expression in CEL; refused, as no CEL is built in: use `json`.
    pub fail_if_body_json_not_matches_cel: Option<String>,
    /// Fail if the body, decompressed, is longer than this; 0 for no limit.
    pub body_size_limit: ByteSize,
    /// Decompress the body so, and fail if it is not compressed so. Nothing is asked for by this: set
    /// `Accept-Encoding` in `headers` as well.
    pub compression: Option<Compression>,
    /// How TLS connections are made.
    pub tls_config: TlsConfig,
    /// Offer HTTP/2 over TLS.
    pub enable_http2: bool,
    /// HTTP/3; refused if it is to be used, as it is not built in.
    pub enable_http3: bool,
    /// User and password to send.
    pub basic_auth: Option<BasicAuth>,
    /// Any other authorization to send, a bearer token for example.
    pub authorization: Option<Authorization>,
    /// Fetch a token as the authorization to send.
    pub oauth2: Option<OAuth2>,
    /// Ask this proxy, `http://user:password@host:port` or `https://`.
    pub proxy_url: Option<Secret>,
    /// Whom not to ask it for: hosts, domains, addresses and networks, each with a port or without, with commas
    /// between them.
    pub no_proxy: String,
    /// Ask the proxy that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name.
    pub proxy_from_environment: bool,
    /// Headers of the `CONNECT` by which a proxy is asked for a tunnel.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Leave it to the proxy to resolve the target's name.
    pub skip_resolve_phase_with_proxy: bool,
    /// The family of addresses to prefer.
    pub preferred_ip_protocol: IpProtocol,
    /// Use the other family if a name has no address of the preferred one.
    pub ip_protocol_fallback: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            method: "GET".to_owned(),
            headers: BTreeMap::new(),
            http_headers: BTreeMap::new(),
            body: String::new(),
            body_file: None,
            valid_status_codes: Vec::new(),
            valid_http_versions: Vec::new(),
            follow_redirects: true,
            fail_if_ssl: false,
            fail_if_not_ssl: false,
            fail_if_header_matches: Vec::new(),
            fail_if_header_not_matches: Vec::new(),
            fail_if_body_matches_regexp: Vec::new(),
            fail_if_body_not_matches_regexp: Vec::new(),
            json: Vec::new(),
            fail_if_body_json_matches_cel: None,
            fail_if_body_json_not_matches_cel: None,
            body_size_limit: ByteSize::mib(100),
            compression: None,
            tls_config: TlsConfig::default(),
            enable_http2: true,
            enable_http3: false,
            basic_auth: None,
            authorization: None,
            oauth2: None,
            proxy_url: None,
            no_proxy: String::new(),
            proxy_from_environment: false,
            proxy_connect_header: BTreeMap::new(),
            skip_resolve_phase_with_proxy: false,
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
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
        Ok(Box::new(HttpProber::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        Target::parse(target)?;
        Ok(())
    }
}

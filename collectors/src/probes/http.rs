//! Probes over HTTP and HTTPS, with blackbox_exporter's options under its names.
//!
//! Each run makes its own connection, as a first visitor would, so that every phase is measured every time.
//! HTTP/2 is used where TLS agrees on it. Up to ten redirects are followed; each is a round trip of its own
//! with its own connection. Credentials go only to the host they are meant for, and never from TLS to plain text.
//!
//! What a peer can make the agent hold is bounded: 256 KiB for the head of a response, 256 headers, and of the body
//! what `body_size_limit` allows, which is only held at all where a regular expression has to see it, and then counts
//! against the memory budget.

mod connection;
mod credentials;
mod metrics;
mod prober;
mod response;
mod rules;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::ByteSize;

pub use self::credentials::{Authorization, BasicAuth};
use self::prober::Prober;
use self::target::Target;
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
    /// Body of the request.
    pub body: String,
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
    /// Fail if one of these regular expressions matches the body.
    pub fail_if_body_matches_regexp: Vec<String>,
    /// Fail if one of these regular expressions does not match the body.
    pub fail_if_body_not_matches_regexp: Vec<String>,
    /// Fail if the body is longer than this; 0 for no limit.
    pub body_size_limit: ByteSize,
    /// How TLS connections are made.
    pub tls_config: TlsConfig,
    /// Offer HTTP/2 over TLS.
    pub enable_http2: bool,
    /// User and password to send.
    pub basic_auth: Option<BasicAuth>,
    /// Any other authorization to send, a bearer token for example.
    pub authorization: Option<Authorization>,
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
            body: String::new(),
            valid_status_codes: Vec::new(),
            valid_http_versions: Vec::new(),
            follow_redirects: true,
            fail_if_ssl: false,
            fail_if_not_ssl: false,
            fail_if_body_matches_regexp: Vec::new(),
            fail_if_body_not_matches_regexp: Vec::new(),
            body_size_limit: ByteSize::mib(100),
            tls_config: TlsConfig::default(),
            enable_http2: true,
            basic_auth: None,
            authorization: None,
            preferred_ip_protocol: IpProtocol::Ip6,
            ip_protocol_fallback: true,
        }
    }
}

const VERSIONS: [&str; 3] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"];

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.url.trim().is_empty() {
            at.key("url").ok(Target::parse(&self.url));
        }
        at.key("method").ok(method(&self.method));
        for (name, value) in &self.headers {
            let at = at.key("headers").key(name);
            at.ok(header(name, value));
        }
        for (at, code) in at.key("valid_status_codes").each(&self.valid_status_codes) {
            if !(100..=999).contains(code) {
                at.wrong("not a status code");
            }
        }
        for (at, version) in at.key("valid_http_versions").each(&self.valid_http_versions) {
            if !VERSIONS.contains(&version.as_str()) {
                at.wrong(format_args!("not one of {}", VERSIONS.join(", ")));
            }
        }
        if self.fail_if_ssl && self.fail_if_not_ssl {
            at.key("fail_if_not_ssl").wrong("contradicts fail_if_ssl");
        }
        for (key, patterns) in [
            ("fail_if_body_matches_regexp", &self.fail_if_body_matches_regexp),
            ("fail_if_body_not_matches_regexp", &self.fail_if_body_not_matches_regexp),
        ] {
            for (at, pattern) in at.key(key).each(patterns) {
                at.ok(Regex::new(pattern));
            }
        }
        self.tls_config.check(&mut at.key("tls_config"));
        if let Some(auth) = &self.basic_auth {
            auth.check(&mut at.key("basic_auth"));
        }
        if let Some(auth) = &self.authorization {
            auth.check(&mut at.key("authorization"));
            if self.basic_auth.is_some() {
                at.key("authorization").wrong("give either basic_auth or authorization");
            }
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
        Ok(Box::new(Prober::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        Target::parse(target)?;
        Ok(())
    }
}

/// What is wrong with a part of the request. Never says what a header's value is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum RequestError {
    #[error("`{0}` is not a method of HTTP")]
    Method(String),
    #[error("not the name of a header")]
    HeaderName,
    #[error("the value has characters that no header may have")]
    HeaderValue,
    #[error("set by the request itself")]
    Framing,
}

fn method(text: &str) -> Result<Method, RequestError> {
    let wrong = || RequestError::Method(text.to_owned());
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| wrong())?;
    // A tunnel is no answer to wait for.
    if method == Method::CONNECT { Err(wrong()) } else { Ok(method) }
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), RequestError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::HeaderName)?;
    if [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING, http::header::CONNECTION]
        .contains(&name)
    {
        return Err(RequestError::Framing);
    }
    let value = HeaderValue::from_str(value.reveal()).map_err(|_| RequestError::HeaderValue)?;
    Ok((name, value))
}

//! What is wrong with the settings of an HTTP probe.

use http::{HeaderName, HeaderValue, Method};
use regex::bytes::Regex;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::secret::Secret;

use super::proxy::Proxy;
use super::target::Target;
use super::{Config, header_values};

const VERSIONS: [&str; 3] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"];

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.url.trim().is_empty() {
            at.key("url").ok(Target::parse(&self.url));
        }
        self.check_settings(at);
    }
}

impl Config {
    /// What is wrong, but for the URL.
    pub(in crate::probes) fn check_settings(&self, at: &mut Place<'_>) {
        at.key("method").ok(method(&self.method));
        for (name, value) in &self.headers {
            let at = at.key("headers").key(name);
            at.ok(header(name, value));
        }
        for (name, values) in &self.http_headers {
            let mut at = at.key("http_headers").key(name);
            at.ok(header_values::name(name));
            values.check(&mut at);
        }
        self.check_body(at);
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
        for (key, rules) in [
            ("fail_if_header_matches", &self.fail_if_header_matches),
            ("fail_if_header_not_matches", &self.fail_if_header_not_matches),
        ] {
            at.key(key).check_each(rules);
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
        self.check_authorization(at);
        self.check_proxy(at);
        at.key("json").check_each(&self.json);
        for (key, expression) in [
            ("fail_if_body_json_matches_cel", &self.fail_if_body_json_matches_cel),
            ("fail_if_body_json_not_matches_cel", &self.fail_if_body_json_not_matches_cel),
        ] {
            if expression.is_some() {
                at.key(key).wrong("CEL is not built in: say it with `json`");
            }
        }
        if self.enable_http3 {
            at.key("enable_http3").wrong("HTTP/3 is not built in");
        }
    }

    /// One way of saying who asks.
    fn check_authorization(&self, at: &Place<'_>) {
        if let Some(auth) = &self.basic_auth {
            auth.check(&mut at.key("basic_auth"));
        }
        if let Some(auth) = &self.authorization {
            auth.check(&mut at.key("authorization"));
            if self.basic_auth.is_some() {
                at.key("authorization").wrong("give either basic_auth or authorization");
            }
        }
        if let Some(oauth2) = &self.oauth2 {
            oauth2.check(&mut at.key("oauth2"));
            if self.basic_auth.is_some() || self.authorization.is_some() {
                at.key("oauth2").wrong("give either oauth2, or basic_auth or authorization");
            }
        }
    }

    /// One way of saying which proxy, and nothing about one where there is none.
    fn check_proxy(&self, at: &Place<'_>) {
        if let Some(url) = &self.proxy_url {
            at.key("proxy_url").ok(Proxy::parse(url.reveal()));
            if self.proxy_from_environment {
                at.key("proxy_from_environment").wrong("give either proxy_url or proxy_from_environment");
            }
        } else if !self.no_proxy.is_empty() {
            at.key("no_proxy").wrong("needs proxy_url as well");
        }
        if !self.proxy_connect_header.is_empty() && self.proxy_url.is_none() && !self.proxy_from_environment {
            at.key("proxy_connect_header").wrong("needs proxy_url or proxy_from_environment as well");
        }
        for (name, values) in &self.proxy_connect_header {
            for (at, value) in at.key("proxy_connect_header").key(name).each(values) {
                at.ok(header(name, value));
            }
        }
    }

    /// What is sent and what comes back has to be of one mind.
    fn check_body(&self, at: &Place<'_>) {
        if let Some(file) = &self.body_file {
            at.key("body_file").readable(file);
            if !self.body.is_empty() {
                at.key("body_file").wrong("give either body or body_file");
            }
        }
        let accept = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
        if let (Some(compression), Some((name, accept))) = (self.compression, accept)
            && !compression.is_asked_for(accept.reveal())
        {
            at.key("compression").wrong(format_args!("headers.{name} does not allow it"));
        }
    }
}

/// What is wrong with a part of the request. Never says what a header's value is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("`{0}` is not a method of HTTP")]
    Method(String),
    #[error("not the name of a header")]
    HeaderName,
    #[error("the value has characters that no header may have")]
    HeaderValue,
    #[error("set by the request itself")]
    Framing,
}

pub(super) fn method(text: &str) -> Result<Method, RequestError> {
    let wrong = || RequestError::Method(text.to_owned());
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| wrong())?;
    // A tunnel is no answer to wait for.
    if method == Method::CONNECT { Err(wrong()) } else { Ok(method) }
}

pub(super) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), RequestError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::HeaderName)?;
    if [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING, http::header::CONNECTION]
        .contains(&name)
    {
        return Err(RequestError::Framing);
    }
    let value = HeaderValue::from_str(value.reveal()).map_err(|_| RequestError::HeaderValue)?;
    Ok((name, value))
}

//! What is wrong with the settings of an HTTP probe.

use http::{HeaderName, HeaderValue, Method};
use regex::bytes::Regex;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::secret::Secret;

use super::target::Target;
use super::{Config, header_values};

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

impl Config {
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

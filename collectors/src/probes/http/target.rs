//! What a round trip goes to: a URL, and where to connect for it.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use url::{Host, Position, Url};

use crate::probes::record::Record;

/// Where to connect: a name that has to be resolved, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probes) enum Endpoint {
    Name(String),
    Address(IpAddr),
}

/// An absolute `http` or `https` URL with a host, without user, password and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probes) struct Target {
    url: Url,
    pub(in crate::probes) endpoint: Endpoint,
    pub(in crate::probes) port: u16,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::probes) enum TargetError {
    #[error("not a URL: {0}")]
    Url(#[from] url::ParseError),
    #[error("not an http or https URL; write for example `https://shop.example/`")]
    Scheme,
    #[error("the URL has no host")]
    Host,
    #[error("the host has characters that no request can carry")]
    Characters,
    #[error("the URL has a user or a password in it: put them into basic_auth")]
    Credentials,
}

impl Target {
    /// Reads a URL as the configuration has it.
    pub(in crate::probes) fn parse(text: &str) -> Result<Self, TargetError> {
        let url = match Url::parse(text.trim()) {
            Err(url::ParseError::RelativeUrlWithoutBase) => return Err(TargetError::Scheme),
            parsed => parsed?,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        Self::of(url)
    }

    /// Where a redirect from here with this `Location` leads. A user and password in it are left out.
    pub(in crate::probes) fn redirected(&self, location: &str) -> Result<Self, TargetError> {
        Self::of(self.url.join(location.trim())?)
    }

    fn of(mut url: Url) -> Result<Self, TargetError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme);
        }
        let endpoint = match url.host() {
            Some(Host::Domain("")) | None => return Err(TargetError::Host),
            Some(Host::Domain(name)) => Endpoint::Name(name.to_owned()),
            Some(Host::Ipv4(ip)) => Endpoint::Address(ip.into()),
            Some(Host::Ipv6(ip)) => Endpoint::Address(ip.into()),
        };
        let port = url.port_or_known_default().ok_or(TargetError::Scheme)?;
        // These fail only for URLs without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        let target = Self { url, endpoint, port };
        let carried = target.absolute_form(target.authority()).is_ok() && target.origin_form().is_ok();
        if carried { Ok(target) } else { Err(TargetError::Characters) }
    }

    /// Whether it is the same host.
    pub(in crate::probes) fn is_at(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint
    }

    /// What log records and spans say of it.
    pub(in crate::probes) fn describe(&self, record: &mut Record) {
        record.about.text("url.full", self.to_string());
        record.about.text("server.address", self.host());
        record.about.number("server.port", self.port);
    }

    pub(in crate::probes) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host as TLS and headers name it: without brackets.
    pub(in crate::probes) fn host(&self) -> String {
        match &self.endpoint {
            Endpoint::Name(name) => name.clone(),
            Endpoint::Address(ip) => ip.to_string(),
        }
    }

    /// The host, and the port where it is not the scheme's own: what `Host` says.
    pub(in crate::probes) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The name, or the address, of IPv6 in brackets.
    pub(super) fn bracketed_host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterHost]
    }

    /// The port with its colon if it is not the scheme's own.
    pub(super) fn explicit_port(&self) -> &str {
        &self.url[Position::AfterHost..Position::AfterPort]
    }

    /// The path, escaped, without the query.
    pub(super) fn path(&self) -> &str {
        self.url.path()
    }

    /// Path and query: what the request line of HTTP/1.1 says.
    pub(in crate::probes) fn origin_form(&self) -> Result<Uri, http::uri::InvalidUri> {
        self.url[Position::BeforePath..Position::AfterQuery].parse()
    }

    /// All of it: what HTTP/2 sends in its pseudo-headers. `authority` takes the place of the host.
    pub(in crate::probes) fn absolute_form(&self, authority: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.url.scheme())
            .authority(authority)
            .path_and_query(&self.url[Position::BeforePath..Position::AfterQuery])
            .build()
    }

    /// Whether a secret meant for this target may be sent to `other`: the same host, and not from TLS to
    /// plain text.
    pub(in crate::probes) fn trusts(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint && (other.is_https() || !self.is_https())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_target_keeps_its_port_and_query() {
        let target = Target::parse(" http://localhost:8080/health?x=1").unwrap();
        assert!(!target.is_https());
        assert_eq!((target.authority(), target.port), ("localhost:8080", 8080));
        assert_eq!(target.origin_form().unwrap(), "/health?x=1");
    }

    #[test]
    fn addresses_need_no_resolving_and_ports_have_defaults() {
        let six = Target::parse("HTTPS://[::1]/").unwrap();
        assert_eq!(six.endpoint, Endpoint::Address("::1".parse().unwrap()));
        assert_eq!((six.port, six.authority(), six.host().as_str()), (443, "[::1]", "::1"));
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_its_reason() {
        for text in ["ftp://x/", "shop", "localhost:80", "", "/path"] {
            assert_eq!(Target::parse(text), Err(TargetError::Scheme), "{text}");
        }
        assert_eq!(Target::parse("http://"), Err(TargetError::Url(url::ParseError::EmptyHost)));
        assert_eq!(Target::parse("http://me:pass@x/"), Err(TargetError::Credentials));
    }

    #[test]
    fn redirects_are_relative_to_where_they_come_from() {
        let target = Target::parse("https://a.example/x/y?z").unwrap();
        let to = |location| target.redirected(location).unwrap().to_string();
        assert_eq!(to("w"), "https://a.example/x/w");
        assert_eq!(to("/w?q#f"), "https://a.example/w?q");
        assert_eq!(to("//b.example/"), "https://b.example/");
        assert_eq!(to("http://u:p@c.example"), "http://c.example/");
        assert_eq!(target.redirected("mailto:x@y"), Err(TargetError::Scheme));
    }

    #[test]
    fn secrets_stay_with_the_host_and_with_tls() {
        let parse = |text| Target::parse(text).unwrap();
        let home = parse("https://a.example/");
        assert!(home.trusts(&parse("https://a.example:8443/x")));
        assert!(!home.trusts(&parse("http://a.example/")));
        assert!(!home.trusts(&parse("https://b.example/")));
        assert!(parse("http://a.example/").trusts(&home));
    }

    proptest! {
        #[test]
        fn any_text_is_a_target_or_an_error_and_any_target_can_be_asked_for(
            text in "\\PC{0,60}|https?://[a-z0-9.:@\\[\\]%]{0,20}/\\PC{0,30}",
            location in "\\PC{0,60}|//?[a-z0-9.:@%]{0,20}/\\PC{0,30}",
        ) {
            for target in Target::parse(&text).into_iter().flat_map(|t| [t.redirected(&location).ok(), Some(t)]) {
                let Some(target) = target else { continue };
                prop_assert!(target.origin_form().is_ok(), "{target}");
                prop_assert!(target.absolute_form(target.authority()).is_ok(), "{target}");
            }
        }
    }
}

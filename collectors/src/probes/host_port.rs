//! `host:port`, as kinds of probe over the network write their targets.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::record::Record;

/// A host, without brackets, and a port of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text is no address; it follows the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostPortError {
    #[error("no host in it; write for example `shop.example:443`")]
    Host,
    #[error("no port in it; write for example `shop.example:443`")]
    NoPort,
    #[error("`{0}` is not a port between 1 and 65535")]
    Port(String),
    #[error("an IPv6 address has to stand in brackets; write for example `[::1]:443`")]
    Brackets,
    #[error("not `host:port` but a URL")]
    Url,
    #[error("the host has characters that no host has")]
    Characters,
}

impl HostPort {
    /// Reads one; without a port in the text it is `default`, if there is one.
    pub(super) fn parse(text: &str, default: Option<u16>) -> Result<Self, HostPortError> {
        let text = text.trim();
        if text.contains("://") {
            return Err(HostPortError::Url);
        }
        let (host, port) = split(text)?;
        let port = match port {
            None => default.ok_or(HostPortError::NoPort)?,
            Some(port) => match port.parse() {
                Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => number,
                _ => return Err(HostPortError::Port(port.to_owned())),
            },
        };
        if host.is_empty() {
            return Err(HostPortError::Host);
        }
        if host.chars().any(|c| c.is_whitespace() || c.is_control() || "/?#@[]\\".contains(c)) {
            return Err(HostPortError::Characters);
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// As attributes of the server in log records and spans.
    pub(super) fn describe(&self, record: &mut Record) {
        record.about.text("server.address", &*self.host);
        record.about.number("server.port", self.port);
    }
}

/// Parts the host from the port.
fn split(text: &str) -> Result<(&str, Option<&str>), HostPortError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(HostPortError::Brackets)?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(HostPortError::Brackets);
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(HostPortError::Port(rest.to_owned())),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => Err(HostPortError::Brackets),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let parts = |text, default| {
            let address = HostPort::parse(text, default).unwrap();
            (address.host, address.port)
        };
        assert_eq!(parts("mail.example:25", None), ("mail.example".into(), 25));
        assert_eq!(parts(" 10.0.0.1:5432 ", None), ("10.0.0.1".into(), 5432));
        assert_eq!(parts("[::1]:53", None), ("::1".into(), 53));
        assert_eq!(parts("mail.example", Some(25)), ("mail.example".into(), 25));
        assert_eq!(parts("[::1]", Some(25)), ("::1".into(), 25));
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        let error = |text| HostPort::parse(text, None).unwrap_err();
        assert_eq!(error("mail.example"), HostPortError::NoPort);
        assert_eq!(error(":25"), HostPortError::Host);
        for (text, port) in [("a:", ""), ("a:0", "0"), ("a:65536", "65536"), ("a:+5", "+5"), ("[::1]5", "5")]
        {
            assert_eq!(error(text), HostPortError::Port(port.into()), "{text}");
        }
        for text in ["::1:25", "[::1:25", "[x]:25"] {
            assert_eq!(error(text), HostPortError::Brackets, "{text}");
        }
        assert_eq!(error("https://a:25"), HostPortError::Url);
        assert_eq!(error("a b:25"), HostPortError::Characters);
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_is_shown(text in "\\PC{0,30}|[a-z0-9.:\\[\\]]{0,20}:[0-9]{1,6}") {
            if let Ok(address) = HostPort::parse(&text, None) {
                prop_assert_eq!(HostPort::parse(&address.to_string(), None), Ok(address));
            }
        }
    }
}

//! Where a probe of a byte protocol connects: a port of a host, or a socket of this one.

use std::fmt;
use std::path::PathBuf;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A port of a host: a name or an address, the latter without brackets.
    Tcp { host: String, port: u16 },
    /// The absolute path of a socket.
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("not an address; write `host:port`, `[::1]:port` or `unix:/path`")]
    Form,
    #[error("`{0}` is not a port")]
    Port(String),
    #[error("no port; write `host:port`")]
    NoPort,
    #[error("a socket needs an absolute path")]
    Relative,
}

impl Address {
    /// Reads `host:port`, `[v6]:port` or `unix:/path`. `port` is that of an address without one.
    pub(super) fn parse(text: &str, port: Option<u16>) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(AddressError::Relative) };
        }
        let (host, own) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or(AddressError::Form)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| AddressError::Form)?;
                match rest {
                    "" => (host, None),
                    rest => (host, Some(rest.strip_prefix(':').ok_or(AddressError::Form)?)),
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']');
        if host.is_empty() || host.contains(strange) {
            return Err(AddressError::Form);
        }
        let port = match own {
            None => port.ok_or(AddressError::NoPort)?,
            Some(own) => match own.parse() {
                Ok(port) if port > 0 && own.bytes().all(|b| b.is_ascii_digit()) => port,
                _ => return Err(AddressError::Port(own.to_owned())),
            },
        };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }

    /// The name or address of the host; `None` for a socket.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp { host, .. } => Some(host),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn tcp(host: &str, port: u16) -> Result<Address, AddressError> {
        Ok(Address::Tcp { host: host.to_owned(), port })
    }

    #[test]
    fn an_address_is_a_port_of_a_host_or_a_socket() {
        assert_eq!(Address::parse(" db.example:5432", None), tcp("db.example", 5432));
        assert_eq!(Address::parse("db.example", Some(5432)), tcp("db.example", 5432));
        assert_eq!(Address::parse("[::1]:6379", None), tcp("::1", 6379));
        assert_eq!(Address::parse("[::1]", Some(1)), tcp("::1", 1));
        assert_eq!(Address::parse("unix:/run/x.sock", None), Ok(Address::Unix("/run/x.sock".into())));
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        for text in ["", ":80", "http://x:80", "a b:80", "[::1", "[x]:1", "[::1]80", "me@x:1"] {
            assert_eq!(Address::parse(text, Some(1)).unwrap_err().to_string(), wrong(text), "{text}");
        }
        assert_eq!(Address::parse("x", None), Err(AddressError::NoPort));
        assert_eq!(Address::parse("unix:x", None), Err(AddressError::Relative));
        for port in ["0", "65536", "+1", "", "::1"] {
            let parsed = Address::parse(&format!("x:{port}"), None);
            assert_eq!(parsed, Err(AddressError::Port(port.to_owned())), "{port}");
        }
    }

    fn wrong(text: &str) -> String {
        match text {
            "http://x:80" => AddressError::Port("//x:80".to_owned()).to_string(),
            _ => AddressError::Form.to_string(),
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error_and_an_address_reads_as_itself(
            text in "\\PC{0,30}|[a-z0-9.:\\[\\]]{0,20}:[0-9]{0,6}|unix:/\\PC{0,10}",
        ) {
            if let Ok(address) = Address::parse(&text, Some(7)) {
                prop_assert_eq!(Address::parse(&address.to_string(), None), Ok(address));
            }
        }
    }
}

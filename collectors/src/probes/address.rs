//! Where a probe of a byte protocol connects: a port of a host, or a socket of this one.

use std::fmt;
use std::path::PathBuf;

use super::host_port::{HostPort, HostPortError};

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
    #[error(transparent)]
    HostPort(#[from] HostPortError),
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
        let HostPort { host, port } = HostPort::parse(text, port)?;
        Ok(Self::Tcp { host, port })
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
        assert_eq!(Address::parse("x", None), Err(HostPortError::NoPort.into()));
        assert_eq!(Address::parse("unix:x", None), Err(AddressError::Relative));
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

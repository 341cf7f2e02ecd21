//! Where something listens, as people write it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where to listen: `127.0.0.1:9750`, `[::1]:9750`, `localhost:9750`, or `:9750` for every address.
/// Other names are refused: what they resolve to may change, and a listener stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(SocketAddr);

impl ListenAddress {
    /// To listen at `address`.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// What to bind to.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    /// # Errors
    /// What is wrong with it, in words for the person who wrote it.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let wrong = || format!("`{text}` is not an address with a port, such as `127.0.0.1:9750` or `:9750`");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let ip: IpAddr = match host {
            "" => Ipv6Addr::UNSPECIFIED.into(),
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            _ => return Err(wrong()),
        };
        Ok(Self(SocketAddr::new(ip, port.parse().map_err(|_| wrong())?)))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for ListenAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ListenAddress {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ListenAddress".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r":[0-9]+$|\$\{", "examples": ["127.0.0.1:9750", ":9750"] })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_is_an_ip_and_a_port() {
        let parsed = |text: &str| text.parse::<ListenAddress>().map(|address| address.to_string());
        assert_eq!(parsed("0.0.0.0:80").unwrap(), "0.0.0.0:80");
        assert_eq!(parsed("[::1]:9750").unwrap(), "[::1]:9750");
        assert_eq!(parsed(":9750").unwrap(), "[::]:9750");
        assert_eq!(parsed("localhost:0").unwrap(), "127.0.0.1:0");
        for wrong in ["", "9750", "127.0.0.1", "host:1", ":x", ":70000", "::1", "http://127.0.0.1:9750"] {
            assert!(parsed(wrong).unwrap_err().contains("such as"), "{wrong}");
        }
    }
}

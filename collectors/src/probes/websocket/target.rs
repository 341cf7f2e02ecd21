//! What a websocket probe connects to.

use std::fmt;

use http::Uri;

use crate::probes::http::target::{Target as HttpTarget, TargetError as HttpError};

/// A `ws` or `wss` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The same as an HTTP URL, which is what it is until it is upgraded.
    http: HttpTarget,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error("not a ws or wss URL; write for example `wss://shop.example/events`")]
    Scheme,
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(TargetError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ws" => "http",
            "wss" => "https",
            _ => return Err(TargetError::Scheme),
        };
        Ok(Self { http: HttpTarget::parse(&format!("{scheme}://{rest}"))? })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.http.is_https()
    }

    /// Without brackets.
    pub(super) fn host(&self) -> String {
        self.http.host()
    }

    pub(super) fn port(&self) -> u16 {
        self.http.port
    }

    /// What `Host` says.
    pub(super) fn authority(&self) -> &str {
        self.http.authority()
    }

    /// All of it, for the request.
    pub(super) fn uri(&self) -> Result<Uri, http::Error> {
        let path = self.http.origin_form()?;
        let builder = Uri::builder().scheme(self.scheme()).authority(self.authority());
        match path.path_and_query() {
            Some(path) => builder.path_and_query(path.clone()),
            None => builder.path_and_query("/"),
        }
        .build()
    }

    fn scheme(&self) -> &'static str {
        if self.is_encrypted() { "wss" } else { "ws" }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.http.to_string();
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        write!(f, "{}://{rest}", self.scheme())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_target_is_a_url_with_a_port() {
        let target = Target::parse(" WSS://shop.example/events?x=1 ").unwrap();
        assert_eq!(
            (target.is_encrypted(), target.port(), target.host().as_str()),
            (true, 443, "shop.example")
        );
        assert_eq!(target.to_string(), "wss://shop.example/events?x=1");
        assert_eq!(target.uri().unwrap(), "wss://shop.example/events?x=1");
        let target = Target::parse("ws://[::1]:8080").unwrap();
        assert_eq!((target.is_encrypted(), target.port(), target.authority()), (false, 8080, "[::1]:8080"));
        assert_eq!(target.uri().unwrap(), "ws://[::1]:8080/");
    }

    #[test]
    fn what_is_no_websocket_url_is_refused_with_its_reason() {
        for text in ["http://x/", "shop.example", "", "ws:/x"] {
            assert_eq!(Target::parse(text), Err(TargetError::Scheme), "{text}");
        }
        assert_eq!(Target::parse("ws://u:p@x/"), Err(HttpError::Credentials.into()));
    }

    proptest! {
        #[test]
        fn any_target_can_be_asked_for(text in "wss?://[a-z0-9.:@\\[\\]%]{0,20}/\\PC{0,30}") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert!(target.uri().is_ok(), "{target}");
            }
        }
    }
}

//! What goes with a call beside its message: headers, by gRPC's rules for their names.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use http::{HeaderName, HeaderValue};
use vigie_pipeline::secret::Secret;

/// What is wrong with an entry. Never says what its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum MetadataError {
    #[error("not a key of metadata")]
    Key,
    #[error("set by the call itself")]
    Reserved,
    #[error("has characters that no metadata may have; those of a key that ends in -bin may")]
    Value,
}

/// Headers that the protocol needs for itself, as it does all that begin with `grpc-`.
const RESERVED: [&str; 7] =
    ["content-type", "content-length", "te", "user-agent", "host", "connection", "transfer-encoding"];

/// An entry as a header.
pub(super) fn entry(key: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), MetadataError> {
    let lower = key.to_ascii_lowercase();
    if lower.starts_with("grpc-") || RESERVED.contains(&lower.as_str()) {
        return Err(MetadataError::Reserved);
    }
    let name = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| MetadataError::Key)?;
    let value = if lower.ends_with("-bin") {
        HeaderValue::from_str(&BASE64_STANDARD_NO_PAD.encode(value.reveal()))
    } else {
        HeaderValue::from_str(value.reveal())
    };
    let mut value = value.map_err(|_| MetadataError::Value)?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entries_are_headers() {
        let (name, value) = entry("X-Token", &Secret::new("abc")).unwrap();
        assert_eq!((name.as_str(), value.as_bytes(), value.is_sensitive()), ("x-token", &b"abc"[..], true));
        let (_, value) = entry("x-token-bin", &Secret::new("a\nb")).unwrap();
        assert_eq!(value, "YQpi");
        assert_eq!(entry("x-token", &Secret::new("a\nb")), Err(MetadataError::Value));
        assert_eq!(entry("grpc-timeout", &Secret::new("1S")), Err(MetadataError::Reserved));
        assert_eq!(entry(":path", &Secret::new("/")), Err(MetadataError::Key));
    }
}

//! How a call ended: the codes of gRPC.

use http::{HeaderMap, HeaderName, StatusCode};
use vigie_pipeline::{grpc, percent};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A code of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(pub(super) u32);

impl Code {
    pub(super) const OK: Self = Self(0);
    pub(super) const UNKNOWN: Self = Self(2);
    pub(super) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(super) const UNAVAILABLE: Self = Self(14);

    /// Its name; `UNKNOWN` for one that is none, as all clients have it.
    pub(super) fn name(self) -> &'static str {
        grpc::status_name(self.0)
    }

    /// What a server means that answers over HTTP alone; gRPC's `http-grpc-status-mapping.md`.
    pub(super) fn of_http(status: StatusCode) -> Self {
        Self(match status.as_u16() {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502 | 503 | 504 => 14,
            _ => return Self::UNKNOWN,
        })
    }
}

/// Code and message, if these headers or trailers have a code.
pub(super) fn of(headers: &HeaderMap) -> Option<(Code, Option<String>)> {
    let code = headers.get(STATUS)?.to_str().ok().and_then(|text| text.parse().ok());
    let message =
        headers.get(MESSAGE).map(|value| String::from_utf8_lossy(&percent::decode(value)).into_owned());
    Some((code.map_or(Code::UNKNOWN, Code), message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_status_is_a_number_with_a_message() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers), None);
        headers.insert(STATUS, HeaderValue::from_static("5"));
        assert_eq!(of(&headers), Some((Code(5), None)));
        headers.insert(MESSAGE, HeaderValue::from_static("50%25 of %C3%A9t%C3%A9 %zz %4"));
        assert_eq!(of(&headers), Some((Code(5), Some("50% of été %zz %4".into()))));
        headers.insert(STATUS, HeaderValue::from_static("x"));
        assert_eq!(of(&headers).unwrap().0, Code::UNKNOWN);
        assert_eq!((Code(5).name(), Code(99).name()), ("NOT_FOUND", "UNKNOWN"));
    }

    #[test]
    fn a_status_of_http_means_one_of_grpc() {
        let names =
            [200, 401, 404, 503].map(|status| Code::of_http(StatusCode::from_u16(status).unwrap()).name());
        assert_eq!(names, ["UNKNOWN", "UNAUTHENTICATED", "UNIMPLEMENTED", "UNAVAILABLE"]);
    }
}

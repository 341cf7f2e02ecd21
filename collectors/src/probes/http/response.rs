//! The head of a response, as far as it is judged and measured.

use http::HeaderMap;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::probes) struct Response {
    pub(in crate::probes) status: u16,
    pub(super) version: http::Version,
    /// Whether it came over TLS.
    pub(super) ssl: bool,
    /// As the peer announced it; `None` if it did not.
    pub(super) content_length: Option<u64>,
    /// Seconds since the Unix epoch.
    pub(super) last_modified: Option<i64>,
    pub(in crate::probes) headers: HeaderMap,
}

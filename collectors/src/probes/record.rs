//! What a run has found out so far. It is filled while the probe runs and kept outside of it, so that a probe
//! that is cut at its deadline leaves behind what it had.

use std::net::SocketAddr;
use std::time::Instant;

use super::timeline::Timeline;
use super::tls::Session;

/// See the module. What was not reached is `None`, 0 or empty.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) started: Instant,
    pub(super) timeline: Timeline,
    /// The first address that was connected to: that of the target itself, not of its redirects.
    pub(super) first_address: Option<std::net::IpAddr>,
    /// Of the last round trip.
    pub(super) peer: Option<SocketAddr>,
    /// The last handshake's.
    pub(super) session: Option<Session>,
    pub(super) redirects: u16,
    /// The last response.
    pub(super) response: Option<Response>,
    /// Whether a regular expression refused the body; `None` if none was asked.
    pub(super) regex_failed: Option<bool>,
}

/// The head of a response, and how much of its body came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) version: http::Version,
    /// Whether it came over TLS.
    pub(super) ssl: bool,
    /// As the peer announced it; `None` if it did not.
    pub(super) content_length: Option<u64>,
    /// Seconds since the Unix epoch.
    pub(super) last_modified: Option<i64>,
    /// Bytes of the body that were read.
    pub(super) body_bytes: u64,
}

impl Record {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            timeline: Timeline::default(),
            first_address: None,
            peer: None,
            session: None,
            redirects: 0,
            response: None,
            regex_failed: None,
        }
    }
}

//! A request that got no answer.

use std::error::Error;
use std::fmt;

/// How far it came. A closed set: it becomes the `phase` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Compressing the request.
    Compress,
    /// Finding the addresses of the name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Asking the proxy for a way through.
    Proxy,
    /// Agreeing on TLS.
    Tls,
    /// Sending the request.
    Send,
    /// Waiting for the answer.
    Wait,
    /// Reading the answer.
    Read,
}

impl Phase {
    pub(super) const ALL: [Self; 8] = [
        Self::Compress,
        Self::Resolve,
        Self::Connect,
        Self::Proxy,
        Self::Tls,
        Self::Send,
        Self::Wait,
        Self::Read,
    ];

    /// As the label says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Compress => "compress",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Read => "read",
        }
    }
}

/// Why there is no answer. Such a request is always sent again: nobody said no.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {why}", phase.as_str())]
pub(super) struct Failure {
    pub(super) phase: Phase,
    why: String,
}

impl Failure {
    pub(super) fn new(phase: Phase, why: impl fmt::Display) -> Self {
        let why = why.to_string();
        // Without the number that std appends to the system's words.
        let why = why.split_once(" (os error").map_or(why.as_str(), |(words, _)| words).to_owned();
        Self { phase, why }
    }

    /// What went wrong on an open connection, with its causes: hyper's own words leave out the system's.
    pub(super) fn exchange(phase: Phase, error: &dyn Error) -> Self {
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            why = format!("{why}: {error}");
            cause = error.source();
        }
        Self::new(phase, why)
    }
}

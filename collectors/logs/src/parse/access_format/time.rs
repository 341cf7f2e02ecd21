//! Times of access logs.

use crate::timestamp::{self, Format, Observer};

/// How the server writes the time of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Time {
    /// `17/May/2015:10:05:03 +0000`
    Common,
    /// `2015-05-17T10:05:03+00:00`
    Iso8601,
    /// Anything else.
    Other(Format),
}

impl Time {
    /// In nanoseconds since the epoch.
    pub(super) fn read(&self, text: &str, observer: &Observer) -> Option<u64> {
        match self {
            Self::Common => timestamp::access_log(text.as_bytes()),
            Self::Iso8601 => timestamp::rfc3339(text.as_bytes()),
            Self::Other(format) => format.read(text, observer),
        }
    }

    /// How long it is, if it is always as long.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Common => Some("17/May/2015:10:05:03 +0000".len()),
            Self::Iso8601 => Some("2015-05-17T10:05:03+00:00".len()),
            Self::Other(_) => None,
        }
    }

    /// The more digits of a second it says the greater.
    pub(super) fn precision(&self) -> u8 {
        match self {
            Self::Common | Self::Iso8601 => 0,
            // nginx' `$msec`, and Apache's seconds.
            Self::Other(Format::Unix | Format::UnixMs) => 1,
            Self::Other(Format::Pattern(pattern)) => u8::from(pattern.contains("%f")) * 2,
            Self::Other(_) => 2,
        }
    }
}

//! Methods of HTTP requests: a closed set, so that they may be values of a label.

/// A method that is known, or [`Method::OTHER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Method(u8);

/// Those that OpenTelemetry's conventions know, the most frequent first.
const NAMES: [&str; 11] =
    ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY", "_OTHER"];

impl Method {
    /// Any other.
    pub(crate) const OTHER: Self = Self(NAMES.len() as u8 - 1);

    /// The method of this name, in capitals.
    pub(crate) fn named(name: &str) -> Self {
        NAMES
            .iter()
            .zip(0..)
            .find(|(known, _)| **known == name)
            .map_or(Self::OTHER, |(_, number)| Self(number))
    }

    /// As it is written: `_OTHER` if it is not known.
    pub(crate) fn as_str(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_other() {
        for (name, written) in
            [("GET", "GET"), ("QUERY", "QUERY"), ("BREW", "_OTHER"), ("get", "_OTHER"), ("", "_OTHER")]
        {
            assert_eq!(Method::named(name).as_str(), written);
        }
        assert_eq!(Method::named("_OTHER"), Method::OTHER);
    }
}

//! Rules about one header of the response.

use http::{HeaderMap, HeaderName};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::Error;

/// A header and what its value has to look like, or must not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderMatch {
    /// (required) The name of the header, in capitals or not.
    pub header: String,
    /// (required) A regular expression for its value; of a header that is there several times, for any of them.
    pub regexp: String,
    /// Whether the header may be missing.
    pub allow_missing: bool,
}

impl Check for HeaderMatch {
    fn check(&self, at: &mut Place<'_>) {
        if self.header.is_empty() {
            at.key("header").wrong("required");
        } else if HeaderName::from_bytes(self.header.as_bytes()).is_err() {
            at.key("header").wrong("not the name of a header");
        }
        if self.regexp.is_empty() {
            at.key("regexp").wrong("required");
        }
        at.key("regexp").ok(Regex::new(&self.regexp));
    }
}

/// The same, compiled.
#[derive(Debug)]
pub(super) struct HeaderRule {
    header: HeaderName,
    regex: Regex,
    allow_missing: bool,
}

impl HeaderRule {
    pub(super) fn new(config: &HeaderMatch) -> Result<Self, Error> {
        Ok(Self {
            header: HeaderName::from_bytes(config.header.as_bytes())?,
            regex: Regex::new(&config.regexp)?,
            allow_missing: config.allow_missing,
        })
    }

    /// What is wrong with these headers if one of the values should match, or if none may.
    pub(super) fn judge(&self, headers: &HeaderMap, should_match: bool) -> Result<(), String> {
        let (name, regex) = (&self.header, &self.regex);
        if !headers.contains_key(name) {
            return if self.allow_missing { Ok(()) } else { Err(format!("there is no header {name}")) };
        }
        let matches = headers.get_all(name).iter().any(|value| regex.is_match(value.as_bytes()));
        match (matches, should_match) {
            (true, false) => Err(format!("the header {name} matches `{regex}`")),
            (false, true) => Err(format!("the header {name} does not match `{regex}`")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::HeaderValue;

    #[test]
    fn one_of_several_values_is_enough_to_match() {
        let mut headers = HeaderMap::new();
        headers.append("x-twice", HeaderValue::from_static("one"));
        headers.append("x-twice", HeaderValue::from_static("two"));
        let rule = |header: &str, regexp: &str, allow_missing| {
            let config = HeaderMatch { header: header.into(), regexp: regexp.into(), allow_missing };
            HeaderRule::new(&config).unwrap()
        };
        assert_eq!(rule("X-Twice", "^two$", false).judge(&headers, true), Ok(()));
        assert_eq!(
            rule("X-Twice", "^two$", false).judge(&headers, false),
            Err("the header x-twice matches `^two$`".to_owned())
        );
        assert!(rule("X-Twice", "three", false).judge(&headers, true).is_err());
        assert_eq!(rule("X-Twice", "three", false).judge(&headers, false), Ok(()));
        for should_match in [true, false] {
            assert!(rule("X-None", ".", false).judge(&headers, should_match).is_err());
            assert_eq!(rule("X-None", ".", true).judge(&headers, should_match), Ok(()));
        }
    }
}

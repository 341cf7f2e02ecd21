//! Takes a value from an answer.

use http::{HeaderMap, HeaderName};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vigie_pipeline::budget::Share;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::Error;

use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::http::{JsonPath, parse_json};

/// A value may be this long, in bytes.
const LONGEST: usize = 8 << 10;

/// Where in an answer a value is: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Extract {
    /// In a body of JSON at this path, for example `$.token`: a text, a number or a truth.
    pub json: Option<String>,
    /// In this header.
    pub header: Option<String>,
    /// In the body, where this regular expression matches first: its first group, or all of it.
    pub regex: Option<String>,
}

impl Check for Extract {
    fn check(&self, at: &mut Place<'_>) {
        if [&self.json, &self.header, &self.regex].into_iter().flatten().count() != 1 {
            at.wrong("give exactly one of json, header and regex");
        }
        if let Some(path) = &self.json {
            at.key("json").ok(JsonPath::parse(path));
        }
        if let Some(name) = &self.header {
            at.key("header").ok(HeaderName::from_bytes(name.as_bytes()));
        }
        if let Some(pattern) = &self.regex {
            at.key("regex").ok(Regex::new(pattern));
        }
    }
}

/// The same, compiled.
#[derive(Debug)]
pub(super) enum Extractor {
    Json(JsonPath),
    Header(HeaderName),
    Regex(Regex),
}

impl Extractor {
    pub(super) fn new(config: &Extract) -> Result<Self, Error> {
        match config {
            Extract { json: Some(path), .. } => Ok(Self::Json(JsonPath::parse(path)?)),
            Extract { header: Some(name), .. } => Ok(Self::Header(HeaderName::from_bytes(name.as_bytes())?)),
            Extract { regex: Some(pattern), .. } => Ok(Self::Regex(Regex::new(pattern)?)),
            _ => Err("nothing to extract".into()),
        }
    }

    /// Whether it looks into the body.
    pub(super) fn reads_body(&self) -> bool {
        !matches!(self, Self::Header(_))
    }

    /// The value that is to be called `name`. What is said of it if it is not there does not quote the answer.
    pub(super) fn value(
        &self,
        name: &str,
        headers: &HeaderMap,
        body: &[u8],
        memory: &Share,
    ) -> Result<String, Failure> {
        let fail = |what| Failure::new(Reason::FlowExtract, Phase::Transfer, format_args!("`{name}` {what}"));
        let found = match self {
            Self::Json(path) => parse_json(body, memory, |value| Ok(path.find(value).and_then(text)))?,
            Self::Header(header) => {
                headers.get(header).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            Self::Regex(regex) => regex.captures(body).and_then(|groups| {
                let group = groups.get(1).or_else(|| groups.get(0))?;
                Some(String::from_utf8_lossy(group.as_bytes()).into_owned())
            }),
        };
        match found {
            None => Err(fail("is not in the answer")),
            Some(value) if value.is_empty() => Err(fail("is empty in the answer")),
            Some(value) if value.len() > LONGEST => Err(fail("is longer than 8 KiB")),
            Some(value) => Ok(value),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::HeaderValue;
    use vigie_pipeline::budget::Budget;

    fn json(path: &str) -> Extract {
        Extract { json: Some(path.into()), ..Extract::default() }
    }

    fn header(name: &str) -> Extract {
        Extract { header: Some(name.into()), ..Extract::default() }
    }

    fn regex(pattern: &str) -> Extract {
        Extract { regex: Some(pattern.into()), ..Extract::default() }
    }

    fn value(extract: &Extract, body: &str) -> Result<String, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("x-csrf", HeaderValue::from_static("c"));
        let memory = Budget::new(64 << 20).read.clone();
        Extractor::new(extract).unwrap().value("v", &headers, body.as_bytes(), &memory)
    }

    #[test]
    fn a_value_is_found_in_json_a_header_or_a_text() {
        assert_eq!(value(&json("$.a.b"), r#"{"a":{"b":"t"}}"#).unwrap(), "t");
        assert_eq!(value(&json("$[0]"), "[7]").unwrap(), "7");
        assert_eq!(value(&header("X-CSRF"), "").unwrap(), "c");
        assert_eq!(value(&regex(r#"value="([^"]+)""#), r#"<i value="t">"#).unwrap(), "t");
        assert_eq!(value(&regex("[0-9]+"), "id 42!").unwrap(), "42");
    }

    #[test]
    fn a_value_that_is_not_there_or_too_long_is_a_failure_that_does_not_quote_it() {
        let long = format!("\"{}\"", "hush".repeat(3_000));
        for (extract, body) in [
            (json("$.x"), r#"{"y":"hush"}"#),
            (json("$.x"), r#"{"x":{"z":"hush"}}"#),
            (json("$.x"), r#"{"x":""}"#),
            (json("$"), long.as_str()),
            (header("x-none"), "hush"),
            (regex("z(.)"), "hush"),
        ] {
            let failure = value(&extract, body).unwrap_err();
            assert_eq!(failure.reason, Reason::FlowExtract);
            assert!(!failure.detail.contains("hush"), "{failure}");
        }
        let failure = value(&json("$.x"), "<html>").unwrap_err();
        assert_eq!(failure.reason, Reason::BodyNotJson);
    }
}

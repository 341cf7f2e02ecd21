//! What makes a response good or bad. Pure: a response goes in, a verdict comes out.

use http::HeaderMap;
use regex::bytes::Regex;
use serde_json::Value;

use super::header_match::HeaderRule;
use super::json::Rule;
use super::response::Response;
use crate::probes::failure::{Failure, Phase, Reason};

/// See the module.
#[derive(Debug)]
pub(super) struct Rules {
    /// Empty: every 2xx.
    pub(super) valid_status_codes: Vec<u16>,
    /// As status lines write them, `HTTP/1.1`; empty: all.
    pub(super) valid_http_versions: Vec<String>,
    pub(super) fail_if_ssl: bool,
    pub(super) fail_if_not_ssl: bool,
    pub(super) headers_refused: Vec<HeaderRule>,
    pub(super) headers_wanted: Vec<HeaderRule>,
    pub(super) body_refused: Vec<Regex>,
    pub(super) body_wanted: Vec<Regex>,
    pub(super) json: Vec<Rule>,
}

impl Rules {
    /// Whether the body has to be kept.
    pub(super) fn read_body(&self) -> bool {
        self.search_body() || self.read_json()
    }

    /// Whether there are regular expressions for the body.
    pub(super) fn search_body(&self) -> bool {
        !self.body_refused.is_empty() || !self.body_wanted.is_empty()
    }

    /// Whether the body has to be JSON.
    pub(super) fn read_json(&self) -> bool {
        !self.json.is_empty()
    }

    /// Whether there is anything to say about headers.
    pub(super) fn read_headers(&self) -> bool {
        !self.headers_refused.is_empty() || !self.headers_wanted.is_empty()
    }

    /// Judges the status alone, which everything else comes after.
    pub(super) fn judge_status(&self, status: u16) -> Result<(), Failure> {
        let valid = match self.valid_status_codes.as_slice() {
            [] => (200..300).contains(&status),
            valid => valid.contains(&status),
        };
        if valid {
            return Ok(());
        }
        Err(Failure::new(Reason::HttpStatus, Phase::Processing, format_args!("status {status}")))
    }

    /// Judges the headers.
    pub(super) fn judge_headers(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let refused = self.headers_refused.iter().map(|rule| rule.judge(headers, false));
        let wanted = self.headers_wanted.iter().map(|rule| rule.judge(headers, true));
        refused
            .chain(wanted)
            .collect::<Result<(), String>>()
            .map_err(|what| Failure::new(Reason::HeaderMismatch, Phase::Processing, what))
    }

    /// Judges the body.
    pub(super) fn judge_body(&self, body: &[u8]) -> Result<(), Failure> {
        let fail = |what: &str, regex: &Regex| {
            let detail = format!("the body {what} `{regex}`");
            Err(Failure::new(Reason::BodyMismatch, Phase::Transfer, detail))
        };
        if let Some(regex) = self.body_refused.iter().find(|regex| regex.is_match(body)) {
            return fail("matches", regex);
        }
        if let Some(regex) = self.body_wanted.iter().find(|regex| !regex.is_match(body)) {
            return fail("does not match", regex);
        }
        Ok(())
    }

    /// Judges the body as JSON.
    pub(super) fn judge_json(&self, body: &Value) -> Result<(), Failure> {
        self.json.iter().try_for_each(|rule| rule.judge(body))
    }

    /// Judges how it came.
    pub(super) fn judge_transport(&self, response: &Response) -> Result<(), Failure> {
        let version = version_name(response.version);
        if !self.valid_http_versions.is_empty() && !self.valid_http_versions.iter().any(|v| v == version) {
            let detail = format_args!("{version}, not {}", self.valid_http_versions.join(" or "));
            return Err(Failure::new(Reason::HttpVersion, Phase::Processing, detail));
        }
        if response.ssl && self.fail_if_ssl {
            return Err(Failure::new(Reason::TlsForbidden, Phase::Tls, "the last request was over TLS"));
        }
        if !response.ssl && self.fail_if_not_ssl {
            return Err(Failure::new(Reason::TlsMissing, Phase::Tls, "the last request was not over TLS"));
        }
        Ok(())
    }
}

/// As Go writes it.
pub(super) fn version_name(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "HTTP/0.9",
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_11 => "HTTP/1.1",
        http::Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/3.0",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules() -> Rules {
        Rules {
            valid_status_codes: vec![],
            valid_http_versions: vec![],
            fail_if_ssl: false,
            fail_if_not_ssl: false,
            headers_refused: vec![],
            headers_wanted: vec![],
            body_refused: vec![],
            body_wanted: vec![],
            json: vec![],
        }
    }

    fn reason(verdict: Result<(), Failure>) -> Option<Reason> {
        verdict.err().map(|failure| failure.reason)
    }

    #[test]
    fn any_2xx_is_good_unless_others_are_named() {
        let mut rules = rules();
        assert_eq!(reason(rules.judge_status(204)), None);
        assert_eq!(reason(rules.judge_status(304)), Some(Reason::HttpStatus));
        rules.valid_status_codes = vec![401];
        assert_eq!(reason(rules.judge_status(401)), None);
        assert_eq!(reason(rules.judge_status(200)), Some(Reason::HttpStatus));
    }

    #[test]
    fn every_wanted_and_no_refused_expression_has_to_match() {
        let mut rules = rules();
        rules.body_wanted = vec![Regex::new("a").unwrap(), Regex::new("b").unwrap()];
        rules.body_refused = vec![Regex::new("error").unwrap()];
        assert_eq!(reason(rules.judge_body(b"ab")), None);
        assert_eq!(reason(rules.judge_body(b"a")), Some(Reason::BodyMismatch));
        assert_eq!(reason(rules.judge_body(b"ab error")), Some(Reason::BodyMismatch));
    }

    #[test]
    fn tls_can_be_demanded_or_forbidden_and_so_can_versions() {
        let plain = Response {
            status: 200,
            version: http::Version::HTTP_11,
            ssl: false,
            content_length: None,
            last_modified: None,
            headers: HeaderMap::new(),
        };
        let mut rules = rules();
        rules.fail_if_not_ssl = true;
        assert_eq!(reason(rules.judge_transport(&plain)), Some(Reason::TlsMissing));
        rules.fail_if_ssl = true;
        let encrypted = Response { ssl: true, ..plain.clone() };
        assert_eq!(reason(rules.judge_transport(&encrypted)), Some(Reason::TlsForbidden));
        rules.valid_http_versions = vec!["HTTP/2.0".into()];
        assert_eq!(reason(rules.judge_transport(&plain)), Some(Reason::HttpVersion));
    }
}

//! What an answer has to be for the probe to succeed.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use super::codes::{rcode_name, rcode_number};
use super::message::{Record, Response};
use crate::probes::failure::{Failure, Phase, Reason};

/// Regular expressions that the records of one section are matched against, as text like
/// `example.com.\t3600\tIN\tA\t192.0.2.1`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RrValidator {
    /// Fail if one of these matches a record.
    pub fail_if_matches_regexp: Vec<String>,
    /// Fail unless all of these match all records: the name says the contrary of what blackbox_exporter does, and so
    /// does this.
    pub fail_if_all_match_regexp: Vec<String>,
    /// Fail if one of these does not match one of the records, or there are none.
    pub fail_if_not_matches_regexp: Vec<String>,
    /// Fail if none of these matches any record, or there are none.
    pub fail_if_none_matches_regexp: Vec<String>,
}

impl RrValidator {
    fn lists(&self) -> [(&'static str, &[String]); 4] {
        [
            ("fail_if_matches_regexp", &self.fail_if_matches_regexp),
            ("fail_if_all_match_regexp", &self.fail_if_all_match_regexp),
            ("fail_if_not_matches_regexp", &self.fail_if_not_matches_regexp),
            ("fail_if_none_matches_regexp", &self.fail_if_none_matches_regexp),
        ]
    }
}

impl Check for RrValidator {
    fn check(&self, at: &mut Place<'_>) {
        for (key, patterns) in self.lists() {
            for (at, pattern) in at.key(key).each(patterns) {
                at.ok(Regex::new(pattern));
            }
        }
    }
}

/// [`RrValidator`], compiled.
#[derive(Debug)]
pub(super) struct Section {
    /// As sentences have it.
    name: &'static str,
    none: Vec<Regex>,
    not_all: Vec<Regex>,
    all: Vec<Regex>,
    any: Vec<Regex>,
}

impl Section {
    pub(super) fn new(name: &'static str, config: &RrValidator) -> Result<Self, regex::Error> {
        let [none, not_all, all, any] = config.lists().map(|(_, patterns)| compile(patterns));
        Ok(Self { name, none: none?, not_all: not_all?, all: all?, any: any? })
    }

    /// Judges the records of the section, in the order in which they came.
    fn judge(&self, response: &Response, records: &[Record]) -> Result<(), String> {
        let Self { name, .. } = self;
        if [&self.none, &self.not_all, &self.all, &self.any].iter().all(|list| list.is_empty()) {
            return Ok(());
        }
        if records.is_empty() && !(self.all.is_empty() && self.any.is_empty()) {
            return Err(format!("no {name} record to match"));
        }
        let (mut any, mut all) = (false, true);
        for record in records {
            let text = response.text(record);
            if let Some(regex) = self.none.iter().find(|regex| regex.is_match(&text)) {
                return Err(format!("the {name} record {text:?} matches `{regex}`"));
            }
            all &= self.not_all.iter().all(|regex| regex.is_match(&text));
            if let Some(regex) = self.all.iter().find(|regex| !regex.is_match(&text)) {
                return Err(format!("the {name} record {text:?} does not match `{regex}`"));
            }
            any |= self.any.iter().any(|regex| regex.is_match(&text));
        }
        // Upstream's verdict, whatever the name of the key: it fails if *not* all match.
        if !self.not_all.is_empty() && !all {
            return Err(format!("not all {name} records match"));
        }
        if !self.any.is_empty() && !any {
            return Err(format!("no {name} record matches"));
        }
        Ok(())
    }
}

fn compile(patterns: &[String]) -> Result<Vec<Regex>, regex::Error> {
    patterns.iter().map(|pattern| Regex::new(pattern)).collect()
}

/// All that an answer is judged by.
#[derive(Debug)]
pub(super) struct Rules {
    /// `NOERROR` alone if the configuration names none.
    pub(super) rcodes: Vec<u16>,
    pub(super) answer: Section,
    pub(super) authority: Section,
    pub(super) additional: Section,
}

impl Rules {
    /// The response codes by their names, all of which are known.
    pub(super) fn rcodes(names: &[String]) -> Vec<u16> {
        match names {
            [] => vec![0],
            names => names.iter().filter_map(|name| rcode_number(name)).collect(),
        }
    }

    pub(super) fn judge(&self, response: &Response) -> Result<(), Failure> {
        if !self.rcodes.contains(&response.rcode) {
            return Err(Failure::new(Reason::DnsRcode, Phase::Request, rcode_name(response.rcode)));
        }
        let sections = [
            (&self.answer, &response.answers),
            (&self.authority, &response.authorities),
            (&self.additional, &response.additionals),
        ];
        for (section, records) in sections {
            section
                .judge(response, records)
                .map_err(|detail| Failure::new(Reason::DnsAnswer, Phase::Request, detail))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! A conversation, step by step: what is expected of the peer, and what is sent to it. Under blackbox_exporter's names.
//!
//! A step waits for what it expects, then sends, then goes over to TLS; each of them only if it says so. What is sent
//! and the values of labels may refer to groups of the step's own regular expression, as `$1`, `${1}` or `$name`.
//! [`lines`] is the conversation in lines over a stream; kinds that have messages of their own share the steps alone.

pub(super) mod lines;

use std::fmt;

use base64::prelude::BASE64_STANDARD;
use base64::{DecodeError, Engine};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::plug::Error;
use vigie_pipeline::secret::Secret;

use super::excerpt::Excerpt;
use super::findings::Findings;
use super::targets::check_label;

static EXPECT_INFO: Family = Family::gauge("probe_expect_info", "Explicit content matched");

/// The longest value of a label that is made of what the peer said, in characters.
const LONGEST_VALUE: usize = 1_024;

/// One step of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueryResponse {
    /// Read until this regular expression matches.
    pub expect: Option<String>,
    /// Read as many bytes as these, which must be these.
    pub expect_bytes: String,
    /// The same, for bytes that are no text.
    pub expect_base64: String,
    /// Labels of `probe_expect_info`, with what `expect` matched.
    pub labels: Vec<ExpectLabel>,
    /// Send this, with what `expect` matched: `$1` is its first group, `$name` one with a name.
    pub send: Option<Secret>,
    /// The same, for bytes that are no text.
    pub send_base64: Option<Secret>,
    /// Then go over to TLS.
    pub starttls: bool,
}

/// A label that is made of what the peer said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectLabel {
    /// (required) Its name.
    pub name: String,
    /// Its value: `$1` is the first group of `expect`, `$name` one with a name; write `$${1}` where letters follow.
    pub value: String,
}

impl Check for QueryResponse {
    fn check(&self, at: &mut Place<'_>) {
        if let Some(expect) = &self.expect {
            at.key("expect").ok(Regex::new(expect));
            if !self.expect_bytes.is_empty() {
                at.key("expect_bytes").wrong("give either expect or expect_bytes");
            }
        }
        at.key("expect_base64").ok(self.expected_bytes());
        if !self.expect_base64.is_empty() && (self.expect.is_some() || !self.expect_bytes.is_empty()) {
            at.key("expect_base64").wrong("give either expect, expect_bytes or expect_base64");
        }
        if self.send.is_some() && self.send_base64.is_some() {
            at.key("send_base64").wrong("give either send or send_base64");
        } else if self.sent_bytes().is_err() {
            at.key("send_base64").wrong("not base64");
        }
        if self.expect.is_none() && !self.labels.is_empty() {
            at.key("labels").wrong("needs expect as well");
        }
        for (at, label) in at.key("labels").each(&self.labels) {
            let what = match label.name.as_str() {
                "" => Err("required"),
                "instance" => Err("the agent gives this label itself"),
                name => check_label(name),
            };
            at.key("name").ok(what);
        }
    }
}

impl QueryResponse {
    fn expected_bytes(&self) -> Result<Vec<u8>, DecodeError> {
        match self.expect_base64.as_str() {
            "" => Ok(self.expect_bytes.clone().into_bytes()),
            encoded => BASE64_STANDARD.decode(encoded),
        }
    }

    fn sent_bytes(&self) -> Result<Vec<u8>, DecodeError> {
        match &self.send_base64 {
            None => Ok(self.send.as_ref().map_or("", Secret::reveal).into()),
            Some(encoded) => BASE64_STANDARD.decode(encoded.reveal()),
        }
    }
}

/// Checks a whole conversation; `encrypted` says that TLS is there from the beginning.
pub(super) fn check(steps: &[QueryResponse], mut encrypted: bool, at: &Place<'_>) {
    at.check_each(steps);
    let mut names: Vec<&str> = Vec::new();
    for (at, step) in at.each(steps) {
        if step.starttls && std::mem::replace(&mut encrypted, true) {
            at.key("starttls").wrong("the connection is encrypted already");
        }
        for (at, label) in at.key("labels").each(&step.labels) {
            if !label.name.is_empty() && names.contains(&label.name.as_str()) {
                at.key("name").wrong(format_args!("`{}` is already taken", label.name));
            }
            names.push(&label.name);
        }
    }
}

/// What a step waits for.
#[derive(Debug)]
enum Expect {
    Nothing,
    Regex(Regex),
    Bytes(Vec<u8>),
}

/// A step, ready to be taken again and again.
#[derive(Debug)]
pub(super) struct Step {
    expect: Expect,
    labels: Vec<ExpectLabel>,
    send: Template,
    starttls: bool,
}

/// What is sent, before groups are put into it. It may hold a secret.
struct Template(Vec<u8>);

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What follows from a text that matched.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Answer {
    /// Nothing if it is empty.
    pub(super) send: Vec<u8>,
    pub(super) labels: Vec<(String, String)>,
}

impl Step {
    /// # Errors
    /// What [`QueryResponse`]'s check would have said.
    pub(super) fn new(config: &QueryResponse) -> Result<Self, Error> {
        let expect = match &config.expect {
            Some(pattern) => Expect::Regex(Regex::new(pattern)?),
            None => match config.expected_bytes()? {
                bytes if bytes.is_empty() => Expect::Nothing,
                bytes => Expect::Bytes(bytes),
            },
        };
        Ok(Self {
            expect,
            labels: config.labels.clone(),
            send: Template(config.sent_bytes().map_err(|_| "send_base64: not base64")?),
            starttls: config.starttls,
        })
    }

    /// The regular expression that it waits for, if it does.
    pub(super) fn pattern(&self) -> Option<&Regex> {
        match &self.expect {
            Expect::Regex(regex) => Some(regex),
            _ => None,
        }
    }

    /// What it sends where no regular expression has anything to add.
    pub(super) fn plain(&self) -> Answer {
        Answer { send: self.send.0.clone(), labels: Vec::new() }
    }

    /// What follows if `text` is what it waits for.
    pub(super) fn answer(&self, text: &[u8]) -> Option<Answer> {
        let groups = self.pattern()?.captures(text)?;
        let expand = |template: &[u8]| {
            let mut out = Vec::new();
            groups.expand(template, &mut out);
            out
        };
        let value = |label: &ExpectLabel| {
            String::from_utf8_lossy(&expand(label.value.as_bytes())).chars().take(LONGEST_VALUE).collect()
        };
        let labels = self.labels.iter().map(|label| (label.name.clone(), value(label))).collect();
        Some(Answer { send: expand(&self.send.0), labels })
    }
}

/// A word this short is no secret, and hiding it would hide too much else.
const SHORT: usize = 4;

/// What is sent may come back: its words must not be shown, unless they are short or look like commands.
pub(super) fn hide(sent: &[u8], excerpt: &mut Excerpt) {
    let command = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let text = String::from_utf8_lossy(sent);
    for word in text.split_ascii_whitespace().filter(|word| word.len() >= SHORT && !command(word)) {
        excerpt.hide(word);
    }
}

/// Steps, ready to be taken.
pub(super) fn steps(configs: &[QueryResponse]) -> Result<Vec<Step>, Error> {
    configs.iter().map(Step::new).collect()
}

/// What the labels of all steps say so far, in one series.
#[derive(Debug, Default)]
pub(super) struct Learnt(Vec<(String, String)>);

impl Learnt {
    /// A step has matched.
    pub(super) fn add(&mut self, answer: &mut Answer, findings: &mut Findings) {
        if !answer.labels.is_empty() {
            self.0.append(&mut answer.labels);
            findings.set_named(&EXPECT_INFO, self.0.clone(), 1.0);
        }
    }
}

#[cfg(test)]
mod tests;

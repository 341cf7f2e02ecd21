//! One entry of `metrics`, and what is wrong with it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Kind;
use vigie_pipeline::units::HumanDuration;

use super::buckets::{self, Exponential};
use super::http::Http;
use super::names;
use crate::condition::Condition;

/// Series made from records: one of `http`, `security`, `counter`, `gauge` and `histogram`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metric {
    /// Requests by method, route and status, and how long they took, from access logs of any format.
    pub http: Option<Http>,
    /// What looks like a break-in being tried, by reason.
    pub security: Option<Security>,
    /// Counts records, or adds up a field.
    pub counter: Option<Counter>,
    /// The last value of a field.
    pub gauge: Option<Gauge>,
    /// How often a field had which values.
    pub histogram: Option<Histogram>,
}

/// Failed logins and the like, from what sshd, sudo, su and PAM log and from access logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Security {}

/// A counter made from records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Counter {
    /// What it is called; ends in `_total`.
    pub name: String,
    /// What it means, as a person is told.
    pub help: String,
    /// Which records it is about; by default all, or all that have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The field of each label, by the label's name.
    pub labels: BTreeMap<String, String>,
    /// The field whose value is added; by default each record adds 1.
    pub add: Option<String>,
    /// Series that are there from the start, with 0: the values of their labels.
    pub start: Vec<BTreeMap<String, String>>,
    /// So many series at most; what comes then is counted in one whose labels all say `other`.
    pub max_series: usize,
    /// A series that nothing is added to for so long leaves; never if 0.
    pub expire: HumanDuration,
}

/// A gauge made from records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gauge {
    /// What it is called.
    pub name: String,
    /// What it means, as a person is told.
    pub help: String,
    /// The field whose last value it has.
    pub field: String,
    /// Which records it is about; by default all that have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The field of each label, by the label's name.
    pub labels: BTreeMap<String, String>,
    /// So many series at most; what comes then is told in one whose labels all say `other`.
    pub max_series: usize,
    /// A series that is not set for so long leaves; never if 0.
    pub expire: HumanDuration,
}

/// A histogram made from records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Histogram {
    /// What it is called.
    pub name: String,
    /// What it means, as a person is told.
    pub help: String,
    /// The field whose values it counts.
    pub field: String,
    /// Upper bounds that ascend.
    pub buckets: Vec<f64>,
    /// Upper bounds of which each is so many times the one before.
    pub exponential: Option<Exponential>,
    /// Which records it is about; by default all that have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The field of each label, by the label's name.
    pub labels: BTreeMap<String, String>,
    /// So many series at most; what comes then is counted in one whose labels all say `other`.
    pub max_series: usize,
    /// A series that nothing is added to for so long leaves; never if 0.
    pub expire: HumanDuration,
}

const MAX_SERIES: usize = 1000;

impl Counter {
    /// What makes its series what they are: its name, labels, condition and field.
    pub(super) fn definition(&self) -> Self {
        let Self { name, when, labels, add, .. } = self.clone();
        Self { name, when, labels, add, ..Self::default() }
    }
}

impl Gauge {
    /// What makes its series what they are: its name, labels, condition and field.
    pub(super) fn definition(&self) -> Self {
        let Self { name, field, when, labels, .. } = self.clone();
        Self { name, field, when, labels, ..Self::default() }
    }
}

impl Histogram {
    /// What makes its series what they are: its name, labels, condition, field and buckets.
    pub(super) fn definition(&self) -> Self {
        let Self { name, field, buckets, exponential, when, labels, .. } = self.clone();
        Self { name, field, buckets, exponential, when, labels, ..Self::default() }
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            name: String::new(),
            help: String::new(),
            when: None,
            labels: BTreeMap::new(),
            add: None,
            start: Vec::new(),
            max_series: MAX_SERIES,
            expire: HumanDuration::default(),
        }
    }
}

impl Default for Gauge {
    fn default() -> Self {
        Self {
            name: String::new(),
            help: String::new(),
            field: String::new(),
            when: None,
            labels: BTreeMap::new(),
            max_series: MAX_SERIES,
            expire: HumanDuration::default(),
        }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            name: String::new(),
            help: String::new(),
            field: String::new(),
            buckets: Vec::new(),
            exponential: None,
            when: None,
            labels: BTreeMap::new(),
            max_series: MAX_SERIES,
            expire: HumanDuration::default(),
        }
    }
}

/// The most series that one metric can be allowed.
const MOST_SERIES: usize = 100_000;

impl Check for Metric {
    fn check(&self, at: &mut Place<'_>) {
        let given = [
            self.http.is_some(),
            self.security.is_some(),
            self.counter.is_some(),
            self.gauge.is_some(),
            self.histogram.is_some(),
        ];
        match given.iter().filter(|given| **given).count() {
            0 => at.wrong("one of http, security, counter, gauge and histogram is required"),
            1 => {}
            _ => at.wrong("only one of http, security, counter, gauge and histogram may be given"),
        }
        if let Some(http) = &self.http {
            http.check(&mut at.key("http"));
        }
        if let Some(counter) = &self.counter {
            counter.check(&mut at.key("counter"));
        }
        if let Some(gauge) = &self.gauge {
            let at = at.key("gauge");
            check_when(gauge.when.as_ref(), &at);
            check_common(Kind::Gauge, &gauge.name, &gauge.labels, gauge.max_series, &at);
            check_field(&gauge.field, &at);
        }
        if let Some(histogram) = &self.histogram {
            let at = at.key("histogram");
            check_when(histogram.when.as_ref(), &at);
            check_common(Kind::Histogram, &histogram.name, &histogram.labels, histogram.max_series, &at);
            check_field(&histogram.field, &at);
            buckets::check(&histogram.buckets, histogram.exponential.as_ref(), &at);
        }
    }
}

impl Check for Counter {
    fn check(&self, at: &mut Place<'_>) {
        check_when(self.when.as_ref(), at);
        check_common(Kind::Counter, &self.name, &self.labels, self.max_series, at);
        if self.add.as_ref().is_some_and(String::is_empty) {
            at.key("add").wrong("empty");
        }
        for (at, labels) in at.key("start").each(&self.start) {
            for label in labels.keys().filter(|label| !self.labels.contains_key(*label)) {
                at.key(label).wrong("not one of the labels");
            }
        }
        if self.start.len() > self.max_series {
            at.key("start").wrong("more than max_series");
        }
    }
}

fn check_when(when: Option<&Condition>, at: &Place<'_>) {
    if let Some(when) = when {
        when.check(&mut at.key("when"));
    }
}

fn check_field(field: &str, at: &Place<'_>) {
    if field.is_empty() {
        at.key("field").wrong("required");
    }
}

fn check_common(
    kind: Kind,
    name: &str,
    labels: &BTreeMap<String, String>,
    max_series: usize,
    at: &Place<'_>,
) {
    if name.is_empty() {
        at.key("name").wrong("required");
    } else if let Err(error) = names::check(kind, name) {
        at.key("name").wrong(error);
    }
    check_labels(kind, labels, &at.key("labels"));
    if !(1..=MOST_SERIES).contains(&max_series) {
        at.key("max_series").wrong(format_args!("must be between 1 and {MOST_SERIES}"));
    }
}

pub(super) fn check_labels(kind: Kind, labels: &BTreeMap<String, String>, at: &Place<'_>) {
    for (label, field) in labels {
        if let Err(error) = names::check_label(kind, label) {
            at.key(label).wrong(error);
        } else if field.is_empty() {
            at.key(label).wrong("names no field");
        }
    }
}

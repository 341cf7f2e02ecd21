//! A condition as it stands in the configuration, and what is wrong with it.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::otlp::log::Severity;

use super::scalar::{Number, Scalar};

/// A condition on a record. Several comparisons in one must all hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// The field to look at, of nested objects with dots; without it, `regex`, `equals` and `one_of` look at the
    /// whole line. One that is missing or null meets nothing but `exists: false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it must match somewhere; `^` and `$` bind it to the ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// What it must be: a number by its value, all else as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// It must be one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Scalar>>,
    /// The field is a number larger than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<Number>,
    /// The field is this number or a larger one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Number>,
    /// The field is a number smaller than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<Number>,
    /// The field is this number or a smaller one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Number>,
    /// Whether the field must be there, or must not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// The record is at least as bad as this. One of unknown severity is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Level>,
    /// All of these hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// At least one of these holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// This does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

/// How bad a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Of interest to who looks for a fault in the program.
    Trace,
    /// Of interest to who writes the program.
    Debug,
    /// As it should be.
    Info,
    /// May lead to an error.
    Warn,
    /// Something did not work.
    Error,
    /// Nothing works any more.
    Fatal,
}

impl Level {
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::Trace => Severity::TRACE,
            Self::Debug => Severity::DEBUG,
            Self::Info => Severity::INFO,
            Self::Warn => Severity::WARN,
            Self::Error => Severity::ERROR,
            Self::Fatal => Severity::FATAL,
        }
    }
}

/// How deep conditions may be nested: more than anybody can follow.
const MOST_NESTED: usize = 16;

/// How large a compiled expression may be, in bytes.
const MOST_REGEX: usize = 2 << 20;

/// An expression of a configuration, compiled: it takes time that is linear in what it is matched against.
pub(super) fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MOST_REGEX).build()
}

impl Check for Condition {
    fn check(&self, at: &mut Place<'_>) {
        self.check_nested(at, 1);
    }
}

impl Condition {
    fn check_nested(&self, at: &Place<'_>, depth: usize) {
        if depth > MOST_NESTED {
            return at.wrong(format_args!("nested too deeply: at most {MOST_NESTED} levels"));
        }
        if *self == Self::default() {
            return at
                .wrong("an empty condition: say what must hold, as in `{ field: status, regex: '^5' }`");
        }
        if let Some(pattern) = &self.regex {
            at.key("regex").ok(regex(pattern));
        }
        self.check_field(at);
        self.check_range(at);
        if self.one_of.as_ref().is_some_and(Vec::is_empty) {
            at.key("one_of").wrong("empty: no field is one of none");
        }
        for (key, conditions) in [("all", &self.all), ("any", &self.any)] {
            let Some(conditions) = conditions else { continue };
            if conditions.is_empty() {
                at.key(key).wrong("empty: it needs at least one condition");
            }
            for (at, condition) in at.key(key).each(conditions) {
                condition.check_nested(&at, depth + 1);
            }
        }
        if let Some(condition) = &self.not {
            condition.check_nested(&at.key("not"), depth + 1);
        }
    }

    /// What is said of the field, or of the line.
    fn check_field(&self, at: &Place<'_>) {
        let compares = self.regex.is_some()
            || self.equals.is_some()
            || self.one_of.is_some()
            || self.bounds().any(|(_, bound)| bound.is_some());
        match &self.field {
            Some(name) if name.is_empty() => {
                at.key("field").wrong("empty; leave it out to look at the whole line");
            }
            Some(_) if !compares && self.exists.is_none() => {
                at.wrong(
                    "says nothing of the field: add `regex`, `equals`, `exists: true` or another comparison",
                );
            }
            Some(_) => {}
            None => {
                let bounds = self.bounds().filter(|(_, bound)| bound.is_some()).map(|(key, _)| key);
                for key in bounds.chain(self.exists.map(|_| "exists")) {
                    at.key(key).wrong("needs `field`: a whole line is no number, and is always there");
                }
            }
        }
        if compares && self.exists == Some(false) {
            at.key("exists")
                .wrong("a field that is not there meets no other comparison: this can never hold");
        }
    }

    /// Tells of each field that is named, with its place.
    pub(crate) fn each_field(&self, at: &Place<'_>, tell: &mut dyn FnMut(&Place<'_>, &str)) {
        if let Some(field) = &self.field {
            tell(&at.key("field"), field);
        }
        for (key, conditions) in [("all", &self.all), ("any", &self.any)] {
            for (at, condition) in at.key(key).each(conditions.iter().flatten()) {
                condition.each_field(&at, tell);
            }
        }
        if let Some(condition) = &self.not {
            condition.each_field(&at.key("not"), tell);
        }
    }

    fn bounds(&self) -> impl Iterator<Item = (&'static str, Option<Number>)> + use<> {
        [("above", self.above), ("at_least", self.at_least), ("below", self.below), ("at_most", self.at_most)]
            .into_iter()
    }

    /// That there are numbers within all bounds, and what is to be equalled is one of them.
    fn check_range(&self, at: &Place<'_>) {
        for (low_key, low, low_open) in [("above", self.above, true), ("at_least", self.at_least, false)] {
            for (key, high, open) in [("below", self.below, true), ("at_most", self.at_most, false)] {
                let (Some(low), Some(high)) = (low, high) else { continue };
                if low > high || low == high && (open || low_open) {
                    let words = format!("no number is {}", within(low_key, low, key, high));
                    at.key(key).wrong(format_args!("{words}: this can never hold"));
                }
            }
        }
        if let Some(Scalar::Number(number)) = self.equals
            && !self.range().holds(number)
        {
            at.key("equals").wrong(format_args!("{number} is not within the bounds: this can never hold"));
        }
    }

    pub(super) fn range(&self) -> Range {
        Range { above: self.above, at_least: self.at_least, below: self.below, at_most: self.at_most }
    }
}

fn within(low_key: &str, low: Number, high_key: &str, high: Number) -> String {
    let words = |key: &str| key.replace('_', " ");
    format!("{} {low} and {} {high}", words(low_key), words(high_key))
}

/// The bounds of a number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Range {
    above: Option<Number>,
    at_least: Option<Number>,
    below: Option<Number>,
    at_most: Option<Number>,
}

impl Range {
    /// Whether there are any.
    pub(super) fn is_any(self) -> bool {
        self != Self::default()
    }

    pub(super) fn holds(self, number: Number) -> bool {
        let is = |bound: Option<Number>, wanted: &[Ordering]| {
            bound.is_none_or(|bound| number.partial_cmp(&bound).is_some_and(|order| wanted.contains(&order)))
        };
        is(self.above, &[Ordering::Greater])
            && is(self.at_least, &[Ordering::Greater, Ordering::Equal])
            && is(self.below, &[Ordering::Less])
            && is(self.at_most, &[Ordering::Less, Ordering::Equal])
    }
}

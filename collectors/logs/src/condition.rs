//! Conditions on records, compiled once.
//!
//! A [`Condition`] is what the configuration says, a [`Matcher`] decides by it, and a [`Subject`] is a record as far
//! as conditions look at it: its encoded attributes, its line, and what has a place of its own. Nothing is built
//! from the attributes: all fields that a condition names are found in one walk over them, and not before one is
//! needed ([`found`]).
//!
//! Numbers are compared as numbers, whole ones exactly, and so are texts that are numbers; all else is compared as
//! it is written. A field that is missing, or null, meets nothing but `exists: false` and what `not` makes of it.
//! Expressions take time that is linear in the text, however they are written.

mod config;
mod found;
mod scalar;

use std::borrow::Cow;

use regex::Regex;
use vigie_pipeline::otlp::attributes::field::LOG;
use vigie_pipeline::otlp::log::Severity;
use vigie_pipeline::otlp::view::{Attributes, Value};

pub use config::{Condition, Level};
pub use scalar::{Number, Scalar};

use config::Range;
use found::Found;

use crate::fields::Fields;

/// A record as conditions see it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subject<'a> {
    /// The line as it was read.
    pub(crate) line: &'a str,
    /// Attributes of a log record, encoded. What is in a former one is found first.
    pub(crate) places: [&'a [u8]; 3],
    /// How bad it is.
    pub(crate) severity: Severity,
    /// As its source calls that; the field `severity_text`.
    pub(crate) severity_text: &'a str,
    /// The field `body`, if it is not the line.
    pub(crate) body: Option<&'a str>,
    /// The field `trace_id`, in hexadecimal digits.
    pub(crate) trace_id: Option<&'a [u8; 16]>,
    /// The field `span_id`, in hexadecimal digits.
    pub(crate) span_id: Option<&'a [u8; 8]>,
}

impl<'a> Subject<'a> {
    /// The record of a line with these fields.
    pub(crate) fn of(fields: &'a Fields, line: &'a str) -> Self {
        Self {
            line,
            places: [&fields.attributes, &fields.hidden, &[]],
            severity: fields.severity,
            severity_text: &fields.severity_text,
            body: fields.body.as_deref(),
            trace_id: fields.trace_id.as_ref(),
            span_id: fields.span_id.as_ref(),
        }
    }

    /// With what ends each record of its file.
    pub(crate) fn ending_in(mut self, ending: &'a [u8]) -> Self {
        self.places[2] = ending;
        self
    }

    /// The field of this name, of nested objects with dots; not if it is null.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        let place = self.places.iter().find_map(|place| Attributes::new(place, LOG).get(name));
        place.or_else(|| self.own(name)).filter(|value| *value != Value::Empty)
    }

    /// What has a place of its own in a record, and is not among the attributes.
    fn own(&self, name: &str) -> Option<Value<'a>> {
        match name {
            "body" => Some(Value::Text(self.body.unwrap_or(self.line))),
            "severity_text" if !self.severity_text.is_empty() => Some(Value::Text(self.severity_text)),
            "trace_id" => self.trace_id.map(|id| Value::Bytes(id)),
            "span_id" => self.span_id.map(|id| Value::Bytes(id)),
            _ => None,
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    node: Node,
    /// What the nodes call by number.
    names: Vec<String>,
}

#[derive(Debug, Clone)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Severity(Severity),
    Line(Test),
    Field(usize, Test),
    Exists(usize, bool),
}

/// What is asked of one value.
#[derive(Debug, Clone)]
enum Test {
    Regex(Regex),
    Equals(Scalar),
    OneOf(OneOf),
    Range(Range),
}

/// Texts in order, so that many of them are no more work than a few; and the rest.
#[derive(Debug, Clone)]
struct OneOf {
    texts: Vec<String>,
    others: Vec<Scalar>,
}

impl Matcher {
    /// # Errors
    /// If a regex does not compile, or is too large.
    pub(crate) fn new(condition: &Condition) -> Result<Self, regex::Error> {
        let mut names = Vec::new();
        let node = Node::new(condition, &mut names)?;
        Ok(Self { node, names })
    }

    /// The same for conditions that call fields as their format does.
    pub(crate) fn with_names(self, resolved: impl Fn(&str) -> Cow<'_, str>) -> Self {
        Self { names: self.names.iter().map(|name| resolved(name).into_owned()).collect(), ..self }
    }

    /// Whether it holds. `scratch` is written over: it holds a value that is no text as it is written.
    pub(crate) fn holds(&self, subject: &Subject<'_>, scratch: &mut String) -> bool {
        self.node.holds(&mut Found::new(subject, &self.names), scratch)
    }
}

impl Node {
    fn new(condition: &Condition, names: &mut Vec<String>) -> Result<Self, regex::Error> {
        let mut tests = Vec::new();
        if let Some(pattern) = &condition.regex {
            tests.push(Test::Regex(config::regex(pattern)?));
        }
        tests.extend(condition.equals.clone().map(Test::Equals));
        tests.extend(condition.one_of.as_deref().map(|wanted| Test::OneOf(OneOf::new(wanted))));
        if condition.range().is_any() {
            tests.push(Test::Range(condition.range()));
        }
        // What is least work first: most records are decided by it.
        let mut nodes: Vec<Self> =
            condition.severity.iter().map(|level| Self::Severity(level.severity())).collect();
        let field = condition.field.as_ref().map(|name| number_of(name, names));
        nodes.extend(field.zip(condition.exists).map(|(field, wanted)| Self::Exists(field, wanted)));
        nodes.extend(tests.into_iter().map(|test| match field {
            Some(field) => Self::Field(field, test),
            None => Self::Line(test),
        }));
        let mut each = |conditions: &[Condition]| {
            conditions.iter().map(|c| Self::new(c, names)).collect::<Result<_, _>>()
        };
        if let Some(all) = &condition.all {
            nodes.push(Self::All(each(all)?));
        }
        if let Some(any) = &condition.any {
            nodes.push(Self::Any(each(any)?));
        }
        if let Some(not) = &condition.not {
            nodes.push(Self::Not(Box::new(Self::new(not, names)?)));
        }
        Ok(match nodes.pop() {
            Some(node) if nodes.is_empty() => node,
            last => Self::All(nodes.into_iter().chain(last).collect()),
        })
    }

    fn holds(&self, found: &mut Found<'_, '_>, scratch: &mut String) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(found, scratch)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(found, scratch)),
            Self::Not(node) => !node.holds(found, scratch),
            Self::Severity(least) => found.subject().severity >= *least,
            Self::Line(test) => test.holds(&Value::Text(found.subject().line), scratch),
            Self::Field(field, test) => found.get(*field).is_some_and(|value| test.holds(&value, scratch)),
            Self::Exists(field, wanted) => found.get(*field).is_some() == *wanted,
        }
    }
}

/// The number of a name among `names`, where it is put if it is not there yet.
fn number_of(name: &str, names: &mut Vec<String>) -> usize {
    names.iter().position(|other| other == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

impl Test {
    fn holds(&self, value: &Value<'_>, scratch: &mut String) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(value.text(scratch)),
            Self::Equals(wanted) => wanted.equals(value, scratch),
            Self::OneOf(wanted) => wanted.has(value, scratch),
            Self::Range(range) => Number::of(value).is_some_and(|number| range.holds(number)),
        }
    }
}

impl OneOf {
    fn new(wanted: &[Scalar]) -> Self {
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for scalar in wanted {
            match scalar {
                Scalar::Text(text) => texts.push(text.clone()),
                other => others.push(other.clone()),
            }
        }
        texts.sort_unstable();
        Self { texts, others }
    }

    fn has(&self, value: &Value<'_>, scratch: &mut String) -> bool {
        if !self.texts.is_empty() {
            let value = value.text(scratch);
            if self.texts.binary_search_by(|text| text.as_str().cmp(value)).is_ok() {
                return true;
            }
        }
        self.others.iter().any(|scalar| scalar.equals(value, scratch))
    }
}

#[cfg(test)]
mod tests;

//! What a parser finds in a line, and what becomes of each field.
//!
//! A parser hands over every field as it comes upon it ([`Fields::take`]) and writes it as an attribute unless
//! it was taken: a field that becomes the time, the severity, the body or the trace context is not repeated
//! among the attributes. One that was meant to, and cannot be understood, stays an attribute and is counted.

use regex::Regex;
use vigie_pipeline::otlp::log::Severity;

use super::config::Config;
use super::severity;
use super::timestamp::Format;

/// A part of a line that was not what it should be. Becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The line is not of the configured format: kept as plain text.
    Format,
    /// Nested more deeply than is looked into: kept as plain text.
    Depth,
    /// The time was not understood.
    Timestamp,
    /// The severity has no number.
    Severity,
    /// A trace or span id is not hexadecimal, or not as long as it should be.
    TraceContext,
}

impl Reason {
    pub(crate) const ALL: [Self; 5] =
        [Self::Format, Self::Depth, Self::Timestamp, Self::Severity, Self::TraceContext];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Depth => "depth",
            Self::Timestamp => "timestamp",
            Self::Severity => "severity",
            Self::TraceContext => "trace_context",
        }
    }
}

/// A value as a parser sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    /// A text, unescaped.
    Text(&'a str),
    /// Anything else, as it is written.
    Raw(&'a str),
}

impl<'a> Value<'a> {
    fn as_str(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Raw(text) => text,
        }
    }
}

/// What a field is for.
#[derive(Debug, Clone)]
enum Role {
    Timestamp(Format),
    Severity,
    Body,
    TraceId,
    SpanId,
    /// The condition of this number looks at it.
    Condition(usize),
}

/// Which fields are for what, from the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    roles: Vec<(String, Role)>,
    /// Whether any of them is a field of a nested object.
    pub(crate) nested: bool,
    /// In the order of `keep`, then `drop`.
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone)]
struct Condition {
    regex: Regex,
    of_line: bool,
    keeps: bool,
}

impl Plan {
    pub(crate) fn new(config: &Config) -> Result<Self, regex::Error> {
        let mut roles: Vec<(String, Role)> = Vec::new();
        if let Some(timestamp) = &config.timestamp {
            roles.push((timestamp.field.clone(), Role::Timestamp(timestamp.format.clone())));
        }
        let named = [
            (config.severity.as_ref().map(|severity| &severity.field), Role::Severity),
            (config.body.as_ref(), Role::Body),
            (config.trace_id.as_ref(), Role::TraceId),
            (config.span_id.as_ref(), Role::SpanId),
        ];
        roles.extend(named.into_iter().filter_map(|(field, role)| Some((field?.clone(), role))));
        let mut conditions = Vec::new();
        let keep = config.keep.iter().map(|filter| (filter, true));
        for (filter, keeps) in keep.chain(config.drop.iter().map(|filter| (filter, false))) {
            if let Some(field) = &filter.field {
                roles.push((field.clone(), Role::Condition(conditions.len())));
            }
            let regex = Regex::new(&filter.regex)?;
            conditions.push(Condition { regex, of_line: filter.field.is_none(), keeps });
        }
        let nested = roles.iter().any(|(field, _)| field.contains('.'));
        Ok(Self { roles, nested, conditions })
    }

    /// Whether no field is looked for and nothing is filtered.
    pub(crate) fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.conditions.is_empty()
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is offered.
    Pass,
    /// There are conditions to be kept, and it meets none.
    NotKept,
    /// It meets a condition to be dropped.
    Dropped,
}

/// The fields of one line. Reused for the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    pub(crate) time: u64,
    pub(crate) severity: Severity,
    pub(crate) severity_text: String,
    pub(crate) body: Option<String>,
    pub(crate) trace_id: Option<[u8; 16]>,
    pub(crate) span_id: Option<[u8; 8]>,
    /// Encoded as attributes of a record.
    pub(crate) attributes: Vec<u8>,
    /// What was not understood, once each.
    pub(crate) faults: Vec<Reason>,
    /// Which conditions matched.
    matched: Vec<bool>,
}

impl Fields {
    /// Forgets the line before.
    pub(crate) fn clear(&mut self, plan: &Plan) {
        self.time = 0;
        self.severity = Severity::default();
        self.severity_text.clear();
        self.body = None;
        self.trace_id = None;
        self.span_id = None;
        self.attributes.clear();
        self.faults.clear();
        self.matched.clear();
        self.matched.resize(plan.conditions.len(), false);
    }

    /// Whether the plan has anything to do with a field of this name.
    pub(crate) fn wants(plan: &Plan, name: &str) -> bool {
        plan.roles.iter().any(|(field, _)| field == name)
    }

    /// A field of the line. True if it was taken and is not to be an attribute.
    pub(crate) fn take(&mut self, plan: &Plan, name: &str, value: Value<'_>) -> bool {
        let mut taken = false;
        for (_, role) in plan.roles.iter().filter(|(field, _)| field == name) {
            let text = value.as_str();
            match role {
                Role::Timestamp(format) => match format.read(text) {
                    Some(time) => (self.time, taken) = (time, true),
                    None => self.fault(Reason::Timestamp),
                },
                Role::Severity => {
                    self.severity_text.clear();
                    self.severity_text.push_str(text);
                    match severity::read(text) {
                        Some(severity) => self.severity = severity,
                        None => self.fault(Reason::Severity),
                    }
                    taken = true;
                }
                Role::Body => (self.body, taken) = (Some(text.to_owned()), true),
                Role::TraceId => match hex(text) {
                    Some(id) => (self.trace_id, taken) = (Some(id), true),
                    None => self.fault(Reason::TraceContext),
                },
                Role::SpanId => match hex(text) {
                    Some(id) => (self.span_id, taken) = (Some(id), true),
                    None => self.fault(Reason::TraceContext),
                },
                Role::Condition(number) => {
                    self.matched[*number] |= plan.conditions[*number].regex.is_match(text)
                }
            }
        }
        taken
    }

    fn fault(&mut self, reason: Reason) {
        if !self.faults.contains(&reason) {
            self.faults.push(reason);
        }
    }

    /// What the filters say.
    pub(crate) fn verdict(&self, plan: &Plan, line: &str) -> Verdict {
        if plan.conditions.is_empty() {
            return Verdict::Pass;
        }
        let matches = |number: usize, condition: &Condition| {
            if condition.of_line { condition.regex.is_match(line) } else { self.matched[number] }
        };
        let mut keeps = plan.conditions.iter().enumerate().filter(|(_, c)| c.keeps).peekable();
        if keeps.peek().is_some() && !keeps.any(|(number, condition)| matches(number, condition)) {
            return Verdict::NotKept;
        }
        let mut drops = plan.conditions.iter().enumerate().filter(|(_, c)| !c.keeps);
        if drops.any(|(number, condition)| matches(number, condition)) {
            Verdict::Dropped
        } else {
            Verdict::Pass
        }
    }
}

/// `N` bytes as hexadecimal digits, not all zero.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

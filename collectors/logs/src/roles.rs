//! Fields that the configuration gives a place of their own in the record: the time, the severity, the body, the
//! trace context. Where none is named for it, trace context is found under the names that programs give it
//! ([`Kind`]).
//!
//! What was taken is not repeated among the attributes; the stages behind still find it under its name. What was
//! meant to and cannot be understood stays an attribute and is counted.

use std::borrow::Cow;
use std::ops::Range;

use vigie_pipeline::otlp::attributes::field::LOG;
use vigie_pipeline::otlp::edit;
use vigie_pipeline::otlp::view::{Attributes, Pair, Value};

use super::config::Config;
use super::fields::{Fields, Reason, hex};
use super::severity;
use super::timestamp::{Format, Observer};
use super::trace_context::Kind;

/// What a field is for.
#[derive(Debug, Clone)]
enum Role {
    Timestamp(Format),
    Severity(severity::Reader),
    Body,
    TraceId,
    SpanId,
}

/// Which fields are for what. See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    roles: Vec<(String, Role)>,
    /// Whether trace context is found by name.
    finds_trace: bool,
    /// Whether the time, and the severity, are found by name: where nobody said what the lines are.
    guesses: [bool; 2],
    /// The attributes that were taken, in their order. Reused.
    taken: Vec<Range<usize>>,
}

impl Roles {
    /// Fields are `resolved` to what their format calls them.
    pub(crate) fn new(config: &Config, resolved: impl Fn(&str) -> Cow<'_, str>) -> Self {
        let timestamp = config.timestamp.as_ref();
        let named = [
            timestamp.map(|timestamp| (&timestamp.field, Role::Timestamp(timestamp.format.clone()))),
            config
                .severity
                .as_ref()
                .map(|severity| (&severity.field, Role::Severity(severity::reader_of(&severity.field)))),
            config.body.as_ref().map(|body| (body, Role::Body)),
            config.trace_id.as_ref().map(|id| (id, Role::TraceId)),
            config.span_id.as_ref().map(|id| (id, Role::SpanId)),
        ];
        let roles = named.into_iter().flatten().map(|(field, role)| (resolved(field).into_owned(), role));
        let finds_trace =
            config.trace_id.is_none() && config.span_id.is_none() && config.parse.has_free_names();
        let is_auto = config.parse.is_auto();
        let guesses = [is_auto && timestamp.is_none(), is_auto && config.severity.is_none()];
        Self { roles: roles.collect(), finds_trace, guesses, taken: Vec::new() }
    }

    /// Whether no field has one.
    pub(crate) fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }

    /// Puts each field in its place.
    pub(crate) fn assign(&mut self, observer: &Observer, fields: &mut Fields) {
        let has_nothing = self.roles.is_empty() && !self.finds_trace && self.guesses == [false; 2];
        if has_nothing || fields.is_empty() {
            return;
        }
        // All that stand at the top in one pass: most do.
        self.taken.clear();
        let attributes = std::mem::take(&mut fields.attributes);
        let (mut found, mut has_parent) = (0u8, false);
        for pair in Attributes::new(&attributes, LOG).pairs() {
            let role = self.roles.iter().enumerate().find(|(_, (name, _))| pair.is_called(name));
            let taken = match role {
                Some((number, (_, role))) => {
                    found |= 1 << number;
                    pair.value().is_some_and(|value| role.take(value, observer, fields))
                }
                None if self.finds_trace => {
                    has_parent |= Kind::is_parent(pair.key);
                    match Kind::of(pair.key) {
                        Some(kind) => pair
                            .value()
                            .is_some_and(|value| kind.take(value.text(&mut String::new()), fields)),
                        None => self.guess(&pair, observer, fields),
                    }
                }
                None => self.guess(&pair, observer, fields),
            };
            if taken {
                fields.hidden.extend_from_slice(&attributes[pair.span.clone()]);
                self.taken.push(pair.span);
            }
        }
        fields.attributes = attributes;
        edit::cut(&mut fields.attributes, &self.taken);
        for (number, (name, role)) in self.roles.iter().enumerate() {
            if found & 1 << number == 0 {
                role.take_elsewhere(name, observer, fields);
            }
        }
        if has_parent {
            for (name, kind) in Kind::NESTED {
                take_nested(name, fields, |text, fields| kind.take(text, fields));
            }
        }
    }

    /// Takes a field that is called as the time or the severity mostly are, if it says one and none was there.
    fn guess(&self, pair: &Pair<'_>, observer: &Observer, fields: &mut Fields) -> bool {
        let [time, severity] = self.guesses;
        match pair.key {
            b"time" | b"timestamp" | b"@timestamp" | b"ts" | b"datetime" | b"asctime"
                if time && fields.time == 0 =>
            {
                let read = |value: Value<'_>| Format::Auto.read(value.text(&mut String::new()), observer);
                let Some(read) = pair.value().and_then(read) else { return false };
                fields.time = read;
                true
            }
            b"level" | b"severity" | b"lvl" | b"levelname" | b"loglevel" | b"log.level"
                if severity && fields.severity_text.is_empty() =>
            {
                pair.value().is_some_and(|value| {
                    let mut scratch = String::new();
                    let text = value.text(&mut scratch);
                    let read = severity::read(text);
                    fields.severity = read.unwrap_or_default();
                    if read.is_some() {
                        fields.set_severity_text(text);
                    }
                    read.is_some()
                })
            }
            _ => false,
        }
    }
}

impl Role {
    /// Takes a field that is nested in another one, or hidden.
    fn take_elsewhere(&self, name: &str, observer: &Observer, fields: &mut Fields) {
        // An object is only looked into for a name that may lead there.
        let take = |text: &str, fields: &mut Fields| self.take(Value::Text(text), observer, fields);
        if name.contains('.') && take_nested(name, fields, take) {
            return;
        }
        let hidden = std::mem::take(&mut fields.hidden);
        if let Some(value) = Attributes::new(&hidden, LOG).get(name) {
            self.take(value, observer, fields);
        } else if matches!(self, Self::Timestamp(_)) && fields.time == 0 {
            fields.fault(Reason::NoTimestamp);
        }
        fields.hidden = hidden;
    }

    /// Whether the field is in its place now.
    fn take(&self, value: Value<'_>, observer: &Observer, fields: &mut Fields) -> bool {
        let mut scratch = String::new();
        let text = value.text(&mut scratch);
        match self {
            Self::Timestamp(format) => match format.read(text, observer) {
                Some(time) => fields.time = time,
                None => return fields.fault(Reason::Timestamp),
            },
            Self::Severity(read) => {
                fields.set_severity_text(text);
                match read(text) {
                    Some(severity) => fields.severity = severity,
                    None => drop(fields.fault(Reason::Severity)),
                }
            }
            Self::Body => fields.set_body_from(text),
            Self::TraceId => match hex(text) {
                Some(id) => fields.trace_id = Some(id),
                None => return fields.fault(Reason::TraceContext),
            },
            Self::SpanId => match hex(text) {
                Some(id) => fields.span_id = Some(id),
                None => return fields.fault(Reason::TraceContext),
            },
        }
        true
    }
}

/// Whether there is such a field in an object; then it was looked at, and is hidden now if `take` took it.
fn take_nested(name: &str, fields: &mut Fields, take: impl FnOnce(&str, &mut Fields) -> bool) -> bool {
    let text = fields.view().get(name).map(|value| value.text(&mut String::new()).to_owned());
    let Some(text) = text else { return false };
    if take(&text, fields) {
        edit::remove(&mut fields.attributes, LOG, name);
        fields.hidden(name, &text);
    }
    true
}

#[cfg(test)]
mod tests;

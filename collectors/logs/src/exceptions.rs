//! Exceptions in records: what was thrown, where, and whether it is known.
//!
//! A record may have a traceback in its text, which several lines were joined to ([`super::multiline`]), or in a field
//! ([`found`]). [`trace`] has type, message, calls and causes of it, from the language that prints it; of these a
//! [`fingerprint`] is made that stays the same wherever and with whatever values the error happens, and by which it is
//! counted ([`groups`]). The record gets `exception.type`, `exception.message`, `exception.stacktrace` and
//! `exception.fingerprint`, and is an error if it does not say how bad it is.
//!
//! When a fingerprint is seen for the first time, a record of its own says so behind the record: its event name is
//! `vigie.exception.new`, and it has the same attributes. It is a record like any other: counted as read, and delivered
//! with its batch. What is read again for a destination that lags behind counts for nothing.

mod dotnet;
mod fingerprint;
mod found;
mod go;
mod groups;
mod java;
mod javascript;
mod lines;
mod normal;
mod python;
mod python_objects;
mod ruby;
mod rust;
mod saved;
mod trace;

use std::fmt::Write;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::otlp::attributes::{field::LOG, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::otlp::view::{Attributes, Value};
use vigie_pipeline::otlp::wire::put_bytes;

pub(crate) use groups::Groups;
pub use groups::{Group, Sample};
pub use saved::{Source, list};

use super::config::Config;
use super::fields::Fields;
use super::multiline::Preset;
use super::records::Records;
use fingerprint::Fingerprint;
use groups::{Counted, Seen};
use trace::Trace;

/// What is to be done with exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exceptions {
    /// Whether they are looked for; by default where `multiline` has the preset of a language.
    pub enabled: Option<bool>,
    /// How many errors are told from one another. The rest is counted together.
    pub max_groups: usize,
}

impl Default for Exceptions {
    fn default() -> Self {
        Self { enabled: None, max_groups: 200 }
    }
}

/// A sample of each is held in memory.
const MOST_GROUPS: usize = 1000;

impl Check for Exceptions {
    fn check(&self, at: &mut Place<'_>) {
        if !(1..=MOST_GROUPS).contains(&self.max_groups) {
            at.key("max_groups").wrong(format_args!("must be between 1 and {MOST_GROUPS}"));
        }
    }
}

/// The event name of the record that tells of a new one: field 12 of `LogRecord`.
const EVENT: (u32, &str) = (12, "vigie.exception.new");

/// Finds exceptions in records.
#[derive(Debug, Clone)]
pub(crate) struct Finder {
    /// The one that prints them, if the configuration says it.
    language: Option<Preset>,
    /// Where they are counted; nowhere if they are read again.
    groups: Option<Arc<Groups>>,
    /// The attributes of the one at hand, encoded.
    attributes: Vec<u8>,
    /// What a record says that tells of a new one.
    news: String,
}

/// What is known of a record besides its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The whole of it, as it was read.
    pub(crate) line: &'a str,
    /// When it was read: nanoseconds since the epoch.
    pub(crate) observed: u64,
    /// The attributes of its file, encoded.
    pub(crate) ending: &'a [u8],
}

impl Finder {
    /// `None` if nobody asks for them.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let preset = config.multiline.as_ref().and_then(|multiline| multiline.preset);
        let language = preset.filter(|preset| preset.is_language());
        let is_on = config.exceptions.enabled.unwrap_or(language.is_some());
        is_on.then(|| Self { language, groups: None, attributes: Vec::new(), news: String::new() })
    }

    /// From now on they are counted there.
    pub(crate) fn count_in(&mut self, groups: Arc<Groups>) {
        self.groups = Some(groups);
    }

    /// The same for what is read again.
    pub(crate) fn again(&self) -> Self {
        Self { groups: None, ..self.clone() }
    }

    pub(crate) fn groups(&self) -> Option<&Arc<Groups>> {
        self.groups.as_ref()
    }

    /// Whether there may be one in a record that has nothing but a text.
    pub(crate) fn may_be_in(text: &str) -> bool {
        memchr::memchr(b'\n', text.as_bytes()).is_some()
    }

    /// Looks for an exception and counts it. True if nobody has heard of it: it is to be told.
    pub(crate) fn look(&mut self, fields: &mut Fields, about: &About<'_>) -> bool {
        let text = fields.body.as_deref().unwrap_or(about.line);
        let Some(trace) = found::find(fields, text, self.language) else { return false };
        let fingerprint = Fingerprint::of(&trace);
        let (name, message) = (trace.outermost.name, trace.outermost.message);
        self.attributes.clear();
        put_str(&mut self.attributes, LOG, "exception.type", name);
        for (key, value) in [("exception.message", message), ("exception.stacktrace", &*trace.text)] {
            if !value.is_empty() {
                put_str(&mut self.attributes, LOG, key, value);
            }
        }
        put_str(&mut self.attributes, LOG, "exception.fingerprint", &fingerprint.to_string());
        let counted = self.groups.as_ref().map(|groups| {
            let place = place_of(&trace);
            let file = match Attributes::new(about.ending, LOG).get("log.file.path") {
                Some(Value::Text(path)) => path,
                _ => "",
            };
            let time = if fields.time == 0 { about.observed } else { fields.time };
            let seen =
                Seen { fingerprint, name, place: &place, message, stacktrace: &trace.text, file, time };
            let counted = groups.count(&seen, about.observed);
            if counted == Counted::New {
                self.news.clear();
                let at = if place.is_empty() { "" } else { " at " };
                let _ = write!(self.news, "new exception: {name}{at}{place}");
            }
            counted
        });
        self.mark(fields);
        counted == Some(Counted::New)
    }

    /// The record has what it does not have yet.
    fn mark(&self, fields: &mut Fields) {
        for pair in Attributes::new(&self.attributes, LOG).iter() {
            if !fields.view().iter().any(|known| known.key == pair.key) {
                fields.attributes.extend_from_slice(&self.attributes[pair.span]);
            }
        }
        if fields.severity == Severity::default() {
            fields.severity = Severity::ERROR;
        }
    }

    /// Tells of the one that was found last.
    pub(crate) fn tell(&mut self, fields: &Fields, about: &About<'_>, out: &mut Records) {
        self.attributes.extend_from_slice(about.ending);
        put_bytes(&mut self.attributes, EVENT.0, EVENT.1.as_bytes());
        LogRecord {
            time: fields.time,
            severity: Severity::ERROR,
            severity_text: "ERROR",
            body: &self.news,
            attributes: &self.attributes,
            trace_id: fields.trace_id,
            span_id: fields.span_id,
            ..LogRecord::default()
        }
        .encode(out.one_more(None));
    }
}

/// Function and file, as far as they are known.
fn place_of(trace: &Trace<'_>) -> String {
    let Some((frame, _)) = trace.outermost.place() else { return String::new() };
    match (&*frame.function, frame.file) {
        ("", file) => file.to_owned(),
        (function, "") => function.to_owned(),
        (function, file) => format!("{function} in {file}"),
    }
}

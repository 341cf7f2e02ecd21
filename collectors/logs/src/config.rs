//! One entry of `collectors.logs`, and what is wrong with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::ByteSize;

use super::condition::Condition;
use super::exceptions::Exceptions;
use super::multiline::Multiline;
use super::parse::format::Parse;
use super::patterns::{Exclusion, Pattern};
use super::redaction::{self, Redact};
use super::series::Metric;
use super::spans::Spans;
use super::timestamp::{Format, Zone};
use super::transforms::Transform;

/// One entry of `collectors.logs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Unique; the `source` label of the ledger, the scope of its records.
    pub name: String,
    /// Globs of the files to follow; `**` matches directories at any depth.
    pub include: Vec<FilePath>,
    /// Globs of what to leave out: whole paths, or names alone if there is no slash.
    pub exclude: Vec<String>,
    /// Where a file is first read that already existed at first sight. A file born later is always read from
    /// its beginning.
    pub start_at: StartAt,
    /// How lines are understood: a format, or several that are tried in order. What none understands is kept as
    /// plain text, and counted. `cri` and `docker` unwrap; what follows them in the list parses what was wrapped.
    /// `auto` unwraps too, and is the format of most of the first lines.
    pub parse: Parse,
    /// That of times without an offset: `local`, which is the host's, `UTC`, or a name as `Europe/Paris`.
    pub time_zone: String,
    /// The field that says when it happened. Most formats know theirs.
    pub timestamp: Option<Timestamp>,
    /// The field that says how bad it is. Most formats know theirs; access logs take it from the status.
    pub severity: Option<Severity>,
    /// The field that becomes the body; by default the whole line.
    pub body: Option<String>,
    /// The field with the trace id: 32 hexadecimal digits. Where neither this nor `span_id` is named, trace context is
    /// found under the names that programs commonly give it, also as `traceparent`.
    pub trace_id: Option<String>,
    /// The field with the span id: 16 hexadecimal digits.
    pub span_id: Option<String>,
    /// How lines become events of several lines; by default each is a record.
    pub multiline: Option<Multiline>,
    /// Constants added to each record.
    pub attributes: std::collections::BTreeMap<String, String>,
    /// Only records that match one of these are kept, if there are any; the rest is counted as filtered.
    pub keep: Vec<Condition>,
    /// Records that match one of these are counted as filtered.
    pub drop: Vec<Condition>,
    /// Exceptions in records: what was thrown, where, and whether it is known.
    pub exceptions: Exceptions,
    /// What is done with each record before it is sent, in order.
    pub transforms: Vec<Transform>,
    /// Series made from records.
    pub metrics: Vec<Metric>,
    /// What is secret or personal, and is taken out of records before anything else is made of them. `all`, or some of
    /// the rules; each may say what stands in the place of what it finds.
    pub redact: Vec<Redact>,
    /// The key of hashes that stand in the place of secrets, for `with: hash`.
    pub redact_key: Secret,
    /// Server spans from access logs.
    pub spans: Spans,
    /// A longer line is truncated, marked and counted.
    pub max_line: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            start_at: StartAt::default(),
            parse: Parse::default(),
            time_zone: "local".to_owned(),
            timestamp: None,
            severity: None,
            body: None,
            trace_id: None,
            span_id: None,
            multiline: None,
            attributes: std::collections::BTreeMap::new(),
            keep: Vec::new(),
            drop: Vec::new(),
            exceptions: Exceptions::default(),
            transforms: Vec::new(),
            metrics: Vec::new(),
            redact: Vec::new(),
            redact_key: Secret::default(),
            spans: Spans::default(),
            max_line: ByteSize::mib(1),
        }
    }
}

/// Where to begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartAt {
    /// Behind the last complete line.
    #[default]
    End,
    /// At the first byte.
    Beginning,
}

/// A field with a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timestamp {
    /// Its name; fields of nested objects with dots.
    pub field: String,
    /// `rfc3339`, which has an offset; `iso8601`, where it may be missing; `unix`, `unix_ms`, `unix_us`, `unix_ns`, or
    /// `unix_auto` of those; `syslog`, `apache`; `auto`, which is any of these; or a pattern as strptime has it
    /// (`%Y-%m-%d %H:%M:%S%.f`).
    pub format: Format,
}

/// A field with a severity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Severity {
    /// Its name; fields of nested objects with dots.
    pub field: String,
}

/// The longest line that can be asked for: it is held in memory whole.
const MAX_LINE: ByteSize = ByteSize::mib(16);

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("required");
        }
        if self.include.is_empty() {
            at.key("include").wrong("required: at least one glob");
        }
        for (at, glob) in at.key("include").each(&self.include) {
            match glob.to_str() {
                Some(glob) => at.ok(Pattern::new(glob)).map_or((), drop),
                None => at.wrong("not UTF-8"),
            }
        }
        for (at, glob) in at.key("exclude").each(&self.exclude) {
            at.ok(Exclusion::new(glob));
        }
        for (key, conditions) in [("keep", &self.keep), ("drop", &self.drop)] {
            for (mut at, condition) in at.key(key).each(conditions) {
                condition.check(&mut at);
                self.check_condition(&at, condition);
            }
        }
        at.key("transforms").check_each(&self.transforms);
        if !(256..=MAX_LINE.0).contains(&self.max_line.0) {
            at.key("max_line").wrong(format_args!("must be between 256B and {MAX_LINE}"));
        }
        if let Some(multiline) = &self.multiline {
            multiline.check(&mut at.key("multiline"));
        }
        self.exceptions.check(&mut at.key("exceptions"));
        self.parse.check(&mut at.key("parse"));
        redaction::check(&self.redact, &self.redact_key, at);
        at.key("time_zone").ok(Zone::named(&self.time_zone));
        at.key("metrics").check_each(&self.metrics);
        self.check_fields(at);
    }
}

impl Config {
    /// Reports routes to what is none of `exporters`, those that take logs.
    pub fn check_routes(&self, at: &Place<'_>, exporters: &[&str]) {
        for (at, transform) in at.key("transforms").each(&self.transforms) {
            transform.check_route(&at, exporters);
        }
    }
}

/// What every record of a file has besides what its line says.
const OF_FILES: [&str; 4] = ["body", "log.file.path", "log.file.name", "log.iostream"];

impl Config {
    /// A condition names fields only where there are some.
    fn check_condition(&self, at: &Place<'_>, condition: &Condition) {
        let Some(why) = self.parse.without_fields() else { return };
        condition.each_field(at, &mut |at, field| {
            if !OF_FILES.contains(&field) && !self.attributes.contains_key(field) {
                at.wrong(format_args!("{why}; leave it out to match the line"));
            }
        });
    }

    /// Fields can be named only where lines have some.
    fn check_fields(&self, at: &Place<'_>) {
        let named = [
            ("timestamp", self.timestamp.as_ref().map(|t| &t.field)),
            ("severity", self.severity.as_ref().map(|s| &s.field)),
            ("body", self.body.as_ref()),
            ("trace_id", self.trace_id.as_ref()),
            ("span_id", self.span_id.as_ref()),
        ];
        for (key, field) in named {
            let Some(field) = field else { continue };
            if let Some(why) = self.parse.without_fields() {
                at.key(key).wrong(why);
                continue;
            }
            match key {
                "timestamp" | "severity" if self.parse.knows_places() => {
                    at.key(key)
                        .wrong(format_args!("`parse: {}` knows its own; leave it out", self.parse.names()));
                }
                _ if field.is_empty() && matches!(key, "timestamp" | "severity") => {
                    at.key(key).key("field").wrong("required");
                }
                _ if field.is_empty() => at.key(key).wrong("empty"),
                _ => {}
            }
        }
    }
}

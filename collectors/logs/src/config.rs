//! One entry of `collectors.logs`, and what is wrong with it.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::units::ByteSize;

use super::multiline::Multiline;
use super::patterns::{Exclusion, Pattern};
use super::timestamp::Format;

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
    /// How lines are understood. A line that is not what it should be is kept as plain text, and counted.
    pub parse: Parse,
    /// The field that says when it happened. The access log formats know theirs.
    pub timestamp: Option<Timestamp>,
    /// The field that says how bad it is. The access log formats take it from the status.
    pub severity: Option<Severity>,
    /// The field that becomes the body; by default the whole line.
    pub body: Option<String>,
    /// The field with the trace id: 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The field with the span id: 16 hexadecimal digits.
    pub span_id: Option<String>,
    /// How lines become events of several lines; by default each is a record.
    pub multiline: Option<Multiline>,
    /// Constants added to each record.
    pub attributes: std::collections::BTreeMap<String, String>,
    /// Only records that match one of these are kept, if there are any; the rest is counted as filtered.
    pub keep: Vec<Filter>,
    /// Records that match one of these are counted as filtered.
    pub drop: Vec<Filter>,
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
            timestamp: None,
            severity: None,
            body: None,
            trace_id: None,
            span_id: None,
            multiline: None,
            attributes: std::collections::BTreeMap::new(),
            keep: Vec::new(),
            drop: Vec::new(),
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

/// The formats of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parse {
    /// Text.
    #[default]
    None,
    /// One JSON object per line; its fields become attributes.
    Json,
    /// nginx's `combined`.
    NginxCombined,
    /// Apache's `combined`, and `common`.
    ApacheCombined,
    /// What Kubernetes' container runtimes write: time and stream are taken off, parts of long lines are joined.
    Cri,
    /// What Docker's `json-file` driver writes: time and stream are taken off, parts of long lines are joined.
    Docker,
}

/// A field with a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timestamp {
    /// Its name; fields of nested objects with dots.
    pub field: String,
    /// `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a pattern as strptime has it
    /// (`%Y-%m-%d %H:%M:%S%.f`; without an offset it is UTC).
    pub format: Format,
}

/// A field with a severity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Severity {
    /// Its name; fields of nested objects with dots.
    pub field: String,
}

/// A condition on a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// The field to look at; without it, the whole line.
    pub field: Option<String>,
    /// What it must match somewhere; `^` and `$` bind it to the ends.
    pub regex: String,
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
        for (key, filters) in [("keep", &self.keep), ("drop", &self.drop)] {
            for (at, filter) in at.key(key).each(filters) {
                at.key("regex").ok(Regex::new(&filter.regex));
                if let Some(format) = self.parse.without_fields()
                    && filter.field.is_some()
                {
                    at.key("field").wrong(format_args!(
                        "`parse: {format}` has no fields; leave it out to match the line"
                    ));
                }
            }
        }
        if !(256..=MAX_LINE.0).contains(&self.max_line.0) {
            at.key("max_line").wrong(format_args!("must be between 256B and {MAX_LINE}"));
        }
        if let Some(multiline) = &self.multiline {
            multiline.check(&mut at.key("multiline"));
        }
        self.check_fields(at);
    }
}

impl Parse {
    /// The name of a format that has no fields.
    fn without_fields(self) -> Option<&'static str> {
        match self {
            Self::None => Some("none"),
            Self::Cri => Some("cri"),
            Self::Docker => Some("docker"),
            Self::Json | Self::NginxCombined | Self::ApacheCombined => None,
        }
    }
}

impl Config {
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
            if let Some(format) = self.parse.without_fields() {
                at.key(key).wrong(format_args!("`parse: {format}` has no fields"));
                continue;
            }
            match self.parse {
                Parse::NginxCombined | Parse::ApacheCombined if key != "body" => {
                    at.key(key).wrong("access logs know theirs; leave it out");
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

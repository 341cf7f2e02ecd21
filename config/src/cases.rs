//! Files with tests of a configuration: lines in, and what is expected to come of them. `vigie test` runs them.
//!
//! Nothing in them is expanded: lines of logs say `${…}` as they please.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use vigie_pipeline::check::{Check, KeyPath, Place};
use vigie_pipeline::file_path::FilePath;

use crate::expand::Variables;
use crate::layers::Layers;
use crate::load::{Config, Origin};
use crate::mistake::Mistakes;
use crate::position;

/// A file with tests.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cases {
    /// The configuration that is tested; that of the command line if it is left out.
    config: Option<FilePath>,
    /// The tests.
    pub tests: Vec<Case>,
    /// The configuration, loaded.
    #[serde(skip)]
    pub loaded: Config,
}

/// One test.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// What it shows; unique in its file.
    pub name: String,
    /// Of `collectors.logs`, the one that reads the lines; may be left out where there is only one.
    pub source: Option<String>,
    /// What is in the file that it reads.
    pub input: String,
    /// When the lines are read; by default now.
    time: Option<String>,
    /// What is to come of it.
    pub expect: Expectation,
    /// Where it begins in its file.
    #[serde(skip)]
    pub line: usize,
}

/// What is to come of the lines of a test. What is left out is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// The records that are sent, in order.
    pub records: Option<Vec<Record>>,
    /// How many records were filtered, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Values of series, as `name{label="value"}`; labels that are not said may be any.
    pub metrics: BTreeMap<String, f64>,
    /// The exceptions in the records, in order.
    pub exceptions: Option<Vec<Exception>>,
    /// The spans that are made of the lines, in order.
    pub spans: Option<Vec<Span>>,
}

/// A record that is expected. What is left out is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// The whole body.
    pub body: Option<String>,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal`, with a number behind it where that is not 1; or its number.
    pub severity: Option<Value>,
    /// When it happened.
    time: Option<String>,
    /// In hexadecimal digits.
    pub trace_id: Option<String>,
    /// In hexadecimal digits.
    pub span_id: Option<String>,
    /// Values by name; `null` for what is not to be there.
    pub attributes: BTreeMap<String, Value>,
    /// The exporters that it is for, as a route says them.
    pub to: Option<Vec<String>>,
    /// Whether there may be no other attributes.
    pub exact: bool,
}

/// An exception that is expected. What is left out is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exception {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// What it has in common with others of its kind.
    pub fingerprint: Option<String>,
}

/// A span that is expected. What is left out is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Span {
    /// Its name: method and route.
    pub name: Option<String>,
    /// In hexadecimal digits.
    pub trace_id: Option<String>,
    /// In hexadecimal digits.
    pub span_id: Option<String>,
    /// The span of whoever called, in hexadecimal digits.
    pub parent_span_id: Option<String>,
    /// When it began.
    start: Option<String>,
    /// When it ended.
    end: Option<String>,
    /// Whether it says that something went wrong.
    pub error: Option<bool>,
    /// Values by name; `null` for what is not to be there.
    pub attributes: BTreeMap<String, Value>,
    /// Whether there may be no other attributes.
    pub exact: bool,
}

impl Cases {
    /// Reads and checks a file, with the configuration that it tests: the one that it names, unless `origin` does.
    ///
    /// # Errors
    /// All that is wrong with it, or with the configuration.
    pub fn load(file: &Path, origin: &Origin) -> Result<Self, Mistakes> {
        let variables = Variables::default();
        let mut layers = Layers::new(&variables);
        let mut text = String::new();
        layers.foreign(file, |_, read| {
            read.clone_into(&mut text);
            Vec::new()
        });
        let (cases, _) = layers.finish(|cases: &mut Self| {
            let mut origin = origin.clone();
            if let Some(config) = cases.config.as_ref().filter(|_| origin.files.is_empty()) {
                origin.files.push(config.to_path_buf());
            }
            cases.loaded = origin.load()?.config;
            for (number, case) in cases.tests.iter_mut().enumerate() {
                let place = KeyPath::default().key("tests").index(number);
                (case.line, _) = position::nearest(&text, &place.0);
            }
            Ok(())
        })?;
        Ok(cases)
    }

    /// The source that reads the lines of a test.
    #[must_use]
    pub fn source(&self, case: &Case) -> Option<&vigie_logs::Config> {
        let sources = &self.loaded.collectors.logs;
        match (&case.source, sources.as_slice()) {
            (Some(name), sources) => sources.iter().find(|source| source.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl Case {
    /// When its lines are read, if it says so.
    #[must_use]
    pub fn observed(&self) -> Option<Timestamp> {
        self.time.as_ref()?.parse().ok()
    }
}

impl Record {
    /// When it happened, if that is expected: nanoseconds since the epoch.
    #[must_use]
    pub fn nanos(&self) -> Option<i128> {
        nanos(self.time.as_deref())
    }
}

impl Span {
    /// When it began, if that is expected: nanoseconds since the epoch.
    #[must_use]
    pub fn start(&self) -> Option<i128> {
        nanos(self.start.as_deref())
    }

    /// When it ended, if that is expected: nanoseconds since the epoch.
    #[must_use]
    pub fn end(&self) -> Option<i128> {
        nanos(self.end.as_deref())
    }
}

fn nanos(time: Option<&str>) -> Option<i128> {
    Some(time?.parse::<Timestamp>().ok()?.as_nanosecond())
}

impl Check for Cases {
    fn check(&self, at: &mut Place<'_>) {
        let tests = at.key("tests");
        if self.tests.is_empty() {
            tests.wrong("required: at least one test");
        }
        tests.unique("name", self.tests.iter().map(|case| case.name.as_str()));
        for (at, case) in tests.each(&self.tests) {
            if case.name.is_empty() {
                at.key("name").wrong("required");
            }
            if self.source(case).is_none() {
                self.wrong_source(case, &at);
            }
            if case.input.is_empty() {
                at.key("input").wrong("required: the lines");
            }
            instant("time", case.time.as_deref(), &at);
            case.expect.check(&mut at.key("expect"));
        }
    }
}

impl Cases {
    fn wrong_source(&self, case: &Case, at: &Place<'_>) {
        let names: Vec<_> = self.loaded.collectors.logs.iter().map(|source| source.name.as_str()).collect();
        let known = names.join(", ");
        match &case.source {
            Some(name) => {
                at.key("source")
                    .wrong(format_args!("no entry of `collectors.logs` is called `{name}`: {known}"));
            }
            None => at.key("source").wrong(format_args!("required: one of {known}")),
        }
    }
}

impl Check for Expectation {
    fn check(&self, at: &mut Place<'_>) {
        let looks = self.records.is_some() || self.exceptions.is_some() || self.spans.is_some();
        if !looks && self.dropped.is_empty() && self.metrics.is_empty() {
            at.wrong(
                "nothing is expected: one of records, dropped, metrics, exceptions and spans is required",
            );
        }
        for (at, record) in at.key("records").each(self.records.iter().flatten()) {
            instant("time", record.time.as_deref(), &at);
        }
        for (at, span) in at.key("spans").each(self.spans.iter().flatten()) {
            instant("start", span.start.as_deref(), &at);
            instant("end", span.end.as_deref(), &at);
        }
    }
}

/// A key that says when.
fn instant(key: &str, time: Option<&str>, at: &Place<'_>) {
    if time.is_some_and(|time| time.parse::<Timestamp>().is_err()) {
        at.key(key).wrong("not a time such as 2026-01-02T03:04:05.678Z");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const CONFIG: &str = "collectors:\n  logs:\n    - { name: app, include: [/x/*.log] }\n    - { name: web, include: [/y/*.log] }\n";

    fn load(tests: &str) -> Result<Cases, Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("vigie.yaml"), CONFIG).unwrap();
        let file: PathBuf = directory.path().join("tests.yaml");
        fs::write(&file, tests).unwrap();
        let shown = format!("{}/", directory.path().display());
        Cases::load(&file, &Origin::default()).map_err(|mistakes| {
            mistakes.0.iter().map(|mistake| mistake.to_string().replace(&shown, "")).collect()
        })
    }

    #[test]
    fn the_configuration_stands_beside_the_tests_and_lines_are_not_expanded() {
        let cases = load(
            "config: vigie.yaml\ntests:\n  - name: one\n    source: web\n    input: |\n      a ${HOME}\n    expect: { dropped: { keep: 1 } }\n  - name: two\n    source: app\n    input: b\n    expect: { records: [] }\n",
        )
        .unwrap();
        assert_eq!(cases.tests[0].input, "a ${HOME}\n");
        assert_eq!(cases.source(&cases.tests[0]).unwrap().name, "web");
        assert_eq!([cases.tests[0].line, cases.tests[1].line], [3, 8]);
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        let wrong = load(
            "config: vigie.yaml\ntests:\n  - name: one\n    source: wep\n    input: a\n    time: soon\n    expect: { records: [{ time: late }], spans: [{ end: later }] }\n  - name: one\n    expect: {}\n",
        )
        .unwrap_err();
        assert_eq!(
            wrong,
            [
                "tests.yaml:4:13: tests[0].source: no entry of `collectors.logs` is called `wep`: app, web",
                "tests.yaml:6:11: tests[0].time: not a time such as 2026-01-02T03:04:05.678Z",
                "tests.yaml:7:33: tests[0].expect.records[0].time: not a time such as 2026-01-02T03:04:05.678Z",
                "tests.yaml:7:57: tests[0].expect.spans[0].end: not a time such as 2026-01-02T03:04:05.678Z",
                "tests.yaml:8:5: tests[1].source: required: one of app, web",
                "tests.yaml:8:5: tests[1].input: required: the lines",
                "tests.yaml:8:11: tests[1].name: `one` is already taken at tests.yaml:3:11",
                "tests.yaml:9:5: tests[1].expect: nothing is expected: one of records, dropped, metrics, exceptions and spans is required",
            ]
        );
        let wrong = load("config: vigie.yaml\ntests: [{ name: a, inputs: b }]\n").unwrap_err();
        assert_eq!(wrong.len(), 1);
        let start = "tests.yaml:2:20: tests[0].inputs: unknown key (did you mean `input`?); known are ";
        assert!(wrong[0].starts_with(start), "{wrong:?}");
    }

    #[test]
    fn a_bad_configuration_is_told_as_its_own() {
        let wrong = load("config: nowhere.yaml\ntests: [{ name: a, input: b }]\n").unwrap_err();
        assert!(wrong[0].starts_with("nowhere.yaml: "), "{wrong:?}");
    }
}

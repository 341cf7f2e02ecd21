//! What happens to the text of a record until it is encoded, in this order: it is parsed; `keep` and `drop` look at
//! what it says; its time, severity, body and trace context get their places; what is secret in any of it is
//! redacted; spans are made of it; metrics count it; exceptions are found and counted; what is left is its attributes;
//! and transforms change these, and decide where the record goes.
//!
//! Each stage is in a file of its own and works on [`Fields`]. A stage behind sees what those before it have left.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::otlp::log::LogRecord;
use vigie_pipeline::outlet::Route;
use vigie_pipeline::plug::Error;

use super::condition::Subject;
use super::config::Config;
use super::exceptions::{About, Finder, Groups};
use super::fields::{Fields, Reason};
use super::filters::{Filters, Verdict};
use super::handover::Handover;
use super::meters::Meters;
use super::parse::auto::Choice;
use super::parse::{Context, Parsers};
use super::records::Records;
use super::redaction::Redactor;
use super::roles::Roles;
use super::series::{Series, Sighting};
use super::spans::{Lacking, Spanner};
use super::timestamp::{Observer, Zone};
use super::transforms::{Chain, Ending, Reading};

/// See the module. Reused for all records of a source.
#[derive(Debug, Clone)]
pub(crate) struct Stages {
    parsers: Parsers,
    /// Whether a stage behind the parser looks fields up.
    is_inspected: bool,
    observer: Observer,
    filters: Filters,
    roles: Roles,
    redactor: Option<Box<Redactor>>,
    /// The whole of a record without what is secret. Reused.
    redacted: String,
    spanner: Option<Box<Spanner>>,
    series: Option<Box<Series>>,
    finder: Option<Box<Finder>>,
    transforms: Chain,
    fields: Fields,
    /// Why the last text made no span, if one was to be made.
    lacking: Option<Lacking>,
}

/// The text of a record, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) line: &'t str,
    /// When it was written, as its wrapping says: nanoseconds since the epoch, or 0.
    pub(crate) time: u64,
    /// What ends each record of the file: its attributes and the observed time, encoded in the order of their fields.
    pub(crate) ending: &'t [u8],
    pub(crate) reading: Reading,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is to be sent.
    Sent,
    /// It is not, on purpose: for this reason of the ledger.
    Filtered(&'static str),
}

/// What the stages ask for.
#[derive(Default)]
struct Asked {
    /// Whether it may be a field that is not sent. Those have simple names, as the formats call them; attributes that
    /// formats with other names for them write have names with dots.
    for_hidden: Cell<bool>,
}

impl Asked {
    /// What the field is called that a format calls `name`.
    fn of<'n>(&self, parsers: &Parsers, name: &'n str) -> Cow<'n, str> {
        let resolved = parsers.resolved(name);
        self.for_hidden.set(self.for_hidden.get() || !resolved.contains('.'));
        resolved
    }
}

impl Stages {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let parsers = Parsers::new(&config.parse)?;
        let asked = Asked::default();
        let filters = Filters::new(config, |name| asked.of(&parsers, name))?;
        let roles = Roles::new(config, |name| asked.of(&parsers, name));
        let transforms = Chain::new(&config.transforms, |name| asked.of(&parsers, name))?;
        // It was looked up when the configuration was checked.
        let observer = Observer { zone: Zone::named(&config.time_zone).unwrap_or_default(), at: 0 };
        let redactor = Redactor::new(&config.redact, config.redact_key.reveal())?.map(Box::new);
        let finder = Finder::new(config).map(Box::new);
        Ok(Self {
            is_inspected: asked.for_hidden.get(),
            parsers,
            observer,
            filters,
            roles,
            redactor,
            redacted: String::new(),
            spanner: None,
            series: None,
            finder,
            transforms,
            fields: Fields::default(),
            lacking: None,
        })
    }

    /// The same with metrics, and spans.
    pub(crate) fn counting(mut self, config: &Config, instruments: &Instruments) -> Result<Self, Error> {
        let asked = Asked::default();
        let resolved = |name: &str| asked.of(&self.parsers, name).into_owned();
        self.series = Series::new(config, instruments, resolved)?.map(Box::new);
        let http = config.metrics.iter().find_map(|metric| metric.http.as_ref());
        self.spanner = Spanner::new(&config.spans, http, &config.name, instruments, resolved)?.map(Box::new);
        self.is_inspected |= asked.for_hidden.get();
        Ok(self)
    }

    /// What metrics and exceptions have come to. They are counted no more.
    pub(crate) fn hand_over(&mut self) -> Handover {
        Handover { series: self.series.take(), exceptions: self.groups().map(Arc::clone) }
    }

    /// Goes on with what metrics and exceptions had come to. Who opened the groups before has got the same again.
    pub(crate) fn take_over(&mut self, before: Handover) {
        let Handover { series, exceptions } = before;
        if let (Some(own), Some(series)) = (&mut self.series, series) {
            own.adopt(*series);
        }
        drop(exceptions);
    }

    /// From now on a choice of `parse: auto` is kept in the state directory.
    pub(crate) fn remember_in(&mut self, state_dir: &Path, source: &str) {
        self.parsers.remember_in(state_dir, source);
    }

    /// Whether spans are made.
    pub(crate) fn makes_spans(&self) -> bool {
        self.spanner.is_some()
    }

    /// The metrics.
    pub(crate) fn series(&mut self) -> Option<&mut Series> {
        self.series.as_deref_mut()
    }

    /// The same for what is read again.
    pub(crate) fn again(&self) -> Self {
        let finder = self.finder.as_ref().map(|finder| Box::new(finder.again()));
        Self {
            spanner: None,
            series: None,
            finder,
            transforms: self.transforms.again(),
            parsers: self.parsers.again(),
            ..self.clone()
        }
    }

    /// What comes next does not follow what came last.
    pub(crate) fn forget(&mut self) {
        self.transforms.forget();
    }

    /// Adds what was redacted since the last time to its counters.
    pub(crate) fn flush(&mut self, meters: &Meters) {
        let Some(redactor) = &mut self.redactor else { return };
        for (rule, count) in redactor.names().zip(redactor.counts()).filter(|(_, count)| **count > 0) {
            meters.redacted(rule, *count);
        }
        redactor.reset_counts();
    }

    /// A counter for each rule of redaction, from the beginning.
    pub(crate) fn show_in(&self, meters: &Meters) {
        for rule in self.redactor.iter().flat_map(|redactor| redactor.names()) {
            meters.redacted(rule, 0);
        }
    }

    /// From now on exceptions are counted there, if they are looked for.
    pub(crate) fn count_in(&mut self, groups: impl FnOnce() -> Arc<Groups>) {
        if let Some(finder) = &mut self.finder {
            finder.count_in(groups());
        }
    }

    /// Where exceptions are counted.
    pub(crate) fn groups(&self) -> Option<&Arc<Groups>> {
        self.finder.as_ref()?.groups()
    }

    /// Whether there may be an exception in a text.
    pub(crate) fn may_have_thrown(&self, text: &str) -> bool {
        self.finder.is_some() && Finder::may_be_in(text)
    }

    /// Whether there is nothing to be done but to look for an exception: the text is the body, and that is all.
    pub(crate) fn is_plain(&self) -> bool {
        self.parsers.is_plain()
            && self.filters.is_empty()
            && self.roles.is_empty()
            && self.redactor.is_none()
            && self.series.is_none()
            && self.spanner.is_none()
            && self.transforms.is_empty()
    }

    /// What `auto` takes the lines for.
    pub(crate) fn choice(&self) -> Option<Choice> {
        self.parsers.choice()
    }

    /// What was found in the text that was run last.
    pub(crate) fn found(&self) -> &Fields {
        &self.fields
    }

    /// Why the last text made no span, if one was to be made.
    pub(crate) fn lacking(&self) -> Option<Lacking> {
        self.lacking
    }

    /// The number of the transform that the last text did not pass, if it came to them.
    pub(crate) fn stopped_by(&self) -> Option<usize> {
        self.transforms.stopped_by()
    }

    /// Encodes the record of a text, unless it is filtered.
    pub(crate) fn run(&mut self, text: Text<'_>, meters: &Meters, out: &mut Records) -> Fate {
        let Text { line, time, ending, reading } = text;
        let fields = &mut self.fields;
        fields.clear();
        self.lacking = None;
        self.transforms.begin();
        self.observer.at = reading.observed;
        let context = Context { observer: &self.observer, is_inspected: self.is_inspected };
        if let Err(reason) = self.parsers.parse(line, context, fields) {
            meters.parse_error(reason);
        }
        let verdict = self.filters.verdict(&Subject::of(fields, line).ending_in(ending));
        self.roles.assign(&self.observer, fields);
        settle_time(fields, time, &self.observer);
        for reason in &fields.faults {
            meters.parse_error(*reason);
        }
        match verdict {
            Verdict::Pass => {}
            Verdict::NotKept => return Fate::Filtered("keep"),
            Verdict::Dropped => return Fate::Filtered("drop"),
        }
        // From here on nobody sees what was secret.
        let redactor = self.redactor.as_mut();
        let is_redacted = redactor.is_some_and(|redactor| redactor.record(fields, line, &mut self.redacted));
        let line = if is_redacted { self.redacted.as_str() } else { line };
        let subject = Subject::of(fields, line).ending_in(ending);
        let span_id = self.spanner.as_mut().and_then(|spanner| {
            let span = spanner.make(fields, &subject, reading.place, &mut out.spans);
            self.lacking = span.err();
            span.ok()
        });
        if let Some(series) = &mut self.series {
            series.count(&Sighting { fields, subject, span_id }, &reading);
        }
        let about = About { line, observed: reading.observed, ending };
        let is_new = self.finder.as_mut().is_some_and(|finder| finder.look(fields, &about));
        fields.attributes.extend_from_slice(ending);
        let outcome =
            self.transforms.run(fields, line, reading, &mut |fields, line, to| encode(fields, line, to, out));
        if let Some(finder) = self.finder.as_mut().filter(|_| is_new) {
            finder.tell(fields, &about, out);
        }
        match outcome {
            Ok(()) => Fate::Sent,
            Err(reason) => Fate::Filtered(reason),
        }
    }

    /// When a transform has something to tell that no line brings about.
    pub(crate) fn tells_at(&self) -> Option<Instant> {
        self.transforms.due()
    }

    /// Encodes it.
    pub(crate) fn tell(&mut self, which: Ending, reading: Reading, out: &mut Records) {
        self.transforms.end_windows(which, reading, &mut |fields, line, to| encode(fields, line, to, out));
    }
}

fn encode(fields: &Fields, line: &str, to: Option<&Route>, out: &mut Records) {
    LogRecord {
        time: fields.time,
        observed: 0,
        severity: fields.severity,
        severity_text: &fields.severity_text,
        body: fields.body.as_deref().unwrap_or(line),
        attributes: &fields.attributes,
        trace_id: fields.trace_id,
        span_id: fields.span_id,
    }
    .encode(out.one_more(to));
}

/// The time of a record is what the line says, or else its wrapping; one that no record can have counts as none, so that
/// it is when the line was read.
fn settle_time(fields: &mut Fields, wrapping: u64, observer: &Observer) {
    let said = std::mem::take(&mut fields.time);
    for time in [said, wrapping].into_iter().filter(|time| *time != 0) {
        if !observer.finds_absurd(time) {
            fields.time = time;
            return;
        }
        fields.fault(Reason::AbsurdTimestamp);
    }
}

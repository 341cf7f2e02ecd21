//! From lines to encoded records.

use std::sync::Arc;

use vigie_pipeline::ledger::Counts;
use vigie_pipeline::otlp::attributes::{field::LOG, put_bool, put_str};
use vigie_pipeline::otlp::log::LogRecord;
use vigie_pipeline::otlp::wire::{len_field_len, put_fixed64, put_varint};

use super::config::{Config, Parse};
use super::fields::{Fields, Plan, Verdict};
use super::file::hole_len;
use super::meters::Meters;
use super::parse::Parser;

/// Encoded records of one file.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u32,
}

/// What is special about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It ends in a newline.
    Whole,
    /// Longer than `max_line`: its beginning. The record has `vigie.line.truncated`.
    Truncated,
    /// The file ended without a newline, for good. The record has `vigie.line.partial`.
    Partial,
}

/// Encodes the lines of a source. Reused for all of its files.
#[derive(Debug)]
pub(crate) struct Recorder {
    parser: Parser,
    plan: Plan,
    fields: Fields,
    /// Neither fields nor filters: a line is a body.
    plain: bool,
    /// The configured attributes, encoded.
    constants: Vec<u8>,
    /// Attributes and observed time of the file at hand, as they end each of its records.
    ending: Vec<u8>,
    max_line: usize,
    meters: Meters,
    counts: Option<Arc<Counts>>,
    tally: Tally,
}

/// What was counted since the last [`Recorder::flush`]: counters are shared between threads, and lines are many.
#[derive(Debug, Default)]
struct Tally {
    lines: u64,
    empty: u64,
    not_kept: u64,
    dropped: u64,
}

impl Recorder {
    pub(crate) fn new(config: &Config, meters: Meters) -> Result<Self, regex::Error> {
        let plan = Plan::new(config)?;
        let mut constants = Vec::new();
        for (key, value) in &config.attributes {
            put_str(&mut constants, LOG, key, value);
        }
        Ok(Self {
            plain: config.parse == Parse::None && plan.is_empty(),
            parser: Parser::new(config.parse),
            plan,
            fields: Fields::default(),
            constants,
            ending: Vec::new(),
            max_line: config.max_line.bytes(),
            meters,
            counts: None,
            tally: Tally::default(),
        })
    }

    /// The longest line that is kept whole, in bytes.
    pub(crate) fn max_line(&self) -> usize {
        self.max_line
    }

    /// Where filtered lines are counted.
    pub(crate) fn count_in(&mut self, counts: Arc<Counts>) {
        self.counts = Some(counts);
    }

    /// The attributes of the file at `path`, with the configured ones, encoded.
    pub(crate) fn attributes_of(&self, path: &std::path::Path) -> Vec<u8> {
        let mut attributes = self.constants.clone();
        put_str(&mut attributes, LOG, "log.file.path", &path.to_string_lossy());
        if let Some(name) = path.file_name() {
            put_str(&mut attributes, LOG, "log.file.name", &name.to_string_lossy());
        }
        attributes
    }

    /// From now on lines are of the file with these attributes, read at `observed`.
    pub(crate) fn turn_to(&mut self, attributes: &[u8], observed: u64) {
        self.ending.clear();
        self.ending.extend_from_slice(attributes);
        put_fixed64(&mut self.ending, 11, observed);
    }

    /// Encodes lines, each with its newline, until `limit` bytes are in `out`. Returns how many bytes of
    /// `lines` were used: whole lines, at least one.
    pub(crate) fn lines(&mut self, lines: &[u8], out: &mut Records, limit: usize) -> usize {
        // One check for all is far faster than one for each; a newline is never part of another character.
        let text = simdutf8::basic::from_utf8(lines).ok();
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', lines) {
            let line = &lines[start..newline];
            match text {
                _ if line.len() > self.max_line || line.first() == Some(&0) => self.odd_line(line, out),
                Some(text) => self.line(trimmed(&text[start..newline]), Shape::Whole, out),
                None => self.bytes(line, Shape::Whole, out),
            }
            start = newline + 1;
            if out.bytes.len() >= limit {
                break;
            }
        }
        self.meters.read_bytes.inc_by(start as u64);
        start
    }

    /// A line that is too long, or begins with NUL bytes.
    fn odd_line(&mut self, line: &[u8], out: &mut Records) {
        let zeros = hole_len(line);
        self.meters.hole_bytes.inc_by(zeros as u64);
        let line = &line[zeros..];
        let len = line.len();
        self.kept(&line[..len.min(self.max_line)], len as u64, out);
    }

    /// Encodes a line of `len` bytes of which these are the first `max_line`, or all.
    pub(crate) fn long_line(&mut self, line: &[u8], len: u64, out: &mut Records) {
        self.meters.read_bytes.inc_by(len + 1);
        self.kept(line, len, out);
    }

    fn kept(&mut self, line: &[u8], len: u64, out: &mut Records) {
        if len == line.len() as u64 {
            return self.bytes(line, Shape::Whole, out);
        }
        // Not in the middle of a character.
        let whole = match simdutf8::compat::from_utf8(line) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => line.len(),
        };
        self.bytes(&line[..whole], Shape::Truncated, out);
    }

    /// Encodes a line of which it is not known whether it is UTF-8, without its newline.
    pub(crate) fn bytes(&mut self, line: &[u8], shape: Shape, out: &mut Records) {
        match simdutf8::basic::from_utf8(line) {
            Ok(line) => self.line(trimmed(line), shape, out),
            Err(_) => {
                self.meters.invalid_lines.inc();
                self.line(trimmed(&String::from_utf8_lossy(line)), shape, out);
            }
        }
    }

    fn line(&mut self, line: &str, shape: Shape, out: &mut Records) {
        self.tally.lines += 1;
        if line.is_empty() {
            self.tally.empty += 1;
            return;
        }
        match shape {
            Shape::Whole if self.plain => {
                out.count += 1;
                put_plain(&mut out.bytes, line, &self.ending);
            }
            Shape::Whole => self.parsed(line, out),
            Shape::Truncated | Shape::Partial => {
                let key = if shape == Shape::Truncated {
                    self.meters.truncated_lines.inc();
                    "vigie.line.truncated"
                } else {
                    self.meters.partial_lines.inc();
                    "vigie.line.partial"
                };
                let before = self.ending.len();
                put_bool(&mut self.ending, LOG, key, true);
                if self.plain {
                    out.count += 1;
                    put_plain(&mut out.bytes, line, &self.ending);
                } else {
                    self.parsed(line, out);
                }
                self.ending.truncate(before);
            }
        }
    }

    fn parsed(&mut self, line: &str, out: &mut Records) {
        let fields = &mut self.fields;
        fields.clear(&self.plan);
        if let Err(reason) = self.parser.parse(line, &self.plan, fields) {
            self.meters.parse_error(reason);
            fields.clear(&self.plan);
        }
        for reason in &fields.faults {
            self.meters.parse_error(*reason);
        }
        match fields.verdict(&self.plan, line) {
            Verdict::Pass => {}
            Verdict::NotKept => {
                self.tally.not_kept += 1;
                return;
            }
            Verdict::Dropped => {
                self.tally.dropped += 1;
                return;
            }
        }
        // What ends each record of the file: attributes and observed time, in the order of their fields.
        fields.attributes.extend_from_slice(&self.ending);
        out.count += 1;
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
        .encode(&mut out.bytes);
    }

    /// Adds what was counted to the instruments and the ledger.
    pub(crate) fn flush(&mut self) {
        let Tally { lines, empty, not_kept, dropped } = std::mem::take(&mut self.tally);
        self.meters.lines.inc_by(lines);
        let Some(counts) = &self.counts else { return };
        for (count, reason) in [(empty, "empty"), (not_kept, "keep"), (dropped, "drop")] {
            if count > 0 {
                counts.filtered(count, reason);
            }
        }
    }
}

/// Without the carriage return of a Windows line.
fn trimmed(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

/// A record with nothing but a body and what ends it: the fields 6 and 11 of `LogRecord`.
fn put_plain(out: &mut Vec<u8>, line: &str, ending: &[u8]) {
    let text = len_field_len(line.len());
    let body = len_field_len(text);
    out.push(2 << 3 | 2);
    put_varint(out, (body + ending.len()) as u64);
    out.push(5 << 3 | 2);
    put_varint(out, text as u64);
    out.push(1 << 3 | 2);
    put_varint(out, line.len() as u64);
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(ending);
}

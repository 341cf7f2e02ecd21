//! The fields of one line: what a parser finds in it, and what the stages behind it look at and change.
//!
//! A parser writes every field as an attribute, encoded as it will be sent; nothing is built in between. Stages look
//! fields up where they are encoded ([`Fields::get`]).

use vigie_pipeline::otlp::attributes::{field::LOG, put_bool, put_double, put_int, put_str};
use vigie_pipeline::otlp::log::Severity;
use vigie_pipeline::otlp::view::{Attributes, Value};

use super::method::Method;
use super::numeral::{Numeral, numeral};

/// A part of a line that was not what it should be. Becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The line is not of the configured format: kept as plain text.
    Format,
    /// Nested more deeply than is looked into: kept as plain text.
    Depth,
    /// Longer than an expression looks at: kept as plain text.
    TooLong,
    /// The time was not understood.
    Timestamp,
    /// There is none, where the format or the configuration promises one.
    NoTimestamp,
    /// No record can have it: before 1990, or more than a day ahead.
    AbsurdTimestamp,
    /// The severity has no number.
    Severity,
    /// A trace or span id is not hexadecimal, or not as long as it should be.
    TraceContext,
}

impl Reason {
    pub(crate) const ALL: [Self; 8] = [
        Self::Format,
        Self::Depth,
        Self::TooLong,
        Self::Timestamp,
        Self::NoTimestamp,
        Self::AbsurdTimestamp,
        Self::Severity,
        Self::TraceContext,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Depth => "depth",
            Self::TooLong => "too_long",
            Self::Timestamp => "timestamp",
            Self::NoTimestamp => "no_timestamp",
            Self::AbsurdTimestamp => "absurd_timestamp",
            Self::Severity => "severity",
            Self::TraceContext => "trace_context",
        }
    }
}

/// See the module. Reused for the next line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// When it happened: nanoseconds since the epoch, or 0.
    pub(crate) time: u64,
    pub(crate) severity: Severity,
    /// As the source calls it.
    pub(crate) severity_text: String,
    /// The whole line if there is none.
    pub(crate) body: Option<String>,
    pub(crate) trace_id: Option<[u8; 16]>,
    pub(crate) span_id: Option<[u8; 8]>,
    /// The span of whoever called, as `traceparent` has it.
    pub(crate) parent_span_id: Option<[u8; 8]>,
    /// Lines of the record that the format leaves alone: they stay with the body, whatever field that is taken from.
    pub(crate) continuation: String,
    /// Encoded as attributes of a record.
    pub(crate) attributes: Vec<u8>,
    /// Encoded alike: fields that can be looked up and are not sent.
    pub(crate) hidden: Vec<u8>,
    /// What was not understood, once each.
    pub(crate) faults: Vec<Reason>,
    /// Why each format that was tried in vain did not understand the line, in their order.
    pub(crate) refused: Vec<Reason>,
    /// Of a request in an access log.
    pub(crate) hint: Hint,
    /// The format that `auto` took the line for.
    pub(crate) detected: Option<&'static str>,
    /// A body that was used, for the next one.
    spare: String,
}

/// What a parser of access logs knows of a request, so that it need not be looked for. Attributes may have been changed
/// since.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hint {
    /// As it is among the attributes.
    pub(crate) method: Option<Method>,
    /// Where the attribute `url.path` begins.
    pub(crate) path: Option<usize>,
    /// Set only by formats that tell nothing else which requests are counted by.
    pub(crate) status: Option<u16>,
}

impl Fields {
    /// Forgets the line before.
    pub(crate) fn clear(&mut self) {
        self.time = 0;
        self.severity = Severity::default();
        self.severity_text.clear();
        if let Some(body) = self.body.take() {
            self.spare = body;
        }
        self.trace_id = None;
        self.span_id = None;
        self.parent_span_id = None;
        self.continuation.clear();
        self.attributes.clear();
        self.hidden.clear();
        self.faults.clear();
        self.hint = Hint::default();
        self.detected = None;
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        put_str(&mut self.attributes, LOG, key, value);
    }

    pub(crate) fn int(&mut self, key: &str, value: i64) {
        put_int(&mut self.attributes, LOG, key, value);
    }

    pub(crate) fn double(&mut self, key: &str, value: f64) {
        put_double(&mut self.attributes, LOG, key, value);
    }

    pub(crate) fn boolean(&mut self, key: &str, value: bool) {
        put_bool(&mut self.attributes, LOG, key, value);
    }

    /// A number if `value` is one and no digit is lost by it; else a text.
    pub(crate) fn number(&mut self, key: &str, value: &str) {
        match numeral(value) {
            Some(Numeral::Int(value)) => self.int(key, value),
            Some(Numeral::Double(value)) => self.double(key, value),
            None => self.text(key, value),
        }
    }

    /// A field that can be looked up, and is not sent.
    pub(crate) fn hidden(&mut self, key: &str, value: &str) {
        put_str(&mut self.hidden, LOG, key, value);
    }

    /// What is sent instead of the whole line.
    pub(crate) fn set_body(&mut self, text: &str) {
        let mut body = self.body.take().unwrap_or_else(|| std::mem::take(&mut self.spare));
        body.clear();
        body.push_str(text);
        self.body = Some(body);
    }

    /// The body is this field, and the lines that the format has left alone.
    pub(crate) fn set_body_from(&mut self, field: &str) {
        self.set_body(field);
        if let Some(body) = self.body.as_mut().filter(|_| !self.continuation.is_empty()) {
            body.push('\n');
            body.push_str(&self.continuation);
        }
    }

    pub(crate) fn set_severity_text(&mut self, text: &str) {
        self.severity_text.clear();
        self.severity_text.push_str(text);
    }

    /// Counts what was not understood. False, for those who could not take it.
    pub(crate) fn fault(&mut self, reason: Reason) -> bool {
        if !self.faults.contains(&reason) {
            self.faults.push(reason);
        }
        false
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.hidden.is_empty()
    }

    /// The attributes, to be looked into.
    pub(crate) fn view(&self) -> Attributes<'_> {
        Attributes::new(&self.attributes, LOG)
    }

    /// The field of this name, also a hidden one; nested ones with dots.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'_>> {
        self.view().get(name).or_else(|| Attributes::new(&self.hidden, LOG).get(name))
    }
}

/// `N` bytes as hexadecimal digits, not all zero.
pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let (mut all, mut any) = (0, 0);
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| DIGITS[usize::from(digit)]);
        *byte = high << 4 | low;
        all |= high | low;
        any |= *byte;
    }
    (all < 16 && any != 0).then_some(bytes)
}

/// What each byte is as a hexadecimal digit: 255 if it is none.
const DIGITS: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

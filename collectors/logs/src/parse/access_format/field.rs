//! What a field of an access log is, and how it is written: as the attribute that the semantic conventions of
//! OpenTelemetry have for it, if there is one, else under the name the server has for it.
//!
//! `-`, or nothing, is a value that the server did not have: there is no attribute.

use vigie_pipeline::otlp::attributes::{field::LOG, put_list_of_one};

use crate::fields::{Fields, Reason, hex};
use crate::method::Method;
use crate::parse::Context;
use crate::severity;
use crate::timestamp::Observer;

use super::escape::{Escape, Scratch, unescaped};
use super::time::Time;

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Of its attribute.
    pub(super) name: Box<str>,
    /// As the server calls it.
    pub(super) own: Box<str>,
    pub(super) kind: Kind,
    pub(super) escape: Escape,
}

/// What a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Several texts, one for each server that was asked.
    List,
    /// It may come several times: its attribute is a list.
    Header,
    /// A whole number.
    Int,
    /// A number, or several.
    Number,
    /// Whole numbers, one for each server that was asked: their sum.
    Sum,
    /// Units of this many to a second, one for each server that was asked: their sum in seconds.
    Seconds(u32),
    Time(Time),
    /// A time that another field says better.
    OtherTime(Time),
    Status,
    /// `GET /a?b=c HTTP/1.1`
    Request,
    Method,
    /// `/a?b=c`
    Target,
    /// `?b=c`
    Query,
    /// `HTTP/1.1`
    Protocol,
    /// `TLSv1.3`
    Tls,
    /// `00-<trace id>-<span id>-01`
    TraceParent,
    TraceId,
    SpanId,
    /// What another field says better.
    Ignored,
}

/// What fields of one line have to know of each other, and memory for values with escapes.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    scratch: Scratch,
    /// The server's own span is known: it wins over the one that it was called from.
    has_own_span: bool,
}

impl Memory {
    /// Forgets the line before.
    pub(super) fn begin(&mut self) {
        self.has_own_span = false;
    }
}

impl Kind {
    /// Whether values of several servers may stand there.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List | Self::Number | Self::Sum | Self::Seconds(_))
    }

    /// Whether what may stand there can be told from other text by its form.
    pub(super) fn has_form(&self) -> bool {
        match self {
            Self::Int | Self::Status => true,
            Self::Time(time) | Self::OtherTime(time) => time.len().is_some(),
            _ => false,
        }
    }
}

impl Field {
    /// Whether a part of it is still worth something.
    pub(super) fn is_text(&self) -> bool {
        matches!(
            self.kind,
            Kind::Text | Kind::List | Kind::Header | Kind::Target | Kind::Query | Kind::Ignored
        )
    }

    /// Whether it is a time, and `text` is one.
    pub(super) fn is_time(&self, text: &str) -> bool {
        matches!(&self.kind, Kind::Time(time) | Kind::OtherTime(time) if time.read(text, &Observer::default()).is_some())
    }

    /// Writes what the line says. `None` if that cannot be the value of this field.
    pub(super) fn write(
        &self,
        value: &str,
        memory: &mut Memory,
        context: Context<'_>,
        to: &mut Fields,
    ) -> Option<()> {
        let name = &*self.name;
        if let Kind::Request = self.kind {
            write_request(self.unescaped(value, memory), context, to);
            return Some(());
        }
        if matches!(value, "-" | "") {
            return Some(());
        }
        match &self.kind {
            Kind::Ignored | Kind::Request => {}
            Kind::Text | Kind::List | Kind::OtherTime(_) => to.text(name, self.unescaped(value, memory)),
            Kind::Header => write_header(name, self.unescaped(value, memory), to),
            Kind::Int => to.int(name, value.parse().ok()?),
            Kind::Number => to.number(name, value),
            Kind::Sum => to.int(name, sum(value, |part| part.parse::<i64>().ok(), i64::checked_add)?),
            Kind::Seconds(units) => {
                let seconds = |part: &str| part.parse().ok().filter(|number: &f64| number.is_finite());
                to.double(name, sum(value, seconds, |a, b| Some(a + b))? / f64::from(*units));
            }
            Kind::Time(time) => to.time = time.read(value, context.observer)?,
            Kind::Status => {
                let code = value.parse::<u16>().ok().filter(|_| value.len() == 3)?;
                to.severity = severity::of_status(code);
                to.int(name, i64::from(code));
            }
            Kind::Method => write_method(self.unescaped(value, memory), to),
            Kind::Target => write_target(self.unescaped(value, memory), to),
            Kind::Query => {
                let query = self.unescaped(value, memory);
                let query = query.strip_prefix('?').unwrap_or(query);
                if !query.is_empty() {
                    to.text(name, query);
                }
            }
            Kind::Protocol => to.text(name, value.strip_prefix("HTTP/").unwrap_or(value)),
            Kind::Tls => to.text(name, value.strip_prefix("TLSv").unwrap_or(value)),
            Kind::TraceParent => self.write_trace_parent(value, memory, to),
            Kind::TraceId => match hex(value) {
                Some(id) => to.trace_id = Some(id),
                None => self.write_wrong_id(value, to),
            },
            Kind::SpanId => match hex(value) {
                Some(id) => (to.span_id, memory.has_own_span) = (Some(id), true),
                None => self.write_wrong_id(value, to),
            },
        }
        Some(())
    }

    fn unescaped<'t>(&self, value: &'t str, memory: &'t mut Memory) -> &'t str {
        match self.escape {
            Escape::Backslash => unescaped(value, &mut memory.scratch),
            Escape::None => value,
        }
    }

    /// W3C's form: version, trace id, id of the span that called, flags.
    fn write_trace_parent(&self, value: &str, memory: &Memory, to: &mut Fields) {
        let mut parts = value.split('-');
        let ids = (|| {
            let version = parts.next().filter(|version| version.len() == 2 && *version != "ff")?;
            u8::from_str_radix(version, 16).ok()?;
            Some((hex(parts.next()?)?, hex(parts.next()?)?))
        })();
        let Some((trace, span)) = ids else { return self.write_wrong_id(value, to) };
        to.parent_span_id = Some(span);
        if !memory.has_own_span {
            (to.trace_id, to.span_id) = (Some(trace), Some(span));
        }
    }

    /// All zeros is what is written where there is no span.
    fn write_wrong_id(&self, value: &str, to: &mut Fields) {
        if value.bytes().any(|byte| byte != b'0') {
            to.fault(Reason::TraceContext);
            to.text(&self.name, value);
        }
    }
}

/// The sum of what servers took, or sent: `0.003, 0.004 : -`. `None` if something else stands there.
fn sum<T: Default>(
    value: &str,
    read: impl Fn(&str) -> Option<T>,
    add: impl Fn(T, T) -> Option<T>,
) -> Option<T> {
    if let Some(one) = read(value) {
        return Some(one);
    }
    let parts = value.split([',', ':']).map(str::trim).filter(|part| *part != "-");
    parts.map(read).try_fold(T::default(), |sum, part| add(sum, part?))
}

/// A header may come several times: its attribute is a list.
pub(in crate::parse) fn write_header(name: &str, value: &str, to: &mut Fields) {
    put_list_of_one(&mut to.attributes, LOG, name, value);
}

/// In its parts; anything else than a request (what scanners send) is kept as it is.
pub(in crate::parse) fn write_request(request: &str, context: Context<'_>, to: &mut Fields) {
    if context.is_inspected {
        to.hidden("request", request);
    }
    let parts = request.split_once(' ').and_then(|(method, rest)| {
        let (target, protocol) = rest.rsplit_once(' ')?;
        Some((method, target, protocol.strip_prefix("HTTP/")?))
    });
    match parts {
        Some((method, target, version)) => {
            if context.is_inspected {
                to.hidden("request_uri", target);
            }
            write_method(method, to);
            write_target(target, to);
            to.text("network.protocol.version", version);
        }
        None if request == "-" => {}
        None => to.text("url.original", request),
    }
}

fn write_method(method: &str, to: &mut Fields) {
    let known = Method::named(method);
    to.text("http.request.method", known.as_str());
    to.hint.method = Some(known);
    if known == Method::OTHER {
        to.text("http.request.method_original", method);
    }
}

fn write_target(target: &str, to: &mut Fields) {
    if !target.starts_with('/') {
        return to.text("url.original", target);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    to.hint.path = Some(to.attributes.len());
    to.text("url.path", path);
    if !query.is_empty() {
        to.text("url.query", query);
    }
}

//! Server spans from access logs: a request that has a trace id and a duration is a span in that trace.
//!
//! A server writes a line when it has answered, so the span ends at the line's time and began its duration before.
//! Its id is that of the log if the server made one itself; else it follows from the trace id, the line and its place
//! in the file, so that a line which is read again after a crash is the same span again. Its parent is the span of
//! whoever called, as `traceparent` says.
//!
//! Spans go with the records of the lines they are made from: the saved position of the file does not pass a line
//! before its span was delivered too, or was dropped and counted. They never hold up reading: where nobody takes as
//! many as are made, the oldest make room.

mod config;
mod meters;

use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::otlp::attributes::{field::SPAN, put_int, put_str};
use vigie_pipeline::otlp::span::{Span, SpanKind};

pub use config::Spans;

use crate::condition::Subject;
use crate::fields::Fields;
use crate::method::Method;
use crate::series::http::{Http, Request, Routes, Templates};
use crate::series::number;
use crate::transforms::mixed;
pub(crate) use meters::Lacking;
use meters::Meters;

/// Encoded spans of one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u32,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Spanner {
    /// The field that says how long it took, and seconds per unit of it; what the format says if there is none.
    duration: Option<(String, f64)>,
    routes: Routes,
    meters: Meters,
    attributes: Vec<u8>,
    name: String,
}

/// More is no duration of a request, but a mistake: a day.
const LONGEST: f64 = 86_400.0;

const NANOS: f64 = 1e9;

impl Spanner {
    /// Routes are those of the metrics of the same source, if it has such. `resolved` is what the format calls a field.
    pub(crate) fn new(
        config: &Spans,
        http: Option<&Http>,
        source: &str,
        instruments: &Instruments,
        resolved: impl Fn(&str) -> String,
    ) -> Result<Option<Self>, String> {
        if !config.enabled {
            return Ok(None);
        }
        let default = Http::default();
        let http = http.unwrap_or(&default);
        let templates =
            Templates::new(&http.routes).map_err(|(number, error)| format!("routes[{number}]: {error}"))?;
        let duration = [&config.duration, &http.duration].into_iter().find(|field| !field.is_empty());
        Ok(Some(Self {
            duration: duration.map(|field| (resolved(field), number::seconds_per(field))),
            routes: Routes::new(templates, http.max_routes),
            meters: Meters::new(instruments, source),
            attributes: Vec::new(),
            name: String::new(),
        }))
    }

    /// Encodes the span of a record, at this `place`. Returns its id.
    ///
    /// # Errors
    /// Why there is none to make.
    pub(crate) fn make(
        &mut self,
        fields: &Fields,
        subject: &Subject<'_>,
        place: u64,
        out: &mut Encoded,
    ) -> Result<[u8; 8], Lacking> {
        let span = Request::of(fields)
            .ok_or(Lacking::Request)
            .and_then(|request| self.span(fields, &request, subject, place, out));
        match span {
            Ok(_) => out.count += 1,
            Err(reason) => self.meters.none(reason),
        }
        span
    }

    fn span(
        &mut self,
        fields: &Fields,
        request: &Request<'_>,
        subject: &Subject<'_>,
        place: u64,
        out: &mut Encoded,
    ) -> Result<[u8; 8], Lacking> {
        let trace_id = fields.trace_id.ok_or(Lacking::Trace)?;
        let (value, per) = match &self.duration {
            Some((field, per)) => (subject.get(field), *per),
            None => (request.duration, 1.0),
        };
        let seconds = value.and_then(|value| number::duration(&value, per).ok().flatten());
        let seconds = seconds.filter(|seconds| *seconds <= LONGEST).ok_or(Lacking::Duration)?;
        let end = Some(fields.time).filter(|time| *time > 0).ok_or(Lacking::Time)?;
        // What the log calls the span is the caller's, if it is what `traceparent` says.
        let own = fields.span_id.filter(|id| Some(*id) != fields.parent_span_id);
        let span_id = own.unwrap_or_else(|| derived(&trace_id, subject.line, place));

        let number = self.routes.of(request.path, request.route, request.status);
        let route = self.routes.name_of(number);
        self.name.clear();
        // As the conventions want it: `HTTP` for a method that is none, and no route rather than one that says nothing.
        self.name.push_str(if request.method == Method::OTHER { "HTTP" } else { request.method.as_str() });
        self.attributes.clear();
        let mut text = |key, value: Option<&str>| {
            if let Some(value) = value {
                put_str(&mut self.attributes, SPAN, key, value);
            }
        };
        text("http.request.method", Some(request.method.as_str()));
        text("http.route", route);
        text("url.path", request.path);
        text("client.address", request.client);
        text("user_agent.original", request.agent);
        let is_error = request.status >= 500;
        let status = request.status.to_string();
        text("error.type", is_error.then_some(status.as_str()));
        put_int(&mut self.attributes, SPAN, "http.response.status_code", i64::from(request.status));
        if let Some(route) = route {
            self.name.push(' ');
            self.name.push_str(route);
        }
        Span {
            trace_id,
            span_id,
            parent: fields.parent_span_id,
            name: &self.name,
            kind: SpanKind::Server,
            start: end.saturating_sub((seconds * NANOS) as u64),
            end,
            attributes: &self.attributes,
            error: is_error.then_some(""),
        }
        .encode(&mut out.bytes);
        Ok(span_id)
    }
}

/// The id of a span that the server gave none: the same for the same line at the same place in the same trace.
fn derived(trace_id: &[u8; 16], line: &str, place: u64) -> [u8; 8] {
    let trace = u128::from_be_bytes(*trace_id);
    let start = mixed(mixed(trace as u64) ^ (trace >> 64) as u64) ^ place;
    let (words, rest) = line.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let all = words.chain([u64::from_le_bytes(last), line.len() as u64]);
    // All zeros is no id.
    all.fold(start, |hash, word| mixed(hash ^ word)).max(1).to_be_bytes()
}

#[cfg(test)]
mod tests;

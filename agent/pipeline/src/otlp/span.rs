//! A span as field 2 of `ScopeSpans`.

use super::wire::{put_bytes, put_fixed64, put_message, put_uint};

/// `SpanKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Work inside one process.
    Internal = 1,
    /// A request answered.
    Server = 2,
    /// A request made.
    Client = 3,
}

/// One span. What is empty is left out.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// The trace; not all zero.
    pub trace_id: [u8; 16],
    /// The span itself; not all zero.
    pub span_id: [u8; 8],
    /// The span that caused it.
    pub parent: Option<[u8; 8]>,
    /// What it is called; low cardinality.
    pub name: &'a str,
    /// Its role.
    pub kind: SpanKind,
    /// Its start, in nanoseconds since the epoch.
    pub start: u64,
    /// Its end, in nanoseconds since the epoch.
    pub end: u64,
    /// Encoded under [`super::attributes::field::SPAN`].
    pub attributes: &'a [u8],
    /// What went wrong, if anything did: status `ERROR` with this message.
    pub error: Option<&'a str>,
}

impl Span<'_> {
    /// Appends it with tag and length.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_message(out, 2, |span| {
            put_bytes(span, 1, &self.trace_id);
            put_bytes(span, 2, &self.span_id);
            if let Some(parent) = &self.parent {
                put_bytes(span, 4, parent);
            }
            put_bytes(span, 5, self.name.as_bytes());
            put_uint(span, 6, self.kind as u64);
            put_fixed64(span, 7, self.start);
            put_fixed64(span, 8, self.end);
            span.extend_from_slice(self.attributes);
            if let Some(message) = self.error {
                put_message(span, 15, |status| {
                    put_bytes(status, 2, message.as_bytes());
                    put_uint(status, 3, 2);
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::otlp::attributes::{field, put_str};
    use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
    use prost::Message;

    #[test]
    fn the_official_decoder_reads_what_was_written() {
        let mut attributes = Vec::new();
        put_str(&mut attributes, field::SPAN, "url.full", "http://x/");
        let span = Span {
            trace_id: [1; 16],
            span_id: [2; 8],
            parent: Some([3; 8]),
            name: "GET",
            kind: SpanKind::Client,
            start: 5,
            end: 9,
            attributes: &attributes,
            error: Some("refused"),
        };
        let mut out = Vec::new();
        span.encode(&mut out);
        let read = ScopeSpans::decode(&out[..]).unwrap().spans.remove(0);
        assert_eq!((read.trace_id, read.span_id, read.parent_span_id), (vec![1; 16], vec![2; 8], vec![3; 8]));
        assert_eq!((read.name.as_str(), read.kind), ("GET", 3));
        assert_eq!((read.start_time_unix_nano, read.end_time_unix_nano), (5, 9));
        assert_eq!(read.attributes[0].key, "url.full");
        let status = read.status.unwrap();
        assert_eq!((status.code, status.message.as_str()), (2, "refused"));
    }
}

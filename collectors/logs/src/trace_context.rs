//! Trace context under the names that programs give it, where the configuration names no field for it.
//!
//! What is no valid id stays an attribute, as does what says who asked (`request_id`, `x-request-id`, …), which is no
//! trace context and has its own meaning. Names are told apart by their length and first letter before they are
//! compared: nearly all fields are something else.

use super::fields::{Fields, hex};

/// What a field of trace context has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 32 hexadecimal digits.
    TraceId,
    /// 16 hexadecimal digits.
    SpanId,
    /// The decimal numbers of Datadog, 64 bits; a trace id may be of 128 bits, and hexadecimal.
    DatadogTraceId,
    DatadogSpanId,
    /// The header of W3C: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`
    TraceParent,
}

impl Kind {
    /// In objects of their own, as Datadog's libraries and the Elastic Common Schema have them.
    pub(crate) const NESTED: [(&'static str, Self); 4] = [
        ("dd.trace_id", Self::DatadogTraceId),
        ("dd.span_id", Self::DatadogSpanId),
        ("trace.id", Self::TraceId),
        ("span.id", Self::SpanId),
    ];

    /// Whether an object of this name may have one of [`Self::NESTED`].
    #[inline]
    pub(crate) fn is_parent(name: &[u8]) -> bool {
        matches!(name.len(), 2 | 4 | 5) && matches!(name, b"dd" | b"trace" | b"span")
    }

    /// By the name of the field.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        if !matches!(name.len(), 6..=13) || !matches!(name[0], b't' | b's' | b'd' | b'o' | b'T' | b'S') {
            return None;
        }
        Some(match name {
            b"trace_id" | b"traceId" | b"traceID" | b"trace.id" | b"TraceId" | b"TraceID" | b"traceid"
            | b"otelTraceID" => Self::TraceId,
            b"span_id" | b"spanId" | b"spanID" | b"span.id" | b"SpanId" | b"SpanID" | b"spanid"
            | b"otelSpanID" => Self::SpanId,
            b"dd.trace_id" => Self::DatadogTraceId,
            b"dd.span_id" => Self::DatadogSpanId,
            b"traceparent" => Self::TraceParent,
            _ => return None,
        })
    }

    /// Whether `text` is valid; then it is in its place, unless something else was there before.
    pub(crate) fn take(self, text: &str, fields: &mut Fields) -> bool {
        match self {
            Self::TraceId => set(&mut fields.trace_id, hex(text)),
            Self::SpanId => {
                let id = hex(text);
                // The span that the line is of, rather than the one that called it.
                if id.is_some() && fields.parent_span_id.is_some() && fields.span_id == fields.parent_span_id
                {
                    fields.span_id = None;
                }
                set(&mut fields.span_id, id)
            }
            Self::DatadogTraceId => set(&mut fields.trace_id, hex(text).or_else(|| decimal(text, 8))),
            Self::DatadogSpanId => set(&mut fields.span_id, decimal(text, 0)),
            Self::TraceParent => {
                let Some((trace_id, span_id)) = trace_parent(text) else { return false };
                fields.parent_span_id = Some(span_id);
                set(&mut fields.trace_id, Some(trace_id)) & set(&mut fields.span_id, Some(span_id))
            }
        }
    }
}

/// Whether there was something to set and nothing else was there.
fn set<T: PartialEq>(place: &mut Option<T>, id: Option<T>) -> bool {
    match (&place, id) {
        (_, None) => false,
        (Some(before), Some(id)) => *before == id,
        (None, id) => {
            *place = id;
            true
        }
    }
}

/// A number of 64 bits, not 0, behind `before` bytes of zeros.
fn decimal<const N: usize>(text: &str, before: usize) -> Option<[u8; N]> {
    if !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let number: u64 = text.parse().ok().filter(|number| *number != 0)?;
    let mut id = [0; N];
    id.get_mut(before..)?.copy_from_slice(&number.to_be_bytes());
    Some(id)
}

/// The ids of a `traceparent`, of any version: what later ones add stands behind.
fn trace_parent(text: &str) -> Option<([u8; 16], [u8; 8])> {
    let is_version_0 = text.starts_with("00-");
    let parts = (text.get(..2)?, text.get(2..3)?, text.get(3..35)?, text.get(35..36)?, text.get(36..52)?);
    let (version, "-", trace_id, "-", span_id) = parts else { return None };
    let flags = text.get(52..55)?.strip_prefix('-')?;
    let digits = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let ends = match text.get(55..)? {
        "" => true,
        more => !is_version_0 && more.starts_with('-'),
    };
    let is_valid = ends && version != "ff" && [version, trace_id, span_id, flags].into_iter().all(digits);
    if is_valid { Some((hex(trace_id)?, hex(span_id)?)) } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    type Ids = (Option<[u8; 16]>, Option<[u8; 8]>);

    fn taken(name: &str, text: &str) -> Option<Ids> {
        let mut fields = Fields::default();
        Kind::of(name.as_bytes())?.take(text, &mut fields).then_some((fields.trace_id, fields.span_id))
    }

    #[test]
    fn a_span_of_its_own_goes_before_that_of_the_caller_in_any_order() {
        let own = "b7ad6b7169203331";
        let fields = [("traceparent", format!("00-{TRACE}-{SPAN}-01")), ("span_id", own.to_owned())];
        for order in [[0, 1], [1, 0]] {
            let mut read = Fields::default();
            for (name, text) in order.map(|at| &fields[at]) {
                let _ = Kind::of(name.as_bytes()).unwrap().take(text, &mut read);
            }
            assert_eq!((read.trace_id, read.span_id, read.parent_span_id), (hex(TRACE), hex(own), hex(SPAN)));
        }
    }

    #[test]
    fn ids_are_known_under_the_names_that_programs_give_them() {
        let (trace, span) = (hex(TRACE), hex(SPAN));
        for name in ["trace_id", "traceId", "traceID", "trace.id", "TraceId", "otelTraceID", "dd.trace_id"] {
            assert_eq!(taken(name, TRACE), Some((trace, None)), "{name}");
        }
        for name in ["span_id", "spanId", "spanID", "span.id", "SpanId", "otelSpanID"] {
            assert_eq!(taken(name, SPAN), Some((None, span)), "{name}");
        }
        assert_eq!(taken("traceparent", &format!("00-{TRACE}-{SPAN}-01")), Some((trace, span)));
        assert_eq!(taken("traceparent", &format!("01-{TRACE}-{SPAN}-01-more")), Some((trace, span)));
        let mut low = [0; 16];
        low[8..].copy_from_slice(&8448563903012345678u64.to_be_bytes());
        assert_eq!(taken("dd.trace_id", "8448563903012345678"), Some((Some(low), None)));
        assert_eq!(taken("dd.span_id", "255"), Some((None, Some([0, 0, 0, 0, 0, 0, 0, 255]))));
    }

    #[test]
    fn what_is_no_valid_id_is_not_taken() {
        let zeros = "0".repeat(32);
        for (name, text) in [
            ("trace_id", "0"),
            ("trace_id", &zeros),
            ("trace_id", "8448563903012345678"),
            ("span_id", TRACE),
            ("dd.trace_id", "0"),
            ("dd.trace_id", "+7"),
            ("dd.span_id", "99999999999999999999"),
            ("traceparent", &format!("00-{TRACE}-{SPAN}")),
            ("traceparent", &format!("00-{TRACE}-{SPAN}-01-more")),
            ("traceparent", &format!("ff-{TRACE}-{SPAN}-01")),
            ("traceparent", &format!("00-{}-{SPAN}-01", TRACE.to_uppercase())),
            ("traceparent", &format!("00-{zeros}-{SPAN}-01")),
        ] {
            assert_eq!(taken(name, text), None, "{name} {text}");
        }
        for name in [
            "request_id",
            "x-request-id",
            "requestId",
            "trace",
            "span",
            "trace_idx",
            "duration",
            "status",
            "",
        ] {
            assert_eq!(Kind::of(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn the_first_id_stays_and_one_that_differs_is_not_taken() {
        let mut fields = Fields::default();
        assert!(Kind::TraceId.take(TRACE, &mut fields));
        assert!(Kind::TraceParent.take(&format!("00-{TRACE}-{SPAN}-01"), &mut fields));
        assert!(!Kind::TraceId.take(&TRACE.replace('4', "5"), &mut fields));
        assert_eq!((fields.trace_id, fields.span_id), (hex(TRACE), hex(SPAN)));
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_not_never_a_panic(text in "\\PC{0,60}", parent in "[0-9a-f€-]{50,60}") {
            for name in ["trace_id", "span_id", "dd.trace_id", "dd.span_id", "traceparent"] {
                let _ = (taken(name, &text), taken(name, &parent));
            }
        }
    }
}

//! Encoded records as OTLP/JSON: the protobuf JSON mapping as OTLP changes it (trace and span ids as hex,
//! enums as numbers), driven by a table of the fields.
//!
//! What the table does not know, or what is not what the table says, stands there as `_bytes`, in base64:
//! records that a destination refuses may be odd.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use vigie_pipeline::batch::{Batch, Signal};
use vigie_pipeline::otlp::{request, wire};

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// 64 bits, which JSON writes as text.
    Long,
    /// At most 32 bits.
    Int,
    Bool,
    /// Eight bytes that are a whole number.
    Fixed64,
    /// Four bytes that are a whole number.
    Fixed32,
    Double,
    Hex,
    Base64,
    Message(&'static Message),
}

use Kind::{Base64, Bool, Double, Fixed32, Fixed64, Hex, Int, Long, Text};

/// Fields by number: name, whether there may be several, and what they hold.
struct Message(&'static [(u32, &'static str, bool, Kind)]);

static LOGS: Message = Message(&[(1, "resourceLogs", true, Kind::Message(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Message = Message(&[
    (1, "resource", false, Kind::Message(&RESOURCE)),
    (2, "scopeLogs", true, Kind::Message(&SCOPE_LOGS)),
]);
static SCOPE_LOGS: Message = Message(&[
    (1, "scope", false, Kind::Message(&SCOPE)),
    (2, "logRecords", true, Kind::Message(&LOG_RECORD)),
]);
static TRACES: Message = Message(&[(1, "resourceSpans", true, Kind::Message(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Message = Message(&[
    (1, "resource", false, Kind::Message(&RESOURCE)),
    (2, "scopeSpans", true, Kind::Message(&SCOPE_SPANS)),
]);
static SCOPE_SPANS: Message =
    Message(&[(1, "scope", false, Kind::Message(&SCOPE)), (2, "spans", true, Kind::Message(&SPAN))]);
static RESOURCE: Message =
    Message(&[(1, "attributes", true, Kind::Message(&KEY_VALUE)), (2, "droppedAttributesCount", false, Int)]);
static SCOPE: Message = Message(&[
    (1, "name", false, Text),
    (2, "version", false, Text),
    (3, "attributes", true, Kind::Message(&KEY_VALUE)),
    (4, "droppedAttributesCount", false, Int),
]);
static KEY_VALUE: Message =
    Message(&[(1, "key", false, Text), (2, "value", false, Kind::Message(&ANY_VALUE))]);
static ANY_VALUE: Message = Message(&[
    (1, "stringValue", false, Text),
    (2, "boolValue", false, Bool),
    (3, "intValue", false, Long),
    (4, "doubleValue", false, Double),
    (5, "arrayValue", false, Kind::Message(&ARRAY)),
    (6, "kvlistValue", false, Kind::Message(&KEY_VALUES)),
    (7, "bytesValue", false, Base64),
]);
static ARRAY: Message = Message(&[(1, "values", true, Kind::Message(&ANY_VALUE))]);
static KEY_VALUES: Message = Message(&[(1, "values", true, Kind::Message(&KEY_VALUE))]);
static LOG_RECORD: Message = Message(&[
    (1, "timeUnixNano", false, Fixed64),
    (2, "severityNumber", false, Int),
    (3, "severityText", false, Text),
    (5, "body", false, Kind::Message(&ANY_VALUE)),
    (6, "attributes", true, Kind::Message(&KEY_VALUE)),
    (7, "droppedAttributesCount", false, Int),
    (8, "flags", false, Fixed32),
    (9, "traceId", false, Hex),
    (10, "spanId", false, Hex),
    (11, "observedTimeUnixNano", false, Fixed64),
    (12, "eventName", false, Text),
]);
static SPAN: Message = Message(&[
    (1, "traceId", false, Hex),
    (2, "spanId", false, Hex),
    (3, "traceState", false, Text),
    (4, "parentSpanId", false, Hex),
    (5, "name", false, Text),
    (6, "kind", false, Int),
    (7, "startTimeUnixNano", false, Fixed64),
    (8, "endTimeUnixNano", false, Fixed64),
    (9, "attributes", true, Kind::Message(&KEY_VALUE)),
    (10, "droppedAttributesCount", false, Int),
    (11, "events", true, Kind::Message(&EVENT)),
    (12, "droppedEventsCount", false, Int),
    (13, "links", true, Kind::Message(&LINK)),
    (14, "droppedLinksCount", false, Int),
    (15, "status", false, Kind::Message(&STATUS)),
    (16, "flags", false, Fixed32),
]);
static EVENT: Message = Message(&[
    (1, "timeUnixNano", false, Fixed64),
    (2, "name", false, Text),
    (3, "attributes", true, Kind::Message(&KEY_VALUE)),
    (4, "droppedAttributesCount", false, Int),
]);
static LINK: Message = Message(&[
    (1, "traceId", false, Hex),
    (2, "spanId", false, Hex),
    (3, "traceState", false, Text),
    (4, "attributes", true, Kind::Message(&KEY_VALUE)),
    (5, "droppedAttributesCount", false, Int),
    (6, "flags", false, Fixed32),
]);
static STATUS: Message = Message(&[(2, "message", false, Text), (3, "code", false, Int)]);

/// Deeper than this, values are shown as they are: they nest.
const DEEPEST: usize = 64;

/// The request that would carry these batches, which are of this signal.
#[must_use]
pub fn request(signal: Signal, batches: &[Batch]) -> Value {
    let bytes = request::chunks(batches).concat();
    match signal {
        Signal::Logs => message(&LOGS, &bytes, 0),
        Signal::Traces => message(&TRACES, &bytes, 0),
        Signal::Metrics => odd(&bytes),
    }
}

/// The names of the scopes that the batches came under: each its source, once.
pub(super) fn scopes(batches: &[Batch]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for batch in batches {
        let scope = message(&SCOPE_LOGS, &batch.envelope.scope, 0);
        let name = scope["scope"]["name"].as_str().unwrap_or_default();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn message(schema: &Message, bytes: &[u8], depth: usize) -> Value {
    fields(schema, bytes, depth).map_or_else(|| odd(bytes), Value::Object)
}

fn odd(bytes: &[u8]) -> Value {
    serde_json::json!({ "_bytes": STANDARD.encode(bytes) })
}

fn fields(schema: &Message, bytes: &[u8], depth: usize) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    let mut at = 0;
    while at < bytes.len() && depth < DEEPEST {
        let (tag, start) = wire::varint(bytes, at)?;
        let (held, end) = held(bytes, tag & 7, start)?;
        at = end;
        let (_, name, several, kind) = schema.0.iter().find(|(number, ..)| u64::from(*number) == tag >> 3)?;
        let value = value(*kind, held, depth)?;
        if *several {
            let list = object.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()?.push(value);
        } else {
            object.insert((*name).to_owned(), value);
        }
    }
    (at == bytes.len()).then_some(object)
}

/// What the wire has.
enum Held<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(&'a [u8]),
}

/// A value of this wire type, and where it ends.
fn held(bytes: &[u8], wire_type: u64, at: usize) -> Option<(Held<'_>, usize)> {
    match wire_type {
        0 => wire::varint(bytes, at).map(|(value, end)| (Held::Varint(value), end)),
        1 => Some((Held::Eight(bytes.get(at..at + 8)?.try_into().ok()?), at + 8)),
        2 => {
            let (len, start) = wire::varint(bytes, at)?;
            let end = start.checked_add(usize::try_from(len).ok()?)?;
            Some((Held::Bytes(bytes.get(start..end)?), end))
        }
        5 => Some((Held::Four(bytes.get(at..at + 4)?.try_into().ok()?), at + 4)),
        _ => None,
    }
}

fn value(kind: Kind, held: Held<'_>, depth: usize) -> Option<Value> {
    Some(match (kind, held) {
        (Kind::Text, Held::Bytes(bytes)) => std::str::from_utf8(bytes).ok()?.into(),
        (Kind::Long, Held::Varint(value)) => (value as i64).to_string().into(),
        (Kind::Int, Held::Varint(value)) => value.into(),
        (Kind::Bool, Held::Varint(value)) => (value != 0).into(),
        (Kind::Fixed64, Held::Eight(bytes)) => u64::from_le_bytes(bytes).to_string().into(),
        (Kind::Fixed32, Held::Four(bytes)) => u32::from_le_bytes(bytes).into(),
        (Kind::Double, Held::Eight(bytes)) => double(f64::from_le_bytes(bytes)),
        (Kind::Hex, Held::Bytes(bytes)) => {
            bytes.iter().map(|b| format!("{b:02x}")).collect::<String>().into()
        }
        (Kind::Base64, Held::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Kind::Message(schema), Held::Bytes(bytes)) => message(schema, bytes, depth + 1),
        _ => return None,
    })
}

/// What JSON has no number for is text.
fn double(value: f64) -> Value {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.into(),
    }
}

//! Encoded records, as the official definitions of OTLP see them.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use prost::Message;

/// The records of an encoded `ScopeLogs`.
///
/// # Panics
/// If that is none: what we encode is always valid.
pub fn decoded(bytes: &[u8]) -> Vec<LogRecord> {
    ScopeLogs::decode(bytes).expect("valid protobuf").log_records
}

/// The text of a record.
///
/// # Panics
/// If its body is something else.
pub fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("the body is {other:?}"),
    }
}

/// An attribute of a record.
pub fn attribute<'r>(record: &'r LogRecord, key: &str) -> Option<&'r Value> {
    record.attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()
}

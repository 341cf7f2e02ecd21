#![allow(clippy::unwrap_used)]
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use super::*;
use crate::timestamp::Observer;

mod apache;
mod nginx;
mod round_trip;

fn parsed(format: &mut AccessFormat, line: &str) -> Option<Fields> {
    let mut fields = Fields::default();
    format.parse(line, Context { observer: &Observer::default(), is_inspected: false }, &mut fields).ok()?;
    Some(fields)
}

/// The attributes as texts.
fn pairs(fields: &Fields) -> Vec<(String, String)> {
    let record = LogRecord::decode(&fields.attributes[..]).unwrap();
    let text = |any: Any| match any {
        Any::StringValue(text) => text,
        Any::IntValue(int) => format!("{int}i"),
        Any::DoubleValue(double) => format!("{double}s"),
        Any::ArrayValue(array) => match array.values[0].value.clone().unwrap() {
            Any::StringValue(text) => format!("[{text}]"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let attributes = record.attributes.into_iter();
    attributes.map(|pair| (pair.key, text(pair.value.unwrap().value.unwrap()))).collect()
}

fn shown(format: &mut AccessFormat, line: &str) -> Option<Vec<String>> {
    let fields = parsed(format, line)?;
    Some(pairs(&fields).into_iter().map(|(key, value)| format!("{key}={value}")).collect())
}

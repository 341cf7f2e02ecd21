//! What is encoded, read back for those who look at it: as OTLP/JSON, and its values as plain ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Number, Value};
use vigie_exporters::otlp;
use vigie_pipeline::batch::{Batch, Envelope, Signal};

/// Each of the records, or spans, that are encoded one behind the other as in a request, as OTLP/JSON.
pub(super) fn decoded(signal: Signal, encoded: &[u8]) -> Vec<Value> {
    let within = match signal {
        Signal::Logs => "/resourceLogs/0/scopeLogs/0/logRecords",
        Signal::Traces => "/resourceSpans/0/scopeSpans/0/spans",
        Signal::Metrics => return Vec::new(),
    };
    let batch = Batch {
        signal,
        envelope: Arc::new(Envelope::default()),
        records: Bytes::copy_from_slice(encoded),
        count: 1,
    };
    match otlp::json::request(signal, &[batch]).pointer_mut(within).map(Value::take) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    }
}

/// The attributes by name.
pub(super) fn attributes(otlp: &Value) -> BTreeMap<String, Value> {
    named(&otlp["attributes"]).into_iter().collect()
}

/// Nanoseconds since the epoch, as the mapping writes them; 0 if they are not there.
pub(super) fn nanos(value: &Value) -> i128 {
    value.as_str().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// As RFC 3339 says it; `None` if it is not known.
pub(super) fn time(nanos: i128) -> Option<String> {
    let nanos = Some(nanos).filter(|nanos| *nanos > 0)?;
    jiff::Timestamp::from_nanosecond(nanos).ok().map(|time| time.to_string())
}

/// The members of a list of key-value pairs.
fn named(pairs: &Value) -> Map<String, Value> {
    let pairs = pairs.as_array().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair["key"].as_str()?.to_owned(), plain(&pair["value"])))).collect()
}

/// What an `AnyValue` holds.
pub(super) fn plain(value: &Value) -> Value {
    let Some((kind, held)) = value.as_object().and_then(|members| members.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), held) {
        ("intValue", Value::String(digits)) => {
            digits.parse::<i64>().map_or(Value::Null, |number| Number::from(number).into())
        }
        ("arrayValue", list) => list["values"].as_array().into_iter().flatten().map(plain).collect(),
        ("kvlistValue", map) => named(&map["values"]).into(),
        (_, held) => held.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_plain() {
        let pairs = json!([
            { "key": "a.b", "value": { "intValue": "9007199254740993" } },
            { "key": "c", "value": { "kvlistValue": { "values": [{ "key": "d", "value": { "stringValue": "e" } }] } } },
            { "key": "f", "value": { "arrayValue": { "values": [{ "boolValue": true }, {}] } } },
            { "key": "g", "value": { "doubleValue": 0.5 } },
        ]);
        let expected = json!({ "a.b": 9007199254740993_i64, "c": { "d": "e" }, "f": [true, null], "g": 0.5 });
        assert_eq!(Value::from(named(&pairs)), expected);
    }

    #[test]
    fn a_time_that_is_not_known_is_none() {
        assert_eq!(time(nanos(&json!("1767323045678000000"))).as_deref(), Some("2026-01-02T03:04:05.678Z"));
        assert_eq!([time(nanos(&json!("0"))), time(nanos(&json!(null)))], [None, None]);
    }
}

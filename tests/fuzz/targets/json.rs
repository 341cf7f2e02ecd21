//! Any line as JSON: what serde_json takes for an object has the same members in OTLP, in the same order; whatever
//! the line is, it is the body.

#![cfg_attr(fuzzing, no_main)]

use std::fmt;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use vigie_fuzz::records::{Line, parsing};
use vigie_logs::{Config, LineFormat};

/// As serde_json sees it.
#[derive(Debug)]
enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Large(u64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

struct Reader;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Large(value), Json::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = from.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some((key, value)) = from.next_entry::<String, Json>()? {
            // Of members of one name the last counts.
            members.retain(|(known, _)| *known != key);
            members.push((key, value));
        }
        Ok(Json::Object(members))
    }
}

fn depth(json: &Json) -> usize {
    match json {
        Json::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn same(json: &Json, value: Option<&Value>) -> bool {
    match (json, value) {
        (Json::Null, None) => true,
        (Json::Bool(a), Some(Value::BoolValue(b))) => a == b,
        (Json::Int(a), Some(Value::IntValue(b))) => a == b,
        (Json::Large(a), Some(Value::StringValue(b))) => a.to_string() == *b,
        (Json::Float(a), Some(Value::DoubleValue(b))) => a.to_bits() == b.to_bits(),
        // Minus nought, and whole numbers of more digits than 64 bits hold.
        (Json::Float(a), Some(Value::IntValue(0))) => *a == 0.0,
        (Json::Float(a), Some(Value::StringValue(b))) => b.parse() == Ok(*a),
        (Json::Text(a), Some(Value::StringValue(b))) => a == b,
        (Json::List(a), Some(Value::ArrayValue(b))) => {
            a.len() == b.values.len() && a.iter().zip(&b.values).all(|(a, b)| same(a, b.value.as_ref()))
        }
        (Json::Object(a), Some(Value::KvlistValue(b))) => members(a, &b.values),
        _ => false,
    }
}

fn members(json: &[(String, Json)], pairs: &[KeyValue]) -> bool {
    let value = |pair: &KeyValue| pair.value.as_ref().and_then(|any| any.value.clone());
    json.len() == pairs.len()
        && json.iter().zip(pairs).all(|((key, a), b)| *key == b.key && same(a, value(b).as_ref()))
}

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    // Nothing is taken out of the attributes.
    let trace_id = Some("a field that no line has".into());
    let config = Config { trace_id, ..parsing(LineFormat::Json) };
    let Some(record) = line.record(&config) else { return };
    if let Ok(Json::Object(json)) = serde_json::from_str(line.text())
        && json.iter().all(|(_, value)| depth(value) < 60)
    {
        assert!(members(&json, &record.attributes), "{json:?} became {:?}", record.attributes);
    }
});

#![allow(clippy::unwrap_used)]
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::condition::Condition;
use crate::config::{Config, Severity, Timestamp};
use crate::fields::Fields;
use crate::filters::Verdict;
use crate::parse::format::LineFormat;
use crate::parse::testing::understood;
use crate::timestamp::Format;

fn config() -> Config {
    Config {
        timestamp: Some(Timestamp { field: "ts".into(), format: Format::Rfc3339 }),
        severity: Some(Severity { field: "level".into() }),
        body: Some("message".into()),
        trace_id: Some("ctx.trace".into()),
        span_id: Some("ctx.span".into()),
        ..plain()
    }
}

fn plain() -> Config {
    Config { parse: LineFormat::Json.into(), ..Config::default() }
}

/// The line's fields, and its attributes as the official decoder reads them.
fn parsed(config: &Config, line: &str) -> Result<(Fields, Vec<KeyValue>), Reason> {
    let understood = understood(config, line)?;
    Ok((understood.fields, understood.attributes))
}

fn as_json(value: &AnyValue) -> Json {
    match &value.value {
        None => Json::Null,
        Some(Any::StringValue(text)) => text.clone().into(),
        Some(Any::BoolValue(truth)) => (*truth).into(),
        Some(Any::IntValue(int)) => (*int).into(),
        Some(Any::DoubleValue(real)) => (*real).into(),
        Some(Any::ArrayValue(array)) => array.values.iter().map(as_json).collect(),
        Some(Any::KvlistValue(list)) => object(&list.values),
        Some(other) => panic!("{other:?}"),
    }
}

fn object(members: &[KeyValue]) -> Json {
    let pair = |member: &KeyValue| (member.key.clone(), member.value.as_ref().map_or(Json::Null, as_json));
    Json::Object(members.iter().map(pair).collect())
}

#[test]
fn members_become_attributes_of_their_own_type() {
    let line = r#" {"s":"a\"b\u00e9\ud83d\ude00\ud800!", "i":-5,"big":18446744073709551616,"r":1.5e3,"t":true,
        "n":null,"list":[1,"x",[],{}],"nested":{"a":{"b":[false]}}} "#;
    let (_, attributes) = parsed(&plain(), line).unwrap();
    let expected = serde_json::json!({
        "s": "a\"bé😀\u{fffd}!", "i": -5, "big": "18446744073709551616", "r": 1500.0, "t": true,
        "n": null, "list": [1, "x", [], {}], "nested": {"a": {"b": [false]}}
    });
    assert_eq!(object(&attributes), expected);
}

#[test]
fn named_fields_leave_the_attributes_for_their_places() {
    let line = r#"{"ts":"2026-01-02T03:04:05Z","level":"warn","message":"out \u0026 about",
        "ctx":{"trace":"0af7651916cd43dd8448eb211c80319c","span":"b7ad6b7169203331","user":"bob"},"n":1}"#;
    let (fields, attributes) = parsed(&config(), line).unwrap();
    assert_eq!(fields.time, 1_767_323_045_000_000_000);
    assert_eq!((fields.severity.0, fields.severity_text.as_str()), (13, "warn"));
    assert_eq!(fields.body.as_deref(), Some("out & about"));
    assert_eq!(fields.trace_id.unwrap()[..3], [0x0a, 0xf7, 0x65]);
    assert_eq!(fields.span_id.unwrap()[7], 0x31);
    assert_eq!(object(&attributes), serde_json::json!({"ctx": {"user": "bob"}, "n": 1}));
    assert_eq!(fields.faults, []);
}

#[test]
fn a_field_that_is_not_understood_stays_an_attribute_and_is_counted() {
    let line = r#"{"ts":"yesterday","level":"audit","ctx":{"trace":"00000000000000000000000000000000"}}"#;
    let (fields, attributes) = parsed(&config(), line).unwrap();
    assert_eq!(fields.time, 0);
    assert_eq!(fields.severity_text, "audit");
    let expected = serde_json::json!({"ts": "yesterday", "ctx": {"trace": "0".repeat(32)}});
    assert_eq!(object(&attributes), expected);
    assert_eq!(fields.faults, [Reason::Timestamp, Reason::Severity, Reason::TraceContext]);
}

#[test]
fn filters_look_at_fields() {
    let filter = |field: &str, regex: &str| Condition {
        field: Some(field.into()),
        regex: Some(regex.into()),
        ..Condition::default()
    };
    let config = Config {
        keep: vec![filter("status", "^5"), filter("kind", "^audit$")],
        drop: vec![filter("ctx.user", "^robot")],
        ..plain()
    };
    let verdict = |line: &str| understood(&config, line).unwrap().verdict;
    assert_eq!(verdict(r#"{"status":503}"#), Verdict::Pass);
    assert_eq!(verdict(r#"{"status":"200","kind":"audit"}"#), Verdict::Pass);
    assert_eq!(verdict(r#"{"status":200}"#), Verdict::NotKept);
    assert_eq!(verdict(r#"{"status":500,"ctx":{"user":"robot 7"}}"#), Verdict::Dropped);
}

#[test]
fn of_members_of_one_name_the_last_counts() {
    let line = r#"{"a":1,"b":{"x":1,"y":2,"x":[3]},"a":"2","c":{"a":1},"a":{"a":4,"a":5}}"#;
    let (_, attributes) = parsed(&plain(), line).unwrap();
    let names: Vec<&str> = attributes.iter().map(|pair| pair.key.as_str()).collect();
    assert_eq!(names, ["b", "c", "a"]);
    let expected = serde_json::json!({"b": {"y": 2, "x": [3]}, "c": {"a": 1}, "a": {"a": 5}});
    assert_eq!(object(&attributes), expected);
}

#[test]
fn numbers_keep_their_digits() {
    let line =
        r#"{"a":0.1,"b":0.12345678901234567890,"c":1e400,"d":-9223372036854775808,"e":9223372036854775808}"#;
    let (_, attributes) = parsed(&plain(), line).unwrap();
    let expected = serde_json::json!({
        "a": 0.1, "b": "0.12345678901234567890", "c": "1e400", "d": i64::MIN, "e": "9223372036854775808"
    });
    assert_eq!(object(&attributes), expected);
}

#[test]
fn what_is_no_object_is_refused() {
    for line in
        ["", "text", "[1]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}"]
    {
        assert_eq!(parsed(&plain(), line).unwrap_err(), Reason::Format, "{line}");
    }
    for line in
        ["{\"a\":1e}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":1} x", "{\"a\":\"\\"]
    {
        assert_eq!(parsed(&plain(), line).unwrap_err(), Reason::Format, "{line}");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    assert_eq!(parsed(&plain(), &deep).unwrap_err(), Reason::Depth);
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_filter("finite", |real| real.is_finite()).prop_map(Json::from),
        ".{0,40}".prop_map(Json::from),
        "[\\x00-\\x7f]{0,300}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map(".{0,10}", inner, 0..6)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_first_quote_or_backslash_is_found(bytes in proptest::collection::vec(prop_oneof![
        20 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => Just(b'"' | 0x80), 1 => Just(b'#')
    ], 0..80)) {
        prop_assert_eq!(quote_or_escape(&bytes), bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')));
    }

    #[test]
    fn any_object_arrives_as_it_was(members in proptest::collection::btree_map("[a-z\"\\\\é]{0,8}", json(), 0..8)) {
        let whole = Json::Object(members.into_iter().collect());
        let (_, attributes) = parsed(&plain(), &whole.to_string()).unwrap();
        prop_assert_eq!(object(&attributes), whole);
    }

    #[test]
    fn any_text_is_read_or_refused_never_a_panic(text in "[{}\\[\\]\":,\\\\u0-9eE.+a-z -]{0,60}", other in ".{0,60}") {
        for line in [text.clone(), other, format!("{{\"ctx\":{text}}}"), format!("{{\"ts\":{text}}}")] {
            if parsed(&config(), &line).is_ok() {
                // What is accepted is JSON, or JSON with control characters or lone surrogates.
                let strict = serde_json::from_str::<Json>(&line);
                prop_assert!(strict.is_ok() || line.contains("\\u") || line.chars().any(|c| c < ' '), "{}", line);
            }
        }
    }
}

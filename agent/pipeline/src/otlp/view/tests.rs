#![allow(clippy::unwrap_used)]
use super::*;
use crate::otlp::attributes::field::LOG;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Official;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue as Pair, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message;

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        "\\PC{0,12}".prop_map(|text| Some(Official::StringValue(text))),
        "[a-z]{100,150}".prop_map(|text| Some(Official::StringValue(text))),
        any::<bool>().prop_map(|value| Some(Official::BoolValue(value))),
        any::<i64>().prop_map(|value| Some(Official::IntValue(value))),
        (-1e9..1e9).prop_map(|value| Some(Official::DoubleValue(value))),
        any::<Vec<u8>>().prop_map(|value| Some(Official::BytesValue(value))),
    ];
    let leaf = leaf.prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 4, |inner| {
        let pairs = proptest::collection::vec(("[a-c.]{1,3}", inner.clone()), 0..4);
        let list = proptest::collection::vec(inner, 0..4);
        prop_oneof![
            list.prop_map(|values| Some(Official::ArrayValue(ArrayValue { values }))),
            pairs.prop_map(|pairs| Some(Official::KvlistValue(KeyValueList { values: named(pairs) }))),
        ]
        .prop_map(|value| AnyValue { value })
    })
}

fn named(pairs: Vec<(String, AnyValue)>) -> Vec<Pair> {
    let pair = |(key, value)| Pair { key, value: Some(value), ..Pair::default() };
    pairs.into_iter().map(pair).collect()
}

/// What the view says, in the official types.
fn official(value: Value<'_>) -> AnyValue {
    let value = match value {
        Value::Empty => None,
        Value::Text(text) => Some(Official::StringValue(text.to_owned())),
        Value::Bool(value) => Some(Official::BoolValue(value)),
        Value::Int(value) => Some(Official::IntValue(value)),
        Value::Double(value) => Some(Official::DoubleValue(value)),
        Value::Bytes(bytes) => Some(Official::BytesValue(bytes.to_vec())),
        Value::List(list) => {
            Some(Official::ArrayValue(ArrayValue { values: list.iter().map(official).collect() }))
        }
        Value::Map(map) => Some(Official::KvlistValue(KeyValueList { values: pairs(map) })),
    };
    AnyValue { value }
}

fn pairs(attributes: Attributes<'_>) -> Vec<Pair> {
    named(attributes.iter().map(|pair| (pair.key.to_owned(), official(pair.value))).collect())
}

proptest! {
    #[test]
    fn it_reads_what_the_official_encoder_wrote(
        written in proptest::collection::vec(("[a-c.]{1,3}", any_value()), 0..5),
    ) {
        let attributes = named(written);
        let record = LogRecord { attributes: attributes.clone(), time_unix_nano: 7, ..LogRecord::default() };
        let bytes = record.encode_to_vec();
        let view = Attributes::new(&bytes, LOG);
        prop_assert_eq!(pairs(view), attributes);
        for pair in view.iter() {
            let alone = LogRecord::decode(&bytes[pair.span.clone()]).unwrap();
            prop_assert_eq!(&alone.attributes[0].key, pair.key);
        }
    }

    #[test]
    fn a_short_pair_is_what_a_pair_of_any_length_is(
        len in 0u8..12, key_tag in prop_oneof![4 => Just(10u8), 1 => any::<u8>()], key_len in 0u8..10,
        rest in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let bytes = [&[(LOG << 3 | LEN) as u8, len, key_tag, key_len][..], &rest].concat();
        if let Some(pair) = super::Pair::short(&bytes, 0, LOG) {
            let (number, payload, end) = field_at(&bytes, 0).unwrap();
            let Payload::Bytes(inner) = payload else { panic!("bytes") };
            prop_assert_eq!((number, super::Pair::of(inner, 0..end)), (LOG, pair));
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
        let view = Attributes::new(&bytes, LOG);
        let _ = view.get("a.b");
        let mut out = String::new();
        view.write_json(&mut out);
    }
}

#[test]
fn a_name_with_dots_is_a_key_or_leads_into_an_object() {
    let inner = |value| AnyValue { value: Some(Official::IntValue(value)) };
    let object =
        |pairs| AnyValue { value: Some(Official::KvlistValue(KeyValueList { values: named(pairs) })) };
    let record = LogRecord {
        attributes: named(vec![
            ("a.b".to_owned(), inner(1)),
            ("c".to_owned(), object(vec![("d".to_owned(), object(vec![("e".to_owned(), inner(2))]))])),
            ("c".to_owned(), object(vec![("d.f".to_owned(), inner(3))])),
            ("g".to_owned(), inner(4)),
            ("g".to_owned(), inner(5)),
        ]),
        ..LogRecord::default()
    };
    let bytes = record.encode_to_vec();
    let view = Attributes::new(&bytes, LOG);
    assert_eq!(view.get("a.b"), Some(Value::Int(1)));
    assert_eq!(view.get("c.d.e"), Some(Value::Int(2)));
    assert_eq!(view.get("c.d.f"), Some(Value::Int(3)));
    assert_eq!(view.get("g"), Some(Value::Int(5)), "the last one counts");
    assert_eq!(view.get("c.d.x"), None);
    assert_eq!(view.get("c").unwrap().text(&mut String::new()), r#"{"d.f":3}"#);
}

#[test]
fn what_is_nested_is_json_whatever_it_holds() {
    let values = [
        Some(Official::StringValue("a\"\\\n\u{1}é".to_owned())),
        Some(Official::BytesValue(vec![0, 0xff])),
        Some(Official::DoubleValue(f64::NAN)),
        Some(Official::BoolValue(true)),
        None,
    ];
    let values = values.into_iter().map(|value| AnyValue { value }).collect();
    let list = AnyValue { value: Some(Official::ArrayValue(ArrayValue { values })) };
    let bytes = AnyValue { value: Some(Official::BytesValue(vec![0, 0xff])) };
    let record = LogRecord {
        attributes: named(vec![("list".to_owned(), list), ("bytes".to_owned(), bytes)]),
        ..LogRecord::default()
    };
    let bytes = record.encode_to_vec();
    let view = Attributes::new(&bytes, LOG);
    let shown = |name| view.get(name).unwrap().text(&mut String::new()).to_owned();
    assert_eq!(shown("list"), r#"["a\"\\\n\u0001é","00ff","NaN",true,null]"#);
    assert_eq!(shown("bytes"), "00ff", "alone it is a text");
}

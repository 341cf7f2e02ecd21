#![allow(clippy::unwrap_used)]
use opentelemetry_proto::tonic::common::v1::any_value::Value as Official;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message;
use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::otlp::attributes::{field::LOG, put_double, put_int, put_key_value, put_str};

use super::*;

fn read(json: serde_json::Value) -> Condition {
    serde_json::from_value(json).unwrap()
}

macro_rules! condition {
    ($($json:tt)+) => { read(serde_json::json!({ $($json)+ })) };
}

fn holds(condition: &Condition, subject: &Subject<'_>) -> bool {
    Matcher::new(condition).unwrap().holds(subject, &mut String::new())
}

fn told(condition: &Condition) -> Vec<String> {
    let problems = problems(KeyPath::default().key("when"), condition);
    problems.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
}

/// `status: 503`, `took: "12.5"`, `size: 0.5`, `shop.city: "Paris"`, `user: { id: 7, none: null }`.
fn attributes() -> Vec<u8> {
    let mut out = Vec::new();
    put_int(&mut out, LOG, "status", 503);
    put_str(&mut out, LOG, "took", "12.5");
    put_double(&mut out, LOG, "size", 0.5);
    put_str(&mut out, LOG, "shop.city", "Paris");
    let member = |value| Some(AnyValue { value });
    let pair = |key: &str, value| KeyValue { key: key.into(), value: member(value), ..KeyValue::default() };
    let members = KeyValueList { values: vec![pair("id", Some(Official::IntValue(7))), pair("none", None)] };
    put_key_value(&mut out, LOG, "user", |any| {
        AnyValue { value: Some(Official::KvlistValue(members)) }.encode(any).unwrap();
    });
    out
}

#[test]
fn the_fields_of_a_record_are_compared_as_they_are_meant() {
    let attributes = attributes();
    let subject = Subject {
        line: "POST /cart 503",
        places: [&attributes, &[], &[]],
        severity: Severity::ERROR,
        severity_text: "err",
        body: Some("cart is gone"),
        trace_id: Some(&[0xab; 16]),
        ..Subject::default()
    };
    for (condition, expected) in [
        (condition!("field": "status", "regex": "^5"), true),
        (condition!("field": "status", "regex": "^4"), false),
        (condition!("regex": "^POST"), true),
        (condition!("equals": "POST /cart 503"), true),
        (condition!("field": "status", "equals": 503), true),
        (condition!("field": "status", "equals": "503"), true),
        (condition!("field": "status", "equals": 503.0), true),
        (condition!("field": "took", "equals": 12.5), true),
        (condition!("field": "took", "above": 12, "below": 13), true),
        (condition!("field": "took", "at_most": 12.4), false),
        (condition!("field": "size", "at_least": 0.5), true),
        (condition!("field": "size", "above": 0.5), false),
        (condition!("field": "shop.city", "one_of": ["London", "Paris"]), true),
        (condition!("field": "status", "one_of": [500, 503]), true),
        (condition!("field": "status", "one_of": ["500", "x"]), false),
        (condition!("field": "user.id", "equals": 7), true),
        (condition!("field": "user", "regex": "\"id\":7"), true),
        (condition!("field": "user.none", "exists": false), true),
        (condition!("field": "user.none", "regex": ""), false),
        (condition!("field": "nothing", "exists": true), false),
        (condition!("field": "nothing", "above": 0), false),
        (condition!("not": { "field": "nothing", "above": 0 }), true),
        (condition!("field": "shop.city", "above": 0), false),
        (condition!("severity": "warn"), true),
        (condition!("severity": "fatal"), false),
        (condition!("severity": "error", "field": "status", "at_least": 500, "regex": "3$"), true),
        (condition!("field": "body", "regex": "^cart"), true),
        (condition!("field": "severity_text", "equals": "err"), true),
        (condition!("field": "trace_id", "equals": "abababababababababababababababab"), true),
        (condition!("field": "span_id", "exists": true), false),
        (condition!("any": [{ "regex": "GET" }, { "field": "status", "above": 500 }]), true),
        (condition!("all": [{ "regex": "POST" }, { "field": "status", "above": 503 }]), false),
    ] {
        assert_eq!(holds(&condition, &subject), expected, "{condition:?}");
        assert_eq!(told(&condition), [] as [&str; 0], "{condition:?}");
    }
}

#[test]
fn a_record_of_unknown_severity_is_not_bad_enough() {
    let (trace, subject) = (condition!("severity": "trace"), Subject::default());
    assert!(!holds(&trace, &subject));
}

#[test]
fn what_stands_in_a_former_place_is_found_first() {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    put_int(&mut first, LOG, "a", 1);
    put_int(&mut second, LOG, "a", 2);
    put_int(&mut second, LOG, "b", 3);
    let subject = Subject { places: [&first, &second, &[]], ..Subject::default() };
    assert!(holds(&condition!("all": [{"field": "a", "equals": 1}, {"field": "b", "equals": 3}]), &subject));
}

#[test]
fn what_can_never_hold_or_says_nothing_is_told() {
    let deep = (0..20).fold(condition!("regex": "x"), |inner, _| Condition {
        not: Some(Box::new(inner)),
        ..Condition::default()
    });
    for (condition, expected) in [
        (
            Condition::default(),
            "when: an empty condition: say what must hold, as in `{ field: status, regex: '^5' }`",
        ),
        (condition!("regex": "("), "when.regex: unclosed group"),
        (
            condition!("regex": r"(\w{100}){100}"),
            "when.regex: Compiled regex exceeds size limit of 2097152 bytes.",
        ),
        (condition!("field": "", "regex": "x"), "when.field: empty; leave it out to look at the whole line"),
        (
            condition!("field": "x"),
            "when: says nothing of the field: add `regex`, `equals`, `exists: true` or another comparison",
        ),
        (condition!("above": 3), "when.above: needs `field`: a whole line is no number, and is always there"),
        (
            condition!("exists": true),
            "when.exists: needs `field`: a whole line is no number, and is always there",
        ),
        (condition!("all": []), "when.all: empty: it needs at least one condition"),
        (condition!("not": { "any": [] }), "when.not.any: empty: it needs at least one condition"),
        (condition!("field": "x", "one_of": []), "when.one_of: empty: no field is one of none"),
        (
            condition!("field": "x", "above": 5, "below": 3),
            "when.below: no number is above 5 and below 3: this can never hold",
        ),
        (
            condition!("field": "x", "above": 5, "at_most": 5),
            "when.at_most: no number is above 5 and at most 5: this can never hold",
        ),
        (
            condition!("field": "x", "above": 5, "equals": 5),
            "when.equals: 5 is not within the bounds: this can never hold",
        ),
        (
            condition!("field": "x", "equals": 5, "exists": false),
            "when.exists: a field that is not there meets no other comparison: this can never hold",
        ),
    ] {
        assert_eq!(told(&condition), [expected], "{condition:?}");
    }
    assert!(told(&deep)[0].ends_with(".not: nested too deeply: at most 16 levels"), "{:?}", told(&deep));
    assert_eq!(told(&condition!("field": "x", "at_least": 5, "at_most": 5)), [] as [&str; 0]);
}

#[test]
fn words_are_no_bounds() {
    let read = |json| serde_json::from_value::<Condition>(json).map_err(|error| error.to_string());
    assert!(read(serde_json::json!({ "field": "x", "above": "many" })).is_err());
    assert!(read(serde_json::json!({ "field": "x", "above": true })).is_err());
    let of_text = read(serde_json::json!({ "field": "x", "above": "5" })).unwrap();
    assert_eq!(of_text.above, Some(Number::Int(5)));
}

const NAMES: [&str; 5] = ["a", "b", "a.b", "c", "body"];

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        (-3i64..4).prop_map(Scalar::from),
        "[ab0-2]{0,2}".prop_map(Scalar::Text),
        any::<bool>().prop_map(Scalar::Bool),
        (-24i32..24).prop_map(|eighths| Scalar::Number(Number::Double(f64::from(eighths) / 8.0))),
    ]
}

fn number() -> impl Strategy<Value = Option<Number>> {
    proptest::option::weighted(
        0.2,
        prop_oneof![
            (-3i128..4).prop_map(Number::Int),
            (-24i32..24).prop_map(|eighths| Number::Double(f64::from(eighths) / 8.0)),
        ],
    )
}

fn condition() -> impl Strategy<Value = Condition> {
    let bounds = (number(), number(), number(), number());
    let leaf = (
        proptest::option::weighted(0.8, proptest::sample::select(NAMES.to_vec())),
        proptest::option::weighted(0.2, proptest::sample::select(vec!["^a", "1", "b$", ""])),
        proptest::option::weighted(0.3, scalar()),
        proptest::option::weighted(0.3, proptest::collection::vec(scalar(), 0..4)),
        proptest::option::weighted(0.2, any::<bool>()),
        proptest::option::weighted(0.2, proptest::sample::select(vec![Level::Info, Level::Error])),
        bounds,
    );
    let leaf = leaf.prop_map(|(field, regex, equals, one_of, exists, severity, bounds)| {
        let (above, at_least, below, at_most) = bounds;
        let field = field.map(str::to_owned);
        let of_field = |bound: Option<Number>| field.as_ref().and(bound);
        Condition {
            above: of_field(above),
            at_least: of_field(at_least),
            below: of_field(below),
            at_most: of_field(at_most),
            exists: field.as_ref().and(exists),
            regex: regex.map(str::to_owned),
            equals,
            one_of,
            severity,
            field,
            ..Condition::default()
        }
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let many = proptest::option::of(proptest::collection::vec(inner.clone(), 0..3));
        (inner.clone(), many.clone(), many, proptest::option::of(inner))
            .prop_map(|(own, all, any, not)| Condition { all, any, not: not.map(Box::new), ..own })
    })
}

fn value() -> impl Strategy<Value = Option<Official>> {
    let leaf = prop_oneof![
        Just(None),
        (-3i64..4).prop_map(|value| Some(Official::IntValue(value))),
        (-3.0..3.0f64).prop_map(|value| Some(Official::DoubleValue(value))),
        any::<bool>().prop_map(|value| Some(Official::BoolValue(value))),
        "[ab0-2]{0,2}".prop_map(|value| Some(Official::StringValue(value))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        proptest::collection::vec((proptest::sample::select(vec!["a", "b"]), inner), 0..3)
            .prop_map(|pairs| Some(Official::KvlistValue(KeyValueList { values: pairs_of(pairs) })))
    })
}

fn pairs_of(pairs: Vec<(&str, Option<Official>)>) -> Vec<KeyValue> {
    let pair = |(key, value): (&str, _)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value }),
        ..KeyValue::default()
    };
    pairs.into_iter().map(pair).collect()
}

/// The naive way: on what the official decoder makes of it, by the words of the documentation.
mod naive {
    use super::*;

    pub(super) struct Record<'a> {
        pub(super) line: &'a str,
        pub(super) attributes: &'a [KeyValue],
        pub(super) severity: u8,
    }

    fn get<'a>(pairs: &'a [KeyValue], name: &str) -> Option<&'a AnyValue> {
        let mut found = None;
        for pair in pairs {
            if pair.key == name {
                found = pair.value.as_ref();
            }
            for (dot, _) in name.match_indices('.') {
                if pair.key == name[..dot]
                    && let Some(Official::KvlistValue(list)) = pair.value.as_ref().unwrap().value.as_ref()
                    && let Some(member) = get(&list.values, &name[dot + 1..])
                {
                    found = Some(member);
                }
            }
        }
        found
    }

    fn text(value: &Official) -> String {
        match value {
            Official::StringValue(text) => text.clone(),
            Official::BoolValue(value) => value.to_string(),
            Official::IntValue(value) => value.to_string(),
            Official::DoubleValue(value) => value.to_string(),
            Official::KvlistValue(list) => {
                let member = |pair: &KeyValue| match pair.value.as_ref().unwrap().value.as_ref() {
                    None => format!("\"{}\":null", pair.key),
                    Some(Official::StringValue(text)) => format!("\"{}\":\"{text}\"", pair.key),
                    Some(other) => format!("\"{}\":{}", pair.key, text(other)),
                };
                format!("{{{}}}", list.values.iter().map(member).collect::<Vec<_>>().join(","))
            }
            other => panic!("{other:?}"),
        }
    }

    fn number(value: &Official) -> Option<f64> {
        match value {
            Official::IntValue(value) => Some(*value as f64),
            Official::DoubleValue(value) => Some(*value),
            Official::StringValue(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn real(number: Number) -> f64 {
        match number {
            Number::Int(whole) => whole as f64,
            Number::Double(real) => real,
        }
    }

    fn equals(scalar: &Scalar, value: &Official) -> bool {
        match scalar {
            Scalar::Number(wanted) => number(value) == Some(real(*wanted)),
            Scalar::Text(wanted) => text(value) == *wanted,
            Scalar::Bool(wanted) => {
                matches!(value, Official::BoolValue(_) | Official::StringValue(_))
                    && text(value) == wanted.to_string()
            }
        }
    }

    pub(super) fn holds(condition: &Condition, record: &Record<'_>) -> bool {
        let line = Official::StringValue(record.line.to_owned());
        let value = match condition.field.as_deref() {
            None => Some(line),
            Some(name) => match get(record.attributes, name) {
                Some(found) => found.value.clone(),
                None if name == "body" => Some(line),
                None => None,
            },
        };
        let with = |test: &dyn Fn(&Official) -> bool| value.as_ref().is_some_and(test);
        let bound = |bound: Option<Number>, test: fn(f64, f64) -> bool| {
            bound.is_none_or(|bound| with(&|value| number(value).is_some_and(|n| test(n, real(bound)))))
        };
        let least = condition.severity.map(|level| level.severity().0);
        condition
            .regex
            .as_ref()
            .is_none_or(|pattern| with(&|value| Regex::new(pattern).unwrap().is_match(&text(value))))
            && condition.equals.as_ref().is_none_or(|wanted| with(&|value| equals(wanted, value)))
            && condition
                .one_of
                .as_ref()
                .is_none_or(|wanted| with(&|value| wanted.iter().any(|wanted| equals(wanted, value))))
            && bound(condition.above, |a, b| a > b)
            && bound(condition.at_least, |a, b| a >= b)
            && bound(condition.below, |a, b| a < b)
            && bound(condition.at_most, |a, b| a <= b)
            && condition.exists.is_none_or(|wanted| value.is_some() == wanted)
            && least.is_none_or(|least| record.severity >= least)
            && condition.all.iter().flatten().all(|inner| holds(inner, record))
            && condition.any.as_ref().is_none_or(|any| any.iter().any(|inner| holds(inner, record)))
            && condition.not.as_ref().is_none_or(|inner| !holds(inner, record))
    }
}

proptest! {
    #[test]
    fn it_holds_when_a_naive_reader_of_the_record_says_so(
        condition in condition(),
        line in "[ab0-2]{0,3}",
        pairs in proptest::collection::vec(
            (proptest::sample::select(vec!["a", "b", "a.b", "c", "body"]), value()), 0..5),
        severity in 0u8..25,
    ) {
        let attributes = pairs_of(pairs);
        let bytes = LogRecord { attributes: attributes.clone(), ..LogRecord::default() }.encode_to_vec();
        let subject = Subject {
            line: &line,
            places: [&bytes, &[], &[]],
            severity: Severity(severity),
            ..Subject::default()
        };
        let record = naive::Record { line: &line, attributes: &attributes, severity };
        prop_assert_eq!(holds(&condition, &subject), naive::holds(&condition, &record));
    }

    #[test]
    fn what_is_written_out_is_read_back_the_same(condition in condition()) {
        let json = serde_json::to_string(&condition).unwrap();
        let again: Condition = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), json);
    }
}

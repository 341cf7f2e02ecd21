#![allow(clippy::unwrap_used)]
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Official;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message;
use vigie_pipeline::check::{KeyPath, problems};

use super::*;
use crate::parse::Parsers;

const START: u64 = 1_700_000_000_000_000_000;

/// A chain, and what it has sent.
struct Rig {
    chain: Chain,
    began: Instant,
    line: u64,
}

/// A record that was sent: line or body, attributes, destinations.
type Sent = (String, Vec<KeyValue>, Option<Vec<String>>);

impl Rig {
    fn new(transforms: serde_json::Value) -> Self {
        let transforms: Vec<Transform> = serde_json::from_value(transforms).unwrap();
        let chain = Chain::new(&transforms, |name| name.into()).unwrap();
        Self { chain, began: Instant::now(), line: 0 }
    }

    fn reading(&self, read: Duration) -> Reading {
        let observed = START + read.as_nanos() as u64;
        Reading { now: self.began + read, observed, place: mixed(self.line) }
    }

    /// What becomes of a line of JSON, read when so much time has passed.
    fn run(&mut self, line: &str, read: Duration) -> (Result<(), &'static str>, Vec<Sent>) {
        let config: crate::parse::format::Parse = serde_json::from_value("json".into()).unwrap();
        let mut fields = Fields::default();
        let observer = crate::timestamp::Observer::default();
        let context = crate::parse::Context { observer: &observer, is_inspected: true };
        Parsers::new(&config).unwrap().parse(line, context, &mut fields).unwrap();
        self.line += 1;
        let (reading, mut sent) = (self.reading(read), Vec::new());
        let outcome = self.chain.run(&mut fields, line, reading, &mut |fields, line, to| {
            sent.push(shown(fields, line, to));
        });
        (outcome, sent)
    }

    fn end_windows(&mut self, which: Ending, read: Duration) -> Vec<Sent> {
        let (reading, mut sent) = (self.reading(read), Vec::new());
        self.chain.end_windows(which, reading, &mut |fields, line, to| sent.push(shown(fields, line, to)));
        sent
    }
}

fn shown(fields: &Fields, line: &str, to: Option<&Destinations>) -> Sent {
    let record = LogRecord::decode(&fields.attributes[..]).unwrap();
    let to = to.map(|to| to.iter().map(|name| name.to_string()).collect());
    (fields.body.clone().unwrap_or_else(|| line.to_owned()), record.attributes, to)
}

fn value<'r>(attributes: &'r [KeyValue], key: &str) -> Option<&'r Official> {
    attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_step_sees_what_those_before_it_have_left() {
    let mut rig = Rig::new(serde_json::json!([
        { "lift": ["http"] },
        { "rename": { "status": "code" } },
        { "drop": { "field": "code", "below": 500 } },
        { "add": { "team": "payments" } },
        { "route": { "to": ["b"], "when": { "field": "team", "equals": "payments" } } },
        { "route": { "to": ["a"] } },
        { "remove": ["path"] },
    ]));
    let (outcome, sent) = rig.run(r#"{"http":{"status":503,"path":"/cart"}}"#, SECOND);
    assert_eq!(outcome, Ok(()));
    let (_, attributes, to) = &sent[0];
    assert_eq!(value(attributes, "code"), Some(&Official::IntValue(503)));
    assert_eq!(value(attributes, "team"), Some(&Official::StringValue("payments".into())));
    assert_eq!(attributes.len(), 2);
    assert_eq!(to.as_deref(), Some(&["b".to_owned()][..]), "the first route decides");
    let (outcome, sent) = rig.run(r#"{"http":{"status":200}}"#, SECOND);
    assert_eq!((outcome, sent.len()), (Err("drop"), 0));
}

#[test]
fn what_is_left_out_says_by_what() {
    let when = serde_json::json!({ "field": "x", "exists": true });
    for (transform, reasons) in [
        (serde_json::json!({ "keep": { "field": "x", "equals": 1 } }), [None, Some("keep")]),
        (serde_json::json!({ "sample": { "ratio": 1e-12, "when": when } }), [Some("sample"), None]),
        (serde_json::json!({ "rate_limit": { "records": 1, "when": when } }), [None, None]),
    ] {
        let mut rig = Rig::new(serde_json::json!([transform]));
        let told = [r#"{"x":1}"#, r#"{"y":1}"#].map(|line| rig.run(line, SECOND).0.err());
        assert_eq!(told, reasons, "{transform}");
    }
}

#[test]
fn each_key_has_a_limit_of_its_own() {
    let mut rig = Rig::new(serde_json::json!([
        { "rate_limit": { "records": 2, "per": "10s", "key": ["client"] } },
    ]));
    let passed = |rig: &mut Rig, client: &str, second: u32| {
        let line = format!(r#"{{"client":"{client}"}}"#);
        (0..5).filter(|_| rig.run(&line, second * SECOND).0.is_ok()).count()
    };
    assert_eq!(passed(&mut rig, "a", 1), 2);
    assert_eq!(passed(&mut rig, "b", 1), 2);
    assert_eq!(passed(&mut rig, "a", 5), 0);
    assert_eq!(passed(&mut rig, "a", 6), 1);
    assert_eq!(rig.run(r#"{"client":"a"}"#, 6 * SECOND).0, Err("rate_limit"));
}

#[test]
fn what_is_read_again_late_is_neither_limited_nor_left_out_unless_it_has_a_time_of_its_own() {
    let mut rig = Rig::new(serde_json::json!([
        { "rate_limit": { "records": 1 } }, { "deduplicate": { "fields": ["a"] } },
    ]));
    assert_eq!(rig.run(r#"{"a":1}"#, SECOND).0, Ok(()));
    assert_eq!(rig.run(r#"{"a":1}"#, SECOND).0, Err("rate_limit"));
    rig.chain = rig.chain.again();
    for _ in 0..3 {
        assert_eq!(rig.run(r#"{"a":1}"#, SECOND).0, Ok(()));
    }
}

#[test]
fn for_one_that_is_set_apart_windows_go_on_and_anew_only_where_it_stands_elsewhere() {
    let mut rig = Rig::new(serde_json::json!([{ "deduplicate": { "fields": ["a"], "within": "1h" } }]));
    let outcomes = [1, 2].map(|second| rig.run(r#"{"a":1}"#, second * SECOND).0);
    assert_eq!(outcomes, [Ok(()), Err("deduplicate")]);
    let mut again = Rig { chain: rig.chain.again(), ..rig };
    let told = |rig: &mut Rig| {
        let told = rig.end_windows(Ending::All, 3 * SECOND);
        told.iter().map(|(_, attributes, _)| value(attributes, "vigie.repeated").cloned()).collect::<Vec<_>>()
    };
    let mut resumed = Rig { chain: again.chain.clone(), ..again };
    assert_eq!(told(&mut again), [Some(Official::IntValue(1))]);
    resumed.chain.forget();
    assert_eq!(told(&mut resumed), []);
}

#[test]
fn a_window_of_equal_records_ends_behind_the_steps_before_it_and_before_those_after_it() {
    let mut rig = Rig::new(serde_json::json!([
        { "route": { "to": ["b"], "when": { "field": "level", "equals": "error" } } },
        { "deduplicate": { "fields": ["message"], "within": "30s" } },
        { "rename": { "message": "text" } },
    ]));
    let line = r#"{"message":"no route","level":"info"}"#;
    let error = r#"{"message":"no route","level":"error"}"#;
    assert_eq!(rig.run(line, SECOND).0, Ok(()));
    assert_eq!(rig.run(line, 2 * SECOND).0, Err("deduplicate"));
    assert_eq!(rig.run(error, 3 * SECOND).0, Ok(()), "what goes elsewhere is nobody's copy");
    assert_eq!(rig.run(error, 3 * SECOND).0, Err("deduplicate"));
    assert_eq!(rig.run(error, 4 * SECOND).0, Err("deduplicate"));
    assert_eq!(rig.chain.due(), Some(rig.began + 31 * SECOND));
    assert_eq!(rig.end_windows(Ending::Due, 30 * SECOND), []);
    let told = rig.end_windows(Ending::Due, 31 * SECOND);
    assert_eq!(told.len(), 1);
    let (body, attributes, to) = &told[0];
    assert_eq!((body.as_str(), to), (line, &None));
    assert_eq!(value(attributes, "text"), Some(&Official::StringValue("no route".into())));
    assert_eq!(value(attributes, "vigie.repeated"), Some(&Official::IntValue(1)));
    // The next record comes before the timer: it brings the count with it, and goes after it.
    let (outcome, sent) = rig.run(error, 40 * SECOND);
    assert_eq!((outcome, sent.len()), (Ok(()), 2));
    assert_eq!(value(&sent[0].1, "vigie.repeated"), Some(&Official::IntValue(2)));
    assert_eq!(sent[0].2.as_deref(), Some(&["b".to_owned()][..]));
    assert_eq!(value(&sent[1].1, "vigie.repeated"), None);
    assert_eq!(rig.run(error, 41 * SECOND).0, Err("deduplicate"));
    assert_eq!(rig.end_windows(Ending::All, 41 * SECOND).len(), 1);
    assert_eq!(rig.chain.due(), None);
}

#[test]
fn what_a_format_calls_otherwise_is_found_unless_a_step_before_has_made_it() {
    let transforms: Vec<Transform> = serde_json::from_value(serde_json::json!([
        { "keep": { "field": "status", "equals": 1 } },
        { "rename": { "long.status": "status" } },
        { "keep": { "field": "status", "equals": 1 } },
    ]))
    .unwrap();
    fn resolved(name: &str) -> Cow<'_, str> {
        if name == "status" { "long.status".into() } else { name.into() }
    }
    let mut chain = Chain::new(&transforms, resolved).unwrap();
    let mut fields = Fields::default();
    fields.int("long.status", 1);
    let reading = Reading { now: Instant::now(), observed: START, place: 0 };
    assert_eq!(chain.run(&mut fields, "", reading, &mut |_, _, _| {}), Ok(()));
}

#[test]
fn what_is_wrong_with_a_transform_is_told() {
    let told = |json: serde_json::Value| {
        let transform: Transform = serde_json::from_value(json).unwrap();
        let problems = problems(KeyPath::default(), &transform);
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect::<Vec<_>>()
    };
    for (json, expected) in [
        (serde_json::json!({ "sample": { "ratio": 0 } }), "sample.ratio: required: more than 0, at most 1"),
        (serde_json::json!({ "sample": { "ratio": 1.5 } }), "sample.ratio: required: more than 0, at most 1"),
        (serde_json::json!({ "rate_limit": {} }), "rate_limit.records: required: at least 1"),
        (
            serde_json::json!({ "rate_limit": { "records": 1, "key": ["a", "a"] } }),
            "rate_limit.key[1]: `a` is named twice",
        ),
        (
            serde_json::json!({ "deduplicate": { "within": "1ms" } }),
            "deduplicate.within: must be between 10ms and 24h",
        ),
        (
            serde_json::json!({ "rename": { "a": "c", "b": "c" } }),
            "rename.b: `a` is to be called `c` already",
        ),
        (serde_json::json!({ "remove": [] }), "remove: empty: name at least one attribute"),
        (
            serde_json::json!({ "route": { "to": [] } }),
            "route.to: required: names of exporters; `drop` is for what is to go nowhere",
        ),
        (serde_json::json!({ "keep": { "regex": "(" } }), "keep.regex: unclosed group"),
        (
            serde_json::json!({ "sample": { "ratio": 0.5, "when": { "all": [] } } }),
            "sample.when.all: empty: it needs at least one condition",
        ),
    ] {
        assert_eq!(told(json.clone()), [expected], "{json}");
    }
}

/// Steps whose outcome a model of decoded records can tell.
fn step() -> impl Strategy<Value = serde_json::Value> {
    let name = || proptest::sample::select(vec!["a", "b", "c", "a.x", "b.y"]);
    let condition = (name(), 0i64..3).prop_map(|(name, number)| {
        serde_json::json!({ "any": [{ "field": name, "at_least": number }, { "field": name, "equals": "t" }] })
    });
    prop_oneof![
        condition.clone().prop_map(|condition| serde_json::json!({ "keep": condition })),
        condition.clone().prop_map(|condition| serde_json::json!({ "drop": condition })),
        (name(), name()).prop_filter("another name", |(a, b)| a != b).prop_flat_map(|(old, new)| {
            let both = serde_json::json!({ "rename": { old: new, new: old } });
            prop_oneof![Just(serde_json::json!({ "rename": { old: new } })), Just(both)]
        }),
        (name(), 0i64..3).prop_map(|(name, value)| serde_json::json!({ "add": { name: value } })),
        name().prop_map(|name| serde_json::json!({ "remove": [name] })),
        name().prop_map(|name| serde_json::json!({ "lift": [name] })),
        (proptest::sample::select(vec!["p", "q"]), condition)
            .prop_map(|(to, when)| serde_json::json!({ "route": { "to": [to], "when": when } })),
    ]
}

fn member() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        (0i64..3).prop_map(serde_json::Value::from),
        proptest::sample::select(vec!["t", "f"]).prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        proptest::collection::btree_map(proptest::sample::select(vec!["a", "x", "y", "b"]), inner, 0..3)
            .prop_map(|members| {
                serde_json::Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            })
    })
}

proptest! {
    /// Whatever the steps and the record: the encoded way leaves what the naive one does.
    #[test]
    fn it_does_what_a_naive_model_does(
        steps in proptest::collection::vec(step(), 0..6),
        record in proptest::collection::btree_map(proptest::sample::select(vec!["a", "b", "c", "a.x"]), member(), 0..4),
    ) {
        let line = serde_json::to_string(&record).unwrap();
        let mut rig = Rig::new(serde_json::Value::Array(steps.clone()));
        let (outcome, sent) = rig.run(&line, SECOND);
        let mut members: naive::Members = record.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let expected = naive::run(&steps, &mut members);
        prop_assert_eq!(outcome, expected.clone().map(|_| ()));
        prop_assert_eq!(sent.len(), usize::from(expected.is_ok()));
        if let (Ok(to), Some((_, attributes, sent_to))) = (expected, sent.first()) {
            let left = naive::decoded(attributes);
            prop_assert!(naive::are_same(&left, &members), "{:?} instead of {:?}", left, members);
            prop_assert_eq!(sent_to.clone(), to.map(|name| vec![name]));
        }
    }
}

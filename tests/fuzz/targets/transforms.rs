//! Any chain of transforms on any attributes: what is sent decodes, and is what the same steps make of a JSON object.

#![cfg_attr(fuzzing, no_main)]

#[path = "../../../collectors/logs/src/transforms/naive.rs"]
mod naive;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use vigie_fuzz::records::{body, decoded};
use vigie_logs::Config;
use vigie_logs::fuzz::routed;

const NAMES: [&str; 8] = ["a", "b", "c", "a.b", "b.a", "a.b.c", "b.", ""];

/// What the fuzzer chooses, a byte at a time; noughts when it has no more.
struct Choices<'d>(&'d [u8]);

impl Choices<'_> {
    fn one_of(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % count
    }

    /// Not the empty one, which no configuration may have.
    fn name(&mut self) -> &'static str {
        NAMES[self.one_of(NAMES.len() - 1)]
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.one_of(if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.one_of(4)),
            2 => json!("x".repeat(self.one_of(256))),
            3 => json!(self.one_of(2) == 0),
            4 => json!("2"),
            5 => (0..self.one_of(3)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(self.object(depth - 1)),
        }
    }

    fn object(&mut self, depth: usize) -> Map<String, Value> {
        (0..self.one_of(5)).map(|_| (NAMES[self.one_of(NAMES.len())].to_owned(), self.value(depth))).collect()
    }

    fn condition(&mut self, depth: usize) -> Value {
        let name = self.name();
        match self.one_of(if depth == 0 { 3 } else { 6 }) {
            0 => json!({ "field": name, "at_least": self.one_of(4) }),
            1 => json!({ "field": name, "equals": "2" }),
            2 => json!({ "field": name, "exists": self.one_of(2) == 0 }),
            3 => json!({ "not": self.condition(depth - 1) }),
            4 => json!({ "any": [self.condition(depth - 1), self.condition(depth - 1)] }),
            _ => json!({ "all": [self.condition(depth - 1), self.condition(depth - 1)] }),
        }
    }

    fn step(&mut self) -> Value {
        match self.one_of(7) {
            0 => json!({ "keep": self.condition(2) }),
            1 => json!({ "drop": self.condition(2) }),
            2 => json!({ "rename": { self.name(): self.name() } }),
            3 => json!({ "add": { self.name(): self.one_of(4) } }),
            4 => json!({ "remove": [self.name(), self.name()] }),
            5 => json!({ "lift": [self.name()] }),
            _ => json!({ "route": { "to": [self.name()], "when": self.condition(1) } }),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let steps: Vec<Value> = (0..choices.one_of(8)).map(|_| choices.step()).collect();
    let record = choices.object(3);
    let config = json!({ "name": "fuzz", "parse": "json", "transforms": steps });
    let config: Config = serde_json::from_value(config).expect("the configuration is one");
    let line = Value::Object(record.clone()).to_string();
    let sent = routed(&config, [[line.as_bytes(), b"\n"].concat().as_slice()]);
    let sent: Vec<_> =
        sent.iter().flat_map(|(to, bytes)| decoded(bytes).into_iter().map(move |r| (to, r))).collect();
    let mut expected: naive::Members = record.into_iter().collect();
    let to = naive::run(&steps, &mut expected);
    assert_eq!(sent.len(), usize::from(to.is_ok()), "{steps:?} of {line}");
    if let (Ok(to), Some((sent_to, record))) = (to, sent.first()) {
        assert_eq!(body(record), line);
        assert_eq!(**sent_to, to.map(|name| vec![name]));
        let left = naive::decoded(&record.attributes);
        assert!(naive::are_same(&left, &expected), "{steps:?} of {line}: {left:?} instead of {expected:?}");
    }
});

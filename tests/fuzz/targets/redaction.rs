//! Any line, redacted by all rules: nothing panics, and attributes are still those of an OTLP record, under the same
//! names.

#![cfg_attr(fuzzing, no_main)]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use vigie_fuzz::records::decoded;
use vigie_logs::Config;
use vigie_logs::fuzz::records;
use vigie_logs::redaction::{Redact, Redactor};

fn redactor(rules: &str) -> Redactor {
    let rules: Vec<Redact> = serde_json::from_str(rules).expect("rules");
    Redactor::new(&rules, "a key").expect("valid rules").expect("some rules")
}

thread_local! {
    static REDACTORS: RefCell<[Redactor; 3]> = RefCell::new([
        redactor(r#"["all"]"#),
        redactor(r#"[{"rule": "all", "with": "hash"}]"#),
        redactor(r#"["email", {"pattern": "(?i)ord-\\d+", "name": "order"}, "password"]"#),
    ]);
}

/// The names, as they come out of redaction themselves.
fn names(redactor: &mut Redactor, pairs: &[KeyValue]) -> Vec<String> {
    let shown = |pair: &KeyValue| {
        let mut shown = String::new();
        if redactor.text(&pair.key, &mut shown) { shown } else { pair.key.clone() }
    };
    pairs.iter().map(shown).collect()
}

/// The names at the top, and those of nested objects if these are still there.
fn check(redactor: &mut Redactor, before: &[KeyValue], after: &[KeyValue]) {
    let kept: Vec<String> = after.iter().map(|pair| pair.key.clone()).collect();
    assert_eq!(names(redactor, before), kept);
    for (before, after) in before.iter().zip(after) {
        let value = |pair: &KeyValue| pair.value.as_ref().and_then(|any| any.value.clone());
        if let (Some(Value::KvlistValue(before)), Some(Value::KvlistValue(after))) =
            (value(before), value(after))
        {
            check(redactor, &before.values, &after.values);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    REDACTORS.with_borrow_mut(|redactors| {
        for redactor in redactors.iter_mut() {
            let mut redacted = String::new();
            let changed = redactor.text(&text, &mut redacted);
            assert!(!changed || redacted != text, "a change that is none");
        }
        let line: Vec<u8> = data.iter().copied().filter(|byte| !matches!(byte, b'\n' | 0)).collect();
        let config = |redact: &str| -> Config {
            serde_json::from_str(&format!(r#"{{"name": "fuzz", "parse": "json", "redact": {redact}}}"#))
                .expect("a source")
        };
        let made = |config: &Config| decoded(&records(config, [[&line[..], b"\n"].concat().as_slice()]));
        let (before, after) = (made(&config("[]")), made(&config(r#"["all"]"#)));
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            check(&mut redactors[0], &before.attributes, &after.attributes);
        }
    });
});

//! Transforms the naive way: on JSON objects whose members have an order, by the words of the documentation. What the
//! encoded way does is compared with it by the tests of the chain and by its fuzzer, which includes this file
//! (`tests/fuzz/targets/transforms.rs`).

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Official;
use serde_json::Value;

/// A record, or an object in it.
pub(crate) type Members = Vec<(String, Value)>;

/// Attributes that were sent.
pub(crate) fn decoded(attributes: &[KeyValue]) -> Members {
    let value = |pair: &KeyValue| json(pair.value.as_ref().and_then(|any| any.value.as_ref()));
    attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

fn json(value: Option<&Official>) -> Value {
    match value {
        None => Value::Null,
        Some(Official::IntValue(number)) => (*number).into(),
        Some(Official::StringValue(text)) => text.as_str().into(),
        Some(Official::BoolValue(truth)) => (*truth).into(),
        Some(Official::ArrayValue(list)) => list.values.iter().map(|any| json(any.value.as_ref())).collect(),
        Some(Official::KvlistValue(list)) => Value::Object(decoded(&list.values).into_iter().collect()),
        Some(other) => panic!("no JSON makes {other:?}"),
    }
}

/// Whether two records have the same members. Attributes have no order, and a name may be there twice.
pub(crate) fn are_same(record: &[(String, Value)], other: &[(String, Value)]) -> bool {
    let mut left: Vec<_> = other.iter().collect();
    let mut is_left = |pair: &(String, Value)| match left.iter().position(|other| *other == pair) {
        Some(at) => {
            left.swap_remove(at);
            true
        }
        None => false,
    };
    record.len() == other.len() && record.iter().all(&mut is_left)
}

/// What these steps of a configuration make of a record, and where it goes; the reason if it is left out instead.
pub(crate) fn run(steps: &[Value], record: &mut Members) -> Result<Option<String>, &'static str> {
    let mut to = None;
    for (kind, what) in steps.iter().flat_map(members) {
        match kind.as_str() {
            "keep" if !holds(&what, record) => return Err("keep"),
            "drop" if holds(&what, record) => return Err("drop"),
            "rename" => {
                let mut renamed = Members::new();
                let names = members(&what);
                let names: Vec<_> = names.iter().filter(|(old, _)| get(record, old).is_some()).collect();
                for (old, new) in &names {
                    renamed.extend(get(record, old).map(|value| (text(new).to_owned(), value)));
                }
                for (old, new) in names {
                    remove(record, old);
                    remove(record, text(new));
                }
                record.extend(renamed);
            }
            "add" => {
                for (key, value) in members(&what) {
                    remove(record, &key);
                    record.push((key, value));
                }
            }
            "remove" => each(&what, |name| remove(record, text(name))),
            "lift" => each(&what, |name| {
                let name = text(name);
                let Some(value @ Value::Object(_)) = get(record, name) else { return };
                remove(record, name);
                for (key, value) in members(&value) {
                    let is_taken = record.iter().any(|(other, _)| *other == key);
                    record.push((if is_taken { format!("{name}.{key}") } else { key }, value));
                }
            }),
            "route" if to.is_none() && holds(&what["when"], record) => {
                to = what["to"][0].as_str().map(str::to_owned);
            }
            _ => {}
        }
    }
    Ok(to)
}

fn members(value: &Value) -> Members {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn each(list: &Value, then: impl FnMut(&Value)) {
    list.as_array().into_iter().flatten().for_each(then);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn get(record: &[(String, Value)], name: &str) -> Option<Value> {
    let mut found = None;
    for (key, value) in record {
        if key == name {
            found = Some(value.clone());
        } else if let Some(rest) = name.strip_prefix(&format!("{key}."))
            && let Some(inner) = get(&members(value), rest)
        {
            found = Some(inner);
        }
    }
    found
}

fn remove(record: &mut Members, name: &str) {
    record.retain(|(key, _)| key != name);
    for (key, value) in record {
        if let Some(rest) = name.strip_prefix(&format!("{key}."))
            && value.is_object()
        {
            let mut inner = members(value);
            remove(&mut inner, rest);
            *value = Value::Object(inner.into_iter().collect());
        }
    }
}

/// Conditions with `not`, `any`, `all`, or one of `exists`, `at_least` with an integer, and `equals` with a text.
fn holds(condition: &Value, record: &[(String, Value)]) -> bool {
    if let Some(not) = condition.get("not") {
        return !holds(not, record);
    }
    if let Some(Value::Array(any)) = condition.get("any") {
        return any.iter().any(|condition| holds(condition, record));
    }
    if let Some(Value::Array(all)) = condition.get("all") {
        return all.iter().all(|condition| holds(condition, record));
    }
    let value = get(record, text(&condition["field"])).filter(|value| !value.is_null());
    if let Some(exists) = condition.get("exists") {
        return *exists == value.is_some();
    }
    let shown = match value {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text,
        _ => return false,
    };
    match condition.get("at_least").and_then(Value::as_i64) {
        Some(least) => shown.parse::<i64>().is_ok_and(|number| number >= least),
        None => shown == text(&condition["equals"]),
    }
}

//! `rename`, `add`, `remove`, `lift`: attributes are changed where they are encoded.
//!
//! They change attributes alone: what has become the time, the severity, the body or the trace context of a record is
//! none any more. A name with dots is that of an attribute, or of a member of a nested object.

use std::collections::BTreeMap;
use std::ops::Range;

use vigie_pipeline::otlp::attributes::{field::LOG, put_bool, put_double, put_int, put_str};
use vigie_pipeline::otlp::edit;
use vigie_pipeline::otlp::view::{Attributes, Pair, Value, Way};
use vigie_pipeline::otlp::wire::{put_bytes, put_message};

use crate::condition::{Number, Scalar};

/// Gives attributes new names: all at once, so that two can change theirs with each other.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    names: Vec<(String, String)>,
    /// What was taken out, encoded under its new name. Reused.
    moved: Vec<u8>,
    /// Which of them were there. Reused.
    is_there: Vec<bool>,
}

impl Rename {
    /// Old names with new ones.
    pub(super) fn new(names: Vec<(String, String)>) -> Self {
        Self { names, moved: Vec::new(), is_there: Vec::new() }
    }

    pub(super) fn apply(&mut self, attributes: &mut Vec<u8>, pieces: &mut Vec<Range<usize>>) {
        self.moved.clear();
        let view = Attributes::new(attributes, LOG);
        self.is_there.clear();
        for (old, new) in &self.names {
            let found = find(view, old);
            self.is_there.push(found.is_some());
            if let Some(pair) = found {
                put(&mut self.moved, new.as_bytes(), &pair);
            }
        }
        if self.moved.is_empty() {
            return;
        }
        let there = self.names.iter().zip(&self.is_there).filter(|(_, is_there)| **is_there);
        let taken = there.flat_map(|((old, new), _)| [old.as_str(), new.as_str()]);
        edit::remove_all(attributes, LOG, taken, pieces);
        attributes.extend_from_slice(&self.moved);
    }
}

/// Adds constants.
#[derive(Debug, Clone)]
pub(super) struct Add {
    names: Vec<String>,
    /// All of them, encoded.
    encoded: Vec<u8>,
}

impl Add {
    pub(super) fn new(attributes: &BTreeMap<String, Scalar>) -> Self {
        let mut encoded = Vec::new();
        for (key, value) in attributes {
            match value {
                Scalar::Text(text) => put_str(&mut encoded, LOG, key, text),
                Scalar::Bool(value) => put_bool(&mut encoded, LOG, key, *value),
                Scalar::Number(Number::Double(real)) => put_double(&mut encoded, LOG, key, *real),
                Scalar::Number(Number::Int(whole)) => match i64::try_from(*whole) {
                    Ok(whole) => put_int(&mut encoded, LOG, key, whole),
                    // No digit is lost.
                    Err(_) => put_str(&mut encoded, LOG, key, &whole.to_string()),
                },
            }
        }
        Self { names: attributes.keys().cloned().collect(), encoded }
    }

    pub(super) fn apply(&self, attributes: &mut Vec<u8>, pieces: &mut Vec<Range<usize>>) {
        remove(attributes, &self.names, pieces);
        attributes.extend_from_slice(&self.encoded);
    }
}

/// Takes attributes of these names out.
pub(super) fn remove(attributes: &mut Vec<u8>, names: &[String], pieces: &mut Vec<Range<usize>>) {
    edit::remove_all(attributes, LOG, names.iter().map(String::as_str), pieces);
}

/// The members of the object of this name become attributes of their own.
pub(super) fn lift(attributes: &mut Vec<u8>, name: &str) {
    let view = Attributes::new(attributes, LOG);
    let Some(Value::Map(members)) = find(view, name).and_then(|pair| pair.value()) else { return };
    let members = members.bytes().to_vec();
    edit::remove(attributes, LOG, name);
    for member in Attributes::new(&members, 1).pairs() {
        let is_taken = Attributes::new(attributes, LOG).pairs().any(|pair| pair.key == member.key);
        if is_taken {
            let both = [name.as_bytes(), b".", member.key].concat();
            put(attributes, &both, &member);
        } else {
            put(attributes, member.key, &member);
        }
    }
}

/// The last one of this name.
fn find<'a>(attributes: Attributes<'a>, name: &str) -> Option<Pair<'a>> {
    let mut found = None;
    for pair in attributes.pairs() {
        match pair.way_to(name) {
            Some(Way::Here) => found = Some(pair),
            Some(Way::Inside(name)) => {
                if let Some(Value::Map(members)) = pair.value() {
                    found = find(members, name).or(found);
                }
            }
            None => {}
        }
    }
    found
}

/// Appends the value of `pair` under another name.
fn put(out: &mut Vec<u8>, key: &[u8], pair: &Pair<'_>) {
    put_message(out, LOG, |kv| {
        put_bytes(kv, 1, key);
        kv.extend_from_slice(pair.encoded_value());
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_pipeline::otlp::attributes::put_key_value;

    fn sample() -> Vec<u8> {
        let mut out = Vec::new();
        put_str(&mut out, LOG, "name", "a");
        put_key_value(&mut out, LOG, "user", |any| {
            put_message(any, 6, |map| {
                put_int(map, 1, "id", 7);
                put_str(map, 1, "name", "Ann");
                put_key_value(map, 1, "address", |any| {
                    put_message(any, 6, |map| put_str(map, 1, "city", "Bonn"))
                });
            });
        });
        out
    }

    fn shown(bytes: &[u8]) -> String {
        let mut out = String::new();
        Attributes::new(bytes, LOG).write_json(&mut out);
        out
    }

    fn renamed(names: &[(&str, &str)]) -> String {
        let mut bytes = sample();
        let names = names.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
        Rename::new(names.collect()).apply(&mut bytes, &mut Vec::new());
        shown(&bytes)
    }

    #[test]
    fn attributes_get_new_names_wherever_they_stood() {
        let rest = r#""user":{"id":7,"name":"Ann","address":{"city":"Bonn"}}"#;
        assert_eq!(renamed(&[("name", "host")]), format!(r#"{{{rest},"host":"a"}}"#));
        assert_eq!(renamed(&[("nobody", "host")]), format!(r#"{{"name":"a",{rest}}}"#));
        assert_eq!(
            renamed(&[("user.address.city", "city")]),
            r#"{"name":"a","user":{"id":7,"name":"Ann","address":{}},"city":"Bonn"}"#
        );
        assert_eq!(
            renamed(&[("user.name", "name")]),
            r#"{"user":{"id":7,"address":{"city":"Bonn"}},"name":"Ann"}"#
        );
        assert_eq!(
            renamed(&[("name", "user"), ("user", "name")]),
            r#"{"user":"a","name":{"id":7,"name":"Ann","address":{"city":"Bonn"}}}"#
        );
    }

    #[test]
    fn what_is_added_replaces_what_was_there() {
        let constants = [("name".to_owned(), "b".into()), ("user.id".to_owned(), 8.into())];
        let mut bytes = sample();
        Add::new(&constants.into()).apply(&mut bytes, &mut Vec::new());
        assert_eq!(
            shown(&bytes),
            r#"{"user":{"name":"Ann","address":{"city":"Bonn"}},"name":"b","user.id":8}"#
        );
    }

    #[test]
    fn what_is_removed_is_gone() {
        let mut bytes = sample();
        let names = ["user.address", "name", "nobody"].map(str::to_owned);
        remove(&mut bytes, &names, &mut Vec::new());
        assert_eq!(shown(&bytes), r#"{"user":{"id":7,"name":"Ann"}}"#);
    }

    #[test]
    fn a_member_whose_name_is_taken_is_called_by_both() {
        let mut bytes = sample();
        lift(&mut bytes, "user");
        assert_eq!(shown(&bytes), r#"{"name":"a","id":7,"user.name":"Ann","address":{"city":"Bonn"}}"#);
        lift(&mut bytes, "id");
        lift(&mut bytes, "nobody");
        lift(&mut bytes, "address");
        assert_eq!(shown(&bytes), r#"{"name":"a","id":7,"user.name":"Ann","city":"Bonn"}"#);
    }
}

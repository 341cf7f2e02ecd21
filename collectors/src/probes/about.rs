//! What a run says of itself in log records and spans: attributes by OpenTelemetry's semantic conventions.

use vigie_pipeline::otlp::attributes::{put_int, put_str};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(i64),
}

/// The attributes of a run, each once, in the order in which they were learnt.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct About {
    attributes: Vec<(&'static str, Value)>,
}

impl About {
    /// A text. An attribute that is there already is replaced, as by the second round trip after a redirect.
    pub(super) fn text(&mut self, key: &'static str, value: impl Into<String>) {
        self.put(key, Value::Text(value.into()));
    }

    /// A whole number.
    pub(super) fn number(&mut self, key: &'static str, value: impl Into<i64>) {
        self.put(key, Value::Number(value.into()));
    }

    fn put(&mut self, key: &'static str, value: Value) {
        match self.attributes.iter_mut().find(|(own, _)| *own == key) {
            Some((_, own)) => *own = value,
            None => self.attributes.push((key, value)),
        }
    }

    /// Appends them as `KeyValue`s under `field`.
    pub(super) fn encode(&self, out: &mut Vec<u8>, field: u32) {
        for (key, value) in &self.attributes {
            match value {
                Value::Text(text) => put_str(out, field, key, text),
                Value::Number(number) => put_int(out, field, key, *number),
            }
        }
    }
}

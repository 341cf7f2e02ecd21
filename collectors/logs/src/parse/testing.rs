//! What becomes of one line, for the tests of formats.

#![allow(clippy::unwrap_used)]

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use super::{Context, Parsers};
use crate::condition::Subject;
use crate::config::Config;
use crate::fields::{Fields, Reason};
use crate::filters::{Filters, Verdict};
use crate::roles::Roles;
use crate::timestamp::{Observer, Zone};

/// A line as it was understood.
#[derive(Debug)]
pub(crate) struct Understood {
    pub(crate) fields: Fields,
    pub(crate) verdict: Verdict,
    /// As the official decoder reads them.
    pub(crate) attributes: Vec<KeyValue>,
}

/// Understands `line` as the configuration says.
pub(crate) fn understood(config: &Config, line: &str) -> Result<Understood, Reason> {
    let mut parsers = Parsers::new(&config.parse).unwrap();
    let mut filters = Filters::new(config, |name| parsers.resolved(name)).unwrap();
    let mut roles = Roles::new(config, |name| parsers.resolved(name));
    let mut fields = Fields::default();
    let observer = observer();
    parsers.parse(line, Context { observer: &observer, is_inspected: true }, &mut fields)?;
    let verdict = filters.verdict(&Subject::of(&fields, line));
    roles.assign(&observer, &mut fields);
    let attributes = LogRecord::decode(&fields.attributes[..]).unwrap().attributes;
    Ok(Understood { fields, verdict, attributes })
}

impl Understood {
    /// Each attribute as `key=value`.
    pub(crate) fn shown(&self) -> Vec<String> {
        let shown = |pair: &KeyValue| format!("{}={}", pair.key, text(pair.value.clone().unwrap().value));
        self.attributes.iter().map(shown).collect()
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        None => "null".to_owned(),
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(int)) => int.to_string(),
        Some(Value::DoubleValue(real)) => real.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::ArrayValue(list)) => {
            format!("[{}]", list.values.into_iter().map(|one| text(one.value)).collect::<Vec<_>>().join(", "))
        }
        Some(other) => format!("{other:?}"),
    }
}

/// Shortly after what the lines say; an hour east of UTC.
pub(crate) fn observer() -> Observer {
    Observer { zone: Zone::Fixed(3600), at: 1_767_323_100_000_000_000 }
}

/// `time=…`, `severity=13 WARNING`, `key=text`, `key:=123`, `~key=hidden`; `None` if it is no such line.
pub(crate) fn seen(
    line: &str,
    parse: impl FnOnce(&str, Context<'_>, &mut Fields) -> Result<(), Reason>,
) -> Option<Vec<String>> {
    let (observer, mut fields) = (observer(), Fields::default());
    let context = Context { observer: &observer, is_inspected: true };
    parse(line, context, &mut fields).ok()?;
    let mut seen = Vec::new();
    if fields.time != 0 {
        seen.push(format!("time={}", jiff::Timestamp::from_nanosecond(i128::from(fields.time)).unwrap()));
    }
    if fields.severity.0 != 0 || !fields.severity_text.is_empty() {
        seen.push(format!("severity={} {}", fields.severity.0, fields.severity_text).trim_end().to_owned());
    }
    seen.extend(fields.trace_id.map(|id| format!("trace_id={:032x}", u128::from_be_bytes(id))));
    seen.extend(fields.span_id.map(|id| format!("span_id={:016x}", u64::from_be_bytes(id))));
    seen.extend(fields.faults.iter().map(|reason| format!("!{}", reason.as_str())));
    for (sign, bytes) in [("", &fields.attributes), ("~", &fields.hidden)] {
        let pairs = LogRecord::decode(&bytes[..]).unwrap().attributes;
        seen.extend(pairs.into_iter().map(|pair| format!("{sign}{}", shown(pair))));
    }
    Some(seen)
}

fn shown(pair: KeyValue) -> String {
    let KeyValue { key, value, .. } = pair;
    match value.and_then(|any| any.value) {
        Some(Value::StringValue(text)) => format!("{key}={text}"),
        other => format!("{key}:={}", value_shown(other)),
    }
}

fn value_shown(value: Option<Value>) -> String {
    match value {
        Some(Value::IntValue(int)) => int.to_string(),
        Some(Value::DoubleValue(double)) => format!("{double:?}"),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::KvlistValue(list)) => {
            format!("{{{}}}", list.values.into_iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Some(Value::ArrayValue(list)) => {
            let items = list.values.into_iter().map(|AnyValue { value }| value_shown(value));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

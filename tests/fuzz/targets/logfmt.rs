//! Any line as logfmt: it is the body, and a line of plain pairs has just these, in their order.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use vigie_fuzz::records::{Line, parsing};
use vigie_logs::{Config, LineFormat};

/// The pairs of a line that has nothing but letters between its blanks and signs, each key once.
fn plain(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=')?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let is_plain = |text: &str| text.chars().all(char::is_alphabetic);
        let is_new = pairs.iter().all(|(known, _)| *known != key);
        if key.is_empty()
            || !is_plain(key)
            || !is_plain(value)
            || matches!(value, "true" | "false")
            || !is_new
        {
            return None;
        }
        pairs.push((key, value));
    }
    Some(pairs)
}

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    // Nothing is taken out of the attributes.
    let trace_id = Some("a field that no line has".into());
    let config = Config { trace_id, ..parsing(LineFormat::Logfmt) };
    let Some(record) = line.record(&config) else { return };
    let Some(expected) = plain(line.text()) else { return };
    let texts =
        record.attributes.iter().map(|pair| match pair.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Value::StringValue(value)) => (pair.key.as_str(), value.as_str()),
            other => panic!("{} is {other:?}", pair.key),
        });
    assert_eq!(texts.collect::<Vec<_>>(), expected);
});

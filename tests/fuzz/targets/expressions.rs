//! Any line by any expression: grok's are compiled or refused, and where the regex crate finds the groups of an
//! expression there are their fields, with the same text.
//!
//! An input is a byte that says which language it is, the expression, a NUL, and the line.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use regex::RegexBuilder;
use vigie_fuzz::byte;
use vigie_fuzz::records::{Line, attribute, parsing};
use vigie_logs::LineFormat;
use vigie_logs::fuzz::is_understood;

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let is_grok = byte(&mut data) % 2 == 0;
    let (expression, line) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    // Long ones take long to compile, and show nothing that short ones do not.
    let Some(expression) = String::from_utf8(expression.to_owned()).ok().filter(|text| text.len() < 256)
    else {
        return;
    };
    let format =
        if is_grok { LineFormat::Grok(expression.clone()) } else { LineFormat::Regex(expression.clone()) };
    let config = parsing(format);
    if !is_understood(&config) {
        return;
    }
    let line = Line::new(line);
    let Some(record) = line.record(&config) else { return };
    if is_grok {
        return;
    }
    let regex = RegexBuilder::new(&expression).size_limit(8 << 20).build().expect("it was understood");
    let captures = regex.captures(line.text());
    // Longer names may be those of a trace context.
    for name in regex.capture_names().flatten().filter(|name| name.len() == 1) {
        let expected = captures.as_ref().and_then(|captures| captures.name(name)).map(|group| group.as_str());
        match attribute(&record, name) {
            Some(Value::StringValue(found)) => {
                assert_eq!(Some(found.as_str()), expected, "{name} of {expression}")
            }
            found => assert_eq!(found.is_some(), expected.is_some(), "{name} of {expression}"),
        }
    }
});

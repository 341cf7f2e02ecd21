//! Any text in which a language may have printed an exception: a fingerprint is 16 digits and the same each time, what is
//! found is part of the text, and each record arrives, once.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use vigie_fuzz::byte;
use vigie_fuzz::records::{attribute, body, decoded};
use vigie_logs::fuzz::records;
use vigie_logs::{Config, Exceptions, Multiline, Preset};

const LANGUAGES: [Preset; 7] = [
    Preset::Python,
    Preset::Java,
    Preset::Go,
    Preset::Javascript,
    Preset::Ruby,
    Preset::Rust,
    Preset::Dotnet,
];

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let choice = usize::from(byte(&mut data));
    let multiline = match LANGUAGES.get(choice % 9) {
        Some(preset) => Multiline { preset: Some(*preset), ..Multiline::default() },
        // All of it is one event, of whatever language.
        None => Multiline { goes_on: Some(String::new()), ..Multiline::default() },
    };
    // The last one is of JSON, with fields.
    let parse = if choice % 9 == 8 { "json" } else { "none" };
    let config = Config {
        name: "fuzz".into(),
        parse: serde_json::from_value(parse.into()).expect("a format"),
        multiline: (parse == "none").then_some(multiline),
        exceptions: Exceptions { enabled: Some(true), ..Exceptions::default() },
        ..Config::default()
    };
    let lines = [data, b"\n"].concat();
    let found = decoded(&records(&config, [lines.as_slice()]));
    assert_eq!(found, decoded(&records(&config, [lines.as_slice()])));
    for record in &found {
        let text = |key| match attribute(record, key) {
            Some(Value::StringValue(text)) => Some(text.as_str()),
            _ => None,
        };
        let Some(fingerprint) = text("exception.fingerprint").filter(|_| parse == "none") else { continue };
        assert!(fingerprint.len() == 16 && fingerprint.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert!(text("exception.type").is_some_and(|name| !name.is_empty()));
        for key in ["exception.type", "exception.message", "exception.stacktrace"] {
            // What an older or another language leaves unsaid has a name of ours.
            let is_ours = |said| {
                matches!(said, "panic" | "error" | "Error" | "RuntimeError" | "fatal error" | "runtime.Error")
            };
            assert!(text(key).is_none_or(|said| body(record).contains(said) || is_ours(said)), "{key}");
        }
        assert_ne!(record.severity_number, 0);
    }
});

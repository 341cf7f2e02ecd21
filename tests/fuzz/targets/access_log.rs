//! Any line as one of an access log: it is the body, and what a plain expression takes for an access log line has
//! its status and its client.

#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use regex::Regex;
use vigie_fuzz::records::{attribute, body, decoded};
use vigie_logs::fuzz::records;
use vigie_logs::{Config, Parse};

/// Without escapes, in a month that has 28 days as every one.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"^([^ ]+) - - \[(?:0[1-9]|1\d|2[0-8])/(?:Jan|Jul|Dec)/20\d\d:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d \+0[0-9]00\] "#,
        r#""[^"\\]*" ([1-5]\d\d) \d{1,9} "[^"\\]*" "[^"\\]*"$"#
    ))
    .expect("an expression")
});

fuzz_target!(|data: &[u8]| {
    let line: Vec<u8> = data.iter().copied().filter(|byte| !matches!(byte, b'\n' | 0)).collect();
    let text = String::from_utf8_lossy(&line).into_owned();
    let text = text.strip_suffix('\r').unwrap_or(&text);
    for parse in [Parse::NginxCombined, Parse::ApacheCombined] {
        let config = Config { name: "fuzz".into(), parse, ..Config::default() };
        let records = decoded(&records(&config, [[&line[..], b"\n"].concat().as_slice()]));
        assert_eq!(records.len(), usize::from(!text.is_empty()));
        let Some(record) = records.first() else { return };
        assert_eq!(body(record), text);
        if let Some(plain) = PLAIN.captures(text) {
            let status = plain[2].parse().expect("three digits");
            assert_eq!(attribute(record, "http.response.status_code"), Some(&Value::IntValue(status)));
            assert_eq!(attribute(record, "client.address"), Some(&Value::StringValue(plain[1].to_owned())));
            assert!(record.time_unix_nano > 0);
        }
    }
});

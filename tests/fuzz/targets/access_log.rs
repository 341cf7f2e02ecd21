//! Any line as one of an access log: it is the body, and what a plain expression takes for an access log line has
//! its status and its client.

#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use regex::Regex;
use vigie_fuzz::records::{Line, attribute, parsing};
use vigie_logs::LineFormat;

/// Without escapes, in a month that has 28 days as every one.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"^([^ ]+) - - \[(?:0[1-9]|1\d|2[0-8])/(?:Jan|Jul|Dec)/20\d\d:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d \+0[0-9]00\] "#,
        r#""[^"\\]*" ([1-5]\d\d) \d{1,9} "[^"\\]*" "[^"\\]*"$"#
    ))
    .expect("an expression")
});

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    for format in [LineFormat::NginxCombined, LineFormat::ApacheCombined] {
        let Some(record) = line.record(&parsing(format)) else { return };
        if let Some(plain) = PLAIN.captures(line.text()) {
            let status = plain[2].parse().expect("three digits");
            assert_eq!(attribute(&record, "http.response.status_code"), Some(&Value::IntValue(status)));
            assert_eq!(attribute(&record, "client.address"), Some(&Value::StringValue(plain[1].to_owned())));
            assert!(record.time_unix_nano > 0);
        }
    }
});

//! Any line as one of syslog: it is the body, and what plain expressions take for a line of RFC 3164 or RFC 5424 says
//! who wrote it.

#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use regex::Regex;
use vigie_fuzz::records::{Line, attribute, parsing};
use vigie_logs::LineFormat;

static OLD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^<(?:\d|[1-9]\d|1[0-8]\d)>(?:Jan|Jul|Dec) (?: [1-9]|1\d|2[0-8]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d ",
        r"([a-z][a-z0-9-]*) ([a-z]+)\[\d{1,9}\]: [a-z ]*$"
    ))
    .expect("an expression")
});

static NEW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^<(?:\d|[1-9]\d|1[0-8]\d)>1 20\d\d-0[1-9]-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z ",
        r#"([a-z][a-z0-9-]*) ([a-z]+) \d{1,9} - (?:-|\[[a-z]+(?: [a-z]+="[a-z ]*")*\]) [a-z ]*$"#
    ))
    .expect("an expression")
});

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    let Some(record) = line.record(&parsing(LineFormat::Syslog)) else { return };
    if let Some(plain) = OLD.captures(line.text()).or_else(|| NEW.captures(line.text())) {
        assert_eq!(attribute(&record, "host.name"), Some(&Value::StringValue(plain[1].to_owned())));
        assert_eq!(attribute(&record, "syslog.appname"), Some(&Value::StringValue(plain[2].to_owned())));
        assert!(record.severity_number > 0);
    }
});

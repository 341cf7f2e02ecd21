//! Any line as one of an access log of any format, nginx's or Apache's: the format is refused or the line is the body,
//! and a status that is found is one.
//!
//! An input is a byte that says whose format it is, the format, a NUL, and the line.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use vigie_fuzz::byte;
use vigie_fuzz::records::{Line, attribute, parsing};
use vigie_logs::LineFormat;
use vigie_logs::fuzz::is_understood;

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let is_nginx = byte(&mut data) % 2 == 0;
    let (format, line) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    let Ok(format) = String::from_utf8(format.to_owned()) else { return };
    let format = if is_nginx { LineFormat::Nginx(format) } else { LineFormat::Apache(format) };
    let config = parsing(format);
    if !is_understood(&config) {
        return;
    }
    let Some(record) = Line::new(line).record(&config) else { return };
    if let Some(Value::IntValue(status)) = attribute(&record, "http.response.status_code") {
        assert!((0..1000).contains(status));
        assert!(record.severity_number > 0);
    }
});

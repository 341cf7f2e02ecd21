//! Any line as what a web server writes by default: it is the body, and if something is known of it there is a severity.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use vigie_fuzz::records::{Line, parsing};
use vigie_logs::LineFormat;

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    for format in [
        LineFormat::NginxError,
        LineFormat::ApacheCommon,
        LineFormat::ApacheError,
        LineFormat::Gunicorn,
        LineFormat::Uvicorn,
    ] {
        let Some(record) = line.record(&parsing(format)) else { return };
        assert!(record.attributes.is_empty() || record.severity_number > 0, "{record:?}");
    }
});

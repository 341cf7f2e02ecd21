//! Any line as one of the programs whose formats are fixed: it is the body, what is said of it is valid, and what plain
//! expressions take for their lines is understood.

#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regex::Regex;
use vigie_fuzz::records::{Line, parsing};
use vigie_logs::LineFormat;

/// A time that everybody has.
const ISO: &str = r"20\d\d-0[1-9]-(?:0[1-9]|1\d|2[0-8]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d";

/// Formats, and some of their lines.
static FORMATS: LazyLock<[(LineFormat, Regex); 6]> = LazyLock::new(|| {
    let regex = |pattern: &str| Regex::new(&pattern.replace("ISO", ISO)).expect("an expression");
    let clock = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d";
    [
        (
            LineFormat::Postgres,
            regex(r"^ISO\.\d{3} UTC \[\d{1,9}\] (?:[a-z]+@[a-z]+ )?(?:LOG|ERROR|FATAL|DETAIL):  [a-z ]*$"),
        ),
        (
            LineFormat::Redis,
            regex(&format!(
                r"^\d{{1,9}}:[MSCX] (?:0[1-9]|1\d|2[0-8]) (?:Jan|Feb|Dec) 20\d\d {clock}\.\d{{3}} [.*#-] [a-z ]*$"
            )),
        ),
        (
            LineFormat::Klog,
            regex(&format!(
                r"^[IWEF](?:0[1-9]|1[0-2])(?:0[1-9]|1\d|2[0-8]) {clock}\.\d{{6}} +\d{{1,9}} [a-z]+\.go:\d{{1,9}}\] [a-z ]*$"
            )),
        ),
        (
            LineFormat::Python,
            regex(r"^ISO,\d{3} (?:- [a-z.]+ - )?(?:DEBUG|INFO|WARNING|ERROR) (?:- )?[a-z ]*$"),
        ),
        (
            LineFormat::Django,
            regex(&format!(
                r#"^\[(?:0[1-9]|1\d|2[0-8])/(?:Jan|Feb|Dec)/20\d\d {clock}\] "[A-Z]+ /[a-z/]* HTTP/1\.1" [1-5]\d\d \d{{1,9}}$"#
            )),
        ),
        (LineFormat::Loguru, regex(r"^ISO\.\d{3} \| (?:INFO|ERROR) +\| [a-z_.]+:[a-z_]+:\d{1,9} - [a-z ]*$")),
    ]
});

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    for (format, plain) in &*FORMATS {
        let Some(record) = line.record(&parsing(format.clone())) else { return };
        assert!((0..=24).contains(&record.severity_number));
        assert!(record.time_unix_nano == 0 || record.time_unix_nano >= 631_152_000_000_000_000);
        // A time of their own, or at least an attribute of their own beside those of the file.
        let is_understood = !record.severity_text.is_empty() || !record.attributes.is_empty();
        assert!(is_understood || !plain.is_match(line.text()), "{format:?} does not understand {line:?}");
    }
});

//! Any line as one that a container runtime wrote: what a plain expression or serde_json take for one is unwrapped,
//! and what cannot be one is the body as it is.

#![cfg_attr(fuzzing, no_main)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use regex::Regex;
use serde_json::{Map, Value as Json};
use vigie_fuzz::records::{Line, attribute, body, parsing};
use vigie_logs::LineFormat;

/// In a month that has 28 days as every one.
const TIME: &str =
    r"20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z";

static CRI: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!("(?s)^{TIME} (stdout|stderr) [PF](?::[^ ]*)? (.*)$")).expect("an expression")
});
static IS_TIME: LazyLock<Regex> = LazyLock::new(|| Regex::new(&format!("^{TIME}$")).expect("an expression"));

/// The stream and the text of a line that is surely wrapped.
fn of_cri(line: &str) -> Option<(String, String)> {
    let found = CRI.captures(line)?;
    Some((found[1].to_owned(), found[2].to_owned()))
}

fn of_docker(line: &str) -> Option<(String, String)> {
    let members: Map<String, Json> = serde_json::from_str(line).ok()?;
    let text = |key: &str| Some(members.get(key)?.as_str()?.to_owned());
    let (log, stream, time) = (text("log")?, text("stream")?, text("time")?);
    // serde_json takes the last of two that have the same key; Docker writes none twice.
    let is_plain = ["log", "stream", "time"].iter().all(|key| line.matches(key).count() == 1);
    (is_plain && ["stdout", "stderr"].contains(&stream.as_str()) && IS_TIME.is_match(&time))
        .then(|| (stream, log.strip_suffix('\n').unwrap_or(&log).to_owned()))
}

fuzz_target!(|data: &[u8]| {
    let line = Line::new(data);
    let text = String::from_utf8_lossy(line.bytes()).into_owned();
    // JSON is UTF-8, or it is none.
    let json = std::str::from_utf8(line.bytes()).ok().and_then(of_docker);
    for (format, wrapped) in [(LineFormat::Cri, of_cri(&text)), (LineFormat::Docker, json)] {
        let records = line.records(&parsing(format));
        let (text, stream) = match wrapped {
            Some((stream, text)) => (text, Some(Value::StringValue(stream))),
            None if !text.contains("std") && !text.contains('\\') => (text.clone(), None),
            None => continue,
        };
        let text = text.strip_suffix('\r').unwrap_or(&text);
        assert_eq!(records.len(), usize::from(!text.is_empty()));
        let Some(record) = records.first() else { continue };
        assert_eq!(body(record), text);
        assert_eq!(attribute(record, "log.iostream"), stream.as_ref());
    }
});

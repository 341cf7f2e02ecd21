//! Lines, and the records they make, as the official definitions of OTLP see them.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use prost::Message;
use vigie_logs::{Config, LineFormat};

/// A source whose lines have this format.
pub fn parsing(format: LineFormat) -> Config {
    Config { name: "fuzz".into(), parse: format.into(), ..Config::default() }
}

/// One line of a file.
#[derive(Debug)]
pub struct Line {
    bytes: Vec<u8>,
    text: String,
}

impl Line {
    /// What of `data` can be one: without newlines, and without NULs, which may be taken for a hole.
    pub fn new(data: &[u8]) -> Self {
        let bytes: Vec<u8> = data.iter().copied().filter(|byte| !matches!(byte, b'\n' | 0)).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { bytes, text }
    }

    /// As it stands in the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As a body has it.
    pub fn text(&self) -> &str {
        self.text.strip_suffix('\r').unwrap_or(&self.text)
    }

    /// The records that a source makes of it.
    pub fn records(&self, config: &Config) -> Vec<LogRecord> {
        decoded(&vigie_logs::fuzz::records(config, [[&self.bytes, &b"\n"[..]].concat().as_slice()]))
    }

    /// The one record that a source makes of it; of an empty line none.
    ///
    /// # Panics
    /// If there is another number of them, or the body is not the line.
    pub fn record(&self, config: &Config) -> Option<LogRecord> {
        let mut records = self.records(config);
        assert_eq!(records.len(), usize::from(!self.text().is_empty()));
        let record = records.pop()?;
        assert_eq!(body(&record), self.text());
        Some(record)
    }
}

/// The records of an encoded `ScopeLogs`.
///
/// # Panics
/// If that is none: what we encode is always valid.
pub fn decoded(bytes: &[u8]) -> Vec<LogRecord> {
    ScopeLogs::decode(bytes).expect("valid protobuf").log_records
}

/// The text of a record.
///
/// # Panics
/// If its body is something else.
pub fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("the body is {other:?}"),
    }
}

/// An attribute of a record.
pub fn attribute<'r>(record: &'r LogRecord, key: &str) -> Option<&'r Value> {
    record.attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()
}

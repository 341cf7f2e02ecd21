//! A log record as field 2 of `ScopeLogs`.

use super::wire::{len_field_len, put_bytes, put_fixed64, put_uint, put_varint};

/// `SeverityNumber`: 1 (TRACE) to 24 (FATAL4), 0 for not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Severity(pub u8);

impl Severity {
    /// `SEVERITY_NUMBER_TRACE`
    pub const TRACE: Self = Self(1);
    /// `SEVERITY_NUMBER_DEBUG`
    pub const DEBUG: Self = Self(5);
    /// `SEVERITY_NUMBER_INFO`
    pub const INFO: Self = Self(9);
    /// `SEVERITY_NUMBER_WARN`
    pub const WARN: Self = Self(13);
    /// `SEVERITY_NUMBER_ERROR`
    pub const ERROR: Self = Self(17);
    /// `SEVERITY_NUMBER_FATAL`
    pub const FATAL: Self = Self(21);
}

/// One record. What is empty, zero or `None` is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogRecord<'a> {
    /// When it happened, in nanoseconds since the epoch; 0 if it does not say.
    pub time: u64,
    /// When it was read, in nanoseconds since the epoch.
    pub observed: u64,
    /// How bad it is.
    pub severity: Severity,
    /// As the source calls it.
    pub severity_text: &'a str,
    /// The line or message.
    pub body: &'a str,
    /// Encoded under [`super::attributes::field::LOG`].
    pub attributes: &'a [u8],
    /// The trace it belongs to.
    pub trace_id: Option<[u8; 16]>,
    /// The span it belongs to.
    pub span_id: Option<[u8; 8]>,
}

impl LogRecord<'_> {
    /// How long the message is, without its own tag and length.
    fn message_len(&self) -> usize {
        let fixed = |present: bool, len: usize| if present { len } else { 0 };
        fixed(self.time != 0, 9)
            + fixed(self.severity.0 != 0, 2)
            + fixed(!self.severity_text.is_empty(), len_field_len(self.severity_text.len()))
            + len_field_len(len_field_len(self.body.len()))
            + self.attributes.len()
            + fixed(self.trace_id.is_some(), 18)
            + fixed(self.span_id.is_some(), 10)
            + fixed(self.observed != 0, 9)
    }

    /// Appends it with tag and length: lengths first, then one pass.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let len = self.message_len();
        out.reserve(len_field_len(len));
        out.push(2 << 3 | 2);
        put_varint(out, len as u64);
        if self.time != 0 {
            put_fixed64(out, 1, self.time);
        }
        if self.severity.0 != 0 {
            put_uint(out, 2, u64::from(self.severity.0));
        }
        if !self.severity_text.is_empty() {
            put_bytes(out, 3, self.severity_text.as_bytes());
        }
        out.push(5 << 3 | 2);
        put_varint(out, len_field_len(self.body.len()) as u64);
        put_bytes(out, 1, self.body.as_bytes());
        out.extend_from_slice(self.attributes);
        if let Some(id) = &self.trace_id {
            put_bytes(out, 9, id);
        }
        if let Some(id) = &self.span_id {
            put_bytes(out, 10, id);
        }
        if self.observed != 0 {
            put_fixed64(out, 11, self.observed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::otlp::attributes::{field, put_bool, put_double, put_int, put_str};
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
    use proptest::prelude::*;
    use prost::Message;

    proptest! {
        #[test]
        fn the_official_decoder_reads_what_was_written(
            time in any::<u64>(), observed in any::<u64>(), severity in 0u8..25,
            severity_text in "[A-Z]{0,8}", body in "\\PC{0,300}", key in "[a-z.]{1,20}",
            text in "\\PC{0,200}", int in any::<i64>(), real in any::<f64>(), truth in any::<bool>(),
            trace_id in any::<Option<[u8; 16]>>(), span_id in any::<Option<[u8; 8]>>(),
        ) {
            let mut attributes = Vec::new();
            put_str(&mut attributes, field::LOG, &key, &text);
            put_int(&mut attributes, field::LOG, "int", int);
            put_double(&mut attributes, field::LOG, "real", real);
            put_bool(&mut attributes, field::LOG, "truth", truth);
            let record = LogRecord {
                time, observed, severity: Severity(severity), severity_text: &severity_text,
                body: &body, attributes: &attributes, trace_id, span_id,
            };
            let mut out = Vec::new();
            record.encode(&mut out);
            record.encode(&mut out);
            let scope = ScopeLogs::decode(&out[..]).unwrap();
            prop_assert_eq!(scope.log_records.len(), 2);
            let read = &scope.log_records[1];
            prop_assert_eq!(read.time_unix_nano, time);
            prop_assert_eq!(read.observed_time_unix_nano, observed);
            prop_assert_eq!(read.severity_number, i32::from(severity));
            prop_assert_eq!(&read.severity_text, &severity_text);
            let value = |v: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| v.clone().unwrap().value.unwrap();
            prop_assert_eq!(value(&read.body), Value::StringValue(body));
            prop_assert_eq!(&read.attributes[0].key, &key);
            prop_assert_eq!(value(&read.attributes[0].value), Value::StringValue(text));
            prop_assert_eq!(value(&read.attributes[1].value), Value::IntValue(int));
            let Value::DoubleValue(read_real) = value(&read.attributes[2].value) else { panic!("a double") };
            prop_assert_eq!(read_real.to_bits(), real.to_bits());
            prop_assert_eq!(value(&read.attributes[3].value), Value::BoolValue(truth));
            prop_assert_eq!(&read.trace_id[..], trace_id.as_ref().map_or(&[][..], |id| &id[..]));
            prop_assert_eq!(&read.span_id[..], span_id.as_ref().map_or(&[][..], |id| &id[..]));
        }
    }
}

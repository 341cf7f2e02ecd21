//! Attributes: `repeated KeyValue`, under the field number of the message they belong to.

use super::wire::{put_bytes, put_fixed64, put_message, put_uint};

/// The field numbers of `attributes` in the messages that have them.
pub mod field {
    /// `Resource.attributes`
    pub const RESOURCE: u32 = 1;
    /// `LogRecord.attributes`
    pub const LOG: u32 = 6;
    /// `Span.attributes`
    pub const SPAN: u32 = 9;
    /// `NumberDataPoint.attributes`
    pub const NUMBER: u32 = 7;
    /// `HistogramDataPoint.attributes`
    pub const HISTOGRAM: u32 = 9;
}

/// Appends a key with a text.
pub fn put_str(out: &mut Vec<u8>, field: u32, key: &str, value: &str) {
    put_key_value(out, field, key, |any| put_bytes(any, 1, value.as_bytes()));
}

/// Appends a key with a whole number.
pub fn put_int(out: &mut Vec<u8>, field: u32, key: &str, value: i64) {
    put_key_value(out, field, key, |any| put_uint(any, 3, value as u64));
}

/// Appends a key with a real number.
pub fn put_double(out: &mut Vec<u8>, field: u32, key: &str, value: f64) {
    put_key_value(out, field, key, |any| put_fixed64(any, 4, value.to_bits()));
}

/// Appends a key with a truth value.
pub fn put_bool(out: &mut Vec<u8>, field: u32, key: &str, value: bool) {
    put_key_value(out, field, key, |any| put_uint(any, 2, u64::from(value)));
}

/// Appends a key whose `AnyValue` `write` appends: `string_value` = 1, `bool_value` = 2, `int_value` = 3,
/// `double_value` = 4, `array_value` = 5, `kvlist_value` = 6, `bytes_value` = 7.
pub fn put_key_value(out: &mut Vec<u8>, field: u32, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
    put_message(out, field, |kv| {
        put_bytes(kv, 1, key.as_bytes());
        put_message(kv, 2, write);
    });
}

//! Attributes: `repeated KeyValue`, under the field number of the message they belong to.

use super::wire::{
    LEN, len_field_len, put_bytes, put_fixed64, put_message, put_tag, put_uint, put_varint, varint_len,
};

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

/// The tag of `KeyValue.key`, and of `AnyValue.string_value`.
const TEXT: u8 = 1 << 3 | LEN as u8;

/// Appends a key with a text.
#[inline]
pub fn put_str(out: &mut Vec<u8>, field: u32, key: &str, value: &str) {
    let pair = key.len() + value.len() + 6;
    if pair < 0x80 && field < 0x10 {
        // As most are: all tags and lengths are one byte.
        out.reserve(pair + 2);
        out.extend_from_slice(&[(field << 3 | LEN) as u8, pair as u8, TEXT, key.len() as u8]);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&[2 << 3 | LEN as u8, value.len() as u8 + 2, TEXT, value.len() as u8]);
        return out.extend_from_slice(value.as_bytes());
    }
    put_leaf(out, field, key, len_field_len(value.len()), |any| put_bytes(any, 1, value.as_bytes()));
}

/// Appends a key with a whole number.
#[inline]
pub fn put_int(out: &mut Vec<u8>, field: u32, key: &str, value: i64) {
    put_leaf(out, field, key, 1 + varint_len(value as u64), |any| put_uint(any, 3, value as u64));
}

/// Appends a key with a real number.
#[inline]
pub fn put_double(out: &mut Vec<u8>, field: u32, key: &str, value: f64) {
    put_leaf(out, field, key, 9, |any| put_fixed64(any, 4, value.to_bits()));
}

/// Appends a key with a truth value.
#[inline]
pub fn put_bool(out: &mut Vec<u8>, field: u32, key: &str, value: bool) {
    put_leaf(out, field, key, 2, |any| put_uint(any, 2, u64::from(value)));
}

/// Appends a key with an array of one text.
#[inline]
pub fn put_list_of_one(out: &mut Vec<u8>, field: u32, key: &str, value: &str) {
    let item = len_field_len(value.len());
    let array = len_field_len(item);
    put_leaf(out, field, key, len_field_len(array), |any| {
        put_tag(any, 5, LEN);
        put_varint(any, array as u64);
        put_tag(any, 1, LEN);
        put_varint(any, item as u64);
        put_bytes(any, 1, value.as_bytes());
    });
}

/// Appends a key whose `AnyValue`, of which it is known how many bytes it takes, `write` appends: nothing is moved.
#[inline]
fn put_leaf(out: &mut Vec<u8>, field: u32, key: &str, any: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let pair = len_field_len(key.len()) + len_field_len(any);
    out.reserve(len_field_len(pair) + 4);
    if pair < 0x80 && field < 0x10 {
        // All tags and lengths are one byte: as most are.
        out.extend_from_slice(&[(field << 3 | LEN) as u8, pair as u8, TEXT, key.len() as u8]);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&[2 << 3 | LEN as u8, any as u8]);
    } else {
        put_tag(out, field, LEN);
        put_varint(out, pair as u64);
        put_bytes(out, 1, key.as_bytes());
        put_tag(out, 2, LEN);
        put_varint(out, any as u64);
    }
    write(out);
}

/// Appends a key whose `AnyValue` `write` appends: `string_value` = 1, `bool_value` = 2, `int_value` = 3,
/// `double_value` = 4, `array_value` = 5, `kvlist_value` = 6, `bytes_value` = 7.
#[inline]
pub fn put_key_value(out: &mut Vec<u8>, field: u32, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
    put_message(out, field, |kv| {
        put_bytes(kv, 1, key.as_bytes());
        put_message(kv, 2, write);
    });
}

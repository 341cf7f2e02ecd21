//! Values that hold no others, and how they are encoded.

use vigie_pipeline::otlp::attributes::{put_bool, put_double, put_int, put_key_value, put_str};
use vigie_pipeline::otlp::wire::{put_bytes, put_fixed64, put_uint};

/// A text, a number, a truth value, or nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Leaf<'t> {
    /// Also a number that would lose a digit.
    Text(&'t str),
    Int(i64),
    Double(f64),
    Bool(bool),
    Null,
}

impl Leaf<'_> {
    /// Appends it as the attribute `key`, under the field `number`.
    #[inline]
    pub(super) fn put(self, out: &mut Vec<u8>, number: u32, key: &str) {
        match self {
            Self::Text(text) => put_str(out, number, key, text),
            Self::Int(int) => put_int(out, number, key, int),
            Self::Double(real) => put_double(out, number, key, real),
            Self::Bool(truth) => put_bool(out, number, key, truth),
            Self::Null => put_key_value(out, number, key, |_| {}),
        }
    }

    /// Appends it as what an `AnyValue` holds: `string_value` = 1, `bool_value` = 2, `int_value` = 3,
    /// `double_value` = 4.
    pub(super) fn put_any(self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => put_bytes(out, 1, text.as_bytes()),
            Self::Int(int) => put_uint(out, 3, int as u64),
            Self::Double(real) => put_fixed64(out, 4, real.to_bits()),
            Self::Bool(truth) => put_uint(out, 2, u64::from(truth)),
            Self::Null => {}
        }
    }
}

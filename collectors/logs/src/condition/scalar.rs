//! What fields are compared with: texts, numbers, truth values.

use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use vigie_pipeline::otlp::view::Value;

/// A number; whole ones are exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole one.
    Int(i128),
    /// A real one.
    Double(f64),
}

impl Number {
    /// The number that a text is: `5`, `-0.5`, `2e3`. Words for what is no number (`nan`, `inf`) are texts.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if !matches!(text.as_bytes().first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.')) {
            return None;
        }
        match text.parse() {
            Ok(whole) => Some(Self::Int(whole)),
            Err(_) => text.parse().ok().filter(|real: &f64| real.is_finite()).map(Self::Double),
        }
    }

    /// The number that a field is, also one that is written as text.
    pub(crate) fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Int(whole) => Some(Self::Int((*whole).into())),
            Value::Double(real) => Some(Self::Double(*real)),
            Value::Text(text) => Self::read(text),
            _ => None,
        }
    }
}

/// A whole number beside a real one, which may be between two of them.
fn cmp_whole(whole: i128, real: f64) -> Option<Ordering> {
    /// 2^127, the first number that is too large.
    const END: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if real.is_nan() {
        None
    } else if real >= END {
        Some(Ordering::Less)
    } else if real < -END {
        Some(Ordering::Greater)
    } else {
        let fraction = 0.0f64.partial_cmp(&real.fract());
        Some(whole.cmp(&(real.trunc() as i128))).map(|order| order.then(fraction.unwrap_or(Ordering::Equal)))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Double(b)) => cmp_whole(a, b),
            (Self::Double(a), Self::Int(b)) => cmp_whole(b, a).map(Ordering::reverse),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(whole) => whole.fmt(f),
            Self::Double(real) => real.fmt(f),
        }
    }
}

/// A text, a number or a truth value.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `error`, and what is written in quotes.
    Text(String),
    /// `5`
    Number(Number),
    /// `true`
    Bool(bool),
}

impl Scalar {
    /// Whether a field says the same: numbers as numbers, all else as it is written. `scratch` is written over.
    pub(crate) fn equals(&self, value: &Value<'_>, scratch: &mut String) -> bool {
        match (self, value) {
            (Self::Number(wanted), value) => {
                Number::of(value).is_some_and(|number| number.partial_cmp(wanted) == Some(Ordering::Equal))
            }
            (Self::Text(wanted), value) => value.text(scratch) == wanted,
            (Self::Bool(wanted), Value::Bool(value)) => value == wanted,
            (Self::Bool(wanted), Value::Text(text)) => *text == if *wanted { "true" } else { "false" },
            (Self::Bool(_), _) => false,
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Scalar {
    fn from(number: i64) -> Self {
        Self::Number(Number::Int(number.into()))
    }
}

struct Reader {
    numbers_only: bool,
}

impl Reader {
    fn scalar<E: Error>(&self, scalar: Scalar, found: Unexpected<'_>) -> Result<Scalar, E> {
        match scalar {
            Scalar::Number(_) => Ok(scalar),
            Scalar::Text(text) if self.numbers_only => match Number::read(&text) {
                // `"${LIMIT}"` is a text until it is expanded.
                Some(number) => Ok(Scalar::Number(number)),
                None => Err(E::invalid_type(found, self)),
            },
            _ if self.numbers_only => Err(E::invalid_type(found, self)),
            _ => Ok(scalar),
        }
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.numbers_only { "a number" } else { "a text, a number or true or false" })
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        self.scalar(Scalar::Bool(value), Unexpected::Bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
        self.visit_i128(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        self.visit_i128(value.into())
    }
    fn visit_i128<E: Error>(self, value: i128) -> Result<Scalar, E> {
        Ok(Scalar::Number(Number::Int(value)))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        if !value.is_finite() {
            return Err(E::invalid_value(Unexpected::Float(value), &"a finite number"));
        }
        Ok(Scalar::Number(Number::Double(value)))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
        self.scalar(Scalar::Text(value.to_owned()), Unexpected::Str(value))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader { numbers_only: false })
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match from.deserialize_any(Reader { numbers_only: true })? {
            Scalar::Number(number) => Ok(number),
            other => Err(D::Error::custom(format_args!("expected a number, found {other:?}"))),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(whole) => match i64::try_from(*whole) {
                Ok(small) => to.serialize_i64(small),
                Err(_) => to.serialize_i128(*whole),
            },
            Self::Double(real) => to.serialize_f64(*real),
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Number(number) => number.serialize(to),
            Self::Bool(value) => to.serialize_bool(*value),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "number".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
    fn inline_schema() -> bool {
        true
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_that_is_a_number_is_one() {
        for (text, number) in [
            ("5", Some(Number::Int(5))),
            (" -7 ", Some(Number::Int(-7))),
            ("0.5", Some(Number::Double(0.5))),
            ("2e3", Some(Number::Double(2000.0))),
            ("nan", None),
            ("-inf", None),
            ("1e999", None),
            ("", None),
            ("5ms", None),
            ("e5", None),
        ] {
            assert_eq!(Number::read(text), number, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let large = (1i128 << 53) + 1;
        let real = Number::Double((1u64 << 53) as f64);
        assert!(Number::Int(large) > real);
        assert!(real < Number::Int(large));
        assert!(Number::Int(i128::MAX) < Number::Double(1e300));
        assert!(Number::Int(i128::MIN) > Number::Double(-1e300));
        assert!(Number::Int(1) < Number::Double(1.5));
        assert!(Number::Int(-1) > Number::Double(-1.5));
        assert_eq!(Number::Int(0).partial_cmp(&Number::Double(f64::NAN)), None);
    }

    proptest! {
        #[test]
        fn small_numbers_compare_as_reals_do(whole in -1000i32..1000, real in -1000.0..1000.0f64) {
            let (a, b) = (Number::Int(whole.into()), Number::Double(real));
            prop_assert_eq!(a.partial_cmp(&b), f64::from(whole).partial_cmp(&real));
            prop_assert_eq!(b.partial_cmp(&a), real.partial_cmp(&f64::from(whole)));
        }
    }
}

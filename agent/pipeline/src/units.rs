//! Durations and sizes as people write them: `1h30m`, `500ms`, `64KiB`, `1MB`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is wrong with a duration or a size, in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Nothing there.
    #[error("empty; write for example `{0}`")]
    Empty(&'static str),
    /// A number without a unit, or the other way round.
    #[error("`{0}` has no unit; write for example `{1}`")]
    NoUnit(String, &'static str),
    /// A unit nobody knows.
    #[error("unknown unit `{0}`; known are {1}")]
    UnknownUnit(String, &'static str),
    /// No number where one should be.
    #[error("`{0}` begins with no number; write for example `{1}`")]
    NotANumber(String, &'static str),
    /// Past what 64 bits hold.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

const DURATION_UNITS: [(&str, u64); 6] = [
    ("ms", 1_000_000),
    ("us", 1_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A duration written as a sequence of whole numbers with units: `500ms`, `15s`, `1h30m`, `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// Whole seconds.
    #[must_use]
    pub const fn secs(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }
    /// Whole milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }
}

/// Splits `1h30m` into `(1, "h")` and `(30, "m")`.
fn terms(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(unit_at);
        let next_at = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(next_at);
        rest = tail;
        Some((number, unit))
    })
}

impl FromStr for HumanDuration {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UnitError::Empty("15s"));
        }
        if text == "0" {
            return Ok(Self::default());
        }
        let mut nanos: u64 = 0;
        for (number, unit) in terms(text) {
            if number.is_empty() {
                return Err(UnitError::NotANumber(text.to_owned(), "15s"));
            }
            if unit.is_empty() {
                return Err(UnitError::NoUnit(text.to_owned(), "15s"));
            }
            let Some((_, scale)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(UnitError::UnknownUnit(unit.to_owned(), "us, ms, s, m, h, d"));
            };
            nanos = number
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(*scale))
                .and_then(|n| nanos.checked_add(n))
                .ok_or_else(|| UnitError::TooLarge(text.to_owned()))?;
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        if nanos < DURATION_UNITS[1].1 {
            return f.write_str("0s");
        }
        for unit in ["d", "h", "m", "s", "ms", "us"] {
            let scale = DURATION_UNITS.iter().find(|(name, _)| *name == unit).map_or(1, |(_, s)| *s);
            if nanos >= scale {
                write!(f, "{}{unit}", nanos / scale)?;
                nanos %= scale;
            }
        }
        Ok(())
    }
}

/// A size in bytes, written with a unit: `64KiB`, `1MiB`, `2GiB`, or in powers of ten `KB`, `MB`, `GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// Kibibytes.
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }
    /// Mebibytes.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
    /// As a length in memory; saturates where addresses are narrower than 64 bits.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UnitError::Empty("1MiB"));
        }
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let unit = unit.trim();
        if number.is_empty() {
            return Err(UnitError::NotANumber(text.to_owned(), "1MiB"));
        }
        if unit.is_empty() && number != "0" {
            return Err(UnitError::NoUnit(text.to_owned(), "1MiB"));
        }
        let scale = match SIZE_UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, scale)) => *scale,
            None if unit.is_empty() => 1,
            None => {
                return Err(UnitError::UnknownUnit(unit.to_owned(), "B, KB, MB, GB, TB, KiB, MiB, GiB, TiB"));
            }
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(scale))
            .map(Self)
            .ok_or_else(|| UnitError::TooLarge(text.to_owned()))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unit in ["TiB", "GiB", "MiB", "KiB"] {
            let scale = SIZE_UNITS.iter().find(|(name, _)| *name == unit).map_or(1, |(_, s)| *s);
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}B", self.0)
    }
}

macro_rules! written_as_text {
    ($type:ident, $name:literal, $pattern:literal, $example:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a ", $name, " such as `", $example, "`"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["string", "integer"], "pattern": $pattern, "maximum": 0, "examples": [$example] })
            }
        }
    };
}

written_as_text!(HumanDuration, "duration", r"^\s*([0-9]+(us|ms|s|m|h|d))+\s*$|^0$|\$\{", "15s");
written_as_text!(ByteSize, "size", r"^\s*[0-9]+\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)\s*$|^0$|\$\{", "1MiB");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_add_up_their_terms() {
        let parse = |t: &str| t.parse::<HumanDuration>().map(|d| d.0);
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(parse("15"), Err(UnitError::NoUnit("15".into(), "15s")));
        assert_eq!(parse("s"), Err(UnitError::NotANumber("s".into(), "15s")));
        assert_eq!(parse("1y"), Err(UnitError::UnknownUnit("y".into(), "us, ms, s, m, h, d")));
        assert_eq!(parse("999999999999d"), Err(UnitError::TooLarge("999999999999d".into())));
    }

    #[test]
    fn what_is_shorter_than_any_unit_is_nothing() {
        let shown = |nanos| HumanDuration(Duration::from_nanos(nanos)).to_string();
        assert_eq!([0, 999, 1_000, 1_001_000].map(shown), ["0s", "0s", "1us", "1ms1us"]);
    }

    #[test]
    fn sizes_know_both_families_of_units() {
        let parse = |t: &str| t.parse::<ByteSize>().map(|s| s.0);
        assert_eq!(parse("64KiB"), Ok(65_536));
        assert_eq!(parse("1MB"), Ok(1_000_000));
        assert_eq!(parse("64"), Err(UnitError::NoUnit("64".into(), "1MiB")));
        assert_eq!(parse("99999999TiB"), Err(UnitError::TooLarge("99999999TiB".into())));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in 0u64..u64::MAX / 1000, size in any::<u64>()) {
            let duration = HumanDuration(Duration::from_micros(micros));
            prop_assert_eq!(duration.to_string().parse::<HumanDuration>().unwrap(), duration);
            prop_assert_eq!(ByteSize(size).to_string().parse::<ByteSize>().unwrap(), ByteSize(size));
        }

        #[test]
        fn any_text_is_refused_or_read_never_a_panic(text in ".{0,20}") {
            let _ = text.parse::<HumanDuration>();
            let _ = text.parse::<ByteSize>();
        }
    }
}

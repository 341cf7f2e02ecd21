//! What a job is called.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// The name of a job: up to 64 ASCII letters, digits, `.`, `_` and `-`. It is a label, a part of a path in a URL and
/// never a part of a path of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobName(Arc<str>);

/// A text that is no name of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a job: up to {LONGEST} letters, digits, `.`, `_` and `-`")]
pub struct NotAName;

impl JobName {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(fits) {
            return Err(NotAName);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for JobName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for JobName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$|\$\{", "examples": ["backup"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["backup", "a", "db.dump_2-x", "..", &"x".repeat(64)] {
            assert_eq!(name.parse::<JobName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in ["", " ", "a b", "a/b", "é", "a%20", "a\n", &"x".repeat(65)] {
            assert_eq!(name.parse::<JobName>(), Err(NotAName), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_a_name_needs_no_escape_anywhere(text in "[ -~]{1,3}|\\PC{0,70}") {
            if let Ok(name) = text.parse::<JobName>() {
                prop_assert_eq!(serde_json::to_string(&name).ok(), Some(format!("\"{text}\"")));
            }
        }
    }
}

//! What serde finds wrong, in words for the person who wrote the file.

use std::fmt;

use serde::de::{Expected, Unexpected};
use vigie_pipeline::check::KeyPath;

/// Whether the key itself is at fault, or its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    Key,
    Value,
}

/// A mistake, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub path: KeyPath,
    pub spot: Spot,
    pub what: String,
    /// The key that is missing at `path`.
    missing: Option<&'static str>,
    /// The key that a misspelt one seems to mean.
    meant: Option<KeyPath>,
}

impl Wrong {
    /// Whether a required key is missing only because its value was left out, or because it is misspelt.
    pub(super) fn is_consequence_of(&self, left_out: &[KeyPath], others: &[Self]) -> bool {
        self.missing.is_some_and(|key| {
            let path = self.path.key(key);
            left_out.contains(&path) || others.iter().any(|other| other.meant.as_ref() == Some(&path))
        })
    }
}

/// A mistake on its way up.
#[derive(Debug)]
pub(super) struct Error {
    /// None until it leaves the node that it is about.
    path: Option<KeyPath>,
    spot: Spot,
    what: String,
    /// What would have been right, for when the value must not be quoted.
    expected: Option<String>,
    missing: Option<&'static str>,
    /// The key that a misspelt one seems to mean.
    meant: Option<String>,
}

impl Error {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { path: None, spot: Spot::Value, what: what.into(), expected: None, missing: None, meant: None }
    }

    pub(super) fn expected(expected: &str, found: &str) -> Self {
        Self {
            expected: Some(expected.to_owned()),
            ..Self::new(format!("expected {expected}, found {found}"))
        }
    }

    pub(super) fn one_of(how: &str, variants: &[&str]) -> Self {
        Self::new(format!("expected {how}: {}", listed(variants)))
    }

    pub(super) fn unknown_key(key: &str, known: &[&str]) -> Self {
        let what = unknown_key(key, known);
        Self { spot: Spot::Key, meant: meant(key, known).map(str::to_owned), ..Self::new(what) }
    }

    /// The key is at fault.
    pub(super) fn at_key(self) -> Self {
        Self { spot: Spot::Key, ..self }
    }

    /// Gives it the place where it came up, unless it came up further down.
    pub(super) fn at(self, path: &KeyPath) -> Self {
        Self { path: self.path.or_else(|| Some(path.clone())), ..self }
    }

    /// Adds what to do about a wrong type.
    pub(super) fn hint(mut self, hint: &str) -> Self {
        if self.expected.is_some() {
            self.what = format!("{} ({hint})", self.what);
        }
        self
    }

    /// The same in words that do not quote the value; `template` is what may be shown instead.
    pub(super) fn without_value(self, template: Option<&str>) -> Self {
        let what = match (&self.expected, template) {
            (Some(expected), Some(template)) => {
                format!("expected {expected}, but `{template}` expands to something else")
            }
            (Some(expected), None) => format!("expected {expected}"),
            (None, Some(template)) => format!("what `{template}` expands to is not accepted here"),
            (None, None) => "this value is not accepted here".to_owned(),
        };
        Self { what, ..self }
    }

    pub(super) fn into_wrong(self) -> Wrong {
        let path = self.path.unwrap_or_default();
        let meant = self.meant.map(|key| {
            let mut path = path.clone();
            path.0.pop();
            path.key(&key)
        });
        Wrong { path, spot: self.spot, what: self.what, missing: self.missing, meant }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(&plain(expected), &found(unexpected))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown_key(field, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let what = format!(
            "unknown value `{variant}`{}; known are {}",
            suggestion(variant, expected),
            listed(expected)
        );
        Self { expected: Some(format!("one of {}", listed(expected))), ..Self::new(what) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("the required key `{field}` is missing")).at_key() }
    }
}

/// What to say of a key that is none of those that are known.
pub(crate) fn unknown_key(key: &str, known: &[&str]) -> String {
    let known_keys = match known {
        [] => "there are no keys here".to_owned(),
        _ => format!("known are {}", listed(known)),
    };
    format!("unknown key{}; {known_keys}", suggestion(key, known))
}

/// ` (did you mean …?)`, if anything known is close enough.
fn suggestion(given: &str, known: &[&str]) -> String {
    meant(given, known).map_or(String::new(), |name| format!(" (did you mean `{name}`?)"))
}

/// What is known that is close enough to be meant.
fn meant<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let normal = |text: &str| text.to_lowercase().replace('-', "_");
    let given = normal(given);
    let close = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&given, &normal(name)), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1.max(name.len().min(given.len()) / 3))
        .map(|(_, name)| name);
    // `warning` for `warn`, `http` for `http/protobuf`.
    let longer = |name: &&&str| {
        name.len().min(given.len()) > 2 && (name.starts_with(&given) || given.starts_with(**name))
    };
    close.or_else(|| known.iter().find(longer).copied())
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What was found, without serde's nouns.
fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::Str(text) if text.chars().count() > 60 => "a long string".to_owned(),
        Unexpected::Str(text) => format!("the string `{text}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Bool(value) => format!("`{value}`"),
        other => other.to_string(),
    }
}

/// What was expected, without Rust's nouns.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "path string" => "a path".to_owned(),
        _ if text.starts_with("struct ") => "a mapping".to_owned(),
        _ if text.starts_with("tuple struct ") => "a value".to_owned(),
        _ => text,
    }
}

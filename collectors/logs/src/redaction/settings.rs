//! `redact:` of a source.

use std::borrow::Cow;
use std::fmt;

use regex::bytes::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as Derived, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::secret::Secret;

use super::rule::{Known, Rule};

/// One entry: the name of a rule, or `{ rule, with, replace }`, or `{ pattern, name, with, replace }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redact(Entry);

/// What is found, and what becomes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Derived, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    /// A known rule.
    rule: Option<Known>,
    /// An expression of one's own.
    pattern: Option<String>,
    /// What the rule of a pattern is called.
    name: Option<String>,
    /// What becomes of what is found.
    with: With,
    /// What stands in the place of what is found, by default the rule's name in `<…>`.
    replace: Option<String>,
}

/// What becomes of what a rule finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Derived, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum With {
    /// A text stands in its place.
    #[default]
    Replace,
    /// A text stands in its place that is the same for the same secret: `<email:4f2a…>`, by `redact_key`.
    Hash,
    /// The attribute goes. In a text, and in the body, the rule's name stands in its place.
    Drop,
}

/// What a pattern is called that has no name.
const UNNAMED: &str = "pattern";

impl Redact {
    pub(super) const fn rule(&self) -> Option<Known> {
        self.0.rule
    }

    pub(super) fn pattern(&self) -> Option<&str> {
        self.0.pattern.as_deref()
    }

    /// Of a pattern.
    pub(super) fn name(&self) -> &str {
        self.0.name.as_deref().unwrap_or(UNNAMED)
    }

    pub(super) const fn with(&self) -> With {
        self.0.with
    }

    pub(super) fn replacement(&self) -> Option<&str> {
        self.0.replace.as_deref()
    }
}

/// Reports what is wrong with the entries at `at`, and whether they ask for a key that is not there.
pub(crate) fn check(entries: &[Redact], key: &Secret, at: &Place<'_>) {
    let here = at.key("redact");
    let mut seen: Vec<(bool, &str)> = Vec::new();
    for (mut at, entry) in here.each(entries) {
        entry.check(&mut at);
        if entry.0.with == With::Hash && key.reveal().is_empty() {
            at.key("with").wrong("a hash needs a key; set redact_key beside redact");
        }
        let name = match (entry.0.rule, entry.pattern()) {
            (Some(rule), _) => (true, rule.as_str()),
            (None, Some(_)) => (false, entry.name()),
            (None, None) => continue,
        };
        if seen.contains(&name) {
            let key = if name.0 { "this rule" } else { "a pattern of this name" };
            at.wrong(format_args!("{key} was given before"));
        }
        seen.push(name);
    }
    if entries.len() > MOST {
        here.wrong(format_args!("at most {MOST} entries"));
    }
}

/// So many entries are possible.
const MOST: usize = 128;

impl Check for Redact {
    fn check(&self, at: &mut Place<'_>) {
        let Entry { rule, pattern, name, with, replace } = &self.0;
        match (rule, pattern) {
            (None, None) => at.wrong("one of rule and pattern is required"),
            (Some(_), Some(_)) => at.wrong("only one of rule and pattern may be given"),
            _ => {}
        }
        if let Some(pattern) = pattern
            && let Some(regex) = at.key("pattern").ok(Regex::new(pattern))
            && regex.is_match(b"")
        {
            at.key("pattern").wrong("matches nothing at all: every place of a line has that");
        }
        if let Some(name) = name {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if rule.is_some() {
                at.key("name").wrong("only a pattern is given a name");
            } else if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
                at.key("name").wrong("not a name: up to 64 small letters, digits and `_`");
            } else if Rule::ALL.iter().any(|rule| rule.as_str() == name) {
                at.key("name").wrong(format_args!("`{name}` is the name of a known rule"));
            }
        }
        if replace.is_some() && *with != With::Replace {
            at.key("replace").wrong("only of use with `with: replace`");
        }
    }
}

impl<'de> Deserialize<'de> for Redact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Redact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a rule or a mapping")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Redact, E> {
                let name = Known::deserialize(StrDeserializer::new(name))?;
                Ok(Redact(Entry { rule: Some(name), ..Entry::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Redact, A::Error> {
                Entry::deserialize(MapAccessDeserializer::new(map)).map(Redact)
            }
        }
        from.deserialize_any(Either)
    }
}

impl JsonSchema for Redact {
    fn schema_name() -> Cow<'static, str> {
        "Redact".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<Known>(), generator.subschema_for::<Entry>()] })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn entry(json: &str) -> Redact {
        serde_json::from_str(json).unwrap()
    }

    fn told(entries: &[&str], key: &str) -> Vec<String> {
        struct Both(Vec<Redact>, Secret);
        impl Check for Both {
            fn check(&self, at: &mut Place<'_>) {
                check(&self.0, &self.1, at);
            }
        }
        let entries = entries.iter().map(|json| entry(json)).collect();
        let found = problems(KeyPath::default(), &Both(entries, Secret::new(key)));
        found.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
    }

    #[test]
    fn an_entry_is_a_name_or_a_mapping() {
        assert_eq!(entry("\"all\"").rule(), Some(Known::All));
        assert_eq!(entry("\"credit_card\""), entry(r#"{"rule":"credit_card"}"#));
        assert_eq!(entry(r#"{"rule":"email","with":"hash"}"#).with(), With::Hash);
        let own = entry(r#"{"pattern":"ORD-\\d+","name":"order","replace":"?"}"#);
        assert_eq!(
            (own.rule(), own.pattern(), own.name(), own.replacement()),
            (None, Some("ORD-\\d+"), "order", Some("?"))
        );
        for wrong in
            ["\"emial\"", "3", r#"{"rule":"x"}"#, r#"{"rules":"email"}"#, r#"{"rule":"ip","with":"care"}"#]
        {
            assert!(serde_json::from_str::<Redact>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        assert_eq!(
            told(&["\"all\"", r#"{"rule":"email","with":"hash"}"#, r#"{"pattern":"x"}"#], "k"),
            [""; 0]
        );
        for (entries, wrong) in [
            (&["{}"][..], "redact[0]: one of rule and pattern is required"),
            (&[r#"{"rule":"ip","pattern":"x"}"#], "redact[0]: only one of rule and pattern may be given"),
            (&[r#"{"pattern":"("}"#], "redact[0].pattern: unclosed group"),
            (
                &[r#"{"pattern":"x*"}"#],
                "redact[0].pattern: matches nothing at all: every place of a line has that",
            ),
            (
                &[r#"{"pattern":"x","name":"A b"}"#],
                "redact[0].name: not a name: up to 64 small letters, digits and `_`",
            ),
            (&[r#"{"pattern":"x","name":"jwt"}"#], "redact[0].name: `jwt` is the name of a known rule"),
            (&[r#"{"rule":"ip","name":"x"}"#], "redact[0].name: only a pattern is given a name"),
            (
                &[r#"{"rule":"ip","with":"drop","replace":"x"}"#],
                "redact[0].replace: only of use with `with: replace`",
            ),
            (
                &[r#"{"rule":"ip","with":"hash"}"#],
                "redact[0].with: a hash needs a key; set redact_key beside redact",
            ),
            (&["\"ip\"", "\"ip\""], "redact[1]: this rule was given before"),
            (
                &[r#"{"pattern":"x"}"#, r#"{"pattern":"y"}"#],
                "redact[1]: a pattern of this name was given before",
            ),
        ] {
            assert_eq!(told(entries, ""), [wrong]);
        }
    }
}

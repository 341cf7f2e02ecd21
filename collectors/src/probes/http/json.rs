//! Rules about a body that is JSON.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vigie_pipeline::budget::Share;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::Error;

use super::json_path::JsonPath;
use crate::probes::failure::{Failure, Phase, Reason};

/// A value takes up to so many times the memory of its text: `[0,0,…`.
const GROWTH: usize = 17;

/// One value of the body, and what is to be said of it. What is not given is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JsonRule {
    /// (required) Where it is: `$.status`, `$.checks[0].name`, `$['a key'][-1]`.
    pub path: String,
    /// Whether it is there at all, `null` or not; without this it has to be there.
    pub exists: Option<bool>,
    /// It is this: a text, a number, a truth or `null`, or anything that is made of them.
    pub equals: Option<Value>,
    /// This regular expression matches it; of what is no text, as JSON writes it.
    pub matches: Option<String>,
    /// It is a number, and at least this.
    pub min: Option<f64>,
    /// It is a number, and at most this.
    pub max: Option<f64>,
}

impl Check for JsonRule {
    fn check(&self, at: &mut Place<'_>) {
        if self.path.is_empty() {
            at.key("path").wrong("required");
        } else {
            at.key("path").ok(JsonPath::parse(&self.path));
        }
        if let Some(pattern) = &self.matches {
            at.key("matches").ok(Regex::new(pattern));
        }
        for (key, bound) in [("min", self.min), ("max", self.max)] {
            if bound.is_some_and(|bound| !bound.is_finite()) {
                at.key(key).wrong("not a number");
            }
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            at.key("max").wrong("less than min");
        }
        let more =
            self.equals.is_some() || self.matches.is_some() || self.min.is_some() || self.max.is_some();
        if self.exists == Some(false) && more {
            at.key("exists").wrong("what is not there cannot be anything");
        }
    }
}

/// The same, compiled.
#[derive(Debug)]
pub(super) struct Rule {
    text: String,
    path: JsonPath,
    exists: bool,
    equals: Option<Value>,
    matches: Option<Regex>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Rule {
    pub(super) fn new(config: &JsonRule) -> Result<Self, Error> {
        Ok(Self {
            text: config.path.clone(),
            path: JsonPath::parse(&config.path)?,
            exists: config.exists.unwrap_or(true),
            equals: config.equals.clone(),
            matches: config.matches.as_deref().map(Regex::new).transpose()?,
            min: config.min,
            max: config.max,
        })
    }

    /// Judges the body. What is said never quotes it.
    pub(super) fn judge(&self, body: &Value) -> Result<(), Failure> {
        let fail = |what: &dyn std::fmt::Display| {
            let detail = format!("{} {what}", self.text);
            Err(Failure::new(Reason::JsonMismatch, Phase::Transfer, detail))
        };
        let value = match (self.path.find(body), self.exists) {
            (None, true) => return fail(&"is not there"),
            (None, false) => return Ok(()),
            (Some(_), false) => return fail(&"is there"),
            (Some(value), true) => value,
        };
        if let Some(wanted) = &self.equals
            && !same(value, wanted)
        {
            return fail(&format_args!("is not {wanted}"));
        }
        if let Some(regex) = &self.matches {
            let matches = match value {
                Value::String(text) => regex.is_match(text),
                other => regex.is_match(&other.to_string()),
            };
            if !matches {
                return fail(&format_args!("does not match `{regex}`"));
            }
        }
        if self.min.is_none() && self.max.is_none() {
            return Ok(());
        }
        match value.as_f64() {
            None => fail(&"is not a number"),
            Some(number) if self.min.is_some_and(|min| number < min) => {
                fail(&format_args!("is less than {}", self.min.unwrap_or_default()))
            }
            Some(number) if self.max.is_some_and(|max| number > max) => {
                fail(&format_args!("is more than {}", self.max.unwrap_or_default()))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Numbers are the same if they are worth the same.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one_f), Some(other_f)) => one == other || one_f == other_f,
        _ => one == other,
    }
}

/// A body as JSON, if it is some. The memory for it is taken from `memory` while it is read.
pub(in crate::probes) fn parse<T>(
    body: &[u8],
    memory: &Share,
    read: impl FnOnce(&Value) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let _room = memory.try_reserve(body.len().saturating_mul(GROWTH)).ok_or_else(|| {
        Failure::new(Reason::BodyTooLarge, Phase::Transfer, "no memory left to read it as JSON")
    })?;
    let value = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("the body is not JSON at line {line}, column {column}");
        Failure::new(Reason::BodyNotJson, Phase::Transfer, detail)
    })?;
    read(&value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn judged(rule: JsonRule, body: &Value) -> Result<(), String> {
        let rule = JsonRule { path: "$.x".into(), ..rule };
        Rule::new(&rule).unwrap().judge(body).map_err(|failure| failure.detail)
    }

    #[test]
    fn all_that_is_said_has_to_be_so() {
        let rule = JsonRule { min: Some(1.0), max: Some(7.0), ..JsonRule::default() };
        assert_eq!(judged(rule.clone(), &json!({"x": 7})), Ok(()));
        assert_eq!(judged(rule.clone(), &json!({"x": 7.5})), Err("$.x is more than 7".into()));
        assert_eq!(judged(rule.clone(), &json!({"x": -1})), Err("$.x is less than 1".into()));
        assert_eq!(judged(rule.clone(), &json!({"x": "3"})), Err("$.x is not a number".into()));
        assert_eq!(judged(rule, &json!({})), Err("$.x is not there".into()));
    }

    #[test]
    fn what_is_there_may_be_null_and_what_should_not_be_may_not_be_there() {
        assert_eq!(judged(JsonRule::default(), &json!({"x": null})), Ok(()));
        let rule = JsonRule { exists: Some(false), ..JsonRule::default() };
        assert_eq!(judged(rule.clone(), &json!({"y": 1})), Ok(()));
        assert_eq!(judged(rule, &json!({"x": 1})), Err("$.x is there".into()));
    }

    #[test]
    fn numbers_are_compared_by_worth_and_texts_searched() {
        let equals = |value| JsonRule { equals: Some(value), ..JsonRule::default() };
        assert_eq!(judged(equals(json!(1)), &json!({"x": 1.0})), Ok(()));
        assert_eq!(judged(equals(json!({"a": [1]})), &json!({"x": {"a": [1]}})), Ok(()));
        assert_eq!(judged(equals(json!("ok")), &json!({"x": "OK"})), Err("$.x is not \"ok\"".into()));
        let matches = |regex: &str| JsonRule { matches: Some(regex.into()), ..JsonRule::default() };
        assert_eq!(judged(matches("^1\\."), &json!({"x": "1.2"})), Ok(()));
        assert_eq!(judged(matches("^true$"), &json!({"x": true})), Ok(()));
        assert!(judged(matches("z"), &json!({"x": "1.2"})).is_err());
    }
}

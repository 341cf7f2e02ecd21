//! Where in a JSON text: a subset of JSONPath (RFC 9535) that names at most one value.
//!
//! `$` is the whole, `.key`, `['key']` and `["key"]` a member, `[0]` an element, `[-1]` the last one. Keys in quotes
//! may hold anything; a backslash takes the next character as it is.

use serde_json::Value;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probes) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(i64),
}

/// Why a text is no such path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::probes) enum JsonPathError {
    #[error("a path begins with `$`, for example `$.checks[0].name`")]
    Root,
    #[error("an empty key")]
    Empty,
    #[error("`[` needs a number, or a key in quotes, and `]`")]
    Bracket,
    #[error("expected `.key` or `[0]`")]
    Step,
}

impl JsonPath {
    pub(in crate::probes) fn parse(text: &str) -> Result<Self, JsonPathError> {
        let mut rest = text.trim().strip_prefix('$').ok_or(JsonPathError::Root)?;
        let mut steps = Vec::new();
        while let Some(first) = rest.chars().next() {
            let (step, after) = match first {
                '.' => key(&rest[1..])?,
                '[' => bracket(&rest[1..])?,
                _ => return Err(JsonPathError::Step),
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    /// The value that is there.
    pub(in crate::probes) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => {
                let elements = value.as_array()?;
                let at = match usize::try_from(*index) {
                    Ok(at) => at,
                    Err(_) => elements.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
                };
                elements.get(at)
            }
        })
    }
}

fn key(rest: &str) -> Result<(Step, &str), JsonPathError> {
    let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
    match &rest[..end] {
        "" => Err(JsonPathError::Empty),
        "*" => Err(JsonPathError::Step),
        key => Ok((Step::Key(key.to_owned()), &rest[end..])),
    }
}

fn bracket(rest: &str) -> Result<(Step, &str), JsonPathError> {
    let quote = rest.chars().next().ok_or(JsonPathError::Bracket)?;
    if !matches!(quote, '\'' | '"') {
        let (index, after) = rest.split_once(']').ok_or(JsonPathError::Bracket)?;
        let index = index.trim().parse().map_err(|_| JsonPathError::Bracket)?;
        return Ok((Step::Index(index), after));
    }
    let mut key = String::new();
    let mut chars = rest[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => key.push(chars.next().ok_or(JsonPathError::Bracket)?.1),
            c if c == quote => {
                let after = rest[1 + at + 1..].strip_prefix(']').ok_or(JsonPathError::Bracket)?;
                return Ok((Step::Key(key), after));
            }
            c => key.push(c),
        }
    }
    Err(JsonPathError::Bracket)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_one_value() {
        let value = json!({"a": {"b c": [1, {"it's": true}]}, "": 0});
        let at = |path| JsonPath::parse(path).unwrap().find(&value).cloned();
        assert_eq!(at("$"), Some(value.clone()));
        assert_eq!(at("$.a['b c'][0]"), Some(json!(1)));
        assert_eq!(at(r#"$["a"]["b c"][-1]['it\'s']"#), Some(json!(true)));
        assert_eq!(at("$['']"), Some(json!(0)));
        for nowhere in ["$.b", "$.a.x", "$.a['b c'][2]", "$.a['b c'][-3]", "$.a[0]", "$['a'].b"] {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_reason() {
        for (text, error) in [
            ("a.b", JsonPathError::Root),
            ("$.", JsonPathError::Empty),
            ("$a", JsonPathError::Step),
            ("$.*", JsonPathError::Step),
            ("$[*]", JsonPathError::Bracket),
            ("$[x]", JsonPathError::Bracket),
            ("$['x'", JsonPathError::Bracket),
            ("$['x", JsonPathError::Bracket),
            ("$[", JsonPathError::Bracket),
        ] {
            assert_eq!(JsonPath::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_an_error(text in "\\$?[.\\['\"\\\\a-z0-9\\]é-]{0,30}|\\PC{0,30}") {
            if let Ok(path) = JsonPath::parse(&text) {
                let _ = path.find(&json!({"a": [1, {"b": 2}]}));
            }
        }

        #[test]
        fn a_quoted_key_is_found_whatever_it_is(key in "\\PC{0,20}") {
            let quoted = key.replace('\\', "\\\\").replace('\'', "\\'");
            let path = JsonPath::parse(&format!("$['{quoted}']")).unwrap();
            let value = json!({key: 1});
            prop_assert_eq!(path.find(&value), Some(&json!(1)));
        }
    }
}

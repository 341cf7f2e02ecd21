//! Texts with places for values: `Bearer {{token}}`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use vigie_pipeline::check::Place;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The name of a value.
    Value(String),
}

/// How a value is written where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// As it is.
    None,
    /// For a URL or a form.
    Url,
    /// Within the quotes of a JSON text.
    Json,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("`{{{{` needs the name of a value and `}}}}`")]
    Open,
    #[error("`{0}` is not the name of a value: letters, digits and _")]
    Name(String),
    #[error("a value cannot be a part of the host")]
    Host,
}

/// Whether values may be called so.
pub(super) fn check_name(name: &str) -> Result<(), TemplateError> {
    let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good { Ok(()) } else { Err(TemplateError::Name(name.to_owned())) }
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Open)?;
            let name = name.trim();
            check_name(name)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Value(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Whether there is any place for a value in it.
    pub(super) fn has_values(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Value(_)))
    }

    /// Reports the values that are not known.
    pub(super) fn check(&self, at: &Place<'_>, known: &BTreeSet<&str>) {
        for part in &self.0 {
            if let Part::Value(name) = part
                && !known.contains(name.as_str())
            {
                at.wrong(format_args!("no step before this one extracts `{name}`"));
            }
        }
    }

    /// Of a URL: whether its host is the configuration's alone.
    pub(super) fn check_host(&self) -> Result<(), TemplateError> {
        let Some(Part::Text(first)) = self.0.first() else { return Ok(()) };
        let authority = match first.split_once("://") {
            Some((_, rest)) => rest,
            None => match first.strip_prefix("//") {
                Some(rest) => rest,
                None => return Ok(()),
            },
        };
        let whole = authority.contains(['/', '?', '#']) || self.0.len() == 1;
        if whole { Ok(()) } else { Err(TemplateError::Host) }
    }

    /// The text with the values in their places; one that is not there is left out.
    pub(super) fn render(&self, values: &BTreeMap<String, String>, escape: Escape) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(name) => {
                    let value = values.get(name).map_or("", String::as_str);
                    match escape {
                        Escape::None => text.push_str(value),
                        Escape::Url => percent_encode(value, &mut text),
                        Escape::Json => {
                            let quoted = serde_json::Value::from(value).to_string();
                            text.push_str(&quoted[1..quoted.len() - 1]);
                        }
                    }
                }
            }
        }
        text
    }
}

/// All but what RFC 3986, 2.3, calls unreserved.
fn percent_encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn render(text: &str, value: &str, escape: Escape) -> String {
        let values = BTreeMap::from([("x".to_owned(), value.to_owned())]);
        Template::parse(text).unwrap().render(&values, escape)
    }

    #[test]
    fn a_value_is_escaped_for_the_place_it_goes_to() {
        assert_eq!(render("Bearer {{x}}", "a/b", Escape::None), "Bearer a/b");
        assert_eq!(
            render("/{{ x }}?q={{x}}", "a/b &é", Escape::Url),
            "/a%2Fb%20%26%C3%A9?q=a%2Fb%20%26%C3%A9"
        );
        assert_eq!(render(r#"{"t":"{{x}}"}"#, "a\"b\n", Escape::Json), r#"{"t":"a\"b\n"}"#);
        assert_eq!(render("{{y}}.", "a", Escape::None), ".");
        assert_eq!(render(r#"{"a": {"b": 1}}"#, "", Escape::None), r#"{"a": {"b": 1}}"#);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        assert_eq!(Template::parse("{{x"), Err(TemplateError::Open));
        assert_eq!(Template::parse("{{a b}}"), Err(TemplateError::Name("a b".into())));
        assert_eq!(Template::parse("{{}}"), Err(TemplateError::Name(String::new())));
    }

    #[test]
    fn no_value_becomes_a_host() {
        let host = |text: &str| Template::parse(text).unwrap().check_host();
        for good in ["http://a/{{x}}", "http://a?{{x}}", "/{{x}}", "{{x}}", "http://a", "//a/{{x}}", "x{{x}}"]
        {
            assert_eq!(host(good), Ok(()), "{good}");
        }
        for bad in ["http://{{x}}/", "http://a.{{x}}/y", "http://a:{{x}}", "//{{x}}"] {
            assert_eq!(host(bad), Err(TemplateError::Host), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_for_json_means_itself(value in "\\PC{0,30}|[\"\\\\\n\u{1}]{0,5}") {
            let text = render(r#""{{x}}""#, &value, Escape::Json);
            prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        }

        #[test]
        fn any_text_is_a_template_or_an_error(text in "[{}x ]{0,12}|\\PC{0,30}") {
            if let Ok(template) = Template::parse(&text) && !template.has_values() {
                prop_assert_eq!(template.render(&BTreeMap::new(), Escape::Url), text);
            }
        }
    }
}

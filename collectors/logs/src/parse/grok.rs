//! Expressions made of named patterns, as Logstash has them: `%{IP:client} %{NUMBER:bytes:int} %{GREEDYDATA:message}`.
//!
//! `%{PATTERN}` is a pattern of the library ([`library`]), `%{PATTERN:field}` makes it a field, and with a type behind
//! it (`int`, `long`, `float`, `double`, `string`) that is what the field is; by default it is text. All else is an
//! expression, and its named groups are fields as well. What did not match, or matched nothing, is no field. Patterns
//! of one's own stand before the expression, each in a line: `NAME expression`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::regex::{As, Fit, Group, compiled};

mod library;

/// How deeply patterns may be made of others.
const DEEPEST: usize = 32;

/// How long an expression may become.
const LONGEST: usize = 256 << 10;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum GrokError {
    #[error("unknown pattern `{0}`")]
    Unknown(String),
    #[error("unknown type `{0}`; known are int, long, float, double, string")]
    Type(String),
    #[error("unclosed `%{{`")]
    Unclosed,
    #[error("the pattern `{0}` is made of itself, or too deeply of others")]
    TooDeep(String),
    #[error("it becomes longer than {LONGEST} bytes")]
    TooLong,
    #[error("`{0}` is no definition: write `NAME expression`, and what is matched as the last line")]
    Definition(String),
    #[error("nothing has a name: `%{{IP:client}}` makes a field")]
    NoField,
    #[error("{0}")]
    Regex(#[from] regex::Error),
}

/// Compiles an expression, with the definitions before it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn fit(text: &str) -> Result<Fit, GrokError> {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let expression = lines.pop().unwrap_or_default();
    let mut expansion = Expansion { own: BTreeMap::new(), fields: Vec::new(), out: String::new() };
    for line in lines {
        let definition = line.trim_start().split_once(' ').filter(|(name, _)| is_name(name));
        let (name, pattern) = definition.ok_or_else(|| GrokError::Definition(line.trim().to_owned()))?;
        expansion.own.insert(name, pattern.trim_start());
    }
    expansion.expand(expression, 0)?;
    let regex = compiled(&expansion.out)?;
    let groups = regex.capture_names().enumerate().filter_map(|(number, name)| {
        let name = name?;
        let ours =
            name.strip_prefix(PREFIX).and_then(|number| expansion.fields.get(number.parse::<usize>().ok()?));
        let (name, becomes) = ours.cloned().unwrap_or_else(|| (name.to_owned(), As::Text));
        Some(Group { number, name, becomes })
    });
    let groups: Vec<Group> = groups.collect();
    if groups.is_empty() {
        Err(GrokError::NoField)
    } else {
        Ok(Fit::with_groups(regex, groups).without_empty())
    }
}

/// Of the names of groups that are made here. Those of the user's fields may have characters that no group can have,
/// and may come twice.
const PREFIX: &str = "grok__";

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

struct Expansion<'t> {
    own: BTreeMap<&'t str, &'t str>,
    /// By the number behind [`PREFIX`].
    fields: Vec<(String, As)>,
    out: String,
}

impl Expansion<'_> {
    /// Appends `text` with its patterns as what they stand for.
    fn expand(&mut self, text: &str, depth: usize) -> Result<(), GrokError> {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("%{") {
            let (reference, behind) = behind.split_once('}').ok_or(GrokError::Unclosed)?;
            self.out.push_str(before);
            self.reference(reference, depth)?;
            rest = behind;
            if self.out.len() > LONGEST {
                return Err(GrokError::TooLong);
            }
        }
        self.out.push_str(rest);
        Ok(())
    }

    /// `NAME`, `NAME:field` or `NAME:field:type`.
    fn reference(&mut self, reference: &str, depth: usize) -> Result<(), GrokError> {
        let mut parts = reference.splitn(3, ':').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let pattern = self.own.get(name).copied().or_else(|| library::pattern(name));
        let pattern = pattern.ok_or_else(|| GrokError::Unknown(name.to_owned()))?;
        if depth >= DEEPEST {
            return Err(GrokError::TooDeep(name.to_owned()));
        }
        match parts.next().filter(|field| !field.is_empty()) {
            None => self.out.push_str("(?:"),
            Some(field) => {
                let becomes = match parts.next() {
                    None | Some("string") => As::Text,
                    Some("int" | "long") => As::Int,
                    Some("float" | "double") => As::Double,
                    Some(other) => return Err(GrokError::Type(other.to_owned())),
                };
                // To write to a text cannot fail.
                let _ = write!(self.out, "(?P<{PREFIX}{}>", self.fields.len());
                self.fields.push((dotted(field), becomes));
            }
        }
        let pattern = pattern.to_owned();
        self.expand(&pattern, depth + 1)?;
        self.out.push(')');
        Ok(())
    }
}

/// `[http][request][method]` is a field of nested objects: `http.request.method`.
fn dotted(field: &str) -> String {
    match field.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.replace("][", "."),
        None => field.to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! `${VAR}`, `${VAR:-default}` and `${file:/run/secrets/x}` inside the strings of a configuration.
//!
//! Only string values are expanded, after the text was parsed: what a variable holds stays a value, whatever
//! quotes, colons or newlines are in it. A `$` that no `{` follows is itself, so regexes need no care; `$$` is one `$`.
//! Defaults and file names are expanded too: `${file:${CREDENTIALS_DIRECTORY}/token}`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use vigie_pipeline::check::{KeyPath, Step};

use crate::source::{content_hash, read_bounded};
use crate::tree::{Node, Text, Value};

/// The largest file that a `${file:…}` reads.
const MAX_SECRET: u64 = 64 << 10;

/// How deep `${…}` may stand in `${…}`.
const MAX_DEPTH: usize = 8;

/// The variables of a process. `Debug` shows their names only: values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process. One that is not Unicode counts as unset.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect()
    }

    /// The value of one, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// Expands strings, and remembers what it read to do so.
pub(crate) struct Expander<'v> {
    variables: &'v Variables,
    /// Where relative files start.
    directory: PathBuf,
    /// The files that were read, with the hash of their contents.
    pub files: Vec<(PathBuf, u64)>,
    /// What could not be expanded.
    pub wrong: Vec<(KeyPath, String)>,
}

impl<'v> Expander<'v> {
    pub(crate) fn new(variables: &'v Variables, directory: &Path) -> Self {
        Self { variables, directory: directory.to_owned(), files: Vec::new(), wrong: Vec::new() }
    }

    /// Expands every string at and below `node`, which stands at `path`.
    pub(crate) fn tree(&mut self, node: &mut Node, path: &mut KeyPath) {
        match &mut node.value {
            Value::Text(text) => self.leaf(text, path),
            Value::List(elements) => {
                for (i, element) in elements.iter_mut().enumerate() {
                    path.0.push(Step::Index(i));
                    self.tree(element, path);
                    path.0.pop();
                }
            }
            Value::Map(members) => {
                for (key, member) in members {
                    path.0.push(Step::Key(key.clone()));
                    self.tree(member, path);
                    path.0.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
        }
    }

    fn leaf(&mut self, text: &mut Text, path: &KeyPath) {
        if !text.value.contains('$') {
            return;
        }
        match self.text(&text.value) {
            Ok(Expanded { value, substituted }) => {
                let template = std::mem::replace(&mut text.value, value);
                text.template = substituted.then_some(template);
            }
            Err(what) => self.wrong.push((path.clone(), what)),
        }
    }

    fn text(&mut self, template: &str) -> Result<Expanded, String> {
        let mut rest = template;
        let mut expanded = Expanded::default();
        self.until(&mut rest, false, 0, &mut expanded)?;
        Ok(expanded)
    }

    /// Expands up to the end, or to the `}` that closes what contains this.
    fn until(
        &mut self,
        rest: &mut &str,
        closed: bool,
        depth: usize,
        to: &mut Expanded,
    ) -> Result<(), String> {
        loop {
            let end = rest.find(if closed { &['$', '}'][..] } else { &['$'][..] });
            let Some(end) = end else {
                if closed {
                    return Err("`${` is never closed; write `$${` for the characters themselves".to_owned());
                }
                to.value.push_str(rest);
                *rest = "";
                return Ok(());
            };
            to.value.push_str(&rest[..end]);
            let tail = &rest[end..];
            if let Some(tail) = tail.strip_prefix("$$") {
                to.value.push('$');
                *rest = tail;
            } else if let Some(tail) = tail.strip_prefix("${") {
                if depth == MAX_DEPTH {
                    return Err(format!("more than {MAX_DEPTH} `${{` inside each other"));
                }
                *rest = tail;
                to.substituted = true;
                let value = self.reference(rest, depth + 1)?;
                to.value.push_str(&value);
            } else if let Some(tail) = tail.strip_prefix('}') {
                *rest = tail;
                return Ok(());
            } else {
                to.value.push('$');
                *rest = &tail[1..];
            }
        }
    }

    /// What stands behind `${`, up to and with its `}`.
    fn reference(&mut self, rest: &mut &str, depth: usize) -> Result<String, String> {
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, tail) = rest.split_at(name_end);
        if let Some(tail) = tail.strip_prefix(':').filter(|_| name == "file") {
            *rest = tail;
            let path = self.inner(rest, depth)?;
            return self.file(&path);
        }
        if name == "env" && tail.starts_with(':') {
            return Err("`${env:NAME}` is not known (did you mean `${NAME}`?)".to_owned());
        }
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(
                "what follows `${` is not the name of a variable; write `$${` for the characters themselves"
                    .into(),
            );
        }
        let default = match tail.as_bytes() {
            [b'}', ..] => {
                *rest = &tail[1..];
                None
            }
            [b':', b'-', ..] => {
                *rest = &tail[2..];
                Some(self.inner(rest, depth)?)
            }
            [] => return Err("`${` is never closed; write `$${` for the characters themselves".to_owned()),
            _ => return Err(format!("`${{{name}` must go on with `}}` or `:-default}}`")),
        };
        match (self.variables.get(name), default) {
            (None, None) => Err(format!(
                "the environment variable {name} is not set, and there is no default (`${{{name}:-…}}`)"
            )),
            (Some(""), Some(default)) | (None, Some(default)) => Ok(default),
            (Some(value), _) => Ok(value.to_owned()),
        }
    }

    fn inner(&mut self, rest: &mut &str, depth: usize) -> Result<String, String> {
        let mut expanded = Expanded::default();
        self.until(rest, true, depth, &mut expanded)?;
        Ok(expanded.value)
    }

    /// The contents of a file without the newline at its end.
    fn file(&mut self, path: &str) -> Result<String, String> {
        let path = self.directory.join(path);
        let what = |error: &str| format!("open {}: {error}", path.display());
        let bytes = read_bounded(&path, MAX_SECRET).map_err(|error| what(&error))?;
        self.files.push((path.clone(), content_hash(&bytes)));
        let mut text = String::from_utf8(bytes).map_err(|_| what("not UTF-8"))?;
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
        Ok(text)
    }
}

#[derive(Default)]
struct Expanded {
    value: String,
    /// Whether anything was put in place of a `${…}`.
    substituted: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn expand(template: &str) -> Result<String, String> {
        let variables = Variables::from_iter([("A", "1"), ("EMPTY", ""), ("TRICK", "${A}: $$ {}\n- x")]);
        Expander::new(&variables, Path::new("/nowhere")).text(template).map(|expanded| expanded.value)
    }

    #[test]
    fn variables_and_defaults_are_expanded() {
        assert_eq!(expand("x${A}y${A}").unwrap(), "x1y1");
        assert_eq!(expand("${B:-b c}").unwrap(), "b c");
        assert_eq!(expand("${EMPTY:-b}${EMPTY}").unwrap(), "b");
        assert_eq!(expand("${B:-${C:-${A}}}").unwrap(), "1");
        assert_eq!(expand("${B:-}").unwrap(), "");
    }

    #[test]
    fn other_dollars_stand_for_themselves() {
        for plain in ["^5$", "$1 $A", "a}b{", "(a|b)$|^c"] {
            assert_eq!(expand(plain).unwrap(), plain);
        }
        assert_eq!(expand("$${A} $$").unwrap(), "${A} $");
    }

    #[test]
    fn what_a_variable_holds_is_not_expanded_again() {
        assert_eq!(expand("${TRICK}").unwrap(), "${A}: $$ {}\n- x");
    }

    #[test]
    fn what_cannot_be_expanded_is_said() {
        assert!(expand("${B}").unwrap_err().contains("B is not set"));
        assert!(expand("${env:A}").unwrap_err().contains("did you mean `${NAME}`?"));
        assert!(expand("a${A").unwrap_err().contains("never closed"));
        assert!(expand("${A:-").unwrap_err().contains("never closed"));
        assert!(expand("${1}").unwrap_err().contains("not the name"));
        assert!(expand("${A-x}").unwrap_err().contains("must go on"));
        assert!(expand(&"${X:-".repeat(1000)).unwrap_err().contains("inside each other"));
        assert_eq!(expand("${file:x}").unwrap_err(), "open /nowhere/x: no such file or directory");
    }

    #[test]
    fn a_file_is_taken_without_its_last_newline() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "s3cr3t \n").unwrap();
        let variables = Variables::from_iter([("DIR", dir.path().to_str().unwrap())]);
        let mut expander = Expander::new(&variables, dir.path());
        assert_eq!(expander.text("Bearer ${file:token}").unwrap().value, "Bearer s3cr3t ");
        assert_eq!(expander.text("${file:${DIR}/token}").unwrap().value, "s3cr3t ");
        assert_eq!(expander.files[0], (dir.path().join("token"), content_hash(b"s3cr3t \n")));
    }

    proptest! {
        #[test]
        fn no_template_makes_it_panic(template in r"[$\{\}:a-z_\-é]{0,40}") {
            let _ = expand(&template);
        }
    }
}

//! The way from files, environment and flags to one checked value.
//!
//! ```text
//! text ─parse─► tree ─expand─► tree ─merge─► one tree ◄─ environment, flags
//!                                               │
//!                                               └─decode─► types ─check─► a configuration
//! ```
//!
//! Each stage reports all that it finds; the next one starts only if that is nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use vigie_pipeline::check::{self, Check, KeyPath};

use crate::decode::{MAX_MISTAKES, Spot, Wrong, decode};
use crate::expand::{Expander, Variables};
use crate::merge::{Conflict, merge};
use crate::mistake::{Mistake, Mistakes};
use crate::position;
use crate::source::{MAX_FILE, Source, content_hash, read_bounded};
use crate::tree::{self, Node, Value};

/// What is known so far.
pub(crate) struct Layers<'v> {
    variables: &'v Variables,
    sources: Vec<Source>,
    root: Node,
    /// Every file that was read, with the hash of its contents.
    contents: BTreeMap<PathBuf, u64>,
    /// With the number of their source.
    mistakes: Vec<(usize, Mistake)>,
}

impl<'v> Layers<'v> {
    /// Nothing yet.
    pub(crate) fn new(variables: &'v Variables) -> Self {
        let root = Node::new(Value::Map(Vec::new()), 0);
        Self {
            variables,
            sources: vec![Source::Default],
            root,
            contents: BTreeMap::new(),
            mistakes: Vec::new(),
        }
    }

    /// Reads a file and merges it with those before it.
    pub(crate) fn file(&mut self, path: &Path) {
        if let Some(source) = self.read(path) {
            self.text(source);
        }
    }

    /// Reads a file that another program's users have written: its merge keys are followed and nothing in it is
    /// expanded, but `translate` puts its tree, with the text that it was read from, into our terms.
    pub(crate) fn foreign(
        &mut self,
        path: &Path,
        translate: impl FnOnce(&mut Node, &str) -> Vec<(KeyPath, Spot, String)>,
    ) {
        let Some(source) = self.read(path) else { return };
        let number = self.sources.len();
        let Source::File { path, text } = &source else { return };
        let parsed = tree::parse_with(path, text, number, tree::MergeKeys::Followed);
        let translated = parsed.map(|node| {
            let mut ours = node.clone();
            let wrong = translate(&mut ours, text);
            (node, ours, wrong)
        });
        self.sources.push(source);
        match translated {
            Ok((node, ours, wrong)) => {
                for (path, spot, what) in wrong {
                    let mistake = self.place(&node, &path, spot, what);
                    self.mistakes.push(mistake);
                }
                self.root = ours;
            }
            Err(mistake) => self.mistakes.push((number, mistake)),
        }
    }

    fn read(&mut self, path: &Path) -> Option<Source> {
        let bytes = read_bounded(path, MAX_FILE)
            .map_err(|error| Mistake::in_file(path, format!("cannot be read: {error}")));
        let source = bytes.and_then(|bytes| {
            self.contents.insert(path.to_owned(), content_hash(&bytes));
            Source::from_bytes(path, bytes)
        });
        source.map_err(|mistake| self.mistakes.push((self.sources.len(), mistake))).ok()
    }

    /// Merges a file that was read; ignores other sources.
    pub(crate) fn text(&mut self, source: Source) {
        let number = self.sources.len();
        let Source::File { path, text } = &source else { return };
        let parsed = tree::parse(path, text, number);
        let directory = source.directory().unwrap_or(Path::new("")).to_owned();
        self.sources.push(source);
        let mut node = match parsed {
            Ok(node) => node,
            Err(mistake) => return self.mistakes.push((number, mistake)),
        };
        let mut expander = Expander::new(self.variables, &directory);
        expander.tree(&mut node, &mut KeyPath::default());
        let wrong = std::mem::take(&mut expander.wrong);
        self.contents.extend(std::mem::take(&mut expander.files));
        for (path, what) in wrong {
            let mistake = self.place(&node, &path, Spot::Value, what);
            self.mistakes.push(mistake);
        }
        if self.root.value == Value::Map(Vec::new()) {
            self.root.origin.source = number;
        }
        let mut conflicts = Vec::new();
        merge(&mut self.root, node, &mut KeyPath::default(), &mut conflicts);
        for Conflict { path, first, second } in conflicts {
            let there = self.position(&first, &path, Spot::Value).place();
            let what = match (&first.value, &second.value) {
                (a, b) if a.is_container() || b.is_container() => {
                    format!("is {} here, but {} at {there}", b.kind(), a.kind())
                }
                _ => format!("set twice, first at {there}"),
            };
            let mistake = Mistake { message: what, ..self.position(&second, &path, Spot::Value) };
            self.mistakes.push((number, mistake));
        }
    }

    /// What stands at a path of keys.
    pub(crate) fn get(&self, keys: &[&str]) -> Option<&Node> {
        self.root.get(keys)
    }

    /// Adds a source that is not a file and returns its number.
    pub(crate) fn source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// The tree, to be completed or overridden.
    pub(crate) fn root(&mut self) -> &mut Node {
        &mut self.root
    }

    /// Adds a mistake that was found before anything was read.
    pub(crate) fn mistake(&mut self, mistake: Mistake) {
        self.mistakes.push((0, mistake));
    }

    /// Decodes, lets `complete` set what no key stands for, and checks. Tells which files
    /// were read, and the hashes of their contents.
    pub(crate) fn finish<T: DeserializeOwned + Check>(
        mut self,
        complete: impl FnOnce(&mut T) -> Result<(), Mistakes>,
    ) -> Result<(T, BTreeMap<PathBuf, u64>), Mistakes> {
        if !self.mistakes.is_empty() {
            return Err(self.told(&[]));
        }
        let directory = |source: &Source| source.directory().unwrap_or(Path::new("")).to_owned();
        let directories: Vec<_> = self.sources.iter().map(directory).collect();
        let decoded = decode::<T>(&self.root, &directories);
        let mut config = match decoded.result {
            Ok(config) => config,
            Err(wrong) => {
                for Wrong { path, spot, what, .. } in wrong {
                    let mistake = self.place(&self.root, &path, spot, what);
                    self.mistakes.push(mistake);
                }
                return Err(self.told(&decoded.secrets));
            }
        };
        complete(&mut config)?;
        for problem in check::problems(KeyPath::default(), &config).into_iter().take(MAX_MISTAKES) {
            let first = problem.first.map(|path| self.place(&self.root, &path, Spot::Value, String::new()));
            let what = match first {
                Some((_, first)) => format!("{} at {}", problem.what, first.place()),
                None => problem.what,
            };
            let mistake = self.place(&self.root, &problem.path, Spot::Value, what);
            self.mistakes.push(mistake);
        }
        if self.mistakes.is_empty() { Ok((config, self.contents)) } else { Err(self.told(&decoded.secrets)) }
    }

    /// A mistake at a path of `tree`, with the number of its source.
    fn place(&self, tree: &Node, path: &KeyPath, spot: Spot, message: String) -> (usize, Mistake) {
        let (node, mut own) = tree.nearest(&path.0);
        let found = own.0.len();
        let spot = if found < path.0.len() { Spot::Key } else { spot };
        let mut mistake = self.position(node, &own, spot);
        own.0.extend(path.0[found..].iter().cloned());
        mistake.path = own.to_string();
        mistake.message = message;
        (node.origin.source, mistake)
    }

    /// Where `node` stands, which is at `path` in its own source.
    fn position(&self, node: &Node, path: &KeyPath, spot: Spot) -> Mistake {
        let source = &self.sources[node.origin.source];
        let mistake = Mistake {
            source: source.to_string(),
            line: None,
            column: None,
            path: path.to_string(),
            message: String::new(),
        };
        let Source::File { text, .. } = source else { return mistake };
        let value = match spot {
            Spot::Value if !node.value.is_container() => position::of_value(text, &path.0),
            _ => None,
        };
        let (line, column) = value.unwrap_or_else(|| position::nearest(text, &path.0));
        mistake.at(line, column)
    }

    /// All mistakes in order, without the values that must not be shown.
    fn told(mut self, secrets: &[(String, String)]) -> Mistakes {
        self.mistakes.sort_by_key(|(source, mistake)| (*source, mistake.line, mistake.column));
        let mut mistakes: Vec<_> = self.mistakes.into_iter().map(|(_, mistake)| mistake).collect();
        let mut secrets: Vec<_> = secrets.iter().collect();
        secrets.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        for mistake in &mut mistakes {
            for (value, shown) in &secrets {
                if mistake.message.contains(value.as_str()) {
                    mistake.message = mistake.message.replace(value.as_str(), shown);
                }
            }
        }
        for mistake in &mut mistakes {
            mistake.message = on_one_line(&mistake.message);
            mistake.path = on_one_line(&mistake.path);
        }
        mistakes.dedup();
        Mistakes(mistakes)
    }
}

/// Without line breaks and other control characters, and of a length that people read.
fn on_one_line(text: &str) -> String {
    const MAX: usize = 1000;
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut line: String = text.chars().take(MAX).map(plain).collect();
    if text.chars().nth(MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests;

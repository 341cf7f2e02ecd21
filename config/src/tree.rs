//! A configuration between its text and its types: a tree whose every node knows where it came from.
//!
//! The text is parsed into a tree, variables are expanded in its strings, the trees of several files are merged,
//! and only then is it decoded into types. So a value can never turn into a key, and whatever is found wrong at
//! whatever stage is told with its source.

mod yaml;

pub(crate) use yaml::{MergeKeys, parse, parse_with};

use vigie_pipeline::check::{KeyPath, Step};

/// A value and its origin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub value: Value,
    pub origin: Origin,
}

/// Where a node was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    /// Which of the sources.
    pub source: usize,
    /// For an element of a list: its index in that source, before lists of several files were joined.
    pub index: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Wide enough for `u64` and `i64`.
    Integer(i128),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A string, perhaps the outcome of an expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text {
    pub value: String,
    /// As it is written in the file, when variables were expanded: then the value may be a secret.
    pub template: Option<String>,
}

impl Value {
    pub(crate) fn text(value: impl Into<String>) -> Self {
        Self::Text(Text { value: value.into(), template: None })
    }

    pub(crate) fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    /// For messages: never the value itself.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    pub(crate) fn new(value: Value, source: usize) -> Self {
        Self { value, origin: Origin { source, index: 0 } }
    }

    /// The member or element one step below.
    pub(crate) fn step(&self, step: &Step) -> Option<&Node> {
        match (&self.value, step) {
            (Value::Map(members), Step::Key(key)) => members.iter().find(|(k, _)| k == key).map(|(_, n)| n),
            (Value::List(elements), Step::Index(index)) => elements.get(*index),
            _ => None,
        }
    }

    /// The deepest node on the way to `path`, and the way to it in its own source, where lists may have started
    /// at another index.
    pub(crate) fn nearest(&self, path: &[Step]) -> (&Node, KeyPath) {
        let mut node = self;
        let mut own = KeyPath::default();
        for step in path {
            let Some(next) = node.step(step) else { break };
            own.0.push(match step {
                Step::Key(_) => step.clone(),
                Step::Index(_) => Step::Index(next.origin.index),
            });
            node = next;
        }
        (node, own)
    }

    /// The member at a path of keys.
    pub(crate) fn get(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| match &node.value {
            Value::Map(members) => members.iter().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        })
    }

    pub(crate) fn get_mut(&mut self, keys: &[&str]) -> Option<&mut Node> {
        keys.iter().try_fold(self, |node, key| match &mut node.value {
            Value::Map(members) => members.iter_mut().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        })
    }

    /// Sets the member at a path of keys, making the mappings on the way. Where the file has something else in place of
    /// a mapping, nothing is set: that is a mistake, and must stay to be found.
    pub(crate) fn set(&mut self, keys: &[&str], node: Node) {
        let Some((first, rest)) = keys.split_first() else {
            *self = node;
            return;
        };
        if self.value == Value::Null {
            self.value = Value::Map(Vec::new());
        }
        if let Value::Map(members) = &mut self.value {
            let found = match members.iter().position(|(key, _)| key == first) {
                Some(found) => found,
                None => {
                    members.push(((*first).to_owned(), Node { value: Value::Null, origin: node.origin }));
                    members.len() - 1
                }
            };
            members[found].1.set(rest, node);
        }
    }
}

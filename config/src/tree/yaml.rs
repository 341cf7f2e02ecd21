//! YAML text → tree.
//!
//! serde_yaml tells no positions, except in its errors. That is enough: a mistake found here fails on the very
//! event that is wrong, and one that is found later is looked up again by [`crate::position`].

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use vigie_pipeline::check::{KeyPath, Step};

use super::{Node, Origin, Value};
use crate::mistake::Mistake;
use crate::position;

/// The most nodes of one document. Aliases multiply, so the size of the file alone bounds nothing.
const MAX_NODES: usize = 100_000;

/// What becomes of `<<: *anchor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeKeys {
    /// It is a mistake.
    Refused,
    /// The members of what it names are added, as far as they are not there.
    Followed,
}

/// Parses `text`, which is the source numbered `source`, named `name` in messages. An empty one is an empty mapping.
pub(crate) fn parse(name: &Path, text: &str, source: usize) -> Result<Node, Mistake> {
    parse_with(name, text, source, MergeKeys::Refused)
}

/// The same, as somebody else's files are to be read.
pub(crate) fn parse_with(
    name: &Path,
    text: &str,
    source: usize,
    merge_keys: MergeKeys,
) -> Result<Node, Mistake> {
    let (nodes, at, what) = (RefCell::new(0), RefCell::default(), RefCell::default());
    let progress = Progress { source, merge_keys, nodes, at, what };
    let error = match (Element { progress: &progress, index: 0 })
        .deserialize(serde_yaml::Deserializer::from_str(text))
    {
        Ok(Node { value: Value::Null, origin }) => return Ok(Node { value: Value::Map(Vec::new()), origin }),
        Ok(node @ Node { value: Value::Map(_), .. }) => return Ok(node),
        Ok(node) => {
            let what = format!("the top level must be a mapping of sections, found {}", node.value.kind());
            let (line, column) = position::of_value(text, &[]).unwrap_or((1, 1));
            return Err(Mistake::in_file(name, what).at(line, column));
        }
        Err(error) => error,
    };
    let path = progress.at.into_inner();
    let told = progress.what.into_inner();
    let (line, column) = match error.location() {
        Some(location) => (location.line(), location.column()),
        None if told.is_none() && is_second_document(&error) => (second_document(text), 1),
        None => position::nearest(text, &path.0),
    };
    let (what, path) = match told {
        Some(what) => (what, path),
        None => (syntax(&error, text, line), KeyPath::default()),
    };
    Err(Mistake { path: path.to_string(), ..Mistake::in_file(name, what).at(line, column) })
}

/// What the visitors share.
struct Progress {
    source: usize,
    merge_keys: MergeKeys,
    nodes: RefCell<usize>,
    /// The node that is being read, for errors that have no position of their own.
    at: RefCell<KeyPath>,
    /// What we found wrong ourselves: serde_yaml would put its own idea of the path before it.
    what: RefCell<Option<String>>,
}

impl Progress {
    fn fail<E: serde::de::Error>(&self, what: impl fmt::Display) -> E {
        *self.what.borrow_mut() = Some(what.to_string());
        E::custom("")
    }
}

#[derive(Clone, Copy)]
struct Element<'p> {
    progress: &'p Progress,
    index: usize,
}

impl Element<'_> {
    fn node<E>(self, value: Value) -> Result<Node, E> {
        Ok(Node { value, origin: Origin { source: self.progress.source, index: self.index } })
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        self.node(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        self.node(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        self.node(Value::Integer(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Node, E> {
        Err(self.progress.fail("the number is too large"))
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<Node, E> {
        Err(self.progress.fail("the number is too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        self.node(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        self.node(Value::text(value))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        self.node(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        self.node(Value::Null)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(self.progress.fail("YAML tags are not supported: remove the word that starts with `!`"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let progress = self.progress;
        let mut elements = Vec::new();
        loop {
            let index = elements.len();
            enter(progress, Step::Index(index))?;
            let Some(element) = access.next_element_seed(Element { progress, index })? else { break };
            progress.at.borrow_mut().0.pop();
            elements.push(element);
        }
        progress.at.borrow_mut().0.pop();
        self.node(Value::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let progress = self.progress;
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut seen = HashSet::new();
        while let Some(key) = access.next_key_seed(Key { progress, seen: &seen })? {
            enter(progress, Step::Key(key.clone()))?;
            let node = access.next_value_seed(Element { progress, index: 0 })?;
            progress.at.borrow_mut().0.pop();
            seen.insert(key.clone());
            members.push((key, node));
        }
        if progress.merge_keys == MergeKeys::Followed {
            follow(&mut members).map_err(|what| progress.fail(what))?;
        }
        self.node(Value::Map(members))
    }
}

/// Puts the members of what `<<` holds in its place, as far as they are not there; of several the first counts.
fn follow(members: &mut Vec<(String, Node)>) -> Result<(), &'static str> {
    let Some(at) = members.iter().position(|(key, _)| key == "<<") else { return Ok(()) };
    let (_, node) = members.remove(at);
    let merged = match node.value {
        Value::List(elements) => elements,
        _ => vec![node],
    };
    for node in merged {
        let Value::Map(more) = node.value else { return Err("`<<` takes a mapping, or a list of them") };
        for (key, member) in more {
            if !members.iter().any(|(known, _)| *known == key) {
                members.push((key, member));
            }
        }
    }
    Ok(())
}

/// Counts a node and remembers that it is being read.
fn enter<E: serde::de::Error>(progress: &Progress, step: Step) -> Result<(), E> {
    progress.at.borrow_mut().0.push(step);
    *progress.nodes.borrow_mut() += 1;
    if *progress.nodes.borrow() > MAX_NODES {
        return Err(progress.fail(format_args!("more than {MAX_NODES} values, counting aliases")));
    }
    Ok(())
}

/// A key; fails on one that its mapping already has.
struct Key<'p> {
    progress: &'p Progress,
    seen: &'p HashSet<String>,
}

impl Key<'_> {
    fn take<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        let is_merge = key == "<<" && self.progress.merge_keys == MergeKeys::Refused;
        if !self.seen.contains(key) && !is_merge {
            return Ok(key.to_owned());
        }
        self.progress.at.borrow_mut().0.push(Step::Key(key.to_owned()));
        Err(self.progress.fail(match key {
            "<<" if is_merge => "YAML merge keys are not supported: write the members out",
            _ => "the key is there twice",
        }))
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        self.take(key)
    }
}

fn is_second_document(error: &serde_yaml::Error) -> bool {
    error.to_string().contains("more than one document")
}

/// The line on which the second document starts.
fn second_document(text: &str) -> usize {
    let marks = |line: &&str| line.trim_end() == "---" || line.starts_with("--- ");
    let content = text
        .lines()
        .position(|line| !marks(&line) && !line.starts_with(['#', '%']) && !line.trim().is_empty());
    let start = content.unwrap_or(0);
    text.lines().skip(start).position(|line| marks(&line)).map_or(1, |n| start + n + 1)
}

/// What serde_yaml says is wrong, without the position that stands before it anyway.
fn syntax(error: &serde_yaml::Error, text: &str, line: usize) -> String {
    let said = error.to_string();
    let indent = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let indent = &indent[..indent.len() - indent.trim_start().len()];
    if indent.contains('\t') {
        return "a tab indents this line: YAML allows spaces only".to_owned();
    }
    if is_second_document(error) {
        return "a second document starts here: one file holds one document".to_owned();
    }
    if said.contains("recursion limit") {
        return "nested too deeply: at most 128 levels".to_owned();
    }
    if said.contains("repetition limit") {
        return "aliases repeat too much".to_owned();
    }
    if said.contains("expected a key") {
        return "a list or a mapping cannot be a key: quote a text that starts with `[` or `{`".to_owned();
    }
    if said.contains("unknown anchor") {
        return "the alias names an anchor that is not there".to_owned();
    }
    let message = match said.split_once(" at line ") {
        Some((message, rest)) => match rest.split_once(',') {
            Some((_, context)) => format!("{message},{context}"),
            None => message.to_owned(),
        },
        None => said,
    };
    format!("not YAML: {message}")
}

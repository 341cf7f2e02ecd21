//! A tree in another program's terms, put into ours.

use vigie_pipeline::check::{KeyPath, Step};

use super::meaning::{HEADER_VALUES, Keys, Meaning};
use super::{Wrong, regex, units};
use crate::decode::{Spot, unknown_key};
use crate::tree::{Node, Text, Value};

/// Puts a tree whose top level has these keys into our terms; tells what has no place there.
pub(super) fn translate(tree: &mut Node, keys: Keys) -> Wrong {
    let mut translator = Translator { at: KeyPath::default(), wrong: Vec::new() };
    translator.section(tree, keys);
    translator.wrong
}

struct Translator {
    at: KeyPath,
    wrong: Wrong,
}

impl Translator {
    fn within(&mut self, step: Step, f: impl FnOnce(&mut Self)) {
        self.at.0.push(step);
        f(self);
        self.at.0.pop();
    }

    fn complain(&mut self, spot: Spot, what: impl Into<String>) {
        self.wrong.push((self.at.clone(), spot, what.into()));
    }

    /// A mapping with these keys. What is no mapping is left to be found by the decoding.
    fn section(&mut self, node: &mut Node, keys: Keys) {
        let Value::Map(members) = &mut node.value else { return };
        let mut replaced: Vec<(&'static [&'static str], Node)> = Vec::new();
        for (key, member) in members.iter_mut() {
            let known = keys.iter().find(|(name, _)| name == key);
            self.within(Step::Key(key.clone()), |this| match known {
                None => {
                    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
                    this.complain(Spot::Key, unknown_key(key, &names));
                }
                Some((_, Meaning::Not(other))) => {
                    this.value(member, Meaning::Truth);
                    if let Value::Bool(truth) = member.value {
                        replaced.push((
                            std::slice::from_ref(other),
                            Node { value: Value::Bool(!truth), ..member.clone() },
                        ));
                    }
                }
                Some((_, Meaning::Is(other))) => {
                    this.value(member, Meaning::Text);
                    if member.value != Value::Null {
                        replaced.push((other, member.clone()));
                    }
                }
                Some((_, meaning)) => this.value(member, *meaning),
            });
        }
        let stays = |key: &String| {
            let meaning = keys.iter().find(|(name, _)| name == key).map(|(_, meaning)| meaning);
            let gone = matches!(
                meaning,
                Some(Meaning::Not(_) | Meaning::Is(_) | Meaning::Only(..) | Meaning::Off(_) | Meaning::Idle)
            );
            !gone
        };
        members.retain(|(key, _)| stays(key));
        for (path, member) in replaced {
            node.set(path, member);
        }
    }

    /// What stands at a key.
    fn value(&mut self, node: &mut Node, meaning: Meaning) {
        match meaning {
            Meaning::Same | Meaning::Not(_) | Meaning::Is(_) => empty_is_nothing(node),
            Meaning::Text => {
                as_text(node);
                empty_is_nothing(node);
            }
            Meaning::Truth => as_truth(node),
            Meaning::Texts => self.each(node, |_, node| as_text(node)),
            Meaning::NamedTexts => self.members(node, |_, node| as_text(node)),
            Meaning::Duration => self.text(node, units::duration),
            Meaning::Size => self.text(node, units::size),
            Meaning::Regex => self.text(node, regex::translate),
            Meaning::Regexes => self.each(node, |this, node| this.text(node, regex::translate)),
            Meaning::Section(keys) => self.section(node, keys),
            Meaning::Sections(keys) => self.each(node, |this, node| this.section(node, keys)),
            Meaning::Named(keys) => self.members(node, |this, node| this.section(node, keys)),
            Meaning::Headers => self.members(node, |this, node| {
                as_text(node);
                if let Value::Text(_) = node.value {
                    let values = Node { value: Value::List(vec![node.clone()]), origin: node.origin };
                    node.value = Value::Map(vec![("values".to_owned(), values)]);
                }
                this.section(node, HEADER_VALUES);
            }),
            Meaning::Idle => {}
            Meaning::Only(known, why) => {
                let is_known = |text: &Text| known.contains(&text.value.as_str());
                if !matches!(&node.value, Value::Null)
                    && !matches!(&node.value, Value::Text(text) if is_known(text))
                {
                    self.complain(Spot::Value, why);
                }
            }
            Meaning::Off(why) => {
                as_truth(node);
                if node.value != Value::Bool(false) && node.value != Value::Null {
                    self.complain(Spot::Value, why);
                }
            }
            Meaning::Refused(_) if node.value == Value::Null => {}
            Meaning::Refused(why) => self.complain(Spot::Key, why),
        }
    }

    fn each(&mut self, node: &mut Node, f: impl Fn(&mut Self, &mut Node)) {
        let Value::List(elements) = &mut node.value else { return };
        for (index, element) in elements.iter_mut().enumerate() {
            self.within(Step::Index(index), |this| f(this, element));
        }
    }

    fn members(&mut self, node: &mut Node, f: impl Fn(&mut Self, &mut Node)) {
        let Value::Map(members) = &mut node.value else { return };
        for (key, member) in members {
            self.within(Step::Key(key.clone()), |this| f(this, member));
        }
    }

    /// Puts a text into other words.
    fn text(&mut self, node: &mut Node, f: impl Fn(&str) -> Result<String, String>) {
        as_text(node);
        let Value::Text(text) = &mut node.value else { return };
        match f(&text.value) {
            Ok(value) => text.value = value,
            Err(what) => self.complain(Spot::Value, what),
        }
    }
}

/// To Go, what is empty is not there.
fn empty_is_nothing(node: &mut Node) {
    if node.value == Value::text("") {
        node.value = Value::Null;
    }
}

/// A whole number or a truth that stands for its text. Of a fraction it is not known how it was written.
fn as_text(node: &mut Node) {
    match node.value {
        Value::Integer(number) => node.value = Value::text(number.to_string()),
        Value::Bool(truth) => node.value = Value::text(truth.to_string()),
        _ => {}
    }
}

fn as_truth(node: &mut Node) {
    let Value::Text(text) = &node.value else { return };
    match text.value.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" => node.value = Value::Bool(true),
        "no" | "n" | "off" => node.value = Value::Bool(false),
        _ => {}
    }
}

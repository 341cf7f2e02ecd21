//! All of a record: what is secret in one place of it is secret in all.
//!
//! A rule may know a secret by what stands around it, and a parser takes that apart: the body says `password=x`, and
//! an attribute that a regex made says `x` alone. Or the body spells it in a way that no rule sees through, and an attribute
//! has it in plain. So where one side had more findings of a rule than the other, what was found there is looked for,
//! as it is, on the other side.

use super::redactor::{Redactor, Removed};
use crate::fields::Fields;

/// Shorter ones are everywhere.
const SHORTEST: usize = 4;
/// Shorter ones must be words.
const SURE: usize = 8;

impl Redactor {
    /// Redacts all of a record that came from `line`. True if the whole of it was its body and had something secret: then
    /// `redacted` is what is left.
    pub(crate) fn record(&mut self, fields: &mut Fields, line: &str, redacted: &mut String) -> bool {
        let mut shown = std::mem::take(&mut self.body);
        let has_attributes = !fields.attributes.is_empty();
        self.remembers = has_attributes;
        self.removed.clear();
        let mut changed = match &fields.body {
            Some(body) if self.text(body, &mut shown) => {
                fields.set_body(&shown);
                false
            }
            Some(_) => false,
            None => self.text(line, redacted),
        };
        if has_attributes {
            let of_body = self.removed.len();
            self.attributes(&mut fields.attributes);
            if self.removed.len() > 0 && self.compare(fields, of_body) {
                let before = if changed { std::mem::take(redacted) } else { line.to_owned() };
                match fields.body.take() {
                    Some(body) => {
                        let is_found = self.text(&body, &mut shown);
                        fields.set_body(if is_found { &shown } else { &body });
                    }
                    None if self.text(&before, redacted) => changed = true,
                    None => *redacted = before,
                }
                self.scratch.needles.clear();
            }
        }
        self.remembers = false;
        if !fields.severity_text.is_empty() && self.text(&fields.severity_text, &mut shown) {
            fields.set_severity_text(&shown);
        }
        if !fields.hidden.is_empty() {
            self.is_silent = true;
            self.attributes(&mut fields.hidden);
            self.is_silent = false;
        }
        self.body = shown;
        changed
    }

    /// Looks in the attributes for what was found in the body only. True if the needles are what was found in the attributes
    /// only, and is to be looked for in the body.
    fn compare(&mut self, fields: &mut Fields, of_body: usize) -> bool {
        let rule = |(rule, _): &(u8, usize)| *rule;
        let (body, attributes) = self.removed.ends.split_at(of_body);
        // As it mostly is where a parser takes nothing apart that belongs together.
        if body.iter().map(rule).eq(attributes.iter().map(rule)) {
            return false;
        }
        let mut of_rules = [0i32; 256];
        for (number, (rule, _)) in self.removed.iter().enumerate() {
            of_rules[usize::from(rule)] += if number < of_body { 1 } else { -1 };
        }
        if self.removed.iter().all(|(rule, _)| of_rules[usize::from(rule)] == 0) {
            return false;
        }
        let removed = std::mem::take(&mut self.removed);
        self.remembers = false;
        let wanted = |(number, (rule, text)): (usize, (u8, &str))| {
            let surplus = of_rules[usize::from(rule)];
            let is_surplus = if number < of_body { surplus > 0 } else { surplus < 0 };
            let needle = Needle { rule, text: text.as_bytes().to_vec() };
            (is_surplus && text.len() >= SHORTEST).then_some((number < of_body, needle))
        };
        let (of_body, of_attributes): (Vec<_>, Vec<_>) =
            removed.iter().enumerate().filter_map(wanted).partition(|(is_of_body, _)| *is_of_body);
        let needles = |found: Vec<(bool, Needle)>| found.into_iter().map(|(_, needle)| needle);
        self.scratch.needles.extend(
            needles(of_body)
                .filter(|needle| memchr::memmem::find(&fields.attributes, &needle.text).is_some()),
        );
        if !self.scratch.needles.is_empty() {
            self.attributes(&mut fields.attributes);
            self.scratch.needles.clear();
        }
        self.scratch.needles.extend(needles(of_attributes));
        self.removed = removed;
        !self.scratch.needles.is_empty()
    }
}

/// What is looked for as it is.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    pub(super) rule: u8,
    text: Vec<u8>,
}

impl Needle {
    /// All places where it stands, as a word of its own if it is short.
    pub(super) fn places(&self, text: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
        let len = self.text.len();
        let of_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let alone = move |at: usize| {
            !of_word(at.checked_sub(1).and_then(|at| text.get(at))) && !of_word(text.get(at + len))
        };
        memchr::memmem::find_iter(text, &self.text)
            .filter(move |at| len >= SURE || alone(*at))
            .map(move |at| at..at + len)
    }
}

impl Removed {
    /// The number of each one's rule, and what it was.
    fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (rule, end))| (*rule, &self.text[start..*end]))
    }
}

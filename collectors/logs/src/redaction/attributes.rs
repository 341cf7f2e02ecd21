//! Encoded attributes, nested ones too, without what is secret: only what changes is written anew.
//!
//! Besides the text of a value its name counts: what is called `password` or `http.request.header.authorization` goes
//! whole, whatever it is, and so does the value of `{"name": "password", "value": …}`.

use std::cell::OnceCell;

use vigie_pipeline::otlp::attributes::field::LOG;
use vigie_pipeline::otlp::view::{Attributes, List, Pair, Value};
use vigie_pipeline::otlp::wire::{put_bytes, put_fixed64, put_message, put_uint};

use super::engine::Action;
use super::keys::{self, Kind};
use super::names::Name;
use super::password::is_harmless;
use super::redactor::Redactor;
use super::rule::Rule;

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Kept,
    Changed,
    Dropped,
}

/// The attributes of an object.
struct Siblings<'a> {
    all: Attributes<'a>,
    /// Of the value, once it was asked for: there may be many of that name.
    kind_of_value: OnceCell<Option<Kind>>,
}

impl<'a> Siblings<'a> {
    const fn new(all: Attributes<'a>) -> Self {
        Self { all, kind_of_value: OnceCell::new() }
    }

    /// What the object says about its `value`, by its `name`.
    fn kind_of_value(&self) -> Option<Kind> {
        let names = || self.all.pairs().filter(|pair| matches!(pair.key, b"name" | b"key"));
        let kind = |pair: Pair<'_>| match pair.value() {
            Some(Value::Text(name)) => keys::kind(name.as_bytes()),
            _ => None,
        };
        *self.kind_of_value.get_or_init(|| names().find_map(kind))
    }
}

/// The smallest number that may be one of a card.
const CARD: u64 = 1_000_000_000_000;

/// Of a number; one that is too large becomes the largest.
fn size(number: f64) -> u64 {
    number.abs() as u64
}

impl Redactor {
    /// Takes out of encoded attributes of a record what is secret. Whether there was anything.
    pub fn attributes(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut out = std::mem::take(&mut self.rewritten);
        let mut one = std::mem::take(&mut self.pair);
        out.clear();
        let mut copied = 0;
        let siblings = Siblings::new(Attributes::new(bytes, LOG));
        for pair in siblings.all.pairs() {
            // What is a text is looked into and written anew at once.
            if pair.text().is_none() && !self.may_change(&pair, &siblings) {
                continue;
            }
            one.clear();
            let outcome = self.pair(&pair, &siblings, LOG, &mut one);
            if outcome != Outcome::Kept {
                out.extend_from_slice(&bytes[copied..pair.span.start]);
                copied = pair.span.end;
            }
            if outcome == Outcome::Changed {
                out.extend_from_slice(&one);
            }
        }
        if copied > 0 {
            out.extend_from_slice(&bytes[copied..]);
            std::mem::swap(bytes, &mut out);
        }
        self.rewritten = out;
        self.pair = one;
        copied > 0
    }

    /// What the name of a pair, one of `siblings`, says.
    fn says(&mut self, pair: &Pair<'_>, siblings: &Siblings<'_>) -> Name {
        match self.name(pair.key) {
            Name::Plain if matches!(pair.key, b"value" | b"v") => {
                siblings.kind_of_value().map_or(Name::Plain, Name::Says)
            }
            name => name,
        }
    }

    /// Whether the pair has to be looked at closely: most do not, and nothing is written for them.
    fn may_change(&mut self, pair: &Pair<'_>, siblings: &Siblings<'_>) -> bool {
        self.says(pair, siblings) != Name::Plain || pair.value().is_some_and(|value| self.may_hold(value))
    }

    /// Whether there may be something in a value whose name says nothing.
    fn may_hold(&mut self, value: Value<'_>) -> bool {
        match value {
            Value::Text(text) => self.engine.finds_in(text.as_bytes(), &mut self.scratch),
            Value::Int(number) => self.looks_at(number.unsigned_abs()),
            Value::Double(number) => self.looks_at(size(number)),
            Value::List(list) => list.iter().any(|value| self.may_hold(value)),
            Value::Map(map) => {
                let siblings = Siblings::new(map);
                map.pairs().any(|pair| self.may_change(&pair, &siblings))
            }
            Value::Bool(_) | Value::Bytes(_) | Value::Empty => false,
        }
    }

    /// Appends the pair, one of `siblings`, as it is to be if it changes; what is appended else is of no use.
    fn pair(&mut self, pair: &Pair<'_>, siblings: &Siblings<'_>, field: u32, out: &mut Vec<u8>) -> Outcome {
        let name = self.says(pair, siblings);
        if name == Name::Plain
            && let Some(bytes) = pair.text()
        {
            // Most are texts with nothing in them.
            if !self.engine.finds_in(bytes, &mut self.scratch) {
                return Outcome::Kept;
            }
            let Some(Value::Text(text)) = pair.value() else { return Outcome::Kept };
            self.engine.settle(text, &mut self.scratch.spans);
            return self.put_pair(pair.key, field, out, |redactor, any| redactor.put_text(text, any));
        }
        let Some(value) = pair.value() else { return Outcome::Kept };
        let kind = match name {
            Name::Plain => None,
            Name::Says(kind) => Some(kind),
            Name::Secret => {
                let key = String::from_utf8_lossy(pair.key);
                let mut shown = String::new();
                if !self.text(&key, &mut shown) {
                    shown.push_str(&key);
                }
                let put = |redactor: &mut Self, any: &mut Vec<u8>| redactor.value(value, None, any);
                return match self.put_pair(shown.as_bytes(), field, out, put) {
                    Outcome::Dropped => Outcome::Dropped,
                    Outcome::Kept | Outcome::Changed => Outcome::Changed,
                };
            }
        };
        self.put_pair(pair.key, field, out, |redactor, any| redactor.value(value, kind, any))
    }

    /// Whether there may be something in a number of this size.
    fn looks_at(&self, size: u64) -> bool {
        self.engine.has_patterns() || self.engine.is_on(Rule::CreditCard) && size >= CARD
    }

    fn put_pair(
        &mut self,
        key: &[u8],
        field: u32,
        out: &mut Vec<u8>,
        put: impl FnOnce(&mut Self, &mut Vec<u8>) -> Outcome,
    ) -> Outcome {
        let start = out.len();
        let mut outcome = Outcome::Kept;
        put_message(out, field, |pair| {
            put_bytes(pair, 1, key);
            put_message(pair, 2, |any| outcome = put(self, any));
        });
        if outcome == Outcome::Dropped {
            out.truncate(start);
        }
        outcome
    }

    /// Appends an `AnyValue` as it is to be.
    fn value(&mut self, value: Value<'_>, kind: Option<Kind>, any: &mut Vec<u8>) -> Outcome {
        if let Some((rule, kind)) = kind.and_then(|kind| Some((self.engine.rule_of(kind)?, kind)))
            && let Some(outcome) = self.whole(value, rule, kind, any)
        {
            return outcome;
        }
        match value {
            Value::Text(text) => self.part(text, text, any, |text, any| put_bytes(any, 1, text.as_bytes())),
            Value::Int(number) => {
                let text =
                    if self.looks_at(number.unsigned_abs()) { number.to_string() } else { String::new() };
                self.part(&text, number, any, |number, any| put_uint(any, 3, number as u64))
            }
            Value::Double(number) => {
                let text = if self.looks_at(size(number)) { number.to_string() } else { String::new() };
                self.part(&text, number, any, |number, any| put_fixed64(any, 4, number.to_bits()))
            }
            Value::List(list) => self.list(list, any),
            Value::Map(map) => self.map(map, any),
            Value::Bool(truth) => {
                put_uint(any, 2, u64::from(truth));
                Outcome::Kept
            }
            Value::Bytes(bytes) => {
                put_bytes(any, 7, bytes);
                Outcome::Kept
            }
            Value::Empty => Outcome::Kept,
        }
    }

    /// Appends what is left of `text`, which is how a person would write a value, or the value if all is.
    fn part<T>(
        &mut self,
        text: &str,
        value: T,
        any: &mut Vec<u8>,
        put: impl FnOnce(T, &mut Vec<u8>),
    ) -> Outcome {
        self.search(text);
        if self.scratch.spans.is_empty() {
            put(value, any);
            return Outcome::Kept;
        }
        self.put_text(text, any)
    }

    /// Appends what is left of `text` without what was just found in it.
    fn put_text(&mut self, text: &str, any: &mut Vec<u8>) -> Outcome {
        let mut shown = std::mem::take(&mut self.shown);
        shown.clear();
        let drops = self.put_found(text, &mut shown);
        put_bytes(any, 1, shown.as_bytes());
        self.shown = shown;
        if drops { Outcome::Dropped } else { Outcome::Changed }
    }

    /// Appends what stands in the place of a value that goes by its name; `None` if it stays, as there is nothing in it.
    fn whole(&mut self, value: Value<'_>, rule: u8, kind: Kind, any: &mut Vec<u8>) -> Option<Outcome> {
        let mut scratch = String::new();
        let text = value.text(&mut scratch);
        let stays = match value {
            Value::Empty | Value::Bool(_) => true,
            _ => is_harmless(text.as_bytes(), true) || kind == Kind::Pwd && text.starts_with('/'),
        };
        if stays || self.engine.is_mark(text.as_bytes()) {
            return None;
        }
        self.found(rule, text);
        if matches!(self.engine.rules[usize::from(rule)].action, Action::Drop) {
            return Some(Outcome::Dropped);
        }
        let mut mark = String::new();
        self.engine.put_mark(rule, text, &mut mark);
        put_bytes(any, 1, mark.as_bytes());
        Some(Outcome::Changed)
    }

    fn list(&mut self, list: List<'_>, any: &mut Vec<u8>) -> Outcome {
        let mut outcome = Outcome::Kept;
        put_message(any, 5, |array| {
            for value in list.iter() {
                let before = array.len();
                let mut of_value = Outcome::Kept;
                put_message(array, 1, |any| of_value = self.value(value, None, any));
                if of_value == Outcome::Dropped {
                    array.truncate(before);
                }
                if of_value != Outcome::Kept {
                    outcome = Outcome::Changed;
                }
            }
        });
        outcome
    }

    fn map(&mut self, map: Attributes<'_>, any: &mut Vec<u8>) -> Outcome {
        let mut outcome = Outcome::Kept;
        let siblings = Siblings::new(map);
        put_message(any, 6, |pairs| {
            for pair in map.pairs() {
                let before = pairs.len();
                match self.pair(&pair, &siblings, 1, pairs) {
                    Outcome::Kept => {
                        pairs.truncate(before);
                        pairs.extend_from_slice(&map.bytes()[pair.span]);
                    }
                    Outcome::Changed | Outcome::Dropped => outcome = Outcome::Changed,
                }
            }
        });
        outcome
    }
}

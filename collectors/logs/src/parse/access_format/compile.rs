//! From the parts of a format to its steps.

use std::collections::BTreeSet;

use super::escape::Escape;
use super::field::{Field, Kind, Memory};
use super::{AccessFormat, Ends, Step};

/// What is wrong with a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// Nothing would be found in a line.
    #[error("it has no field: write it as the server's configuration has it")]
    NoField,
    /// There is no telling where the one ends.
    #[error("`{0}` and `{1}` have nothing between them: nobody can tell where the one ends")]
    Adjacent(String, String),
    /// Of Apache.
    #[error("Apache has no `{0}`")]
    Unknown(String),
    /// Of nginx.
    #[error("`$` must be followed by the name of a variable: {0}")]
    NoName(String),
    /// Of nginx's `escape=`.
    #[error("unknown `escape={0}`; known are default, json, none")]
    Escape(String),
    /// A quote, or a brace.
    #[error("unclosed `{0}`")]
    Unclosed(char),
}

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Field(Entry),
}

/// A field as a format names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As it stands in the format, for messages.
    pub(super) written: String,
    /// What it is called if its attribute is taken by another field.
    pub(super) own: String,
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Part {
    fn field(&self) -> Option<&Entry> {
        match self {
            Self::Field(entry) => Some(entry),
            Self::Literal(_) => None,
        }
    }
}

impl Entry {
    /// What is before it ends there.
    fn begins_with_slash(&self) -> bool {
        self.kind == Kind::Target || self.name == "url.path"
    }
}

/// The duration of the request.
pub(in crate::parse) const DURATION: &str = "http.server.request.duration";

pub(super) fn compile(mut parts: Vec<Part>, escape: Escape) -> Result<AccessFormat, FormatError> {
    parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
    join_targets(&mut parts);
    settle_time(&mut parts);
    settle_duration(&mut parts);
    settle_names(&mut parts);
    let mut format = AccessFormat { start: "".into(), steps: Vec::new(), memory: Memory::default() };
    let mut parts = parts.into_iter().peekable();
    let mut quotes = 0;
    let mut literal = next_literal(&mut parts);
    format.start = literal.as_str().into();
    while let Some(Part::Field(entry)) = parts.next() {
        quotes += literal.matches('"').count();
        literal = next_literal(&mut parts);
        let next = parts.peek().and_then(Part::field);
        let is_adjacent = literal.is_empty() && next.is_some();
        if let Some(next) = next.filter(|next| is_adjacent && !next.begins_with_slash()) {
            return Err(FormatError::Adjacent(entry.written, next.written.clone()));
        }
        let is_quoted = quotes % 2 == 1 && literal.starts_with('"') && escape != Escape::None;
        let ends = match (&entry.kind, next) {
            _ if is_adjacent => Ends::Slash,
            (Kind::Time(time) | Kind::OtherTime(time), _) => time.len().map_or(Ends::Time, Ends::At),
            _ if is_quoted => Ends::Quote,
            (kind, _) if kind.is_list() && !literal.starts_with(" : ") && !literal.starts_with(", ") => {
                Ends::List
            }
            (Kind::Text | Kind::Header, Some(next)) if next.kind.has_form() => Ends::BeforeNext,
            _ => Ends::Literal,
        };
        let field = Field { name: entry.name.into(), own: entry.own.into(), kind: entry.kind, escape };
        format.steps.push(Step { field, ends, literal: literal.as_str().into() });
    }
    if format.steps.is_empty() { Err(FormatError::NoField) } else { Ok(format) }
}

/// All that stands before the next field.
fn next_literal(parts: &mut std::iter::Peekable<impl Iterator<Item = Part>>) -> String {
    let mut all = String::new();
    while let Some(Part::Literal(text)) = parts.next_if(|part| matches!(part, Part::Literal(_))) {
        all.push_str(&text);
    }
    all
}

fn entries(parts: &mut [Part]) -> impl Iterator<Item = &mut Entry> {
    parts.iter_mut().filter_map(|part| match part {
        Part::Field(entry) => Some(entry),
        Part::Literal(_) => None,
    })
}

/// The path and, right behind it, the query are one field: `%U%q`, `$uri$is_args$args`.
fn join_targets(parts: &mut Vec<Part>) {
    let mut at = 0;
    while let Some(path) = parts.get(at) {
        let is = |number: usize, test: fn(&Entry) -> bool| {
            parts.get(number).and_then(Part::field).is_some_and(test)
        };
        if path.field().is_some_and(|path| path.name == "url.path" && path.kind == Kind::Text) {
            let sign = usize::from(is(at + 1, |sign| sign.own == "is_args"));
            if is(at + 1 + sign, |query| query.kind == Kind::Query) {
                parts.drain(at + 1..=at + 1 + sign);
                if let Part::Field(path) = &mut parts[at] {
                    path.kind = Kind::Target;
                }
            }
        }
        at += 1;
    }
}

/// The most precise time is the record's; the others are fields like any.
fn settle_time(parts: &mut [Part]) {
    let precision = |entry: &Entry| match &entry.kind {
        Kind::Time(time) => Some(time.precision()),
        _ => None,
    };
    let best = entries(parts).filter_map(|entry| precision(entry)).max();
    let mut is_found = false;
    for entry in entries(parts) {
        if let Some(its) = precision(entry) {
            let is_it = !is_found && Some(its) == best;
            is_found |= is_it;
            if let (false, Kind::Time(time)) = (is_it, &entry.kind) {
                entry.kind = Kind::OtherTime(time.clone());
            }
        }
    }
}

/// Of several durations of the request the one in the smallest units counts.
fn settle_duration(parts: &mut [Part]) {
    let units = |entry: &Entry| match entry.kind {
        Kind::Seconds(units) if entry.name == DURATION => Some(units),
        _ => None,
    };
    let best = entries(parts).filter_map(|entry| units(entry)).max();
    for entry in entries(parts) {
        if units(entry) < best && units(entry).is_some() {
            entry.kind = Kind::Ignored;
        }
    }
}

/// No two attributes have one name. The parts of the request come first: they are what the client asked for.
fn settle_names(parts: &mut [Part]) {
    let mut names = BTreeSet::new();
    let requests = entries(parts).filter(|entry| entry.kind == Kind::Request).count();
    if requests > 0 {
        let of_request = ["http.request.method", "url.path", "url.query", "network.protocol.version"];
        names.extend(of_request.map(str::to_owned));
    }
    for entry in entries(parts).filter(|entry| !matches!(entry.kind, Kind::Ignored | Kind::Time(_))) {
        if names.insert(entry.name.clone()) {
            if entry.kind == Kind::Target {
                names.insert("url.query".to_owned());
            }
        } else if names.insert(entry.own.clone()) {
            entry.name.clone_from(&entry.own);
            if matches!(entry.kind, Kind::Method | Kind::Target) {
                entry.kind = Kind::Text;
            }
        } else {
            entry.kind = Kind::Ignored;
        }
    }
}

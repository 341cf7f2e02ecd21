//! An expression of the user's: each named group is a field.
//!
//! There are two engines. [`quick`] tries one way after the other, which is fast where few ways are wrong, as on the
//! lines that the expression was written for; it gives up when it has tried too many. Then, and on lines that it
//! cannot read, the engine of the `regex` crate answers, whose time is linear in the length of the line. Both find
//! the same match. The length of a line that is looked at is bounded.
//!
//! Of a record of several lines the first one is looked at, unless the expression says that it is about more
//! ([`lines`]). The lines behind the match stay with the body ([`Fields::continuation`]).

use regex::{CaptureLocations, Regex, RegexBuilder};

use super::first_line;
use crate::fields::{Fields, Reason};

mod lines;
mod program;
mod quick;

use program::Program;
use quick::{Outcome, Quick};

/// How much memory an expression may take when it is compiled.
const MOST_MEMORY: usize = 8 << 20;

/// The longest line that is looked at.
const LONGEST: usize = 64 << 10;

/// What the text of a group becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum As {
    /// A number if it is one and no digit is lost by that; else a text.
    #[default]
    Value,
    Text,
    Int,
    Double,
}

/// A group that becomes a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) becomes: As,
}

impl Group {
    /// Whether an earlier one has its name, and a place.
    fn is_repeated(&self, groups: &[Self], place: impl Fn(usize) -> Option<(usize, usize)>) -> bool {
        let earlier = groups.iter().take_while(|group| group.number < self.number);
        earlier.filter(|group| group.name == self.name).any(|group| place(group.number).is_some())
    }
}

/// An expression, ready to be used. See the module.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    regex: Regex,
    groups: Vec<Group>,
    places: CaptureLocations,
    quick: Option<Box<Quick>>,
    /// All lines of a record are looked at, not only the first one.
    spans_lines: bool,
    /// Several groups may have one name, and what matched nothing is no field.
    is_grok: bool,
}

/// Compiles an expression, within bounds.
///
/// # Errors
/// What is wrong with it.
pub(super) fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MOST_MEMORY).build()
}

/// The groups of an expression that have names.
pub(super) fn named_groups(regex: &Regex) -> Vec<Group> {
    let named = regex.capture_names().enumerate();
    let group = |(number, name): (usize, Option<&str>)| {
        Some(Group { number, name: name?.to_owned(), becomes: As::Value })
    };
    named.filter_map(group).collect()
}

impl Fit {
    pub(super) fn new(pattern: &str) -> Result<Self, regex::Error> {
        let regex = compiled(pattern)?;
        let groups = named_groups(&regex);
        Ok(Self::with_groups(regex, groups))
    }

    pub(super) fn with_groups(regex: Regex, groups: Vec<Group>) -> Self {
        let quick = Program::new(regex.as_str()).map(|program| Box::new(Quick::new(program)));
        let spans_lines = lines::spans_lines(regex.as_str());
        Self { groups, places: regex.capture_locations(), regex, quick, spans_lines, is_grok: false }
    }

    /// Groups may have one name: the first that has a place counts. What matched nothing is no field.
    pub(super) fn without_empty(self) -> Self {
        Self { is_grok: true, ..self }
    }

    pub(super) fn parse(&mut self, record: &str, fields: &mut Fields) -> Result<(), Reason> {
        let line = if self.spans_lines { record } else { first_line(record).0 };
        if line.len() > LONGEST {
            return Err(Reason::TooLong);
        }
        let outcome = self.quick.as_mut().map_or(Outcome::Unknown, |quick| quick.run(line));
        match (outcome, &self.quick) {
            (Outcome::NoMatch, _) => return Err(Reason::Format),
            (Outcome::Match, Some(quick)) => self.put(|number| quick.group(number), record, fields),
            (Outcome::Match | Outcome::Unknown, _) => {
                self.regex.captures_read(&mut self.places, line).ok_or(Reason::Format)?;
                self.put(|number| self.places.get(number), record, fields);
            }
        }
        Ok(())
    }

    fn put(&self, place: impl Fn(usize) -> Option<(usize, usize)>, record: &str, fields: &mut Fields) {
        for group in &self.groups {
            let Some((start, end)) = place(group.number) else { continue };
            let is_left_out = self.is_grok && (start == end || group.is_repeated(&self.groups, &place));
            if !is_left_out {
                put(group, (start, end), record, fields);
            }
        }
        let end = place(0).map_or(0, |(_, end)| end);
        fields.continuation.push_str(first_line(&record[end..]).1);
    }
}

fn put(group: &Group, (start, end): (usize, usize), line: &str, fields: &mut Fields) {
    let (name, text) = (group.name.as_str(), &line[start..end]);
    match group.becomes {
        As::Text => fields.text(name, text),
        As::Value => fields.number(name, text),
        As::Int => match text.parse() {
            Ok(int) => fields.int(name, int),
            Err(_) => fields.number(name, text),
        },
        As::Double => match text.parse::<f64>() {
            Ok(double) if double.is_finite() => fields.double(name, double),
            _ => fields.text(name, text),
        },
    }
}

#[cfg(test)]
mod tests;

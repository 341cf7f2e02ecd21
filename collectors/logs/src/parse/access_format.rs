//! Access logs in a format that the user gives as it stands in the configuration of the server: nginx's
//! `log_format` ([`nginx`]) or Apache's `LogFormat` ([`apache`]).
//!
//! A format is compiled to what a line begins with and to steps: a field, and the literal that ends it. To parse is
//! to look for these literals, one after the other, and to write each field as what it is ([`field`]). A field
//! within quotes ends at the first quote that is not escaped. One that may have the literal in it as well (a user's
//! name with blanks, an IPv6 address before `:port`) ends where what follows is a number or a time, as it must be.

use crate::fields::{Fields, Reason};

use super::Context;
use field::{Field, Kind, Memory};

pub(super) use compile::{DURATION, FormatError};
pub(super) use escape::{Scratch, unescaped};
pub(super) use field::{write_header, write_request};

pub(crate) mod apache;
mod compile;
mod escape;
mod field;
pub(crate) mod nginx;
mod time;

/// How many places are tried for the end of a field.
const MOST_ENDS: usize = 16;

/// A format, ready to be used. See the module.
#[derive(Debug, Clone)]
pub(crate) struct AccessFormat {
    /// What a line begins with.
    start: Box<str>,
    steps: Vec<Step>,
    memory: Memory,
}

#[derive(Debug, Clone)]
struct Step {
    field: Field,
    ends: Ends,
    /// What follows it: empty only behind the last one.
    literal: Box<str>,
}

/// Where a field ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// At a quote that is not escaped.
    Quote,
    /// At the literal behind it.
    Literal,
    /// At the literal behind it that is followed by what may be the next field.
    BeforeNext,
    /// At the literal behind it, unless that is part of a list of values: `0.003, 0.004 : 0.001`.
    List,
    /// After so many bytes.
    At(usize),
    /// At a slash, with which the next field begins.
    Slash,
    /// At the first literal behind it before which it is a time.
    Time,
}

impl AccessFormat {
    /// Takes `line` apart.
    ///
    /// # Errors
    /// If it is not of this format.
    pub(crate) fn parse(
        &mut self,
        line: &str,
        context: Context<'_>,
        fields: &mut Fields,
    ) -> Result<(), Reason> {
        self.read(line, context, fields).ok_or(Reason::Format)
    }

    /// What the attribute is called that the server calls `name`.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let step = self.steps.iter().find(|step| &*step.field.own == name);
        step.map_or_else(|| nginx::attribute(name), |step| Some(step.field.name.to_string()))
    }

    fn read(&mut self, line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
        let mut rest = line.strip_prefix(&*self.start)?;
        self.memory.begin();
        for (at, step) in self.steps.iter().enumerate() {
            let next = self.steps.get(at + 1);
            let (value, tail) = match step.split(rest, next) {
                Some(found) => found,
                // Writers cut off long lines in their last field: what there is of it counts.
                None if next.is_none() => (step.beginning(rest)?, ""),
                None => return None,
            };
            step.field.write(value, &mut self.memory, context, fields)?;
            rest = tail;
        }
        rest.is_empty().then_some(())
    }
}

impl Step {
    /// The value and what comes behind the literal that ends it.
    fn split<'l>(&self, text: &'l str, next: Option<&Self>) -> Option<(&'l str, &'l str)> {
        let end = self.end(text, next)?;
        Some((&text[..end], text[end..].strip_prefix(&*self.literal)?))
    }

    /// Where the value ends.
    fn end(&self, text: &str, next: Option<&Self>) -> Option<usize> {
        match self.ends {
            Ends::At(len) => text.is_char_boundary(len).then_some(len),
            Ends::Quote => closing_quote(text),
            Ends::Slash => memchr::memchr(b'/', text.as_bytes()),
            _ if self.literal.is_empty() => Some(text.len()),
            Ends::Literal => self.occurrences(text).next(),
            Ends::BeforeNext => {
                let mut ends = self.occurrences(text).take(MOST_ENDS);
                ends.find(|end| next.is_none_or(|next| next.may_be(&text[end + self.literal.len()..])))
            }
            Ends::List => self.occurrences(text).find(|end| !is_within_list(text, *end)),
            Ends::Time => {
                let mut ends = self.occurrences(text).take(MOST_ENDS);
                ends.find(|end| self.field.is_time(&text[..*end]))
            }
        }
    }

    /// Where the literal stands.
    fn occurrences<'t>(&'t self, text: &'t str) -> impl Iterator<Item = usize> + 't {
        let first = self.literal.as_bytes().first().copied().unwrap_or_default();
        let places = memchr::memchr_iter(first, text.as_bytes());
        places.filter(|at| text.as_bytes()[*at..].starts_with(self.literal.as_bytes()))
    }

    /// Whether `text` may begin with this field.
    fn may_be(&self, text: &str) -> bool {
        let behind = match self.ends {
            Ends::At(len) => text.get(len..).filter(|_| self.field.is_time(&text[..len])),
            _ => match text.bytes().take_while(u8::is_ascii_digit).count() {
                0 => text.strip_prefix('-'),
                digits if self.field.kind == Kind::Status && digits != 3 => None,
                digits => Some(&text[digits..]),
            },
        };
        behind.is_some_and(|behind| match &*self.literal {
            "" if self.ends == Ends::Slash => behind.starts_with('/'),
            "" => behind.is_empty(),
            literal => behind.starts_with(literal),
        })
    }

    /// What there is of a last field that is not ended, if it is a text, or that of which the literal is cut off.
    fn beginning<'l>(&self, text: &'l str) -> Option<&'l str> {
        match self.end(text, None) {
            Some(end) => self.literal.starts_with(&text[end..]).then_some(&text[..end]),
            None => self.field.is_text().then_some(text),
        }
    }
}

/// Where the quote stands that is not behind a backslash.
pub(super) fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Whether values of one list stand on both sides: `, ` is between servers, ` : ` between groups of them.
fn is_within_list(text: &str, at: usize) -> bool {
    let (before, behind) = (&text.as_bytes()[..at], &text.as_bytes()[at..]);
    behind.starts_with(b" ") && (before.ends_with(b",") || before.ends_with(b" :"))
        || behind.starts_with(b" : ")
        || behind.starts_with(b", ")
}

#[cfg(test)]
mod tests;

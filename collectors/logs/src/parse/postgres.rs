//! What PostgreSQL writes to stderr, with the `log_line_prefix` that is its default, Debian's, or one with pairs:
//!
//! ```text
//! 2026-01-02 03:04:05.678 CET [1234] LOG:  database system is ready to accept connections
//! 2026-01-02 03:04:05.678 CET [1234] bob@shop ERROR:  relation "carts" does not exist at character 15
//! 2026-01-02 03:04:05 CET [1234]: [3-1] user=bob,db=shop,app=psql,client=10.0.0.7 LOG:  duration: 12.345 ms  statement: SELECT 1
//! ```
//!
//! `DETAIL`, `HINT`, `STATEMENT` and others tell more of the message before them and have no severity of their own.
//! Where they are one record with it ([`crate::multiline`]), they are attributes of it, called as PostgreSQL's own JSON
//! calls them, but for the statement, for which there is a convention. The tabs by which lines are indented go.

use std::borrow::Cow;
use std::ops::Range;

use super::{Context, first_line};
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

pub(super) fn parse(record: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(record, context, fields).ok_or(Reason::Format)
}

/// Where the word stands that says how bad a message is, or what of it a line tells: what stands before it is free,
/// and the message has other colons, of which the first is not one with two blanks.
pub(crate) fn word(line: &[u8]) -> Option<Range<usize>> {
    let end = memchr::memmem::find(line, b":  ").or_else(|| line.strip_suffix(b": ").map(<[u8]>::len))?;
    let is_between = |byte: &u8| matches!(byte, b' ' | b':' | b']' | b',');
    let start = line[..end].iter().rposition(is_between).map_or(0, |at| at + 1);
    Some(start..end)
}

/// Whether a line with this word tells more of the message before it.
pub(crate) fn tells_more(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| attribute(word).is_some())
}

fn read(record: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let (line, rest) = first_line(record);
    let (time, len) = timestamp::iso_named(line.as_bytes(), context.observer)?;
    let (process, _) = line[len..].strip_prefix(" [")?.split_once(']')?;
    let session = len + 2 + process.len() + 1;
    let process = process.parse::<u32>().ok()?;
    let at = word(line.as_bytes())?;
    let word = &line[at.clone()];
    if word.is_empty() || !word.chars().all(|letter| letter.is_uppercase() || letter.is_ascii_digit()) {
        return None;
    }
    let session = line.get(session..at.start)?;
    fields.time = time;
    fields.set_severity_text(word);
    match severity::postgres(word) {
        Some(severity) => fields.severity = severity,
        // In another language.
        None => drop(fields.fault(Reason::Severity)),
    }
    fields.int("process.pid", i64::from(process));
    // `%l` behind the process has a colon before it.
    let session = session.strip_prefix(':').unwrap_or(session);
    session.split([' ', ',']).for_each(|word| about_session(word, fields));
    let text = text_behind(line, at.end);
    if let Some(duration) = text.strip_prefix("duration: ").and_then(|rest| rest.split_once(" ms")) {
        fields.number("duration_ms", duration.0);
    }
    if rest.is_empty() {
        context.message(fields, text);
    } else {
        parts(text, rest, context, fields);
    }
    Some(())
}

/// What stands behind the word that ends there, and two blanks.
fn text_behind(line: &str, end: usize) -> &str {
    line.get(end + 3..).unwrap_or("")
}

/// A message of several lines, and what tells more of it.
fn parts(text: &str, rest: &str, context: Context<'_>, fields: &mut Fields) {
    let mut name = "message";
    let mut part = Cow::Borrowed(text);
    let mut finish = |name: &str, part: &str| match name {
        "message" => context.message(fields, part),
        name => fields.text(name, part),
    };
    for line in rest.split('\n') {
        let indented = line.strip_prefix('\t');
        let more = word(line.as_bytes())
            .filter(|_| indented.is_none())
            .and_then(|word| Some((attribute(&line[word.clone()])?, text_behind(line, word.end))));
        match more {
            Some((attribute, text)) => {
                finish(name, &part);
                (name, part) = (attribute, Cow::Borrowed(text));
            }
            None => {
                let part = part.to_mut();
                part.push('\n');
                part.push_str(indented.unwrap_or(line));
            }
        }
    }
    finish(name, &part);
}

/// What a line with this word tells of its message.
fn attribute(word: &str) -> Option<&'static str> {
    Some(match word {
        "DETAIL" => "detail",
        "HINT" => "hint",
        "QUERY" => "internal_query",
        "CONTEXT" => "context",
        "LOCATION" => "location",
        "BACKTRACE" => "backtrace",
        "STATEMENT" => "db.query.text",
        _ => return None,
    })
}

/// `user@database`, or a pair. Who has not said yet who it is, is `[unknown]`.
fn about_session(word: &str, fields: &mut Fields) {
    let mut known = |key: &str, value: &str| {
        if !value.is_empty() && value != "[unknown]" {
            fields.text(key, value);
        }
    };
    if let Some((key, value)) = word.split_once('=') {
        match key {
            "user" => known("user.name", value),
            "db" | "database" => known("db.namespace", value),
            "app" => known("application_name", value),
            "client" | "host" | "remote" => known("client.address", value),
            _ => {}
        }
    } else if let Some((user, database)) = word.rsplit_once('@') {
        known("user.name", user);
        known("db.namespace", database);
    }
}

#[cfg(test)]
mod tests;

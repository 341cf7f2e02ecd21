//! Events of several lines: which lines go on with the one before them.
//!
//! [`Rules`] look at one line after the other, with what the event so far has come to ([`State`]), and say
//! whether the line belongs to it. A language is a state machine in a file of its own, with two lines in
//! [`Preset::next`]. They follow what the language's own runtime prints, and let go of the event at the first line
//! that it would not print: a log line between two traces stays a record of its own. A server whose messages have
//! several lines has a preset alike.

mod dotnet;
mod go;
mod java;
mod javascript;
mod postgres;
mod python;
mod ruby;
mod rust;
mod words;

use std::time::Duration;

use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::HumanDuration;

/// How lines become events: one of `preset`, `start` and `continue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Multiline {
    /// Stack traces of a language become one record each; other lines stay records of their own.
    pub preset: Option<Preset>,
    /// A line that matches begins an event, all others go on with it.
    pub start: Option<String>,
    /// A line that matches goes on with the event before it, all others begin one.
    #[serde(rename = "continue")]
    pub goes_on: Option<String>,
    /// An event is complete if nothing was added to it for so long.
    pub flush_after: HumanDuration,
}

impl Default for Multiline {
    fn default() -> Self {
        Self { preset: None, start: None, goes_on: None, flush_after: HumanDuration::secs(1) }
    }
}

/// The languages whose stack traces are known, and servers whose messages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Tracebacks with the exceptions that they are chained to, and exception groups.
    Python,
    /// Stack traces with their causes and suppressed exceptions.
    Java,
    /// Panics and dumps of goroutines.
    Go,
    /// Stack traces of V8, as Node.js prints them.
    Javascript,
    /// Exceptions with their causes, as the interpreter, `Logger` and Rails print them.
    Ruby,
    /// Panics with and without a backtrace, and chains of errors.
    Rust,
    /// Exceptions with their inner ones, and the records of the console logger.
    Dotnet,
    /// Messages of PostgreSQL with detail, hint, context and statement.
    Postgres,
}

/// The shortest and the longest time that an event can wait.
const FLUSH: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(600)];

impl Check for Multiline {
    fn check(&self, at: &mut Place<'_>) {
        let given = [self.preset.is_some(), self.start.is_some(), self.goes_on.is_some()];
        match given.iter().filter(|given| **given).count() {
            0 => at.wrong("one of preset, start and continue is required"),
            1 => {}
            _ => at.wrong("only one of preset, start and continue may be given"),
        }
        for (key, regex) in [("start", &self.start), ("continue", &self.goes_on)] {
            if let Some(regex) = regex {
                at.key(key).ok(Regex::new(regex));
            }
        }
        if !(FLUSH[0]..=FLUSH[1]).contains(&self.flush_after.0) {
            at.key("flush_after").wrong("must be between 10ms and 10m");
        }
    }
}

/// What an event has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing can follow: it is complete.
    Complete,
    /// Whatever the rule says may follow.
    Open,
    /// Within a trace.
    Python(python::State),
    Java(java::State),
    Go(go::State),
    Javascript(javascript::State),
    Ruby(ruby::State),
    Rust(rust::State),
    Dotnet(dotnet::State),
    /// Within a message.
    Postgres(postgres::State),
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It begins an event, which comes to this state.
    Begin(State),
    /// It goes on with the event before it, which comes to this state.
    Continue(State),
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) enum Rules {
    Start(Regex),
    Continue(Regex),
    Preset(Preset),
}

impl Rules {
    /// The rule of the configuration, if it has one.
    pub(crate) fn new(config: &Multiline) -> Result<Option<Self>, regex::Error> {
        Ok(match (config.preset, &config.start, &config.goes_on) {
            (Some(preset), ..) => Some(Self::Preset(preset)),
            (_, Some(start), _) => Some(Self::Start(Regex::new(start)?)),
            (.., Some(goes_on)) => Some(Self::Continue(Regex::new(goes_on)?)),
            _ => None,
        })
    }

    /// What `line`, without its newline, is after an event that has come to `state`, if there is one.
    pub(crate) fn next(&self, state: Option<State>, line: &[u8]) -> Step {
        match (self, state) {
            (Self::Start(start), _) => open(!start.is_match(line)),
            (Self::Continue(goes_on), _) => open(goes_on.is_match(line)),
            (Self::Preset(preset), state) => preset.next(state, line),
        }
    }
}

impl Preset {
    /// Whether it is of a language, which has exceptions.
    pub(crate) const fn is_language(self) -> bool {
        !matches!(self, Self::Postgres)
    }

    fn next(self, state: Option<State>, line: &[u8]) -> Step {
        match (self, state) {
            (Self::Python, Some(State::Python(state))) => python::next(state, line),
            (Self::Python, _) => python::begin(line),
            (Self::Java, Some(State::Java(state))) => java::next(state, line),
            (Self::Java, _) => java::begin(line),
            (Self::Go, Some(State::Go(state))) => go::next(state, line),
            (Self::Go, _) => go::begin(line),
            (Self::Javascript, Some(State::Javascript(state))) => javascript::next(state, line),
            (Self::Javascript, _) => javascript::begin(line),
            (Self::Ruby, Some(State::Ruby(state))) => ruby::next(state, line),
            (Self::Ruby, _) => ruby::begin(line),
            (Self::Rust, Some(State::Rust(state))) => rust::next(state, line),
            (Self::Rust, _) => rust::begin(line),
            (Self::Dotnet, Some(State::Dotnet(state))) => dotnet::next(state, line),
            (Self::Dotnet, _) => dotnet::begin(line),
            (Self::Postgres, Some(State::Postgres(state))) => postgres::next(state, line),
            (Self::Postgres, _) => postgres::begin(line),
        }
    }
}

fn open(goes_on: bool) -> Step {
    if goes_on { Step::Continue(State::Open) } else { Step::Begin(State::Open) }
}

/// Whether there is nothing on the line.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// Whether the line begins with a blank or a tab.
fn is_indented(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

#[cfg(test)]
mod tests;

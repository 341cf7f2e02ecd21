//! `auto`: the format is the one of most of the first lines.
//!
//! Nothing waits for the choice: until it is made, each line is of the first format that understands it, in the order of
//! [`candidates`], which is the same for ever. It is made after [`SAMPLE`] lines, or a second, for the whole source, told
//! in the agent's log, and kept in the state directory, so that after a restart lines are understood as before it. Where
//! nothing understands half of them they are plain text. When most of [`WINDOW`] lines are not understood any more, it is
//! made anew.

mod memory;
#[cfg(test)]
pub(super) mod tests;

use std::path::Path;

use tracing::info;
use vigie_pipeline::plug::Error;

use super::format::LineFormat;
use super::{Context, Parser};
use crate::fields::{Fields, Reason};
use memory::Memory;

/// So many lines are looked at.
const SAMPLE: u32 = 20;

/// A choice is made earlier if there are few lines, in nanoseconds.
const PATIENCE: u64 = 1_000_000_000;

/// A choice is looked at after so many lines.
const WINDOW: u32 = 1000;

/// Formats from those that are told apart best to those that understand much.
fn candidates() -> [LineFormat; 15] {
    [
        LineFormat::Json,
        LineFormat::NginxCombined,
        LineFormat::ApacheCombined,
        LineFormat::NginxError,
        LineFormat::ApacheError,
        LineFormat::Postgres,
        LineFormat::Redis,
        LineFormat::Klog,
        LineFormat::Loguru,
        LineFormat::Gunicorn,
        LineFormat::Uvicorn,
        LineFormat::Django,
        LineFormat::Python,
        LineFormat::Syslog,
        LineFormat::Logfmt,
    ]
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Auto {
    formats: Vec<(LineFormat, Parser)>,
    state: State,
    /// The last one that was made.
    choice: Option<Choice>,
    /// `None` for those who read again: they tell nobody.
    memory: Option<Memory>,
}

/// What `auto` takes the lines of a source for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// By its name in the configuration; `None` if they are plain text.
    pub format: Option<&'static str>,
    /// So many lines were looked at.
    pub lines: u32,
    /// So many of them speak for it.
    pub understood: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Looking {
        lines: u32,
        /// How many of them were of each format.
        understood: Vec<u32>,
        /// When the first line was read.
        began: u64,
        /// So many lines stay plain text if nothing is found.
        rest: u32,
    },
    Chosen {
        format: usize,
        lines: u32,
        missed: u32,
    },
    /// Text, for so many lines.
    Plain {
        left: u32,
        rest: u32,
    },
}

impl State {
    fn looking(rest: u32) -> Self {
        Self::Looking { lines: 0, understood: Vec::new(), began: 0, rest }
    }
}

impl Auto {
    pub(super) fn new() -> Result<Self, Error> {
        let with_parser = |format: LineFormat| Ok((format.clone(), Parser::new(&format)?));
        let formats = candidates().into_iter().map(with_parser).collect::<Result<_, Error>>()?;
        Ok(Self { formats, state: State::looking(SAMPLE), choice: None, memory: None })
    }

    /// From now on the choice is kept there and told, and what was kept is chosen.
    pub(super) fn remember_in(&mut self, state_dir: &Path, source: &str) {
        let memory = Memory::new(state_dir, source);
        if let Some(format) = memory.recall().and_then(|name| self.number_of(&name)) {
            self.state = State::Chosen { format, lines: 0, missed: 0 };
        }
        self.memory = Some(memory);
    }

    /// The same for what is read again.
    pub(super) fn again(&self) -> Self {
        Self { memory: None, ..self.clone() }
    }

    /// What the lines are taken for; as long as that is not settled, what those that were seen speak for. Nothing, if
    /// no line was seen.
    pub(super) fn choice(&self) -> Option<Choice> {
        match &self.state {
            State::Looking { lines, understood, .. } if *lines > 0 => Some(self.of_most(*lines, understood)),
            _ => self.choice,
        }
    }

    pub(super) fn parse(
        &mut self,
        line: &str,
        context: Context<'_>,
        fields: &mut Fields,
    ) -> Result<(), Reason> {
        if let State::Looking { lines, understood, began, .. } = &self.state
            && *lines > 0
            && context.observer.at >= began.saturating_add(PATIENCE)
            && understood.iter().any(|understood| understood * 2 >= *lines)
        {
            self.choose();
        }
        match &mut self.state {
            State::Looking { .. } => {
                self.look(line, context, fields);
                Ok(())
            }
            State::Chosen { format, lines, missed } => {
                let (format, parser) = &mut self.formats[*format];
                let read = parser.parse(line, context, fields);
                (*lines, *missed) = (*lines + 1, *missed + u32::from(read.is_err()));
                fields.detected = Some(format.name());
                if *lines == WINDOW {
                    self.review();
                }
                read
            }
            State::Plain { left, rest } => {
                *left -= 1;
                if *left == 0 {
                    self.state = State::looking(rest.saturating_mul(2).min(WINDOW));
                }
                Ok(())
            }
        }
    }

    /// The line is of the first format that understands it.
    fn look(&mut self, line: &str, context: Context<'_>, fields: &mut Fields) {
        let State::Looking { lines, understood, began, .. } = &mut self.state else { return };
        if *lines == 0 {
            *began = context.observer.at;
            understood.resize(self.formats.len(), 0);
        }
        *lines += 1;
        let first = self.formats.iter_mut().position(|(format, parser)| {
            fields.clear();
            parser.parse(line, context, fields).is_ok() && is_likely(format, line, fields)
        });
        match first {
            Some(first) => {
                understood[first] += 1;
                fields.detected = Some(self.formats[first].0.name());
            }
            None => fields.clear(),
        }
        if *lines == SAMPLE {
            self.choose();
        }
    }

    /// Whether the choice still fits most lines; if not, it is made anew.
    fn review(&mut self) {
        let State::Chosen { format, lines, missed } = &mut self.state else { return };
        if *missed * 2 <= WINDOW {
            (*lines, *missed) = (0, 0);
            return;
        }
        if let Some(memory) = &self.memory {
            let (source, format) = (memory.source(), self.formats[*format].0.name());
            info!(source, format, lines, missed, "the format is looked for again");
        }
        self.state = State::looking(SAMPLE);
    }

    /// Of those which understood most, the first; none if that is less than half of the lines.
    fn of_most(&self, lines: u32, understood: &[u32]) -> Choice {
        let most = understood.iter().copied().max().unwrap_or(0);
        let best = understood.iter().position(|understood| *understood == most && most * 2 >= lines);
        Choice { format: best.map(|best| self.formats[best].0.name()), lines, understood: most }
    }

    fn choose(&mut self) {
        let State::Looking { lines, understood, rest, .. } = &self.state else { return };
        let rest = *rest;
        let choice = self.of_most(*lines, understood);
        let Choice { format: name, lines, understood } = choice;
        if let Some(memory) = &self.memory {
            let source = memory.source();
            // Text is told once: it is looked at again and again.
            if name.is_some() || rest == SAMPLE {
                let format = name.unwrap_or("none");
                info!(source, format, lines, understood, "the format was chosen");
            }
            memory.keep(name);
        }
        self.choice = Some(choice);
        self.state = match name.and_then(|name| self.number_of(name)) {
            Some(format) => State::Chosen { format, lines: 0, missed: 0 },
            None => State::Plain { left: rest, rest },
        };
    }

    fn number_of(&self, name: &str) -> Option<usize> {
        self.formats.iter().position(|(format, _)| format.name() == name)
    }
}

/// Formats that take nearly anything are only likely for what has all of their signs.
fn is_likely(format: &LineFormat, line: &str, fields: &Fields) -> bool {
    match format {
        LineFormat::Logfmt => {
            let is_key =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/');
            let first = line.trim_ascii_start().split_once('=').map(|(key, _)| key);
            first.is_some_and(|key| !key.is_empty() && key.bytes().all(is_key))
                && fields.view().pairs().count() > 1
        }
        LineFormat::Syslog => fields.view().get("syslog.appname").is_some(),
        _ => true,
    }
}

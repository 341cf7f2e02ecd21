//! The formats of lines.
//!
//! A format is a function from a line to [`Fields`], in a file of its own, with a line in [`Parser::new`] and one in
//! [`Parser::parse`]. It is on the path of every record: it borrows, and it does not allocate. A source may have
//! several, tried in order.

pub(crate) mod access_format;
mod access_log;
mod apache_error;
pub(crate) mod auto;
mod django;
pub(crate) mod format;
mod grok;
mod gunicorn;
mod json;
mod klog;
mod latest;
mod logfmt;
mod loguru;
mod nginx_error;
pub(crate) mod postgres;
mod python;
mod redis;
mod regex;
mod syslog;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod uvicorn;

use std::borrow::Cow;
use std::path::Path;

use vigie_pipeline::plug::Error;

use super::fields::{Fields, Reason};
use super::timestamp::Observer;
use access_format::{AccessFormat, apache, nginx};
use format::{LineFormat, Parse};

/// What a parser may know besides the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Who reads it: what a time leaves out is as it is there.
    pub(crate) observer: &'a Observer,
    /// Whether a stage behind looks fields up, so that those are worth having which are not sent.
    pub(crate) is_inspected: bool,
}

impl Context<'_> {
    /// What is said, without what stands before it: for stages that look at it, and for `body: message`.
    fn message(self, fields: &mut Fields, text: &str) {
        if self.is_inspected {
            fields.hidden("message", text);
        }
    }
}

/// The first line of a record, and the lines that follow it.
fn first_line(record: &str) -> (&str, &str) {
    memchr::memchr(b'\n', record.as_bytes()).map_or((record, ""), |at| (&record[..at], &record[at + 1..]))
}

/// The formats of a source.
#[derive(Debug, Clone)]
pub(crate) struct Parsers(Vec<Parser>);

/// One format.
#[derive(Debug, Clone)]
enum Parser {
    /// Whatever the line is.
    Text,
    Json(json::Scratch),
    Auto(Box<auto::Auto>),
    AccessLog(access_log::AccessLog),
    AccessFormat(Box<AccessFormat>),
    NginxError,
    ApacheError,
    Gunicorn(Box<gunicorn::Gunicorn>),
    Uvicorn,
    Logfmt(String),
    Syslog(String),
    Postgres,
    Redis,
    Klog(String),
    Python,
    Django,
    Loguru,
    Regex(Box<regex::Fit>),
}

impl Parsers {
    pub(crate) fn new(parse: &Parse) -> Result<Self, Error> {
        parse.content().map(Parser::new).collect::<Result<_, _>>().map(Self)
    }

    /// From now on a choice of `auto` is kept in the state directory.
    pub(crate) fn remember_in(&mut self, state_dir: &Path, source: &str) {
        for parser in &mut self.0 {
            if let Parser::Auto(auto) = parser {
                auto.remember_in(state_dir, source);
            }
        }
    }

    /// What `auto` takes the lines for, where it is asked and has seen some.
    pub(crate) fn choice(&self) -> Option<auto::Choice> {
        self.0.iter().find_map(|parser| if let Parser::Auto(auto) = parser { auto.choice() } else { None })
    }

    /// The same for what is read again.
    pub(crate) fn again(&self) -> Self {
        let again = |parser: &Parser| match parser {
            Parser::Auto(auto) => Parser::Auto(Box::new(auto.again())),
            other => other.clone(),
        };
        Self(self.0.iter().map(again).collect())
    }

    /// Whether lines are taken as they are.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.iter().all(|parser| matches!(parser, Parser::Text))
    }

    /// Takes `line` apart by the first format that understands it.
    ///
    /// # Errors
    /// Why none does: what the last one says.
    pub(crate) fn parse(
        &mut self,
        line: &str,
        context: Context<'_>,
        fields: &mut Fields,
    ) -> Result<(), Reason> {
        fields.refused.clear();
        for parser in &mut self.0 {
            let Err(reason) = parser.parse(line, context, fields) else { return Ok(()) };
            fields.clear();
            fields.refused.push(reason);
        }
        fields.refused.last().map_or(Ok(()), |reason| Err(*reason))
    }

    /// What the attribute is called that a format calls `name`.
    pub(crate) fn resolved<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let alias = self.0.iter().find_map(|parser| match parser {
            Parser::AccessLog(_)
            | Parser::NginxError
            | Parser::ApacheError
            | Parser::Gunicorn(_)
            | Parser::Uvicorn => nginx::attribute(name),
            Parser::AccessFormat(format) => format.attribute(name),
            _ => None,
        });
        alias.map_or(Cow::Borrowed(name), Cow::Owned)
    }
}

impl Parser {
    fn new(format: &LineFormat) -> Result<Self, Error> {
        Ok(match format {
            // What a runtime wraps was unwrapped before.
            LineFormat::None | LineFormat::Cri | LineFormat::Docker => Self::Text,
            LineFormat::Auto => Self::Auto(Box::new(auto::Auto::new()?)),
            LineFormat::Json => Self::Json(json::Scratch::default()),
            LineFormat::NginxCombined => Self::AccessLog(access_log::AccessLog::default()),
            LineFormat::ApacheCombined | LineFormat::ApacheCommon => {
                Self::AccessLog(access_log::AccessLog::with_host())
            }
            LineFormat::NginxError => Self::NginxError,
            LineFormat::ApacheError => Self::ApacheError,
            LineFormat::Gunicorn => Self::Gunicorn(Box::new(gunicorn::Gunicorn::new()?)),
            LineFormat::Uvicorn => Self::Uvicorn,
            LineFormat::Nginx(text) => Self::AccessFormat(Box::new(nginx::format(text)?)),
            LineFormat::Apache(text) => Self::AccessFormat(Box::new(apache::format(text)?)),
            LineFormat::Logfmt => Self::Logfmt(String::new()),
            LineFormat::Syslog => Self::Syslog(String::new()),
            LineFormat::Postgres => Self::Postgres,
            LineFormat::Redis => Self::Redis,
            LineFormat::Klog => Self::Klog(String::new()),
            LineFormat::Python => Self::Python,
            LineFormat::Django => Self::Django,
            LineFormat::Loguru => Self::Loguru,
            LineFormat::Grok(text) => Self::Regex(Box::new(grok::fit(text)?)),
            LineFormat::Regex(pattern) => Self::Regex(Box::new(regex::Fit::new(pattern)?)),
        })
    }

    /// # Errors
    /// Why it is no line of this format; what is in `fields` by then is of no use.
    fn parse(&mut self, line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
        match self {
            Self::Text => Ok(()),
            Self::Auto(auto) => auto.parse(line, context, fields),
            Self::Json(scratch) => json::parse(line, fields, scratch),
            Self::AccessLog(access_log) => access_log.parse(line, context, fields),
            Self::NginxError => nginx_error::parse(line, context, fields),
            Self::ApacheError => apache_error::parse(line, context, fields),
            Self::Gunicorn(gunicorn) => gunicorn.parse(line, context, fields),
            Self::Uvicorn => uvicorn::parse(line, context, fields),
            Self::AccessFormat(format) => format.parse(line, context, fields),
            Self::Logfmt(scratch) => logfmt::parse(line, fields, scratch),
            Self::Syslog(scratch) => syslog::parse(line, context, fields, scratch),
            Self::Postgres => postgres::parse(line, context, fields),
            Self::Redis => redis::parse(line, context, fields),
            Self::Klog(scratch) => klog::parse(line, context, fields, scratch),
            Self::Python => python::parse(line, context, fields),
            Self::Django => django::parse(line, context, fields),
            Self::Loguru => loguru::parse(line, context, fields),
            Self::Regex(regex) => regex.parse(line, fields),
        }
    }
}

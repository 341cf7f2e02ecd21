//! The formats of lines.
//!
//! A format is a function from a line to [`Fields`], in a file of its own, with one line in [`Parser::parse`].
//! It is on the path of every record: it borrows, it does not allocate, and it knows no regexes.

mod access_log;
mod json;

use super::config::Parse;
use super::fields::{Fields, Plan, Reason};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parser {
    format: Parse,
    json: json::Scratch,
    text: String,
}

impl Parser {
    pub(crate) fn new(format: Parse) -> Self {
        Self { format, ..Self::default() }
    }

    /// Takes `line` apart.
    ///
    /// # Errors
    /// Why it is no line of this format; what is in `fields` by then is of no use.
    pub(crate) fn parse(&mut self, line: &str, plan: &Plan, fields: &mut Fields) -> Result<(), Reason> {
        match self.format {
            // What a runtime wraps is unwrapped before: it is text.
            Parse::None | Parse::Cri | Parse::Docker => Ok(()),
            Parse::Json => json::parse(line, plan, fields, &mut self.json),
            Parse::NginxCombined | Parse::ApacheCombined => {
                access_log::parse(line, plan, fields, &mut self.text)
            }
        }
    }
}

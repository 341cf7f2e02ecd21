//! What gunicorn writes by itself: its error log, and its access log, maybe with how long a request took behind it:
//!
//! ```text
//! [2026-01-02 03:04:05 +0000] [12] [INFO] Booting worker with pid: 12
//! 203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8" 0.012345
//! ```
//!
//! What has decimals is seconds (`%(L)s`), else it is microseconds (`%(D)s`).

use super::Context;
use super::access_format::{AccessFormat, DURATION, FormatError, apache};
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

/// Both logs. See the module.
#[derive(Debug, Clone)]
pub(super) struct Gunicorn {
    access: AccessFormat,
}

impl Gunicorn {
    pub(super) fn new() -> Result<Self, FormatError> {
        Ok(Self { access: apache::format("combined")? })
    }

    pub(super) fn parse(
        &mut self,
        line: &str,
        context: Context<'_>,
        fields: &mut Fields,
    ) -> Result<(), Reason> {
        if line.starts_with('[') {
            return error(line, context, fields).ok_or(Reason::Format);
        }
        // What is behind the last quote: the user agent is the last of the fields in quotes.
        let end = memchr::memrchr(b'"', line.as_bytes()).map_or(line.len(), |quote| quote + 1);
        let (access, behind) = line.split_at(end);
        let took = behind.strip_prefix(' ').and_then(seconds);
        self.access.parse(if took.is_some() { access } else { line }, context, fields)?;
        if let Some(seconds) = took {
            fields.double(DURATION, seconds);
        }
        Ok(())
    }
}

fn seconds(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.parse::<f64>().ok().filter(|_| is_number)?;
    Some(if text.contains('.') { number } else { number / 1e6 })
}

fn error(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let text = line.strip_prefix('[')?;
    let (time, len) = timestamp::iso_named(text.as_bytes(), context.observer)?;
    let (process, rest) = text[len..].strip_prefix("] [")?.split_once("] [")?;
    let (level, rest) = rest.split_once(']')?;
    fields.severity = severity::read(level)?;
    fields.set_severity_text(level);
    fields.time = time;
    fields.int("process.pid", process.parse::<u32>().ok()?.into());
    context.message(fields, rest.strip_prefix(' ').unwrap_or(rest));
    Some(())
}

#[cfg(test)]
mod tests;

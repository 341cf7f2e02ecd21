//! loguru, as it writes to files by default:
//!
//! ```text
//! 2026-01-02 03:04:05.678 | INFO     | shop.cart:pay:12 - a message
//! ```

use super::Context;
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(line, context, fields).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let (time, len) = timestamp::iso(line.as_bytes(), context.observer)?;
    let (level, rest) = line[len..].strip_prefix(" | ")?.split_once(" | ")?;
    let (place, message) = rest.split_once(" - ").or_else(|| Some((rest.strip_suffix(" -")?, "")))?;
    let (place, number) = place.rsplit_once(':')?;
    let (module, function) = place.rsplit_once(':')?;
    let (level, number) = (level.trim_ascii_end(), number.parse::<u32>().ok()?);
    fields.time = time;
    fields.set_severity_text(level);
    match severity::python(level) {
        Some(severity) => fields.severity = severity,
        // Levels can be made by anyone.
        None => drop(fields.fault(Reason::Severity)),
    }
    fields.text("log.logger", module);
    fields.text("code.function.name", function);
    fields.int("code.line.number", i64::from(number));
    context.message(fields, message);
    Some(())
}

#[cfg(test)]
mod tests;

//! redis, and Valkey:
//!
//! ```text
//! 12:M 02 Jan 2026 03:04:05.678 * Ready to accept connections tcp
//! ```
//!
//! Before the time stand the process and what it is; the sign behind it is the level.

use super::Context;
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(line, context, fields).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let (process, rest) = line.split_once(':')?;
    let process = process.parse::<u32>().ok()?;
    let (role, rest) = rest.split_once(' ')?;
    let role = match role {
        "M" => "master",
        "S" => "replica",
        "C" => "child",
        "X" => "sentinel",
        _ => return None,
    };
    let (time, len) = timestamp::redis(rest.as_bytes(), context.observer)?;
    let [b' ', sign, b' ', ..] = rest.as_bytes()[len..] else { return None };
    let (severity, name) = severity::redis(sign)?;
    fields.time = time;
    fields.severity = severity;
    fields.set_severity_text(name);
    fields.int("process.pid", i64::from(process));
    fields.text("redis.role", role);
    context.message(fields, &rest[len + 3..]);
    Some(())
}

#[cfg(test)]
mod tests;

//! Lines of Python's `logging`, whose format everybody chooses. Understood is what has a level and, before the message,
//! nothing but the usual parts, in the usual ways:
//!
//! ```text
//! WARNING:root:a message
//! 2026-01-02 03:04:05,678 - shop.cart - WARNING - a message
//! 2026-01-02 03:04:05,678 WARNING shop.cart: a message
//! 2026-01-02 03:04:05,678 [WARNING] shop.cart: a message
//! [2026-01-02 03:04:05,678] WARNING in cart: a message
//! [2026-01-02 03:04:05,678: WARNING/MainProcess] a message
//! WARNING 2026-01-02 03:04:05,678 cart 12 140735 a message
//! 2026-01-02 03:04:05,678 WARNING [shop.cart] [cart.py:12] [trace_id=… span_id=…] - a message
//! ```
//!
//! They are those of `basicConfig`, of the documentation, of Flask, of Celery, of Django's documentation, and of
//! OpenTelemetry's instrumentation.

mod header;

use header::Header;

use super::Context;
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(line, context, fields).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let message = match line.as_bytes().first()? {
        b'0'..=b'9' => {
            let (time, len) = timestamp::iso(line.as_bytes(), context.observer)?;
            fields.time = time;
            Header(fields).rest(&line[len..])?
        }
        b'[' => of_bracket(&line[1..], context, fields)?,
        _ => of_level(line, context, fields)?,
    };
    context.message(fields, message);
    Some(())
}

/// `2026-01-02 03:04:05,678] …`, `2026-01-02 03:04:05,678: WARNING/MainProcess] …`
fn of_bracket<'l>(line: &'l str, context: Context<'_>, fields: &mut Fields) -> Option<&'l str> {
    let (time, len) = timestamp::iso(line.as_bytes(), context.observer)?;
    let rest = &line[len..];
    if let Some(behind) = rest.strip_prefix(']') {
        let message = Header(fields).rest(behind)?;
        fields.time = time;
        return Some(message);
    }
    let (level, behind) = rest.strip_prefix(": ")?.split_once('/')?;
    let (process, message) = behind.split_once("] ")?;
    fields.time = time;
    fields.severity = severity::python(level)?;
    fields.set_severity_text(level);
    fields.text("process.name", process);
    Some(message)
}

/// `WARNING:root:…`, `WARNING 2026-01-02 …`
fn of_level<'l>(line: &'l str, context: Context<'_>, fields: &mut Fields) -> Option<&'l str> {
    let end = line.bytes().position(|byte| matches!(byte, b':' | b' '))?;
    let (level, rest) = line.split_at(end);
    fields.severity = severity::python(level)?;
    fields.set_severity_text(level);
    if let Some(rest) = rest.strip_prefix(':') {
        let (name, message) = rest.split_once(':')?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        fields.text("log.logger", name);
        return Some(message);
    }
    let rest = rest.trim_start_matches(' ');
    let (time, len) = timestamp::iso(rest.as_bytes(), context.observer)?;
    fields.time = time;
    let rest = rest[len..].strip_prefix(' ')?;
    Some(of_django(rest, fields).unwrap_or(rest))
}

/// `cart 12 140735 …`: module, process and thread, as Django's documentation has it.
fn of_django<'l>(rest: &'l str, fields: &mut Fields) -> Option<&'l str> {
    let (module, rest) = rest.split_once(' ')?;
    let (process, rest) = rest.split_once(' ')?;
    let (thread, message) = rest.split_once(' ')?;
    let (process, thread) = (process.parse::<u32>().ok()?, thread.parse::<i64>().ok()?);
    fields.text("module", module);
    fields.int("process.pid", i64::from(process));
    fields.int("thread.id", thread);
    Some(message)
}

#[cfg(test)]
mod tests;

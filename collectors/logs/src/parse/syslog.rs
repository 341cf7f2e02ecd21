//! Syslog as daemons write it to files, or send it: RFC 5424 and what came before it.
//!
//! ```text
//! <165>1 2026-01-02T03:04:05.678Z host app 12 ID47 [id key="value"] a message
//! <38>Jan  2 03:04:05 host sshd[12]: a message
//! Jan  2 03:04:05 host sshd[12]: a message
//! 2026-01-02T03:04:05.678901+01:00 host sshd[12]: a message
//! ```
//!
//! The last form is what rsyslog writes today. The older forms are a custom, not a format: the host, the tag and the
//! time after a priority may each be missing.

mod structured;

use super::Context;
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

/// The names of facilities, by their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// The names of severities, by their numbers.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

pub(super) fn parse(
    line: &str,
    context: Context<'_>,
    fields: &mut Fields,
    scratch: &mut String,
) -> Result<(), Reason> {
    let read = match priority(line) {
        Some((number, rest)) => {
            set_priority(number, fields);
            match rest.strip_prefix("1 ") {
                Some(rest) => of_5424(rest, context, fields, scratch),
                None => of_3164(rest, true, context, fields),
            }
        }
        None => of_3164(line, false, context, fields),
    };
    read.ok_or(Reason::Format)
}

/// `<165>`, at most 191, and what follows it.
fn priority(line: &str) -> Option<(u16, &str)> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|number| is_number && *number < 192)?, rest))
}

fn set_priority(number: u16, fields: &mut Fields) {
    let severity = number % 8;
    fields.severity = severity::syslog(severity).unwrap_or_default();
    fields.set_severity_text(SEVERITIES[usize::from(severity)]);
    fields.text("syslog.facility", FACILITIES[usize::from(number / 8)]);
}

/// Behind priority and version. What is not known is a dash.
fn of_5424(rest: &str, context: Context<'_>, fields: &mut Fields, scratch: &mut String) -> Option<()> {
    let (time, rest) = rest.split_once(' ')?;
    if time == "-" {
        fields.fault(Reason::NoTimestamp);
    } else {
        fields.time = timestamp::rfc3339(time.as_bytes())?;
    }
    let (host, rest) = rest.split_once(' ')?;
    let (app, rest) = rest.split_once(' ')?;
    let (process, rest) = rest.split_once(' ')?;
    let (id, rest) = rest.split_once(' ')?;
    for (key, value) in [("host.name", host), ("syslog.appname", app)] {
        if value != "-" {
            fields.text(key, value);
        }
    }
    if process != "-" {
        set_process(process, fields);
    }
    if id != "-" {
        fields.text("syslog.msgid", id);
    }
    let rest = match rest.strip_prefix('-') {
        Some(rest) => rest,
        None => structured::data(rest, fields, scratch)?,
    };
    let message = match rest.strip_prefix(' ') {
        Some(message) => message,
        None if rest.is_empty() => "",
        None => return None,
    };
    context.message(fields, message.strip_prefix('\u{feff}').unwrap_or(message));
    Some(())
}

fn of_3164(line: &str, has_priority: bool, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let bytes = line.as_bytes();
    let is_iso = bytes.first().is_some_and(u8::is_ascii_digit);
    let read = if is_iso {
        timestamp::iso(bytes, context.observer)
    } else {
        timestamp::syslog(bytes, context.observer)
    };
    let rest = match read {
        Some((time, len)) => {
            fields.time = time;
            line[len..].strip_prefix(' ')?
        }
        None if has_priority => {
            fields.fault(Reason::NoTimestamp);
            line
        }
        None => return None,
    };
    // A time and a level stand before the lines of many loggers: that is no host.
    let (host, content) = match rest.split_once(' ') {
        Some((first, content)) if tag(rest).is_none() && read.is_some() => (Some(first), content),
        _ => (None, rest),
    };
    if let Some(host) = host {
        let is_name = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'/' | b'%')
        };
        if host.is_empty() || !host.bytes().all(is_name) || is_iso && severity::read(host).is_some() {
            return None;
        }
        fields.text("host.name", host);
    }
    match tag(content) {
        Some(tag) => {
            fields.text("syslog.appname", tag.name);
            if let Some(process) = tag.process {
                set_process(process, fields);
            }
            context.message(fields, tag.rest);
        }
        None if has_priority || !is_iso => context.message(fields, content),
        // Only a time and words, as anybody may write them.
        None => return None,
    }
    Some(())
}

/// Who writes: `sshd[12]: `, `kernel: `
struct Tag<'t> {
    name: &'t str,
    process: Option<&'t str>,
    rest: &'t str,
}

fn tag(text: &str) -> Option<Tag<'_>> {
    let end = text.bytes().position(|byte| matches!(byte, b' ' | b':' | b'['))?;
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    if let Some(inside) = rest.strip_prefix('[') {
        let (process, rest) = inside.split_once(']')?;
        let rest = rest.strip_prefix(':')?;
        let is_one = !process.is_empty() && !process.contains(' ');
        return is_one.then(|| Tag {
            name,
            process: Some(process),
            rest: rest.strip_prefix(' ').unwrap_or(rest),
        });
    }
    let rest = rest.strip_prefix(':')?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    Some(Tag { name, process: None, rest })
}

/// Mostly a number.
fn set_process(process: &str, fields: &mut Fields) {
    match process.parse::<u32>() {
        Ok(number) => fields.int("process.pid", i64::from(number)),
        Err(_) => fields.text("syslog.procid", process),
    }
}

#[cfg(test)]
mod tests;

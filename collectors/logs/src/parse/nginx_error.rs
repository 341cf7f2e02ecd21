//! nginx's error log:
//!
//! ```text
//! 2026/01/02 03:04:05 [error] 12#34: *5 open() "/srv/x" failed (2: No such file or directory), client: 203.0.113.9,
//!     server: _, request: "GET /x HTTP/1.1", upstream: "http://10.0.0.5/x", host: "shop.example", referrer: "https://y/"
//! ```
//!
//! (one line). What stands behind the message may have been said by the client, and is not escaped: it only counts if
//! it is nothing but such pairs to the end of the line, none of them twice.

use super::access_format::{write_header, write_request};
use super::{Context, first_line};
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

/// What is known of a request, in the order in which it is written.
const KEYS: [&str; 8] =
    ["client", "server", "login", "request", "subrequest", "upstream", "host", "referrer"];

/// How many places are tried at which the pairs may begin.
const MOST_BEGINNINGS: usize = 8;

/// Their values, without quotes.
type Values<'l> = [Option<&'l str>; KEYS.len()];

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(line, context, fields).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let (time, len) = timestamp::iso(line.as_bytes(), context.observer)?;
    let (level, rest) = line[len..].strip_prefix(" [")?.split_once("] ")?;
    let (process, rest) = rest.split_once('#')?;
    let (thread, rest) = rest.split_once(':')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let (process, thread) = (process.parse::<u32>().ok()?, thread.parse::<u64>().ok()?);
    fields.severity = severity::read(level)?;
    fields.set_severity_text(level);
    fields.time = time;
    fields.int("process.pid", i64::from(process));
    fields.int("thread.id", i64::try_from(thread).ok()?);
    let connection = rest.strip_prefix('*').and_then(|rest| {
        let (number, message) = rest.split_once(' ')?;
        Some((number.parse::<i64>().ok()?, message))
    });
    if let Some((number, _)) = connection {
        fields.int("connection", number);
    }
    let rest = connection.map_or(rest, |(_, message)| message);
    let pairs = memchr::memmem::find_iter(rest.as_bytes(), ", client: ").take(MOST_BEGINNINGS);
    let mut found = pairs.filter_map(|at| {
        let (pairs, continuation) = first_line(&rest[at..]);
        Some((at, values(pairs)?, continuation))
    });
    let mut message = rest;
    if let Some((at, values, continuation)) = found.next() {
        write(&values, context, fields);
        fields.continuation.push_str(continuation);
        message = &rest[..at];
    }
    context.message(fields, message);
    Some(())
}

/// Pairs as `, key: value`, up to the end.
fn values(text: &str) -> Option<Values<'_>> {
    let mut values = [None; KEYS.len()];
    let mut rest = text;
    while !rest.is_empty() {
        let (number, behind) = key(rest)?;
        let is_quoted = behind.starts_with('"');
        let mut ends = memchr::memmem::find_iter(behind.as_bytes(), ", ");
        let end =
            ends.find(|end| key(&behind[*end..]).is_some() && (!is_quoted || behind[1..*end].ends_with('"')));
        let (value, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let value = match value.strip_prefix('"') {
            // The writer cuts off what is too long.
            Some(value) if behind.is_empty() => value.strip_suffix('"').unwrap_or(value),
            Some(value) => value.strip_suffix('"')?,
            None => value,
        };
        if values[number].replace(value).is_some() {
            return None;
        }
        rest = behind;
    }
    Some(values)
}

/// The number of the key that `text` begins with, and what is behind it.
fn key(text: &str) -> Option<(usize, &str)> {
    let (key, behind) = text.strip_prefix(", ")?.split_once(": ")?;
    Some((KEYS.iter().position(|known| *known == key)?, behind))
}

fn write(values: &Values<'_>, context: Context<'_>, fields: &mut Fields) {
    for (key, value) in KEYS.iter().zip(values) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        match *key {
            "client" => match value.strip_prefix("unix:") {
                Some(_) => fields.text("network.transport", "unix"),
                None => fields.text("client.address", value),
            },
            "server" if value == "_" => {}
            "server" => fields.text("server_name", value),
            "login" => fields.text("user.name", value),
            "request" => write_request(value, context, fields),
            "host" => fields.text("server.address", host(value)),
            "referrer" => write_header("http.request.header.referer", value, fields),
            key => fields.text(key, value),
        }
    }
}

/// Without the port.
fn host(value: &str) -> &str {
    match value.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => value,
    }
}

#[cfg(test)]
mod tests;

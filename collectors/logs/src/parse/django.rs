//! Django without a configuration of its logging: the requests of its development server, and what `django.request`
//! says of those that failed.
//!
//! ```text
//! [02/Jan/2026 03:04:05] "GET /a?b=c HTTP/1.1" 200 12
//! [02/Jan/2026 03:04:05] code 400, message Bad request syntax ('x')
//! Internal Server Error: /pay
//! Forbidden (CSRF cookie not set.): /pay
//! ```

use super::Context;
use super::access_format::write_request;
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

/// What `django.request` calls a failure, which are the reasons of HTTP.
const FAILURES: [(&str, u16); 12] = [
    ("Internal Server Error", 500),
    ("Not Implemented", 501),
    ("Bad Gateway", 502),
    ("Service Unavailable", 503),
    ("Not Found", 404),
    ("Forbidden", 403),
    ("Bad Request", 400),
    ("Unauthorized", 401),
    ("Method Not Allowed", 405),
    ("Gone", 410),
    ("Request Entity Too Large", 413),
    ("Too Many Requests", 429),
];

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    let read =
        if line.starts_with('[') { of_server(line, context, fields) } else { of_failure(line, fields) };
    read.ok_or(Reason::Format)
}

fn of_server(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let rest = line.strip_prefix('[')?;
    let (time, len) = timestamp::apache(rest.as_bytes(), context.observer)?;
    let message = rest[len..].strip_prefix("] ")?;
    fields.time = time;
    if let Some(request) = message.strip_prefix('"') {
        return of_request(request, context, fields);
    }
    let code = message.strip_prefix("code ").and_then(|rest| rest.split_once(", ")?.0.parse().ok());
    fields.severity = severity::of_status(code.unwrap_or(200));
    if let Some(code) = code {
        fields.int("http.response.status_code", i64::from(code));
    }
    context.message(fields, message);
    Some(())
}

/// A quote within a request is not escaped: the last one ends it.
fn of_request(rest: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let (request, rest) = rest.rsplit_once("\" ")?;
    let (status, size) = rest.split_once(' ')?;
    let status: u16 = status.parse().ok().filter(|status| *status < 1000)?;
    fields.severity = severity::of_status(status);
    write_request(request, context, fields);
    fields.int("http.response.status_code", i64::from(status));
    if size != "-" {
        fields.int("http.response.body.size", size.parse().ok()?);
    }
    Some(())
}

fn of_failure(line: &str, fields: &mut Fields) -> Option<()> {
    let first = line.lines().next()?;
    let (name, path) = first.split_once(": /")?;
    // The reason may be said in parentheses.
    let name =
        name.split_once(" (").filter(|(_, reason)| reason.ends_with(')')).map_or(name, |(name, _)| name);
    let (_, status) = FAILURES.iter().find(|(failure, _)| *failure == name)?;
    fields.severity = severity::of_status(*status);
    fields.text("url.path", &first[first.len() - path.len() - 1..]);
    fields.int("http.response.status_code", i64::from(*status));
    Some(())
}

#[cfg(test)]
mod tests;

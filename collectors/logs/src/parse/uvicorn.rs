//! What uvicorn writes by itself: its access log, and its other lines.
//!
//! ```text
//! INFO:     203.0.113.9:5000 - "GET /a HTTP/1.1" 200 OK
//! INFO:     Application startup complete.
//! ```
//!
//! There is no time in either.

use super::Context;
use super::access_format::write_request;
use crate::fields::{Fields, Reason};
use crate::severity;

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(line, context, fields).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let (level, rest) = line.split_once(':')?;
    if level.is_empty() || !level.bytes().all(|byte| byte.is_ascii_uppercase()) || !rest.starts_with(' ') {
        return None;
    }
    let message = rest.trim_start_matches(' ');
    fields.severity = severity::read(level)?;
    if access(message, context, fields).is_none() {
        fields.set_severity_text(level);
    }
    context.message(fields, message);
    Some(())
}

/// `203.0.113.9:5000 - "GET /a HTTP/1.1" 200 OK`; `None`, and nothing is written, if it is not that.
fn access(message: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    // Behind a socket in the file system there is no address.
    let (client, rest) = message.split_once("- \"")?;
    let (request, rest) = rest.rsplit_once("\" ")?;
    let status = rest.split(' ').next().filter(|status| status.len() == 3)?.parse::<u16>().ok()?;
    let client = client.trim_end();
    if client.contains(' ') {
        return None;
    }
    if let Some((address, port)) = client.rsplit_once(':') {
        fields.text("client.address", address);
        fields.number("client.port", port);
    }
    write_request(request, context, fields);
    fields.int("http.response.status_code", i64::from(status));
    fields.severity = severity::of_status(status);
    Some(())
}

#[cfg(test)]
mod tests;

//! Apache's error log, as version 2.4 writes it by default, with or without threads, and as 2.2 did:
//!
//! ```text
//! [Fri Jan 02 03:04:05.123456 2026] [proxy:error] [pid 12:tid 34] (111)Connection refused: [client 203.0.113.9:5000] AH00957: HTTP: attempt to connect failed, referer: https://x/
//! [Fri Jan 02 03:04:05 2026] [error] [client 203.0.113.9] File does not exist: /srv/x
//! ```

use vigie_pipeline::otlp::log::Severity;

use super::access_format::write_header;
use super::{Context, first_line};
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

pub(super) fn parse(line: &str, context: Context<'_>, fields: &mut Fields) -> Result<(), Reason> {
    read(line, context, fields).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields) -> Option<()> {
    let text = line.strip_prefix('[')?;
    let (time, len) = timestamp::ctime(text.as_bytes(), context.observer)?;
    let (level, mut rest) = text[len..].strip_prefix("] [")?.split_once(']')?;
    // Version 2.4 names the module, and the port of the client.
    let (module, level) =
        level.split_once(':').map_or((None, level), |(module, level)| (Some(module), level));
    fields.severity = read_level(level)?;
    fields.set_severity_text(level);
    fields.time = time;
    if let Some(module) = module.filter(|module| !module.is_empty() && *module != "-") {
        fields.text("log.logger", module);
    }
    while let Some((inner, behind)) = rest.strip_prefix(" [").and_then(|inner| inner.split_once(']')) {
        if !about(inner, module.is_some(), fields) {
            break;
        }
        rest = behind;
    }
    let mut message = rest.strip_prefix(' ').unwrap_or(rest);
    // What the system said of it comes before the client: `(111)Connection refused: [client …] …`.
    if message.starts_with('(')
        && let Some((_, behind)) = message.split_once(": [client ")
        && let Some((inner, _)) = behind.split_once("] ")
    {
        write_client(inner, module.is_some(), fields);
    }
    if let Some((before, referer)) = message.rsplit_once(", referer: ") {
        let (referer, continuation) = first_line(referer);
        write_header("http.request.header.referer", referer, fields);
        fields.continuation.push_str(continuation);
        message = before;
    }
    let code = message.rsplit("] ").next().unwrap_or(message);
    let code = if code.starts_with("AH") { code } else { message };
    if let Some((code, _)) = code.split_once(':')
        && code.strip_prefix("AH").is_some_and(|digits| digits.len() == 5 && is_number(digits))
    {
        fields.text("error.type", code);
    }
    context.message(fields, message);
    Some(())
}

/// `trace1` to `trace8` are more of `debug`.
fn read_level(level: &str) -> Option<Severity> {
    if level.strip_prefix("trace").is_some_and(is_number) {
        Some(Severity::TRACE)
    } else {
        severity::read(level)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is something about the process or the client.
fn about(inner: &str, has_port: bool, fields: &mut Fields) -> bool {
    if let Some(process) = inner.strip_prefix("pid ") {
        let (process, thread) = process.split_once(":tid ").map_or((process, None), |(p, t)| (p, Some(t)));
        fields.number("process.pid", process);
        if let Some(thread) = thread {
            fields.number("thread.id", thread);
        }
    } else if let Some(client) = inner.strip_prefix("client ") {
        write_client(client, has_port, fields);
    } else if let Some(peer) = inner.strip_prefix("remote ") {
        fields.text("upstream", peer);
    } else {
        return false;
    }
    true
}

fn write_client(client: &str, has_port: bool, fields: &mut Fields) {
    let port = client.rsplit_once(':').filter(|_| has_port);
    match port.and_then(|(address, port)| Some((address, port.parse::<u16>().ok()?))) {
        Some((address, port)) => {
            fields.text("client.address", address.trim_matches(['[', ']']));
            fields.int("client.port", i64::from(port));
        }
        None => fields.text("client.address", client),
    }
}

#[cfg(test)]
mod tests;

//! nginx's and Apache's `combined`, and `common`, which ends after the size:
//!
//! ```text
//! 203.0.113.9 - bob [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 1043 "https://x/" "Mozilla/5.0"
//! ```
//!
//! What follows the user agent (many add `"$http_x_forwarded_for"`) stays in the body alone. Fields become
//! attributes of the semantic conventions for HTTP servers; filters and `body` may name them so, or as nginx
//! calls its variables.

use vigie_pipeline::otlp::attributes::{field::LOG, put_int, put_key_value, put_str};
use vigie_pipeline::otlp::wire::{put_bytes, put_message};

use crate::fields::{Fields, Plan, Reason, Value};
use crate::{severity, timestamp};

/// Methods that may be values of `http.request.method`; others are `_OTHER`.
const METHODS: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];

pub(super) fn parse(
    line: &str,
    plan: &Plan,
    fields: &mut Fields,
    scratch: &mut String,
) -> Result<(), Reason> {
    read(line, plan, fields, scratch).ok_or(Reason::Format)
}

fn read(line: &str, plan: &Plan, fields: &mut Fields, scratch: &mut String) -> Option<()> {
    let (client, rest) = line.split_once(' ')?;
    let (_ident, rest) = rest.split_once(' ')?;
    // A user name may contain blanks; the time's bracket ends it.
    let (user, rest) = rest.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = quoted(rest)?;
    let mut words = rest.strip_prefix(' ')?.splitn(3, ' ');
    let (status, size, rest) = (words.next()?, words.next()?, words.next());
    let code = status.parse::<u16>().ok().filter(|code| *code < 1000)?;

    fields.time = timestamp::access_log(time.as_bytes())?;
    fields.severity = severity::of_status(code);
    let mut to = Attributes { plan, fields };
    to.text("client.address", "remote_addr", client);
    if user != "-" {
        to.text("user.name", "remote_user", user);
    }
    to.request(unescaped(request, scratch));
    if !to.take("http.response.status_code", "status", status) {
        put_int(&mut to.fields.attributes, LOG, "http.response.status_code", i64::from(code));
    }
    if size != "-" {
        let bytes = size.parse::<i64>().ok()?;
        if !to.take("http.response.body.size", "body_bytes_sent", size) {
            put_int(&mut to.fields.attributes, LOG, "http.response.body.size", bytes);
        }
    }
    let Some(rest) = rest else { return Some(()) };
    let (referer, rest) = quoted(rest.strip_prefix('"')?)?;
    if referer != "-" {
        to.header("http.request.header.referer", "http_referer", unescaped(referer, scratch));
    }
    let rest = rest.strip_prefix(" \"")?;
    // Writers cut off long lines in their last field: what there is of it counts.
    let (agent, _) = quoted(rest).unwrap_or((rest, ""));
    if agent != "-" {
        to.text("user_agent.original", "http_user_agent", unescaped(agent, scratch));
    }
    Some(())
}

/// What stands before the closing quote, and what comes behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some((&text[..at], &text[at + 1..]));
        }
        at += 2;
    }
}

/// Without the escapes: `\xHH` of both servers, and `\"`, `\\`, `\n`, `\t`, … of Apache. Bytes that are not
/// UTF-8 become U+FFFD.
fn unescaped<'t>(text: &'t str, scratch: &'t mut String) -> &'t str {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let hex = |at: usize| tail.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (tail.first(), hex(1), hex(2)) {
            (Some(b'x'), Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = &tail[3..];
            }
            (Some(byte), ..) => {
                bytes.push(match byte {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    b'v' => 11,
                    byte => *byte,
                });
                rest = &tail[1..];
            }
            (None, ..) => bytes.push(b'\\'),
        }
    }
    scratch.clear();
    scratch.push_str(&String::from_utf8_lossy(&bytes));
    scratch
}

struct Attributes<'f> {
    plan: &'f Plan,
    fields: &'f mut Fields,
}

impl Attributes<'_> {
    /// Offers a field under both of its names.
    fn take(&mut self, name: &str, variable: &str, value: &str) -> bool {
        if self.plan.is_empty() {
            return false;
        }
        let value = Value::Text(value);
        self.fields.take(self.plan, name, value) | self.fields.take(self.plan, variable, value)
    }

    fn text(&mut self, name: &str, variable: &str, value: &str) {
        if !self.take(name, variable, value) {
            put_str(&mut self.fields.attributes, LOG, name, value);
        }
    }

    /// A header may come several times: its attribute is a list.
    fn header(&mut self, name: &str, variable: &str, value: &str) {
        if !self.take(name, variable, value) {
            put_key_value(&mut self.fields.attributes, LOG, name, |any| {
                put_message(any, 5, |list| put_message(list, 1, |item| put_bytes(item, 1, value.as_bytes())));
            });
        }
    }

    /// `GET /a?b=c HTTP/1.1`; anything else (what scanners send) is kept as it is.
    fn request(&mut self, request: &str) {
        // Under its own name for filters and `body` alone: the attributes say it in parts.
        self.fields.take(self.plan, "request", Value::Text(request));
        let parts = request.split_once(' ').and_then(|(method, rest)| {
            let (target, protocol) = rest.rsplit_once(' ')?;
            Some((method, target, protocol.strip_prefix("HTTP/")?))
        });
        let Some((method, target, version)) = parts else {
            return self.text("url.original", "request_uri", request);
        };
        if METHODS.contains(&method) {
            self.text("http.request.method", "request_method", method);
        } else {
            self.text("http.request.method", "request_method", "_OTHER");
            put_str(&mut self.fields.attributes, LOG, "http.request.method_original", method);
        }
        self.fields.take(self.plan, "request_uri", Value::Text(target));
        if target.starts_with('/') {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            self.text("url.path", "uri", path);
            if !query.is_empty() {
                self.text("url.query", "args", query);
            }
        } else {
            self.text("url.original", "", target);
        }
        self.text("network.protocol.version", "server_protocol", version);
    }
}

#[cfg(test)]
mod tests;

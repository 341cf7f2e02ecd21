//! Apache's `LogFormat`: directives in a text, and which attributes they are.
//!
//! Accepted is the format itself, as well as what a configuration has around it, `LogFormat "…" name`, and the names
//! of those that Apache's own configuration defines.

use super::AccessFormat;
use super::compile::{DURATION, Entry, FormatError, Part, compile};
use super::escape::Escape;
use super::field::Kind;
use super::time::Time;
use crate::timestamp::Format;

/// Formats that are known by their names.
const NAMED: [(&str, &str); 5] = [
    ("common", r#"%h %l %u %t "%r" %>s %b"#),
    ("combined", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#),
    ("combinedio", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %I %O"#),
    ("vhost_common", r#"%v %h %l %u %t "%r" %>s %b"#),
    ("vhost_combined", r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#),
];

/// Compiles a `LogFormat`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn format(text: &str) -> Result<AccessFormat, FormatError> {
    let text = text.trim_matches(['\n', '\r']);
    let configured = match text
        .trim_start()
        .strip_prefix("LogFormat")
        .filter(|rest| rest.starts_with(char::is_whitespace))
    {
        Some(rest) => quoted(rest.trim_start())?,
        None => text,
    };
    let named = NAMED.iter().find(|(name, _)| *name == configured);
    compile(parts(named.map_or(configured, |(_, format)| format))?, Escape::Backslash)
}

/// The format of a statement: in quotes, a name behind it.
fn quoted(text: &str) -> Result<&str, FormatError> {
    let Some(text) = text.strip_prefix('"') else { return Ok(text.split_whitespace().next().unwrap_or("")) };
    super::closing_quote(text).map(|end| &text[..end]).ok_or(FormatError::Unclosed('"'))
}

/// Directives are `%`, conditions and modifiers, maybe an argument in braces, and a letter.
fn parts(text: &str) -> Result<Vec<Part>, FormatError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['%', '\\']) {
        parts.push(Part::Literal(rest[..at].to_owned()));
        let (sign, behind) = rest[at..].split_at(1);
        let escaped = behind.chars().next().filter(|_| sign == "\\");
        rest = behind;
        match escaped {
            Some(char) => {
                rest = &behind[char.len_utf8()..];
                parts.push(Part::Literal(match char {
                    'n' => "\n".to_owned(),
                    't' => "\t".to_owned(),
                    '"' | '\\' => char.to_string(),
                    other => format!("\\{other}"),
                }));
            }
            None if sign == "\\" => parts.push(Part::Literal("\\".to_owned())),
            None => rest = directive(behind, &mut parts)?,
        }
    }
    parts.push(Part::Literal(rest.to_owned()));
    Ok(joined_times(parts))
}

/// Reads what stands behind a `%`; returns what follows the directive.
fn directive<'t>(text: &'t str, parts: &mut Vec<Part>) -> Result<&'t str, FormatError> {
    // Conditions on the status: where one is not met, `-` is written. And which of several requests is meant.
    let is_modifier = |char: char| char.is_ascii_digit() || matches!(char, ',' | '!' | '<' | '>');
    let mut rest = text.trim_start_matches(is_modifier);
    let modifiers = &text[..text.len() - rest.len()];
    let mut argument = None;
    if let Some(behind) = rest.strip_prefix('{') {
        let (inner, behind) = behind.split_once('}').ok_or(FormatError::Unclosed('{'))?;
        (argument, rest) = (Some(inner), behind.trim_start_matches(is_modifier));
    }
    let len = match rest.chars().next() {
        // `%^FB`, `%^ti`, `%^to`.
        Some('^') => rest.char_indices().nth(3).map_or(rest.len(), |(at, _)| at),
        Some(letter) => letter.len_utf8(),
        None => 0,
    };
    let (letter, behind) = rest.split_at(len);
    let braced = argument.map(|argument| format!("{{{argument}}}")).unwrap_or_default();
    let written = format!("%{modifiers}{braced}{letter}");
    if letter == "%" {
        parts.push(Part::Literal("%".to_owned()));
        return Ok(behind);
    }
    let Some((name, own, kind)) = field(letter, argument) else { return Err(FormatError::Unknown(written)) };
    let has_brackets = letter == "t" && argument.is_none_or(str::is_empty);
    if has_brackets {
        parts.push(Part::Literal("[".to_owned()));
    }
    parts.push(Part::Field(Entry { written, own, name, kind }));
    if has_brackets {
        parts.push(Part::Literal("]".to_owned()));
    }
    Ok(behind)
}

/// The name of the attribute, what it is called if another field has that, and what the field is.
fn field(letter: &str, argument: Option<&str>) -> Option<(String, String, Kind)> {
    if let Some(argument) = argument
        && let Some(found) = with_argument(letter, argument)
    {
        return Some(found);
    }
    let (name, own, kind) = match letter {
        "h" => ("client.address", "remote_host", Kind::Text),
        "a" => ("client.address", "remote_address", Kind::Text),
        "A" => ("network.local.address", "local_address", Kind::Text),
        "l" => ("remote_logname", "remote_logname", Kind::Text),
        "u" => ("user.name", "remote_user", Kind::Text),
        "v" => ("server.address", "server_name", Kind::Text),
        "V" => ("server.address", "virtual_host", Kind::Text),
        "p" => ("server.port", "port", Kind::Int),
        "P" => ("process.pid", "pid", Kind::Int),
        "r" => ("request", "request", Kind::Request),
        "m" => ("http.request.method", "method", Kind::Method),
        "U" => ("url.path", "path", Kind::Text),
        "q" => ("url.query", "query", Kind::Query),
        "H" => ("network.protocol.version", "protocol", Kind::Protocol),
        "s" => ("http.response.status_code", "status", Kind::Status),
        "b" | "B" => ("http.response.body.size", "body_size", Kind::Int),
        "I" => ("http.request.size", "bytes_received", Kind::Int),
        "O" => ("http.response.size", "bytes_sent", Kind::Int),
        "S" => ("bytes_transferred", "bytes_transferred", Kind::Int),
        "D" => (DURATION, "duration", Kind::Seconds(1_000_000)),
        "T" => (DURATION, "duration", Kind::Seconds(1)),
        "^FB" => ("time_to_first_byte", "time_to_first_byte", Kind::Seconds(1_000_000)),
        "t" => ("time", "time", Kind::Time(Time::Common)),
        "f" => ("file.path", "filename", Kind::Text),
        "k" => ("keepalive_requests", "keepalive_requests", Kind::Int),
        "L" => ("log_id", "log_id", Kind::Text),
        "R" => ("handler", "handler", Kind::Text),
        "X" => ("connection_status", "connection_status", Kind::Text),
        _ => return None,
    };
    Some((name.to_owned(), own.to_owned(), kind))
}

fn with_argument(letter: &str, argument: &str) -> Option<(String, String, Kind)> {
    let lower = argument.to_ascii_lowercase();
    let own = |name: &str, kind: Kind| (name.to_owned(), argument.to_owned(), kind);
    Some(match (letter, lower.as_str()) {
        ("i", "user-agent") => own("user_agent.original", Kind::Text),
        ("i", "traceparent") => own("traceparent", Kind::TraceParent),
        ("i", "content-length") => own("http.request.body.size", Kind::Int),
        ("i", _) => own(&format!("http.request.header.{lower}"), Kind::Header),
        ("o", _) => own(&format!("http.response.header.{lower}"), Kind::Header),
        ("^ti", _) => own(&format!("http.request.trailer.{lower}"), Kind::Header),
        ("^to", _) => own(&format!("http.response.trailer.{lower}"), Kind::Header),
        ("C", _) => own(&format!("cookie_{argument}"), Kind::Text),
        ("x" | "c", "ssl_protocol") => own("tls.protocol.version", Kind::Tls),
        ("x" | "c", "ssl_cipher" | "cipher") => own("tls.cipher", Kind::Text),
        ("x" | "c", "version") => own("tls.protocol.version", Kind::Tls),
        ("x" | "c", "subjectdn" | "ssl_client_s_dn") => own("tls.client.subject", Kind::Text),
        ("x" | "c", "issuerdn" | "ssl_client_i_dn") => own("tls.client.issuer", Kind::Text),
        // What modules know, environment variables, notes: under their own names.
        ("e" | "n", "trace_id" | "otel_trace_id") => own(argument, Kind::TraceId),
        ("e" | "n", "span_id" | "otel_span_id") => own(argument, Kind::SpanId),
        ("x" | "c" | "e" | "n", _) => own(argument, Kind::Text),
        ("a" | "h", "c") => own("network.peer.address", Kind::Text),
        ("L", "c") => own("connection_log_id", Kind::Text),
        ("p", "canonical") => own("server.port", Kind::Int),
        ("p", "local") => own("network.local.port", Kind::Int),
        ("p", "remote") => own("client.port", Kind::Int),
        ("P", "pid") => own("process.pid", Kind::Int),
        ("P", "tid" | "hextid") => own("thread.id", Kind::Number),
        ("T", "us") => own(DURATION, Kind::Seconds(1_000_000)),
        ("T", "ms") => own(DURATION, Kind::Seconds(1_000)),
        ("T", "s") => own(DURATION, Kind::Seconds(1)),
        ("t", "") => return None,
        ("t", _) => {
            let pattern = argument.strip_prefix("begin:").or_else(|| argument.strip_prefix("end:"));
            own("time", Kind::Time(time(pattern.unwrap_or(argument))?))
        }
        _ => return None,
    })
}

fn time(pattern: &str) -> Option<Time> {
    Some(match pattern {
        "" => Time::Common,
        "sec" => Time::Other(Format::Unix),
        "msec" => Time::Other(Format::UnixMs),
        "usec" => Time::Other(Format::UnixUs),
        "msec_frac" | "usec_frac" => Time::Other(Format::Pattern("%f".to_owned())),
        "%d/%b/%Y:%H:%M:%S %z" | "%d/%b/%Y:%T %z" => Time::Common,
        _ if pattern.contains('%') => Time::Other(Format::Pattern(pattern.to_owned())),
        _ => return None,
    })
}

/// What Apache can only say with several directives is one time: `%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t`.
fn joined_times(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        let before = joined.len().saturating_sub(2);
        match (&mut joined[before..], pattern_of(&part)) {
            ([Part::Field(first), Part::Literal(between)], Some(second)) => {
                let written = match &part {
                    Part::Field(entry) => entry.written.as_str(),
                    Part::Literal(_) => "",
                };
                let format = match &first.kind {
                    Kind::Time(Time::Other(Format::Unix)) if second == "%f" && between == "." => {
                        Some(Format::Unix)
                    }
                    Kind::Time(Time::Other(Format::Pattern(pattern))) => {
                        Some(Format::Pattern(format!("{pattern}{between}{second}")))
                    }
                    _ => None,
                };
                if let Some(format) = format {
                    first.kind = Kind::Time(Time::Other(format));
                    first.written = format!("{}{between}{written}", first.written);
                    joined.pop();
                    continue;
                }
                joined.push(part);
            }
            ([.., Part::Literal(before)], None) => match part {
                Part::Literal(text) => before.push_str(&text),
                part => joined.push(part),
            },
            _ => joined.push(part),
        }
    }
    joined
}

/// Of a time that may be part of another one.
fn pattern_of(part: &Part) -> Option<String> {
    match part {
        Part::Field(Entry { kind: Kind::Time(Time::Other(Format::Pattern(pattern))), .. }) => {
            Some(pattern.clone())
        }
        _ => None,
    }
}

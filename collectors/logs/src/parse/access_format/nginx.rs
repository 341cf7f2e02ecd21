//! nginx's `log_format`: variables in a text, and which attributes they are.
//!
//! Accepted is the format itself, as well as what a configuration has around it: `log_format main escape=json
//! '…' '…';`, several quoted strings being one.

use super::AccessFormat;
use super::compile::{DURATION, Entry, FormatError, Part, compile};
use super::escape::Escape;
use super::field::Kind;
use super::time::Time;
use crate::timestamp::Format;

/// The format that nginx has by itself.
pub(crate) const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                                   \"$http_referer\" \"$http_user_agent\"";

/// Compiles a `log_format`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn format(text: &str) -> Result<AccessFormat, FormatError> {
    let (escape, text) = configured(text.trim_matches(['\n', '\r']))?;
    let text = if text == "combined" { COMBINED } else { text.as_str() };
    compile(parts(text)?, escape)
}

/// Takes off what the configuration has around the format.
fn configured(text: &str) -> Result<(Escape, String), FormatError> {
    let mut rest = text.trim_start();
    let mut is_statement = false;
    if let Some(behind) = rest.strip_prefix("log_format").filter(|rest| rest.starts_with(char::is_whitespace))
    {
        // The name of the format.
        rest = behind.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        is_statement = true;
    }
    let mut escape = Escape::Backslash;
    if let Some(behind) = rest.strip_prefix("escape=") {
        let (kind, behind) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
        escape = match kind {
            "default" | "json" => Escape::Backslash,
            "none" => Escape::None,
            other => return Err(FormatError::Escape(other.to_owned())),
        };
        rest = behind.trim_start();
    }
    let is_quoted = rest.starts_with('\'') || is_statement && rest.starts_with('"');
    let text = match () {
        () if is_quoted => strings(rest)?,
        () if is_statement => rest.trim_end().trim_end_matches(';').to_owned(),
        // Blanks are part of it.
        () if escape == Escape::Backslash && rest.len() == text.trim_start().len() => text.to_owned(),
        () => rest.to_owned(),
    };
    Ok((escape, text))
}

/// Quoted strings, joined: nginx puts nothing between them.
fn strings(text: &str) -> Result<String, FormatError> {
    let mut joined = String::new();
    let mut rest = text.trim_start();
    while let Some(quote) = rest.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let mut chars = rest.char_indices().skip(1);
        let mut end = None;
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\'' | '\\'))) => joined.push(escaped),
                    Some((_, 't')) => joined.push('\t'),
                    Some((_, 'n')) => joined.push('\n'),
                    Some((_, 'r')) => joined.push('\r'),
                    Some((_, other)) => joined.extend(['\\', other]),
                    None => {}
                },
                _ if char == quote => {
                    end = Some(at + 1);
                    break;
                }
                _ => joined.push(char),
            }
        }
        rest = rest[end.ok_or(FormatError::Unclosed(quote))?..].trim_start();
    }
    // What is not quoted is a string as well, up to the end of the statement.
    joined.push_str(rest.trim_end_matches(';').trim_end());
    Ok(joined)
}

/// Variables are `$name` or `${name}`.
fn parts(text: &str) -> Result<Vec<Part>, FormatError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, behind)) = rest.split_once('$') {
        parts.push(Part::Literal(literal.to_owned()));
        let is_braced = behind.starts_with('{');
        let name = behind.strip_prefix('{').unwrap_or(behind);
        let len = name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, behind) = name.split_at(len);
        if name.is_empty() {
            let near: String = rest[literal.len()..].chars().take(12).collect();
            return Err(FormatError::NoName(format!("`{near}`")));
        }
        rest = if is_braced { behind.strip_prefix('}').ok_or(FormatError::Unclosed('{'))? } else { behind };
        parts.push(Part::Field(entry(name)));
    }
    parts.push(Part::Literal(rest.to_owned()));
    Ok(parts)
}

fn entry(variable: &str) -> Entry {
    let (name, kind) = match known(variable) {
        Some((name, kind)) => (name.to_owned(), kind),
        None => unknown(variable),
    };
    Entry { written: format!("${variable}"), own: variable.to_owned(), name, kind }
}

/// The attribute that a variable becomes, if that has another name.
pub(crate) fn attribute(variable: &str) -> Option<String> {
    let entry = entry(variable);
    (entry.name != variable && !matches!(entry.kind, Kind::Request | Kind::Target)).then_some(entry.name)
}

/// Variables by families, and those that users define themselves.
fn unknown(variable: &str) -> (String, Kind) {
    let header = |prefix: &str| Some(variable.strip_prefix(prefix)?.replace('_', "-"));
    if let Some(name) = header("http_") {
        (format!("http.request.header.{name}"), Kind::Header)
    } else if let Some(name) = header("sent_http_") {
        (format!("http.response.header.{name}"), Kind::Header)
    } else if variable.starts_with("upstream_") {
        (variable.to_owned(), Kind::List)
    } else {
        (variable.to_owned(), Kind::Text)
    }
}

fn known(variable: &str) -> Option<(&'static str, Kind)> {
    Some(match variable {
        "remote_addr" => ("client.address", Kind::Text),
        "remote_port" => ("client.port", Kind::Int),
        "realip_remote_addr" => ("network.peer.address", Kind::Text),
        "realip_remote_port" => ("network.peer.port", Kind::Int),
        "remote_user" => ("user.name", Kind::Text),
        "server_addr" => ("network.local.address", Kind::Text),
        "server_port" => ("server.port", Kind::Int),
        "host" | "server_name" | "ssl_server_name" => ("server.address", Kind::Text),
        "hostname" => ("host.name", Kind::Text),
        "pid" => ("process.pid", Kind::Int),
        "scheme" => ("url.scheme", Kind::Text),

        "request" => ("request", Kind::Request),
        "request_method" => ("http.request.method", Kind::Method),
        "request_uri" => ("url.path", Kind::Target),
        "uri" | "document_uri" => ("url.path", Kind::Text),
        "args" | "query_string" => ("url.query", Kind::Query),
        "server_protocol" => ("network.protocol.version", Kind::Protocol),
        "request_length" => ("http.request.size", Kind::Int),
        "content_length" => ("http.request.body.size", Kind::Int),
        "content_type" => ("http.request.header.content-type", Kind::Header),
        "http_user_agent" => ("user_agent.original", Kind::Text),

        "status" => ("http.response.status_code", Kind::Status),
        "body_bytes_sent" => ("http.response.body.size", Kind::Int),
        "bytes_sent" => ("http.response.size", Kind::Int),
        "request_time" => (DURATION, Kind::Seconds(1)),

        "time_local" => ("time_local", Kind::Time(Time::Common)),
        "time_iso8601" => ("time_iso8601", Kind::Time(Time::Iso8601)),
        "msec" => ("msec", Kind::Time(Time::Other(Format::Unix))),

        "connection" => ("connection", Kind::Int),
        "connection_requests" => ("connection_requests", Kind::Int),
        "connection_time" => ("connection_time", Kind::Seconds(1)),
        "gzip_ratio" => ("gzip_ratio", Kind::Number),

        "upstream_response_time" => ("upstream_response_time", Kind::Seconds(1)),
        "upstream_connect_time" => ("upstream_connect_time", Kind::Seconds(1)),
        "upstream_header_time" => ("upstream_header_time", Kind::Seconds(1)),
        "upstream_queue_time" => ("upstream_queue_time", Kind::Seconds(1)),
        "upstream_first_byte_time" => ("upstream_first_byte_time", Kind::Seconds(1)),
        "upstream_session_time" => ("upstream_session_time", Kind::Seconds(1)),
        "upstream_status" => ("upstream_status", Kind::Number),
        "upstream_response_length" => ("upstream_response_length", Kind::Sum),
        "upstream_bytes_received" => ("upstream_bytes_received", Kind::Sum),
        "upstream_bytes_sent" => ("upstream_bytes_sent", Kind::Sum),

        "ssl_protocol" => ("tls.protocol.version", Kind::Tls),
        "ssl_cipher" => ("tls.cipher", Kind::Text),
        "ssl_curve" => ("tls.curve", Kind::Text),
        "ssl_client_s_dn" => ("tls.client.subject", Kind::Text),
        "ssl_client_i_dn" => ("tls.client.issuer", Kind::Text),

        "http_traceparent" | "opentelemetry_context_traceparent" => ("traceparent", Kind::TraceParent),
        "otel_trace_id" | "opentelemetry_trace_id" => ("trace_id", Kind::TraceId),
        "otel_span_id" | "opentelemetry_span_id" => ("span_id", Kind::SpanId),
        _ => return None,
    })
}

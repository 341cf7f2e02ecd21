//! nginx's and Apache's `combined`, and `common`, which ends after the size:
//!
//! ```text
//! 203.0.113.9 - bob [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 1043 "https://x/" "Mozilla/5.0"
//! ```
//!
//! What follows the user agent (many add `"$http_x_forwarded_for"`) stays in the body alone. Apache may say the name
//! and the port of the host first (`vhost_combined`). Fields become attributes as those of any other access log do
//! ([`super::access_format`]); these formats are the most frequent and are read by hand, which is faster.

use super::Context;
use super::access_format::{Scratch, closing_quote, unescaped, write_header, write_request};
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct AccessLog {
    /// Whether a line may begin with the host that was asked.
    pub(super) has_host: bool,
    scratch: Scratch,
}

impl AccessLog {
    pub(super) fn with_host() -> Self {
        Self { has_host: true, ..Self::default() }
    }

    pub(super) fn parse(
        &mut self,
        line: &str,
        context: Context<'_>,
        fields: &mut Fields,
    ) -> Result<(), Reason> {
        let host = if self.has_host { host(line) } else { None };
        let line = match host {
            Some((name, port, rest)) => {
                fields.text("server.address", name);
                fields.int("server.port", i64::from(port));
                rest
            }
            None => line,
        };
        read(line, context, fields, &mut self.scratch).ok_or(Reason::Format)
    }
}

/// `shop.example:443` and what follows. An IPv6 address is no host with a port: it has more colons, and no brackets.
fn host(line: &str) -> Option<(&str, u16, &str)> {
    let (word, rest) = line.split_once(' ')?;
    let (name, port) = word.rsplit_once(':')?;
    let is_host = !name.contains(':') || name.starts_with('[') && name.ends_with(']');
    Some((name, port.parse().ok().filter(|_| is_host && !name.is_empty())?, rest))
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields, scratch: &mut Scratch) -> Option<()> {
    let (client, rest) = word(line)?;
    let (_ident, rest) = word(rest)?;
    let (user, rest) = user(rest)?;
    let (time, rest) = rest.split_at_checked(timestamp::ACCESS_LOG)?;
    let (request, rest) = quoted(rest.strip_prefix("] \"")?)?;
    let mut words = rest.strip_prefix(' ')?.splitn(3, ' ');
    let (status, size, rest) = (words.next()?, words.next()?, words.next());
    let code = status.parse::<u16>().ok().filter(|code| *code < 1000)?;

    fields.time = timestamp::access_log(time.as_bytes())?;
    fields.severity = severity::of_status(code);
    fields.text("client.address", client);
    if user != "-" {
        fields.text("user.name", user);
    }
    write_request(unescaped(request, scratch), context, fields);
    fields.int("http.response.status_code", i64::from(code));
    fields.hint.status = Some(code);
    if size != "-" {
        fields.int("http.response.body.size", size.parse().ok()?);
    }
    let Some(rest) = rest else { return Some(()) };
    let (referer, rest) = quoted(rest.strip_prefix('"')?)?;
    if referer != "-" {
        write_header("http.request.header.referer", unescaped(referer, scratch), fields);
    }
    let rest = rest.strip_prefix(" \"")?;
    // Writers cut off long lines in their last field: what there is of it counts.
    let (agent, _) = quoted(rest).unwrap_or((rest, ""));
    if agent != "-" {
        fields.text("user_agent.original", unescaped(agent, scratch));
    }
    Some(())
}

/// What stands before the next blank, and what comes behind it.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr(b' ', text.as_bytes())?;
    Some((&text[..end], &text[end + 1..]))
}

/// The name of the user, and what comes behind the bracket of the time that ends it: it may contain blanks.
fn user(text: &str) -> Option<(&str, &str)> {
    let mut brackets = memchr::memchr_iter(b'[', text.as_bytes());
    let bracket = brackets.find(|at| text[..*at].ends_with(' '))?;
    Some((&text[..bracket - 1], &text[bracket + 1..]))
}

/// What stands before the closing quote, and what comes behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let end = closing_quote(text)?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests;

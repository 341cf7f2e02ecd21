//! klog, which Kubernetes logs with, and glog before it:
//!
//! ```text
//! I0102 03:04:05.678901   12345 file.go:123] a message
//! E0102 03:04:05.678901       1 status.go:71] "Pod status" pod="kube-system/dns" status="ready" err="a \"b\""
//! ```
//!
//! Newer versions of glog have the year before the month. What follows a message in quotes are pairs as in logfmt.

use super::{Context, first_line, logfmt};
use crate::fields::{Fields, Reason};
use crate::{severity, timestamp};

pub(super) fn parse(
    line: &str,
    context: Context<'_>,
    fields: &mut Fields,
    scratch: &mut String,
) -> Result<(), Reason> {
    read(line, context, fields, scratch).ok_or(Reason::Format)
}

fn read(line: &str, context: Context<'_>, fields: &mut Fields, scratch: &mut String) -> Option<()> {
    let (letter, rest) = line.split_at_checked(1)?;
    let severity = severity::klog(letter.as_bytes()[0])?;
    let (time, len) = timestamp::klog(rest.as_bytes(), context.observer)?;
    let rest = rest[len..].strip_prefix(' ')?.trim_start_matches(' ');
    let (thread, rest) = rest.split_once(' ')?;
    let (place, message) = rest.split_once(']')?;
    let (file, number) = place.rsplit_once(':')?;
    let (thread, number) = (thread.parse::<i64>().ok()?, number.parse::<u32>().ok()?);
    if file.is_empty() || file.contains(' ') {
        return None;
    }
    fields.time = time;
    fields.severity = severity;
    fields.set_severity_text(letter);
    fields.int("thread.id", thread);
    fields.text("code.file.path", file);
    fields.int("code.line.number", i64::from(number));
    let message = message.strip_prefix(' ').unwrap_or(message);
    if let Some(inside) = message.strip_prefix('"')
        && let Some(structured) = structured(inside, context, fields, scratch)
    {
        return Some(structured);
    }
    context.message(fields, message);
    Some(())
}

/// A message in quotes, and pairs behind it. Else it is a message that only begins with a quote.
fn structured(inside: &str, context: Context<'_>, fields: &mut Fields, scratch: &mut String) -> Option<()> {
    let (_, len) = logfmt::quoted(inside, scratch)?;
    let before = fields.attributes.len();
    let (pairs, continuation) = first_line(&inside[len..]);
    if logfmt::pairs(pairs, fields, scratch).is_none() {
        fields.attributes.truncate(before);
        return None;
    }
    let (message, _) = logfmt::quoted(inside, scratch)?;
    context.message(fields, message);
    fields.continuation.push_str(continuation);
    Some(())
}

#[cfg(test)]
mod tests;

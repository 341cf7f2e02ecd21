//! The conversation over a stream of bytes, where a regular expression is given line after line until one matches, and
//! what is sent ends with `\n`.

use std::fmt;
use std::io;

use vigie_pipeline::metric::Family;

use super::{Answer, Expect, Learnt, Step, hide};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::lines::{LineError, Lines};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

static FAILED_REGEX: Family =
    Family::gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex");
static FAILED_BYTES: Family =
    Family::gauge("probe_failed_due_to_bytes", "Indicates if probe failed due to bytes");

/// The series of every conversation, before it.
pub(in crate::probes) fn declare(findings: &mut Findings) {
    findings.set(&FAILED_REGEX, 0.0);
    findings.set(&FAILED_BYTES, 0.0);
}

/// TLS, for the step that goes over to it, and the name that the peer must have.
#[derive(Debug, Clone, Copy)]
pub(in crate::probes) struct Upgrade<'a> {
    pub(in crate::probes) tls: &'a Tls,
    pub(in crate::probes) name: &'a str,
}

/// Takes one step after the other, in the phase `query`.
pub(in crate::probes) async fn converse(
    stream: Stream,
    steps: &[Step],
    upgrade: Option<Upgrade<'_>>,
    record: &mut Record,
) -> Result<Stream, Failure> {
    let mut lines = Lines::new(stream);
    let mut learnt = Learnt::default();
    if !steps.is_empty() {
        record.enter(Phase::Query);
    }
    for step in steps {
        let mut answer = match &step.expect {
            Expect::Nothing => step.plain(),
            Expect::Bytes(wanted) => {
                expect_bytes(wanted, &mut lines, record).await?;
                step.plain()
            }
            Expect::Regex(regex) => expect_line(step, regex, &mut lines, record).await?,
        };
        learnt.add(&mut answer, &mut record.findings);
        if !answer.send.is_empty() {
            record.note(|| format!("sent a line of {} bytes", answer.send.len()));
            hide(&answer.send, &mut record.excerpt);
            answer.send.push(b'\n');
            lines.send(&answer.send).await.map_err(failed)?;
        }
        if let Some(upgrade) = upgrade.filter(|_| step.starttls) {
            let encrypted = upgrade.tls.connect(upgrade.name, lines.into_stream(), record).await?;
            record.enter(Phase::Query);
            lines = Lines::new(encrypted);
        }
    }
    Ok(lines.into_stream())
}

fn failed(error: io::Error) -> Failure {
    Failure::of_io(Phase::Query, &error)
}

fn mismatch(detail: impl fmt::Display) -> Failure {
    Failure::new(Reason::ExpectMismatch, Phase::Query, detail)
}

/// Reads lines until one matches.
async fn expect_line(
    step: &Step,
    regex: &regex::bytes::Regex,
    lines: &mut Lines,
    record: &mut Record,
) -> Result<Answer, Failure> {
    loop {
        let line = lines.next().await.map_err(|error| match error {
            LineError::TooLong => mismatch(error),
            LineError::Io(error) => failed(error),
        })?;
        let Some(line) = line else {
            record.findings.set_bool(&FAILED_REGEX, true);
            return Err(mismatch(format_args!("the connection ended before a line matched `{regex}`")));
        };
        record.excerpt.add(&line);
        record.excerpt.add(b"\n");
        if let Some(answer) = step.answer(&line) {
            record.note(|| format!("a line matched `{regex}`"));
            return Ok(answer);
        }
    }
}

/// Reads bytes as long as they are those that are wanted.
async fn expect_bytes(wanted: &[u8], lines: &mut Lines, record: &mut Record) -> Result<(), Failure> {
    let mut seen = 0;
    while seen < wanted.len() {
        let came = lines.peek(seen, wanted.len()).await.map_err(failed)?;
        record.excerpt.add(&came[seen.min(came.len())..]);
        if !wanted.starts_with(came) {
            record.findings.set_bool(&FAILED_BYTES, true);
            return Err(mismatch("the bytes are not those of expect_bytes"));
        }
        if came.len() <= seen {
            return Err(mismatch("the connection ended before all of expect_bytes came"));
        }
        seen = came.len();
    }
    lines.take(seen);
    record.note(|| format!("{seen} bytes matched"));
    Ok(())
}

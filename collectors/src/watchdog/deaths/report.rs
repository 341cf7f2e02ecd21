//! The log record of a death.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vigie_pipeline::otlp::attributes::{field, put_bool, put_int, put_key_value, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::otlp::wire::{put_fixed64, put_message, put_uint};
use vigie_pipeline::units::HumanDuration;

use super::ending::{Cause, Ending};
use super::history::Point;
use super::ration::LeftOut;
use super::tail::Tail;
use crate::signals;

/// What is known of a process that has ended.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) group: Arc<str>,
    pub(super) pid: u32,
    pub(super) comm: String,
    /// Without what looks like a secret.
    pub(super) command_line: String,
    pub(super) lived: Duration,
    /// When its end was noticed: nanoseconds since the epoch.
    pub(super) ended: u64,
    pub(super) ending: Option<Ending>,
    pub(super) cause: Cause,
    /// What says that the kernel has killed it for want of memory.
    pub(super) oom: Option<String>,
    pub(super) history: Vec<Point>,
    pub(super) log: Option<Tail>,
}

impl Report {
    /// In one line.
    pub(super) fn body(&self) -> String {
        let Self { group, pid, comm, .. } = self;
        // Nobody reads fractions of an hour's seconds.
        let lived = match self.lived.as_secs() {
            0 => Duration::from_millis(self.lived.as_millis() as u64),
            seconds => Duration::from_secs(seconds),
        };
        let how = match (self.cause, self.ending) {
            (Cause::Oom, _) => "was killed by the kernel for want of memory".to_owned(),
            (_, Some(Ending::Exited(status))) => format!("exited with status {status}"),
            (_, Some(Ending::Killed { signal, dumped })) => {
                let dumped = if dumped { " and left a core" } else { "" };
                format!("was killed by {}{dumped}", signals::name(signal))
            }
            (_, None) => "ended, and how is not known,".to_owned(),
        };
        format!("process {comm} ({pid}) of group {group} {how} after {}", HumanDuration(lived))
    }

    /// How bad it is: what asks a process to end is no failure of it.
    pub(super) fn severity(&self) -> (Severity, &'static str) {
        let asked = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];
        match (self.cause, self.ending) {
            (Cause::Exited, _) => (Severity::INFO, "INFO"),
            (Cause::Unknown, _) => (Severity::WARN, "WARN"),
            (_, Some(Ending::Killed { signal, .. })) if asked.contains(&signal.into()) => {
                (Severity::WARN, "WARN")
            }
            _ => (Severity::ERROR, "ERROR"),
        }
    }

    /// Appends the record.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut attributes = Vec::new();
        let into = &mut attributes;
        put_str(into, field::LOG, "vigie.process_group", &self.group);
        put_str(into, field::LOG, "vigie.death.cause", self.cause.as_str());
        put_int(into, field::LOG, "process.pid", self.pid.into());
        put_str(into, field::LOG, "process.executable.name", &self.comm);
        if !self.command_line.is_empty() {
            put_str(into, field::LOG, "process.command_line", &self.command_line);
        }
        let lived = i64::try_from(self.lived.as_nanos()).unwrap_or(i64::MAX);
        let ended = i64::try_from(self.ended).unwrap_or(i64::MAX);
        put_str(into, field::LOG, "process.creation.time", &time(ended.saturating_sub(lived)));
        put_str(into, field::LOG, "process.exit.time", &time(ended));
        match self.ending {
            Some(Ending::Exited(status)) => put_int(into, field::LOG, "process.exit.code", status.into()),
            Some(Ending::Killed { signal, dumped }) => {
                put_str(into, field::LOG, "vigie.death.signal", &signals::name(signal));
                put_bool(into, field::LOG, "vigie.death.core_dumped", dumped);
            }
            None => {}
        }
        if let Some(oom) = &self.oom {
            put_str(into, field::LOG, "vigie.death.oom_evidence", oom);
        }
        let points = &self.history;
        put_array(into, "vigie.death.history.age_seconds", points, |any, point| {
            put_fixed64(any, 4, point.age.as_secs_f64().to_bits());
        });
        put_array(into, "vigie.death.history.resident_bytes", points, |any, point| {
            put_uint(any, 3, point.resident);
        });
        put_array(into, "vigie.death.history.cpu_cores", points, |any, point| {
            put_fixed64(any, 4, point.cores.to_bits());
        });
        if let Some(Tail { path, lines }) = &self.log {
            put_str(into, field::LOG, "vigie.death.log.path", &path.to_string_lossy());
            put_str(into, field::LOG, "vigie.death.log.lines", lines);
        }
        encode(self.ended, self.severity(), &self.body(), &attributes, out);
    }
}

impl LeftOut {
    /// In one line.
    pub(super) fn body(&self, group: &str) -> String {
        let by_cause = Cause::ALL.iter().zip(self.0).filter(|(_, count)| *count > 0);
        let by_cause: Vec<String> =
            by_cause.map(|(cause, count)| format!("{count} {}", cause.as_str())).collect();
        let total = self.total();
        format!("{total} more processes of group {group} ended within a minute: {}", by_cause.join(", "))
    }

    /// Appends the record.
    pub(super) fn encode(&self, group: &str, now: u64, out: &mut Vec<u8>) {
        let mut attributes = Vec::new();
        put_str(&mut attributes, field::LOG, "vigie.process_group", group);
        for (cause, count) in Cause::ALL.iter().zip(self.0) {
            let key = format!("vigie.death.left_out.{}", cause.as_str());
            put_int(&mut attributes, field::LOG, &key, i64::try_from(count).unwrap_or(i64::MAX));
        }
        encode(now, (Severity::ERROR, "ERROR"), &self.body(group), &attributes, out);
    }
}

fn encode(
    time: u64,
    (severity, severity_text): (Severity, &str),
    body: &str,
    attributes: &[u8],
    out: &mut Vec<u8>,
) {
    let record =
        LogRecord { time, observed: time, severity, severity_text, body, attributes, ..LogRecord::default() };
    record.encode(out);
}

/// An array: `AnyValue.array_value`, 5, of `ArrayValue.values`, 1, each of which `put` appends.
fn put_array(out: &mut Vec<u8>, key: &str, points: &[Point], put: impl Fn(&mut Vec<u8>, &Point)) {
    put_key_value(out, field::LOG, key, |any| {
        put_message(any, 5, |array| {
            for point in points {
                put_message(array, 1, |any| put(any, point));
            }
        });
    });
}

/// As RFC 3339 writes it, in UTC.
fn time(nanos: i64) -> String {
    Timestamp::from_nanosecond(nanos.into()).map_or_else(|_| nanos.to_string(), |time| time.to_string())
}

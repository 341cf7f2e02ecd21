//! What is told of jobs besides their series: a log record for each end of a run, and when one becomes overdue or is
//! back.

use std::sync::Arc;

use jiff::Timestamp;
use vigie_pipeline::batch::{Envelope, Signal};
use vigie_pipeline::otlp::attributes::{field, put_bool, put_double, put_int, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};
use vigie_pipeline::outlet::{Events, Gathering};
use vigie_pipeline::units::HumanDuration;

use super::check_in::{Exit, Outcome};
use super::name::JobName;
use super::standing::News;
use crate::signals;

/// Emits what is new.
#[derive(Debug)]
pub(super) struct Telemetry {
    events: Events,
    records: Gathering,
}

/// A piece of news in words.
#[derive(Debug, PartialEq)]
struct Told {
    severity: Severity,
    severity_text: &'static str,
    body: String,
}

impl Telemetry {
    /// The ledger has its columns from here on.
    pub(super) fn new(events: Events, envelope: Arc<Envelope>) -> Self {
        let _ = events.counts(Signal::Logs);
        Self { events, records: Gathering::new(Signal::Logs, envelope) }
    }

    /// Makes a record of it, and tells the agent's own log of what somebody should look at.
    pub(super) fn tell(&mut self, job: &JobName, news: &News) {
        let told = tell(job, news);
        match news {
            News::Overdue { .. } | News::Lost { .. } => tracing::warn!(%job, "{}", told.body),
            News::Back { .. } => tracing::info!(%job, "{}", told.body),
            News::Ended { ending, .. } if ending.exit.outcome() != Outcome::Success => {
                tracing::warn!(%job, "{}", told.body);
            }
            // As many as there are runs: the records have them.
            News::Ended { .. } => tracing::debug!(%job, "{}", told.body),
        }
        let attributes = attributes(job, news);
        let time = u64::try_from(at(news).as_nanosecond()).unwrap_or_default();
        let record = LogRecord {
            time,
            observed: time,
            severity: told.severity,
            severity_text: told.severity_text,
            body: &told.body,
            attributes: &attributes,
            ..LogRecord::default()
        };
        self.records.add(|out| record.encode(out));
    }

    /// Hands over what was told.
    pub(super) fn offer(&mut self) {
        if let Some(offer) = self.records.take(0) {
            self.events.offer_volatile(offer);
        }
    }
}

const fn at(news: &News) -> Timestamp {
    match news {
        News::Ended { at, .. } | News::Lost { at, .. } | News::Overdue { at, .. } | News::Back { at } => *at,
    }
}

fn tell(job: &JobName, news: &News) -> Told {
    let (severity, severity_text) = match news {
        News::Ended { ending, .. } if ending.exit.outcome() == Outcome::Success => (Severity::INFO, "INFO"),
        News::Back { .. } => (Severity::INFO, "INFO"),
        News::Lost { .. } => (Severity::WARN, "WARN"),
        News::Ended { .. } | News::Overdue { .. } => (Severity::ERROR, "ERROR"),
    };
    let body = match news {
        News::Ended { ending, .. } => {
            let how = match ending.exit {
                Exit::Code(0) => "succeeded".to_owned(),
                Exit::Code(code) => format!("failed with exit code {code}"),
                Exit::Signal(signal) => format!("was ended by {}", signals::name(signal)),
            };
            let after = ending.duration.map(|duration| {
                let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                format!(" after {}", HumanDuration::millis(millis))
            });
            format!("job {job} {how}{}", after.unwrap_or_default())
        }
        News::Lost { started, .. } => {
            format!("job {job} started again: its run of {started:.0} never told of its end")
        }
        News::Overdue { since, last_success, .. } => match last_success {
            Some(last) => {
                format!("job {job} is overdue since {since:.0}: it last succeeded at {last:.0}")
            }
            None => format!("job {job} is overdue since {since:.0}: it has never succeeded"),
        },
        News::Back { .. } => format!("job {job} is overdue no longer"),
    };
    Told { severity, severity_text, body }
}

fn attributes(job: &JobName, news: &News) -> Vec<u8> {
    let mut out = Vec::new();
    put_str(&mut out, field::LOG, "vigie.job.name", job.as_str());
    let outcome = match news {
        News::Ended { ending, .. } => Some(ending.exit.outcome()),
        News::Lost { .. } => Some(Outcome::Lost),
        News::Overdue { .. } | News::Back { .. } => None,
    };
    if let Some(outcome) = outcome {
        put_str(&mut out, field::LOG, "vigie.job.outcome", outcome.as_str());
    } else {
        let overdue = matches!(news, News::Overdue { .. });
        put_bool(&mut out, field::LOG, "vigie.job.overdue", overdue);
    }
    let News::Ended { ending, .. } = news else { return out };
    match ending.exit {
        Exit::Code(code) => put_int(&mut out, field::LOG, "process.exit.code", code.into()),
        Exit::Signal(signal) => put_str(&mut out, field::LOG, "vigie.job.signal", &signals::name(signal)),
    }
    if let Some(duration) = ending.duration {
        put_double(&mut out, field::LOG, "vigie.job.duration", duration.as_secs_f64());
    }
    if let Some(bytes) = ending.peak_memory {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        put_int(&mut out, field::LOG, "vigie.job.peak_memory", bytes);
    }
    if let Some(output) = &ending.output {
        put_str(&mut out, field::LOG, "vigie.job.output", output);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::check_in::Ending;
    use super::*;
    use std::time::Duration;

    fn words(news: &News) -> (&'static str, String) {
        let told = tell(&"backup".parse().unwrap(), news);
        (told.severity_text, told.body)
    }

    #[test]
    fn news_are_told_in_plain_words() {
        let at: Timestamp = "2026-01-10T03:00:00.5Z".parse().unwrap();
        let ended = |exit| {
            let ending =
                Ending { exit, duration: Some(Duration::from_millis(1500)), peak_memory: None, output: None };
            words(&News::Ended { at, ending })
        };
        assert_eq!(ended(Exit::Code(0)), ("INFO", "job backup succeeded after 1s500ms".to_owned()));
        assert_eq!(
            ended(Exit::Code(3)),
            ("ERROR", "job backup failed with exit code 3 after 1s500ms".to_owned())
        );
        assert_eq!(
            ended(Exit::Signal(9)),
            ("ERROR", "job backup was ended by SIGKILL after 1s500ms".to_owned())
        );
        assert_eq!(
            words(&News::Overdue { at, since: at, last_success: None }),
            ("ERROR", "job backup is overdue since 2026-01-10T03:00:00Z: it has never succeeded".to_owned())
        );
        assert_eq!(
            words(&News::Lost { at, started: at }),
            (
                "WARN",
                "job backup started again: its run of 2026-01-10T03:00:00Z never told of its end".to_owned()
            )
        );
        assert_eq!(words(&News::Back { at }), ("INFO", "job backup is overdue no longer".to_owned()));
    }
}

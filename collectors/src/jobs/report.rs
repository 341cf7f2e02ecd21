//! What `vigie run` tells of a job: the body of `POST /report`, and the content of a file that waits for the agent.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_pipeline::units::HumanDuration;

use super::check_in::{CheckIn, Ending, Exit, What};
use super::config::LONGEST;
use super::name::JobName;
use super::output;

/// A report may be this large, in bytes of JSON.
pub(super) const MAX_REPORT: usize = 32 << 10;

/// The longest name of a run.
const LONGEST_RUN: usize = 64;

/// One report. Fields that are not known are passed over: who reports may be newer than who reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The job.
    pub job: JobName,
    /// What tells this run from all others. Of several reports of its end the first counts.
    pub run: String,
    /// When it began, or ended if it has: milliseconds since the Unix epoch.
    pub at: i64,
    /// How old the last success of the job may become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<HumanDuration>,
    /// How it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The exit code, unless it was ended by a signal.
    pub exit_code: Option<u8>,
    /// The number of that signal.
    pub signal: Option<u8>,
    /// How long it ran, in seconds.
    pub duration_seconds: f64,
    /// The most memory that one of its processes has had resident.
    pub peak_memory_bytes: Option<u64>,
    /// Its last lines.
    pub output: String,
}

/// Why a report is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAReport {
    /// It is no JSON of this form.
    #[error("not a report: {0}")]
    Json(#[from] serde_json::Error),
    /// A field says what cannot be.
    #[error("not a report: {0}")]
    Field(&'static str),
}

impl Report {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are always JSON")
    }

    /// What it says, from whoever it is.
    ///
    /// # Errors
    /// When it says what cannot be.
    pub(super) fn read(json: &[u8]) -> Result<CheckIn, NotAReport> {
        let report: Self = serde_json::from_slice(json)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if report.run.is_empty() || report.run.len() > LONGEST_RUN || !report.run.bytes().all(fits) {
            return Err(NotAReport::Field("run: not up to 64 letters, digits and `-`"));
        }
        let at = Timestamp::from_millisecond(report.at);
        let max_age = report.max_age.map(|age| age.0);
        if max_age.is_some_and(|age| age.is_zero() || age > LONGEST) {
            return Err(NotAReport::Field("max_age: not between 0 and ten years"));
        }
        let what = match report.end {
            None => What::Start,
            Some(end) => What::End(end.read()?),
        };
        Ok(CheckIn {
            job: report.job,
            at: at.map_err(|_| NotAReport::Field("at: not a time"))?,
            max_age,
            run: Some(report.run),
            what,
        })
    }
}

impl End {
    fn read(self) -> Result<Ending, NotAReport> {
        let exit = match (self.exit_code, self.signal) {
            (Some(code), None) => Exit::Code(code),
            (None, Some(signal @ 1..=127)) => Exit::Signal(signal),
            _ => return Err(NotAReport::Field("end: neither an exit code nor a signal")),
        };
        let duration = Duration::try_from_secs_f64(self.duration_seconds);
        let duration = duration.map_err(|_| NotAReport::Field("duration_seconds: not a duration"))?;
        let output = output::clean(&self.output);
        Ok(Ending {
            exit,
            duration: Some(duration),
            peak_memory: self.peak_memory_bytes,
            output: (!output.is_empty()).then_some(output),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn report() -> Report {
        let end = End {
            exit_code: Some(3),
            signal: None,
            duration_seconds: 1.5,
            peak_memory_bytes: Some(1 << 20),
            output: "token=abc\nfailed\n".to_owned(),
        };
        Report {
            job: "backup".parse().unwrap(),
            run: "a-1".to_owned(),
            at: 1_000,
            max_age: Some(HumanDuration::secs(60)),
            end: Some(end),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let read = Report::read(&report().to_json()).unwrap();
        assert_eq!(read.job.as_str(), "backup");
        assert_eq!((read.at.as_second(), read.max_age), (1, Some(Duration::from_secs(60))));
        let What::End(ending) = read.what else { panic!("it has ended") };
        assert_eq!(ending.exit, Exit::Code(3));
        assert_eq!(ending.output.as_deref(), Some("token=<redacted>\nfailed"), "whoever wrote it");
        let started = Report { end: None, ..report() };
        assert!(matches!(Report::read(&started.to_json()).unwrap().what, What::Start));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let wrong = |change: &dyn Fn(&mut Report)| {
            let mut report = report();
            change(&mut report);
            Report::read(&report.to_json()).unwrap_err().to_string()
        };
        assert!(wrong(&|report| report.run = "../x".to_owned()).contains("run"));
        assert!(wrong(&|report| report.at = i64::MAX).contains("at"));
        assert!(wrong(&|report| report.max_age = Some(HumanDuration::secs(0))).contains("max_age"));
        assert!(wrong(&|report| report.end.as_mut().unwrap().signal = Some(9)).contains("end"));
        assert!(wrong(&|report| report.end.as_mut().unwrap().exit_code = None).contains("end"));
        assert!(wrong(&|report| report.end.as_mut().unwrap().duration_seconds = -1.0).contains("duration"));
        assert!(Report::read(b"{}").is_err());
        assert!(Report::read(br#"{"job":"a/b","run":"x","at":0}"#).is_err());
    }

    proptest! {
        #[test]
        fn rubbish_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..300, byte in any::<u8>()) {
            let _ = Report::read(&bytes);
            let mut json = report().to_json();
            let at = at % json.len();
            json[at] = byte;
            if let Ok(read) = Report::read(&json) {
                prop_assert!(read.run.is_some_and(|run| !run.is_empty()));
            }
        }
    }
}

//! What a job says of itself: it has started, or it has ended.

use std::time::Duration;

use jiff::Timestamp;

use super::name::JobName;

/// One message of a job, in bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CheckIn {
    pub(super) job: JobName,
    /// When it happened.
    pub(super) at: Timestamp,
    /// How old its last success may become, if it says so.
    pub(super) max_age: Option<Duration>,
    /// What tells the run from others, if anything does.
    pub(super) run: Option<String>,
    pub(super) what: What,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Start,
    End(Ending),
}

/// How a run ended, as far as is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    pub(super) duration: Option<Duration>,
    /// In bytes.
    pub(super) peak_memory: Option<u64>,
    /// Its last lines, as they may be shown.
    pub(super) output: Option<String>,
}

/// As the kernel says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Code(u8),
    Signal(u8),
}

impl Exit {
    /// As a shell says it: 128 and the signal for one that a signal ended.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 | signal,
        }
    }

    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Code(0) => Outcome::Success,
            Self::Code(_) | Self::Signal(_) => Outcome::Failure,
        }
    }
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ended with 0.
    Success,
    /// It ended with anything else.
    Failure,
    /// The next one started before it told of its end.
    Lost,
}

impl Outcome {
    pub(super) const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Lost];

    /// As labels and attributes say it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Lost => "lost",
        }
    }
}

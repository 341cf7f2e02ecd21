//! How the process ends.

use std::process::ExitCode;

/// Exit codes have names. Usage errors (2) end in the command line's parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok,
    /// Something failed at run time.
    Failure,
    /// The configuration is wrong (`EX_CONFIG` of sysexits.h).
    Config,
    /// As the job that was run.
    Job(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Config => Self::from(78),
            Exit::Job(code) => Self::from(code),
        }
    }
}

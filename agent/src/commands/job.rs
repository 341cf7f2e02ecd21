//! `vigie run --job NAME -- PROGRAM …`: runs a program as it would run by itself, and reports to the agent how it went.
//!
//! What the program reads, writes and is told by signals is what it would be without ([`child`]), and so is the exit
//! code, as a shell has it. Whether the agent hears of it ([`courier`]) changes nothing of that: who does not answer
//! costs a few seconds at the end, no more.

mod child;
mod courier;
mod signals;

use std::ffi::OsString;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use vigie_collectors::jobs::{End, JobName, Report};
use vigie_config::Origin;
use vigie_pipeline::units::HumanDuration;

use crate::exit::Exit;
use child::{Child, Ended};
use courier::Courier;

/// The job that `vigie run` runs, if it is not the agent that is to run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Arguments {
    /// Run the program behind `--` once, as the job of this name, and report to the agent how it went
    #[arg(long = "job", value_name = "NAME", requires = "program")]
    name: Option<JobName>,
    /// The job is overdue when its last success is older than this: 26h for what runs once a day
    #[arg(long, value_name = "DURATION", requires = "name")]
    max_age: Option<HumanDuration>,
    /// Where the agent listens for jobs [default: `collectors.jobs.listen` of the configuration, or
    /// http://127.0.0.1:9751]
    #[arg(long, value_name = "URL", env = "VIGIE_AGENT")]
    agent: Option<String>,
    /// The program of the job and its arguments: no shell reads them
    #[arg(last = true, value_name = "PROGRAM", requires = "name")]
    program: Vec<OsString>,
}

/// How long the last lines of a program that has ended are waited for: something that it has left behind may hold its
/// outputs.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs the job, if there is one to run.
pub(crate) fn run(origin: &Origin, arguments: Arguments) -> Option<Exit> {
    let job = arguments.name?;
    let (program, rest) = arguments.program.split_first()?;
    let mut courier = Courier::new(origin, arguments.agent.as_deref());
    // A run is known by when and where it began.
    let run = format!("{:x}-{:x}", unix_millis(), std::process::id());
    let report = |at, end| Report { job: job.clone(), run: run.clone(), at, max_age: arguments.max_age, end };

    let started = Instant::now();
    let mut child = match Child::start(program, rest) {
        Ok(child) => child,
        Err(failed) => {
            say(&format!("{}: {}", program.to_string_lossy(), failed.error));
            let output = format!("{}: {}", program.to_string_lossy(), failed.error);
            let end = End {
                exit_code: Some(failed.code),
                signal: None,
                duration_seconds: 0.0,
                peak_memory_bytes: None,
                output,
            };
            courier.deliver(&report(unix_millis(), Some(end)), &|| false);
            return Some(Exit::Job(failed.code));
        }
    };
    courier.announce(&report(unix_millis(), None));
    let Ended { status, peak_memory } = match child.wait() {
        Ok(ended) => ended,
        Err(error) => {
            say(&format!("wait for the program: {error}"));
            return Some(Exit::Failure);
        }
    };
    let (at, duration_seconds) = (unix_millis(), started.elapsed().as_secs_f64());
    let output = child.last_lines(LAST_WORDS);
    let (exit_code, signal) = (status.exit_code(), status.signal());
    let end = End { exit_code, signal, duration_seconds, peak_memory_bytes: Some(peak_memory), output };
    courier.deliver(&report(at, Some(end)), &|| child.is_hurried());
    child.finish_copying();
    Some(Exit::Job(status.shell_code()))
}

fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Tells the person, who may have closed standard error.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "vigie run: {what}");
}

//! One run of a command probe.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::unix::pipe::Receiver;
use vigie_pipeline::secret::Secret;

use super::{Config, metrics, output};
use crate::probes::Shared;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::prober::{self, Aim, Phases};
use crate::probes::record::Record;
use crate::program::{Child, LINGER, NotRun, Output, PATH};

const PHASE: Phase = Phase::Run;

/// Between being told to end and the deadline, unless a fifth of the time is less. After three quarters of it the command
/// is killed: there is time to see it gone.
const GRACE: Duration = Duration::from_secs(1);

/// A command probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    shared: Arc<Shared>,
    config: Config,
}

impl Prober {
    pub(super) fn new(config: &Config, shared: Arc<Shared>) -> Self {
        Self { shared, config: config.clone() }
    }

    fn start(&self, aim: &Aim<'_>) -> Result<(Child, Receiver, Receiver), Failure> {
        let failed = |reason, error: &dyn std::fmt::Display| Failure::new(reason, PHASE, error);
        let program = self.shared.allowed.find(self.config.program()).map_err(|error| {
            let reason = match &error {
                NotRun::Refused(_) => Reason::CommandNotAllowed,
                NotRun::Open(_, error) => of_start(error),
            };
            failed(reason, &error)
        })?;
        let parent = aim.trace.map(crate::probes::telemetry::Trace::traceparent);
        let parent =
            parent.as_ref().and_then(|parent| parent.to_str().ok()).map(|parent| ("TRACEPARENT", parent));
        let own = self.config.env.iter().map(|(name, value)| (name.as_str(), Secret::reveal(value)));
        // What the configuration says comes last, and wins.
        let environment = [("PATH", PATH), ("LC_ALL", "C")].into_iter().chain(parent).chain(own);
        let environment = environment.map(|(name, value)| (name, OsStr::new(value)));
        Child::start(&program, &self.config.argv, environment)
            .map_err(|error| failed(of_start(&error), &format_args!("start {}: {error}", program.display())))
    }

    /// The verdict over an end with this code.
    fn judge(&self, code: i32, first_line: &str) -> Result<(), Failure> {
        let reason = match code {
            0 => return Ok(()),
            1 if !self.config.warning_is_failure => return Ok(()),
            1 => Reason::CommandWarning,
            2 => Reason::CommandCritical,
            3 => Reason::CommandUnknown,
            _ => Reason::CommandFailed,
        };
        Err(Failure::new(reason, PHASE, format_args!("it ended with {code}: {first_line}")))
    }
}

/// Why a program cannot be started.
fn of_start(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::NotFound => Reason::CommandMissing,
        io::ErrorKind::PermissionDenied => Reason::CommandDenied,
        _ => Reason::CommandError,
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        None
    }

    fn declare(&self, findings: &mut Findings) {
        metrics::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        record.enter(PHASE);
        record.about.text("process.executable.path", self.config.program());
        for secret in self.config.env.values() {
            record.excerpt.hide(secret.reveal());
        }
        let (begun, left) = (tokio::time::Instant::now(), record.left());
        let (mut child, stdout, stderr) = self.start(aim)?;
        record.about.number("process.pid", child.id());
        record.note(|| format!("started {} as process {}", self.config.program(), child.id()));
        let (mut stdout, mut stderr) = (Output::of(stdout), Output::of(stderr));
        let mut told = 0;
        let status = {
            let read = async { tokio::join!(stdout.drain(), stderr.drain()) };
            let late = |told| async move {
                match left {
                    Some(left) => {
                        let grace = GRACE.min(left / 5);
                        let before = if told == 0 { grace } else { grace / 4 };
                        tokio::time::sleep_until(begun + left - before).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(read);
            let mut read_all = false;
            let status = loop {
                tokio::select! {
                    biased;
                    status = child.wait() => break status,
                    _ = &mut read, if !read_all => read_all = true,
                    () = late(told), if told < 2 => {
                        if told == 0 { child.terminate() } else { child.kill() }
                        told += 1;
                    }
                }
            };
            if !read_all {
                let _ = tokio::time::timeout(LINGER, &mut read).await;
            }
            status
        };
        for output in [&stdout, &stderr] {
            record.excerpt.add(&output.kept);
        }
        if told > 0 {
            return Err(Failure::new(
                self.timed_out(PHASE),
                PHASE,
                "it was told to end shortly before the deadline",
            ));
        }
        let status = status.map_err(|error| Failure::new(Reason::CommandError, PHASE, error))?;
        let Some(code) = status.code() else {
            return Err(Failure::new(Reason::CommandSignal, PHASE, status));
        };
        record.about.number("process.exit.code", code);
        record.note(|| format!("it ended with {code}"));
        metrics::ended(code, &output::perfdata(&stdout.kept), &mut record.findings);
        let line = String::from_utf8_lossy(&stdout.kept);
        let line: String = line.lines().next().unwrap_or_default().chars().take(200).collect();
        self.judge(code, &record.excerpt.redact(&line))
    }

    fn span_name(&self) -> &str {
        self.config.program().rsplit('/').next().unwrap_or_default()
    }
}

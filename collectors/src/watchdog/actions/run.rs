//! Running a program.
//!
//! How programs are run is told in [`crate::program`]. What it has started goes on when it has ended; at the deadline, or
//! when the agent stops, it is killed with what it has started.

use std::ffi::OsStr;
use std::time::Duration;

use super::deed::{Occasion, Report};
use crate::program::{Allowed, Child, LINGER, Output, PATH};
use vigie_logs::redaction::redact;

/// How long a program may take. So long before it is over, it is told to end.
const PATIENCE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(5);

/// Of what it has written so much is shown, in characters.
const SHOWN: usize = 1024;

/// See the module.
pub(in crate::watchdog) struct Run {
    argv: Vec<String>,
    allowed: Allowed,
    patience: Duration,
    grace: Duration,
}

impl Run {
    pub(super) fn new(argv: &[String], allowed: &Allowed) -> Self {
        Self { argv: argv.to_vec(), allowed: allowed.clone(), patience: PATIENCE, grace: GRACE }
    }

    fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Why it is run is in its environment.
    pub(super) async fn perform(&self, occasion: &Occasion) -> Report {
        match self.start(occasion) {
            Err(error) => Err(error).into(),
            Ok((child, stdout, stderr)) => self.watch(child, stdout, stderr).await,
        }
    }

    fn start(&self, occasion: &Occasion) -> Result<(Child, Output, Output), String> {
        let program = self.allowed.find(self.program()).map_err(|error| error.to_string())?;
        let parent = occasion.trace.traceparent();
        let kinds: Vec<&str> = occasion.unmet.iter().map(|wrong| wrong.kind.as_str()).collect();
        let reasons: Vec<&str> = occasion.unmet.iter().map(|wrong| wrong.reason.as_str()).collect();
        let (kinds, reasons) = (kinds.join(","), reasons.join(","));
        let environment = [
            ("PATH", PATH),
            ("LC_ALL", "C"),
            ("TRACEPARENT", parent.to_str().unwrap_or_default()),
            ("VIGIE_NAME", &occasion.name),
            ("VIGIE_KINDS", &kinds),
            ("VIGIE_REASONS", &reasons),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name, OsStr::new(value)));
        let started = Child::start(&program, &self.argv, environment);
        let (child, stdout, stderr) =
            started.map_err(|error| format!("start {}: {error}", program.display()))?;
        Ok((child, Output::of(stdout), Output::of(stderr)))
    }

    async fn watch(&self, mut child: Child, mut stdout: Output, mut stderr: Output) -> Report {
        let begun = tokio::time::Instant::now();
        let mut told = 0_u32;
        let status = {
            let read = async { tokio::join!(stdout.drain(), stderr.drain()) };
            tokio::pin!(read);
            let mut read_all = false;
            let status = loop {
                let next = begun + self.patience - if told == 0 { self.grace } else { Duration::ZERO };
                tokio::select! {
                    biased;
                    status = child.wait_for_leader() => break status,
                    _ = &mut read, if !read_all => read_all = true,
                    () = tokio::time::sleep_until(next), if told < 2 => {
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
        let name = self.program();
        let result = match status {
            Err(error) => Err(format!("run {name}: {error}")),
            Ok(_) if told > 0 => Err(format!("{name} was not done after {} s", self.patience.as_secs_f64())),
            Ok(status) if status.success() => Ok(format!("ran {name}")),
            Ok(status) => Err(format!("ran {name}, which ended with {status}")),
        };
        Report { result, output: shown(&[stdout.kept, stderr.kept].concat()) }
    }
}

/// The beginning of what was written, on one line; none if nothing was.
fn shown(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    let text = redact(&String::from_utf8_lossy(bytes));
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.trim_end().chars().take(SHOWN).map(printable).collect();
    if text.trim_end().chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    Some(shown)
}

#[cfg(test)]
mod tests;

//! A program that runs: its group, its end, what it has written.
//!
//! That it has ended is learnt without reaping it: until its whole group has been killed its number cannot become
//! another's. Whatever becomes of the run, dropping a [`Child`] kills the group and reaps.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::unix::pipe::Receiver;

use super::ending::Ending;

/// A killed process is gone after a moment; longer than this nobody waits for it.
const MOMENTS: u32 = 50;
const MOMENT: Duration = Duration::from_micros(100);

/// Killed, and not gone in time: they are reaped when the next is started.
static LATE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// See the module.
pub(crate) struct Child {
    pid: Pid,
    ending: Ending,
    reaped: bool,
}

impl Child {
    /// Starts a program in a group of its own; it, and its two outputs.
    pub(crate) fn start<'a>(
        program: &Path,
        argv: &[String],
        environment: impl Iterator<Item = (&'a str, &'a OsStr)>,
    ) -> io::Result<(Self, Receiver, Receiver)> {
        reap_late();
        INHERITED.call_once(keep_descriptors);
        let mut command = Command::new(program);
        if let Some((name, arguments)) = argv.split_first() {
            command.arg0(name).args(arguments);
        }
        let mut child = command
            .env_clear()
            .envs(environment)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pid = Pid::from_child(&child);
        let pipes = child.stdout.take().zip(child.stderr.take());
        // From here on dropping it ends it.
        let child = Self { pid, ending: Ending::of(pid).inspect_err(|_| end(pid))?, reaped: false };
        let (stdout, stderr) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, Receiver::from_owned_fd(stdout.into())?, Receiver::from_owned_fd(stderr.into())?))
    }

    /// The number of its process, and of its group.
    pub(crate) fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until it has ended, kills what it has left of its group, and reaps it.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.ending.wait().await?;
        self.kill();
        self.reap()
    }

    /// Waits until it has ended, and reaps it. What it has started goes on.
    pub(crate) async fn wait_for_leader(&mut self) -> io::Result<ExitStatus> {
        self.ending.wait().await?;
        self.reap()
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED)?;
        self.reaped = true;
        let status = status.ok_or(io::ErrorKind::NotFound)?;
        // As `wait` has it: the signal in the low byte, the code above it.
        let raw = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => (code & 0xff) << 8,
            (None, Some(signal)) => signal & 0x7f,
            (None, None) => 0xff << 8,
        };
        Ok(ExitStatus::from_raw(raw))
    }

    /// Ends the group.
    pub(crate) fn kill(&self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    /// Tells the group to end.
    pub(crate) fn terminate(&self) {
        let _ = kill_process_group(self.pid, Signal::TERM);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            end(self.pid);
        }
    }
}

/// Who started the agent may have given it descriptors that would go on to what it starts; its own do not.
static INHERITED: Once = Once::new();

#[allow(unsafe_code)]
fn keep_descriptors() {
    let Ok(all) = std::fs::read_dir("/dev/fd") else { return };
    let numbers = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for descriptor in numbers.filter(|number| *number > 2) {
        // SAFETY: it takes no memory; a number that is no descriptor any more is refused.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Kills a group and reaps its leader.
fn end(pid: Pid) {
    let _ = kill_process_group(pid, Signal::KILL);
    for _ in 0..MOMENTS {
        if reap(pid) {
            return;
        }
        sleep(MOMENT);
    }
    LATE.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
}

fn reap_late() {
    LATE.lock().unwrap_or_else(PoisonError::into_inner).retain(|pid| !reap(*pid));
}

/// Whether it is gone.
fn reap(pid: Pid) -> bool {
    !matches!(waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(None))
}

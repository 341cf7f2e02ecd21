//! The program of a job, run as if nobody was between it and who started it.
//!
//! - Its standard input is ours. So are its outputs where they are terminals; else each goes through a pipe, of which
//!   every byte is passed on at once and the last ones are kept. Where both go to the same file they share one pipe, so
//!   that their order stays. When nobody reads what is passed on, the pipe is closed, and the program learns of it as it
//!   would have.
//! - What somebody sends us is passed on to it. What the kernel sends because of the terminal it sends to the whole
//!   group, and so to the program too.
//! - Something that the program leaves behind may go on writing: that is passed on for as long as it lasts, as it would
//!   have been written.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::fs::fstat;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use vigie_collectors::jobs::LastLines;

use super::signals;

/// How much is passed on at a time.
const PIECE: usize = 64 << 10;

/// The program could not be started.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: io::Error,
    /// As a shell has it: 127 where there is no such program, 126 where it cannot be executed.
    pub(super) code: u8,
}

/// See the module.
pub(super) struct Child {
    child: std::process::Child,
    copying: Arc<Copying>,
    /// Whether a signal came that the program can no longer be told of.
    hurried: Arc<AtomicBool>,
}

/// What the copying threads share with who waits for them.
#[derive(Default)]
struct Copying {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    last: LastLines,
    /// How many copy.
    open: usize,
}

/// The program has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: Status,
    /// The most memory that it, or a program that it has waited for, has had resident, in bytes.
    pub(super) peak_memory: u64,
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status(ExitStatus);

impl Status {
    /// Unless a signal ended it.
    pub(super) fn exit_code(self) -> Option<u8> {
        self.0.code().and_then(|code| u8::try_from(code).ok())
    }

    /// The signal that ended it.
    pub(super) fn signal(self) -> Option<u8> {
        self.0.signal().and_then(|signal| u8::try_from(signal).ok())
    }

    /// As a shell says it.
    pub(super) fn shell_code(self) -> u8 {
        self.exit_code().or(self.signal().map(|signal| signal | 128)).unwrap_or(1)
    }
}

impl Child {
    /// Starts it, with everything that goes on beside it.
    pub(super) fn start(program: &OsString, arguments: &[OsString]) -> Result<Self, Failed> {
        Self::spawn(program, arguments).map_err(|error| {
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            Failed { error, code }
        })
    }

    fn spawn(program: &OsString, arguments: &[OsString]) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        let pipes = redirect(&mut command)?;
        // Held back before anything runs that they could end.
        let held = signals::hold(&mut command)?;
        let child = command.spawn()?;
        // Its ends of the pipes are its own now.
        drop(command);
        let copying = Arc::new(Copying::default());
        for (from, to) in pipes {
            copying.begin(from, to)?;
        }
        let hurried = Arc::new(AtomicBool::new(false));
        let hurry = Arc::clone(&hurried);
        let program = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        thread::Builder::new().spawn(move || {
            held.each(|signal| pass_on(signal, program.as_fd(), &hurry));
        })?;
        Ok(Self { child, copying, hurried })
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> io::Result<Ended> {
        let status = self.child.wait()?;
        Ok(Ended { status: Status(status), peak_memory: signals::peak_memory_of_children() })
    }

    /// Its last lines, once all of them are there or `patience` is over.
    pub(super) fn last_lines(&self, patience: Duration) -> String {
        let state = self.copying.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.copying.changed.wait_timeout_while(state, patience, |state| state.open > 0);
        let (state, _) = all.unwrap_or_else(PoisonError::into_inner);
        state.last.shown()
    }

    /// Whether somebody wants us to end after it has.
    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }

    /// Waits until nobody can write to its outputs any more, or we are to end.
    pub(super) fn finish_copying(&self) {
        let mut state = self.copying.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.open > 0 && !self.is_hurried() {
            let waited = self.copying.changed.wait_timeout(state, Duration::from_millis(100));
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Gives the command its outputs; the pipes, and where what comes out of each goes.
fn redirect(command: &mut Command) -> io::Result<Vec<(PipeReader, File)>> {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let (out, err) = (stdout.as_fd(), stderr.as_fd());
    let mut pipes = Vec::new();
    let mut divert = |to: BorrowedFd<'_>| -> io::Result<OwnedFd> {
        let (from, written) = pipe()?;
        pipes.push((from, File::from(to.try_clone_to_owned()?)));
        Ok(written.into())
    };
    if !stdout.is_terminal() {
        let written = divert(out)?;
        if is_same(out, err) {
            command.stderr(Stdio::from(written.try_clone()?));
        }
        command.stdout(Stdio::from(written));
    }
    if !stderr.is_terminal() && !is_same(out, err) {
        command.stderr(Stdio::from(divert(err)?));
    }
    Ok(pipes)
}

fn is_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    match (fstat(one), fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Tells the program; what it cannot be told any more is for us.
fn pass_on(signal: Signal, program: BorrowedFd<'_>, hurry: &AtomicBool) {
    if pidfd_send_signal(program, signal).is_err() {
        hurry.store(true, Ordering::Relaxed);
    }
}

impl Copying {
    /// Copies in a thread of its own.
    fn begin(self: &Arc<Self>, from: PipeReader, to: File) -> io::Result<()> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open += 1;
        let copying = Arc::clone(self);
        thread::Builder::new().spawn(move || {
            copying.copy(from, to);
            copying.state.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
            copying.changed.notify_all();
        })?;
        Ok(())
    }

    /// Until nobody can write any more, or nobody reads.
    fn copy(&self, mut from: PipeReader, mut to: File) {
        let mut piece = vec![0; PIECE];
        loop {
            let piece = match from.read(&mut piece) {
                Ok(0) => return,
                Ok(read) => &piece[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            self.state.lock().unwrap_or_else(PoisonError::into_inner).last.add(piece);
            if write_all(&mut to, piece).is_err() {
                return;
            }
        }
    }
}

/// Whoever has started us may have made the file one that does not block.
fn write_all(to: &mut File, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        match to.write(piece) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => piece = &piece[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1))
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

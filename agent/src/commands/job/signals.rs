//! Signals that are held back to be passed on, and what the kernel knows of programs that have ended.
//!
//! They are held by the mask of signals rather than caught by handlers: who sent one is known then, and what was ignored
//! when we were started (`nohup`) stays so for us and for the program.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;

/// What is passed on.
const PASSED_ON: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

/// The signals that are held back.
pub(super) struct Held(libc::sigset_t);

/// Holds them back in this thread and those that it starts from now on, and not in the program of `command`.
pub(super) fn hold(command: &mut Command) -> io::Result<Held> {
    let mut held = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are ours; `sigemptyset` and `pthread_sigmask` fill them before they are read.
    let (held, before) = unsafe {
        libc::sigemptyset(held.as_mut_ptr());
        for signal in PASSED_ON {
            libc::sigaddset(held.as_mut_ptr(), signal.as_raw());
        }
        let refused = libc::pthread_sigmask(libc::SIG_BLOCK, held.as_ptr(), before.as_mut_ptr());
        if refused != 0 {
            return Err(io::Error::from_raw_os_error(refused));
        }
        (held.assume_init(), before.assume_init())
    };
    let restore = move || {
        // SAFETY: the set was filled; the call is one that may be made between fork and exec.
        match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) } {
            0 => Ok(()),
            refused => Err(io::Error::from_raw_os_error(refused)),
        }
    };
    // SAFETY: `restore` takes no memory and no lock.
    unsafe { command.pre_exec(restore) };
    Ok(Held(held))
}

impl Held {
    /// Calls `pass_on` with each signal that somebody sends, for ever.
    pub(super) fn each(&self, mut pass_on: impl FnMut(Signal)) {
        loop {
            let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: the set was filled in `hold`; `info` is read only where the call has filled it.
            let (number, from) = unsafe {
                match libc::sigwaitinfo(&self.0, info.as_mut_ptr()) {
                    -1 => continue,
                    number => (number, info.assume_init().si_code),
                }
            };
            // The terminal's go to the whole group.
            if from != libc::SI_KERNEL
                && let Some(signal) = PASSED_ON.into_iter().find(|signal| signal.as_raw() == number)
            {
                pass_on(signal);
            }
        }
    }
}

/// The most memory that a program which was started here, or by one of those, and has ended has had resident, in bytes.
///
/// A program begins as a copy of its parent: what is told is never less than what this process itself has.
pub(super) fn peak_memory_of_children() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is ours, and all zeroes are a value of it where the call should fail.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    // ru_maxrss is in KiB.
    u64::try_from(usage.ru_maxrss).unwrap_or_default() << 10
}

//! Sending a signal to the processes of a group, and to no other.
//!
//! A PID that was a member's a moment ago may be another's by now. So a descriptor of the process is opened first,
//! and then it is looked when the process of that PID has started: if that is when the member has started, the
//! member has had the PID all the time, and the descriptor is its own. What is sent to the descriptor reaches this process
//! or nobody.

use rustix::process::Signal as Number;

use super::super::observer::Member;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(in crate::watchdog) struct Signal {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    number: Number,
}

/// What has become of one signal.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sent {
    Yes,
    /// The process has ended; its PID may be another's.
    Gone,
    Failed(String),
}

impl Signal {
    pub(super) fn new(number: Number) -> Self {
        Self { number }
    }

    /// Sends it to each.
    pub(super) fn send(self, members: &[Member]) -> Result<String, String> {
        let (mut sent, mut gone, mut failed) = (0, 0, Vec::new());
        for member in members {
            match self.send_to(*member) {
                Sent::Yes => sent += 1,
                Sent::Gone => gone += 1,
                Sent::Failed(error) => failed.push(error),
            }
        }
        let words = format!("sent to {sent} of {} processes, {gone} had ended", members.len());
        match failed.into_iter().next() {
            Some(error) => Err(format!("{words}; {error}")),
            None if sent == 0 => Err(words),
            None => Ok(words),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn send_to(self, _member: Member) -> Sent {
        Sent::Failed("this system has no descriptors of processes".to_owned())
    }

    #[cfg(target_os = "linux")]
    fn send_to(self, member: Member) -> Sent {
        use rustix::io::Errno;
        use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
        let failed =
            |what: &str, error: Errno| Sent::Failed(format!("{what} process {}: {error}", member.pid));
        let Some(pid) = i32::try_from(member.pid).ok().and_then(Pid::from_raw) else { return Sent::Gone };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::SRCH) => return Sent::Gone,
            Err(error) => return failed("open", error),
        };
        // The PIDs that a descriptor is opened by are the agent's own, and so must be those that are looked at.
        if started(member.pid) != Some(member.start) {
            return Sent::Gone;
        }
        match pidfd_send_signal(&descriptor, self.number) {
            Ok(()) => Sent::Yes,
            Err(Errno::SRCH) => Sent::Gone,
            Err(error) => failed("send to", error),
        }
    }
}

/// When the process that has this PID now has started, in ticks since boot; none if there is none.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    crate::processes::started(&stat)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};

    use super::*;

    fn sleeper() -> (Child, Member) {
        let child = Command::new("sleep").arg("300").spawn().unwrap();
        let member = Member { pid: child.id(), start: started(child.id()).unwrap() };
        (child, member)
    }

    #[test]
    fn the_member_gets_it_and_one_that_has_its_pid_now_does_not() {
        let ((mut first, one), (mut second, other)) = (sleeper(), sleeper());
        let reused = Member { start: other.start - 1, ..other };
        assert_eq!(Signal::new(Number::TERM).send_to(reused), Sent::Gone);
        let told = Signal::new(Number::USR1).send(&[one, reused]);
        assert_eq!(told, Ok("sent to 1 of 2 processes, 1 had ended".to_owned()));
        assert_eq!(first.wait().unwrap().signal(), Some(libc::SIGUSR1));
        assert_eq!(second.try_wait().unwrap(), None);
        assert_eq!(Signal::new(Number::TERM).send_to(one), Sent::Gone, "it was waited for");
        assert_eq!(Signal::new(Number::KILL).send_to(other), Sent::Yes);
        second.wait().unwrap();
    }

    #[test]
    fn nobody_to_send_it_to_is_a_failure() {
        assert!(Signal::new(Number::TERM).send(&[]).is_err());
    }
}

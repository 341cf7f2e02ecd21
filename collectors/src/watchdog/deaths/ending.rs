//! How a process has ended, as wait(2) has it, and what that is called.

/// What the kernel tells the parent of a process that has ended: its wait status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It has ended itself, with this status.
    Exited(u8),
    /// A signal has ended it.
    Killed {
        signal: u8,
        /// Whether its memory was written down.
        dumped: bool,
    },
}

impl Ending {
    pub(super) fn of(wait_status: i32) -> Self {
        let bits = wait_status as u32;
        match (bits & 0x7f) as u8 {
            0 => Self::Exited((bits >> 8) as u8),
            signal => Self::Killed { signal, dumped: bits & 0x80 != 0 },
        }
    }

    /// Whether the kernel may have done it for want of memory.
    pub(super) fn may_be_oom(ending: Option<Self>) -> bool {
        match ending {
            None => true,
            Some(Self::Killed { signal, .. }) => i32::from(signal) == libc::SIGKILL,
            Some(Self::Exited(_)) => false,
        }
    }
}

/// Why a process has ended. A closed set: it becomes the `cause` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// With status 0.
    Exited,
    /// With another status.
    Failed,
    /// A signal.
    Signal,
    /// The kernel, for want of memory.
    Oom,
    Unknown,
}

impl Cause {
    pub(super) const ALL: [Self; 5] = [Self::Exited, Self::Failed, Self::Signal, Self::Oom, Self::Unknown];

    pub(super) fn of(ending: Option<Ending>, is_oom: bool) -> Self {
        match ending {
            _ if is_oom && Ending::may_be_oom(ending) => Self::Oom,
            Some(Ending::Exited(0)) => Self::Exited,
            Some(Ending::Exited(_)) => Self::Failed,
            Some(Ending::Killed { .. }) => Self::Signal,
            None => Self::Unknown,
        }
    }

    /// As the label says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Failed => "failed",
            Self::Signal => "signal",
            Self::Oom => "oom",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wait_status_is_taken_apart() {
        assert_eq!(Ending::of(3 << 8), Ending::Exited(3));
        assert_eq!(Ending::of(9), Ending::Killed { signal: 9, dumped: false });
        assert_eq!(Ending::of(11 | 0x80), Ending::Killed { signal: 11, dumped: true });
    }

    #[test]
    fn only_what_was_killed_outright_was_killed_for_want_of_memory() {
        let of = |status, is_oom| Cause::of(Some(Ending::of(status)), is_oom).as_str();
        assert_eq!((of(9, true), of(9, false), of(15, true)), ("oom", "signal", "signal"));
        assert_eq!((of(3 << 8, true), of(0, false)), ("failed", "exited"));
        assert_eq!((Cause::of(None, true), Cause::of(None, false)), (Cause::Oom, Cause::Unknown));
    }

    proptest! {
        #[test]
        fn it_is_libcs_reading_of_any_status_of_an_end(status in 0..0x1_0000_i32) {
            prop_assume!(libc::WIFEXITED(status) || libc::WIFSIGNALED(status));
            match Ending::of(status) {
                Ending::Exited(code) => prop_assert_eq!(i32::from(code), libc::WEXITSTATUS(status)),
                Ending::Killed { signal, dumped } => {
                    prop_assert_eq!(i32::from(signal), libc::WTERMSIG(status));
                    prop_assert_eq!(dumped, libc::WCOREDUMP(status));
                }
            }
        }
    }
}

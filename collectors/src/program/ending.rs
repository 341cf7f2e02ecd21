//! Waits for the end of a process, and leaves it unreaped.

use std::io;

use rustix::process::Pid;

/// See the module.
#[cfg(target_os = "linux")]
pub(super) struct Ending(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl Ending {
    /// Of a process that is not reaped yet.
    #[allow(unsafe_code)]
    pub(super) fn of(pid: Pid) -> io::Result<Self> {
        use rustix::process::{PidfdFlags, pidfd_open};
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        // SAFETY: an owned descriptor is open as long as it is there, and is always the same.
        let watched = unsafe {
            tokio::io::unix::AsyncFd::register_with_interest(descriptor, tokio::io::Interest::READABLE)
        };
        Ok(Self(watched?))
    }

    /// Until it has ended.
    pub(super) async fn wait(&self) -> io::Result<()> {
        self.0.readable().await.map(drop)
    }
}

/// See the module: where the kernel has no descriptors of processes it is asked again and again.
#[cfg(not(target_os = "linux"))]
pub(super) struct Ending(Pid);

#[cfg(not(target_os = "linux"))]
impl Ending {
    /// Of a process that is not reaped yet.
    pub(super) fn of(pid: Pid) -> io::Result<Self> {
        Ok(Self(pid))
    }

    /// Until it has ended.
    pub(super) async fn wait(&self) -> io::Result<()> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(self.0), options)?.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

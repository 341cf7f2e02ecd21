//! A process by descriptor: never another one of the same PID, and told of at once when it ends.
//!
//! How it has ended, the kernel tells anybody who holds such a descriptor since Linux 6.15 (`PIDFD_GET_INFO` with
//! `PIDFD_INFO_EXIT`), once its parent has waited for it. Before that, or on an older kernel, `exit_code` of its `stat`
//! tells those who may trace it, as long as its parent has not waited for it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

use super::ending::Ending;
use crate::processes::procfs::{Buffer, Procfs};
use crate::processes::stat;

/// `struct pidfd_info` of `linux/pidfd.h`, as of Linux 6.15.
#[derive(Default)]
#[repr(C)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    /// Real, effective, saved and of the file system, each of user and group.
    ids: [u32; 8],
    exit_code: i32,
}

/// `PIDFD_INFO_EXIT`: `exit_code` was asked for, or is there.
const EXIT: u64 = 1 << 3;

/// `_IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)`
const PIDFD_GET_INFO: libc::c_ulong = {
    let (magic, size) = (0xff, size_of::<PidfdInfo>() as libc::c_ulong);
    3 << 30 | size << 16 | magic << 8 | 11
};

/// How long its parent may take to wait for it: the sum of these.
const PATIENCE: [Duration; 7] = [
    Duration::from_millis(2),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// The field of `stat` with the wait status.
const EXIT_CODE: usize = 52;

/// A process. See the module.
#[derive(Debug)]
pub(super) struct Pidfd {
    descriptor: AsyncFd<OwnedFd>,
    pid: u32,
    /// When it was started, in ticks since boot.
    start: u64,
}

impl Pidfd {
    /// The process of this PID that was started then.
    ///
    /// # Errors
    /// When there is none any more, or no descriptor left.
    pub(super) fn open(procfs: &Procfs, pid: u32, start: u64, buffer: &mut Buffer) -> io::Result<OwnedFd> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or(io::ErrorKind::InvalidInput)?;
        let descriptor = pidfd_open(number, PidfdFlags::NONBLOCK)?;
        // What has this PID now may be another process than the one that was seen; what is open stays the same.
        let (_, stat) = stat::parse(procfs.read(pid, "stat", buffer)?).ok_or(io::ErrorKind::InvalidData)?;
        if stat.start == start { Ok(descriptor) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// To wait for; within a runtime.
    #[allow(unsafe_code)]
    pub(super) fn new(descriptor: OwnedFd, pid: u32, start: u64) -> io::Result<Self> {
        // SAFETY: an owned descriptor is always the same one, and is closed after its registration has ended.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE)? };
        Ok(Self { descriptor, pid, start })
    }

    /// Waits for its end, and then for a moment for its parent; `None` if how it has ended is not to be known.
    pub(super) async fn ending(self, procfs: impl Fn() -> io::Result<Procfs>) -> Option<Ending> {
        self.descriptor.readable().await.ok()?.retain_ready();
        let mut seen = None;
        for pause in PATIENCE {
            if let Some(ending) = self.told() {
                return Some(ending);
            }
            // Nothing is there to be told of a process whose parent has waited for it.
            seen = seen.or_else(|| self.seen(&procfs().ok()?));
            if seen.is_some() {
                break;
            }
            sleep(pause).await;
        }
        self.told().or(seen)
    }

    /// What the kernel tells by the descriptor, once the parent has waited.
    #[allow(unsafe_code)]
    fn told(&self) -> Option<Ending> {
        let mut info = PidfdInfo { mask: EXIT, ..PidfdInfo::default() };
        // SAFETY: the kernel writes at most as many bytes as the number of the request says, which is the size of what is
        // given to it.
        let answer = unsafe { libc::ioctl(self.descriptor.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
        (answer == 0 && info.mask & EXIT != 0).then(|| Ending::of(info.exit_code))
    }

    /// What its `stat` says as long as its parent has not waited. Of others' processes it says 0 to those who may not
    /// trace them.
    fn seen(&self, procfs: &Procfs) -> Option<Ending> {
        let mut buffer = Buffer::default();
        let content = procfs.read(self.pid, "stat", &mut buffer).ok()?;
        let (_, stat) = stat::parse(content)?;
        let status = exit_code(content)?;
        let is_it = stat.start == self.start && matches!(stat.state, b'Z' | b'X');
        (is_it && (status != 0 || geteuid().is_root())).then(|| Ending::of(status))
    }
}

fn exit_code(stat: &[u8]) -> Option<i32> {
    let close = memchr::memrchr(b')', stat)?;
    // The first field behind the name is the third.
    let field = stat.get(close + 2..)?.split(|byte| byte.is_ascii_whitespace()).nth(EXIT_CODE - 3)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::process::{Child, Command};

    use super::*;

    fn procfs() -> io::Result<Procfs> {
        Procfs::open(Path::new("/proc"))
    }

    fn start(script: &str) -> (Child, Pidfd) {
        let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let (procfs, mut buffer) = (procfs().unwrap(), Buffer::default());
        let (_, stat) = stat::parse(procfs.read(child.id(), "stat", &mut buffer).unwrap()).unwrap();
        let descriptor = Pidfd::open(&procfs, child.id(), stat.start, &mut buffer).unwrap();
        let pidfd = Pidfd::new(descriptor, child.id(), stat.start).unwrap();
        (child, pidfd)
    }

    #[tokio::test]
    async fn how_a_process_has_ended_is_known_before_and_after_its_parent_has_waited() {
        for (script, expected) in [
            ("sleep 0.05; exit 3", Ending::Exited(3)),
            ("sleep 0.05; kill -9 $$", Ending::Killed { signal: 9, dumped: false }),
        ] {
            // The parent does not wait before it was asked for.
            let (mut child, pidfd) = start(script);
            assert_eq!(pidfd.ending(procfs).await, Some(expected));
            child.wait().unwrap();
            // The parent has waited: told by the descriptor, on a kernel that does.
            let (mut child, pidfd) = start(script);
            child.wait().unwrap();
            let is_told = pidfd.told().is_some();
            assert_eq!(pidfd.ending(procfs).await, is_told.then_some(expected));
        }
    }

    #[tokio::test]
    async fn another_process_of_the_same_pid_is_not_taken_for_it() {
        let (mut child, pidfd) = start("exec sleep 10");
        let (procfs, mut buffer) = (procfs().unwrap(), Buffer::default());
        let other = Pidfd::open(&procfs, child.id(), pidfd.start + 1, &mut buffer);
        assert_eq!(other.unwrap_err().kind(), io::ErrorKind::NotFound);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_wait_status_is_the_52nd_field() {
        let fields: Vec<String> = (4..=52).map(|number| number.to_string()).collect();
        let stat = format!("1 (a b) c) Z {}\n", fields.join(" "));
        assert_eq!(exit_code(stat.as_bytes()), Some(52));
        assert_eq!(exit_code(b"1 (x) Z 1 2"), None);
    }
}

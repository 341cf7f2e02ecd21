//! Whom the kernel says that it has killed for want of memory: its log, which only the privileged may read (`CAP_SYSLOG`,
//! or `kernel.dmesg_restrict` 0, and a `/dev` that has `kmsg`).
//!
//! It is read only when a process has been killed, from where it was read last.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// So many of the last kills are remembered.
const MOST_KILLS: usize = 128;

/// The kernel gives one record at a time, and none that is longer.
const RECORD: usize = 8 << 10;

/// More records than the kernel's buffer has.
const MOST_RECORDS: usize = 100_000;

/// So much of a message is kept, in characters.
const SHOWN: usize = 300;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct KernelLog {
    /// None where it cannot be read.
    file: Option<File>,
    kills: VecDeque<Kill>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Kill {
    pid: u32,
    comm: String,
    message: String,
}

impl KernelLog {
    /// What is written from now on, if it can be read.
    pub(super) fn open(path: &Path) -> Self {
        let open = || {
            let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
            file.seek(SeekFrom::End(0))?;
            Ok::<_, std::io::Error>(file)
        };
        Self { file: open().ok(), kills: VecDeque::new() }
    }

    /// What the kernel says of having killed this process. A PID alone may be one of another namespace.
    pub(super) fn kill_of(&mut self, pid: u32, comm: &str) -> Option<String> {
        self.read();
        let kill = self.kills.iter().rev().find(|kill| kill.pid == pid && kill.comm == comm)?;
        Some(kill.message.clone())
    }

    fn read(&mut self) {
        let Some(file) = &mut self.file else { return };
        let mut record = [0; RECORD];
        for _ in 0..MOST_RECORDS {
            match file.read(&mut record) {
                Ok(0) => break,
                Ok(length) => self.kills.extend(parse(&record[..length])),
                // Some were overwritten before they were read: the next read goes on behind them.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(_) => break,
            }
        }
        let surplus = self.kills.len().saturating_sub(MOST_KILLS);
        self.kills.drain(..surplus);
    }
}

/// `3,1234,5678,-;Memory cgroup out of memory: Killed process 1234 (name) total-vm:…`
fn parse(record: &[u8]) -> Option<Kill> {
    let text = String::from_utf8_lossy(record);
    let message = text.split_once(';')?.1.lines().next()?;
    let rest = message.split_once("Killed process ")?.1;
    let (pid, rest) = rest.split_once(" (")?;
    let comm = rest.split_once(") ").map_or_else(|| rest.strip_suffix(')'), |(comm, _)| Some(comm))?;
    let message = message.chars().take(SHOWN).collect();
    Some(Kill { pid: pid.parse().ok()?, comm: comm.to_owned(), message })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_kill_is_found_by_pid_and_name() {
        let record = b"3,1,2,-;Memory cgroup out of memory: Killed process 77 (a b) total-vm:1kB, UID:0\n SUBSYSTEM=x\n";
        let kill = parse(record).unwrap();
        assert_eq!((kill.pid, kill.comm.as_str()), (77, "a b"));
        let mut log = KernelLog { file: None, kills: VecDeque::from([kill]) };
        let message = "Memory cgroup out of memory: Killed process 77 (a b) total-vm:1kB, UID:0";
        assert_eq!(log.kill_of(77, "a b").as_deref(), Some(message));
        assert_eq!((log.kill_of(77, "other"), log.kill_of(7, "a b")), (None, None));
    }

    #[test]
    fn what_is_not_there_is_no_evidence() {
        let mut log = KernelLog::open(Path::new("/nowhere"));
        assert!(log.file.is_none());
        assert_eq!(log.kill_of(1, "init"), None);
    }

    proptest! {
        #[test]
        fn any_record_is_taken(record in proptest::collection::vec(any::<u8>(), 0..200), pid in any::<u64>()) {
            let _ = parse(&record);
            let _ = parse(format!("1;Killed process {pid} (x) {}", String::from_utf8_lossy(&record)).as_bytes());
        }
    }
}

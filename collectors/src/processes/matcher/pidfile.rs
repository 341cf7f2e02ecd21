//! A file with the PID of a process.
//!
//! A daemon that was killed leaves its file behind, and its PID is used again. So the file must have been written when
//! the process was there already: one that is older names a process of the past, and whoever has its PID now does not
//! match. What was believed once is believed as long as that process lives, whatever becomes of the clock.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FsWord, fstatfs};

use crate::processes::group::TICKS_PER_SECOND;

/// How much older than its process a file may look: the start of the machine is known to the second, and clocks are
/// corrected.
const TOLERANCE: Duration = Duration::from_secs(5);

/// File systems in memory: what they hold was written since the machine has started.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// See the module.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    /// What it says, when it was last read.
    entry: Option<Entry>,
    /// The PID and start of the process that was found to be the one.
    believed: Option<(u32, u64)>,
    /// What was last found wrong with it.
    wrong: Option<Wrong>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    pid: u32,
    written: SystemTime,
    is_in_memory: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error("cannot be read: {0}")]
    Unreadable(ErrorKind),
    #[error("does not begin with a PID")]
    Rubbish,
    #[error("is older than process {pid}, which has the PID of one that has ended")]
    Stale { pid: u32, start: u64 },
}

impl PidFile {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), entry: None, believed: None, wrong: None }
    }

    /// Reads it again; adds the PIDs that it does not name any longer, or only now.
    pub(super) fn read(&mut self, due: &mut Vec<u32>) {
        let entry = match read(&self.path) {
            Ok(entry) => entry,
            Err(wrong) => {
                self.complain(wrong);
                None
            }
        };
        if entry != self.entry {
            let before = self.entry.map(|entry| entry.pid);
            let now = entry.map(|entry| entry.pid);
            due.extend(before);
            due.extend(now.filter(|_| now != before));
            self.entry = entry;
        }
        let is_in_order = self
            .entry
            .is_some_and(|entry| !matches!(self.wrong, Some(Wrong::Stale { pid, .. }) if pid == entry.pid));
        if is_in_order {
            self.wrong = None;
        }
    }

    /// Whether it means this process, which started so many ticks after the machine. `boot_time` is when that was, in
    /// seconds since the epoch.
    pub(super) fn names(&mut self, pid: u32, start: u64, boot_time: Option<u64>) -> bool {
        let Some(entry) = self.entry.filter(|entry| entry.pid == pid) else { return false };
        if self.believed == Some((pid, start)) {
            return true;
        }
        let is_stale = boot_time.is_some_and(|boot_time| entry.is_older_than(start, boot_time));
        if is_stale {
            self.complain(Wrong::Stale { pid, start });
        } else {
            self.believed = Some((pid, start));
        }
        !is_stale
    }

    fn complain(&mut self, wrong: Wrong) {
        if self.wrong != Some(wrong) {
            tracing::warn!("pidfile {} {wrong}", self.path.display());
            self.wrong = Some(wrong);
        }
    }
}

impl Entry {
    fn is_older_than(&self, start: u64, boot_time: u64) -> bool {
        let booted = UNIX_EPOCH + Duration::from_secs(boot_time);
        if self.is_in_memory && self.written < booted {
            // It was not: the clock has been set since.
            return false;
        }
        let since_boot = Duration::from_millis(start.saturating_mul(1000 / TICKS_PER_SECOND));
        self.written + TOLERANCE < booted + since_boot
    }
}

/// What is in the file: nothing if there is none or it is empty, which is how a daemon says that it does not run.
fn read(path: &Path) -> Result<Option<Entry>, Wrong> {
    let unreadable = |error: std::io::Error| Wrong::Unreadable(error.kind());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let written = file.metadata().and_then(|data| data.modified()).map_err(unreadable)?;
    let is_in_memory = fstatfs(&file).is_ok_and(|found| IN_MEMORY.contains(&found.f_type));
    let mut content = Vec::new();
    file.take(64).read_to_end(&mut content).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&content);
    match text.split_whitespace().next().map(str::parse) {
        None => Ok(None),
        Some(Ok(pid)) if pid > 0 => Ok(Some(Entry { pid, written, is_in_memory })),
        Some(_) => Err(Wrong::Rubbish),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BOOTED: u64 = 1_000_000;

    /// A file with PID 7 which was written so many seconds after the machine started.
    fn entry(written: i64, is_in_memory: bool) -> PidFile {
        let booted = UNIX_EPOCH + Duration::from_secs(BOOTED);
        let since = Duration::from_secs(written.unsigned_abs());
        let written = if written < 0 { booted - since } else { booted + since };
        let entry = Some(Entry { pid: 7, written, is_in_memory });
        PidFile { entry, ..PidFile::new("/run/x.pid".as_ref()) }
    }

    #[test]
    fn a_file_that_is_older_than_the_process_means_another_one() {
        let names = |written, start: u64| entry(written, false).names(7, start * 100, Some(BOOTED));
        assert!(names(60, 60) && names(600, 60));
        assert!(names(57, 60), "clocks are corrected");
        assert!(!names(50, 60) && !names(-3600, 60));
        assert!(!entry(60, false).names(8, 6000, Some(BOOTED)));
        assert!(entry(-3600, false).names(7, 6000, None), "nobody knows");
    }

    #[test]
    fn a_clock_that_was_set_makes_no_file_stale() {
        assert!(
            entry(-3600, true).names(7, 6000, Some(BOOTED)),
            "nothing in memory is older than the machine"
        );
        assert!(!entry(50, true).names(7, 6000, Some(BOOTED)));
        let mut believed = entry(60, false);
        assert!(believed.names(7, 6000, Some(BOOTED)));
        assert!(believed.names(7, 6000, Some(BOOTED + 7200)));
        assert!(!believed.names(7, 999_999, Some(BOOTED + 7200)), "another process");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_known_until_it_is_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pid");
        let mut file = PidFile::new(&path);
        let mut read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            file.read(&mut Vec::new());
            (file.entry.map(|entry| entry.pid), file.wrong)
        };
        assert_eq!(read(b""), (None, None));
        for rubbish in [&b"none"[..], b"-1", b"0", b"\xff\xfe", b"99999999999", b"12abc"] {
            assert_eq!(read(rubbish), (None, Some(Wrong::Rubbish)), "{rubbish:?}");
        }
        assert_eq!(read(b"12\nmore\n"), (Some(12), None));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        file.read(&mut Vec::new());
        assert_eq!((file.entry, file.wrong), (None, Some(Wrong::Unreadable(ErrorKind::IsADirectory))));
    }
}

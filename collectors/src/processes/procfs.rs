//! Reading `/proc/PID`: one descriptor of the root, one buffer, no path put together twice.
//!
//! Where it is the kernel's own and no copy, two things are had for less than reading them: the number of open
//! descriptors is the size of their directory (since Linux 6.2), and the start of the machine is the difference of two
//! clocks, where `/proc/stat` adds up the interrupts of all CPUs first.

use std::fmt::Write;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, fstatfs, openat, readlinkat, statat,
};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

/// A proc file system, at `/proc` or wherever that of the host is mounted.
#[derive(Debug)]
pub(crate) struct Procfs {
    root: OwnedFd,
    /// Whether it is the kernel that answers.
    is_kernels: bool,
}

/// A process in the listing of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) pid: u32,
    /// Of its directory; the kernel makes a new one for each process. 0 if it is not the kernel that answers.
    pub(crate) inode: u64,
}

/// What reading needs, kept from one file to the next.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    path: String,
    content: Vec<u8>,
}

/// The most that is read of one file. Only `cmdline` can be longer: what is matched is its beginning.
const LARGEST: usize = 256 << 10;

/// What is taken of the listing at a time.
const LISTING: usize = 32 << 10;

/// What a buffer starts with: more than any file but `cmdline` has.
const SMALLEST: usize = 4 << 10;

impl Procfs {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let root = openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let is_kernels = fstatfs(&root).is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC);
        Ok(Self { root, is_kernels })
    }

    fn directory(&self, path: &str) -> io::Result<Dir> {
        let directory = openat(&self.root, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Dir::new(directory)?)
    }

    /// Replaces `processes` by all that can be seen, ascending by PID.
    pub(crate) fn list(&self, processes: &mut Vec<Listed>) -> io::Result<()> {
        processes.clear();
        let directory = openat(&self.root, ".", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut entries = Vec::with_capacity(LISTING);
        let mut entries = RawDir::new(directory, entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            if let Some(pid) = entry.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
                processes.push(Listed { pid, inode: if self.is_kernels { entry.ino() } else { 0 } });
            }
        }
        // The kernel has them in this order.
        if !processes.is_sorted_by_key(|listed| listed.pid) {
            processes.sort_unstable_by_key(|listed| listed.pid);
        }
        Ok(())
    }

    /// The threads of a process.
    pub(crate) fn threads(&self, pid: u32) -> io::Result<Vec<u32>> {
        let mut threads = Vec::new();
        self.numbers(&format!("{pid}/task"), |thread| threads.push(thread))?;
        Ok(threads)
    }

    /// Calls `take` with each name in a directory that is a number.
    fn numbers(&self, path: &str, mut take: impl FnMut(u32)) -> io::Result<()> {
        for entry in self.directory(path)? {
            if let Some(number) = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
                take(number);
            }
        }
        Ok(())
    }

    /// Reads a file of a process.
    pub(crate) fn read<'b>(&self, pid: u32, name: &str, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        buffer.path.clear();
        let _ = write!(buffer.path, "{pid}/{name}");
        self.read_path(buffer)
    }

    /// The user that the directory of a process belongs to: the effective one, whatever else of it may be read.
    pub(crate) fn owner(&self, pid: u32) -> io::Result<u32> {
        Ok(statat(&self.root, pid.to_string(), AtFlags::empty())?.st_uid)
    }

    /// Opens a file that is too large to be read at once.
    pub(crate) fn file(&self, path: &str) -> io::Result<File> {
        Ok(openat(&self.root, path, OFlags::CLOEXEC, Mode::empty())?.into())
    }

    /// Calls `take` with the inode of each socket that a process has open: descriptors are links to `socket:[inode]`.
    pub(crate) fn each_socket(&self, pid: u32, mut take: impl FnMut(u64)) -> io::Result<()> {
        let mut directory = self.directory(&format!("{pid}/fd"))?;
        let mut target = Vec::new();
        while let Some(entry) = directory.read() {
            let link = match readlinkat(directory.fd()?, entry?.file_name(), std::mem::take(&mut target)) {
                Ok(link) => link,
                // It was closed meanwhile, or is `.` or `..`.
                Err(Errno::NOENT | Errno::INVAL) => continue,
                // Who may list them may not always follow them.
                Err(error) => return Err(error.into()),
            };
            let link = link.into_bytes();
            let inode = link.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
            inode.and_then(|inode| std::str::from_utf8(inode).ok()?.parse().ok()).map(&mut take);
            target = link;
        }
        Ok(())
    }

    /// When the machine has started, in seconds since the epoch: `btime` of `/proc/stat`.
    pub(crate) fn boot_time(&self, buffer: &mut Buffer) -> io::Result<u64> {
        match boot_time_by_clocks().filter(|_| self.is_kernels) {
            Some(seconds) => Ok(seconds),
            None => self.boot_time_by_stat(buffer),
        }
    }

    fn boot_time_by_stat(&self, buffer: &mut Buffer) -> io::Result<u64> {
        buffer.path.clear();
        buffer.path.push_str("stat");
        let content = self.read_path(buffer)?;
        content
            .split(|byte| *byte == b'\n')
            .find_map(|line| std::str::from_utf8(line.strip_prefix(b"btime ")?).ok()?.trim().parse().ok())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no btime in stat"))
    }

    fn read_path<'b>(&self, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        let file = openat(&self.root, buffer.path.as_str(), OFlags::CLOEXEC, Mode::empty())?;
        let mut length = 0;
        loop {
            if length == buffer.content.len() {
                if length >= LARGEST {
                    break;
                }
                buffer.content.resize((2 * length).max(SMALLEST), 0);
            }
            match rustix::io::read(&file, &mut buffer.content[length..]) {
                Ok(count) => {
                    length += count;
                    // The kernel gives each of these files in one piece: where there is room left, it was all.
                    if length < buffer.content.len() {
                        break;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(&buffer.content[..length])
    }

    /// How many descriptors a process has open.
    pub(crate) fn count_open_files(&self, pid: u32) -> io::Result<u64> {
        let path = format!("{pid}/fd");
        if self.is_kernels {
            let size = statat(&self.root, &path, AtFlags::empty())?.st_size;
            // An older kernel has 0 there.
            if let Some(count) = u64::try_from(size).ok().filter(|count| *count > 0) {
                return Ok(count);
            }
        }
        self.list_open_files(&path)
    }

    fn list_open_files(&self, path: &str) -> io::Result<u64> {
        let mut count = 0;
        for entry in self.directory(path)? {
            count += u64::from(!entry?.file_name().to_bytes().starts_with(b"."));
        }
        Ok(count)
    }
}

/// In whole seconds; `None` if the second turned between the readings, and nobody knows which is right.
fn boot_time_by_clocks() -> Option<u64> {
    const SECOND: i128 = 1_000_000_000;
    let read = |clock| {
        let now = clock_gettime(clock);
        i128::from(now.tv_sec) * SECOND + i128::from(now.tv_nsec)
    };
    let (before, now, after) = (read(ClockId::Boottime), read(ClockId::Realtime), read(ClockId::Boottime));
    let (earliest, latest) = ((now - after).div_euclid(SECOND), (now - before).div_euclid(SECOND));
    (earliest == latest).then(|| u64::try_from(earliest).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_machine_has_started_when_its_stat_says() {
        let procfs = Procfs::open("/proc".as_ref()).unwrap();
        assert!(procfs.is_kernels);
        let told = procfs.boot_time_by_stat(&mut Buffer::default()).unwrap();
        // The clock may be set meanwhile.
        assert!((0..5).any(|_| boot_time_by_clocks() == Some(told)));
    }

    #[test]
    fn as_many_files_are_open_as_there_are_in_their_directory() {
        let procfs = Procfs::open("/proc".as_ref()).unwrap();
        let pid = std::process::id();
        let opened: Vec<_> = (0..20).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        // The listing has one open itself; other tests open and close theirs.
        let same = || {
            procfs.count_open_files(pid).unwrap() + 1 == procfs.list_open_files(&format!("{pid}/fd")).unwrap()
        };
        assert!((0..50).any(|_| same()));
        assert!(procfs.count_open_files(pid).unwrap() >= opened.len() as u64);
    }

    #[test]
    fn a_file_is_read_to_its_end_however_long_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("7")).unwrap();
        let procfs = Procfs::open(dir.path()).unwrap();
        assert!(!procfs.is_kernels);
        let mut buffer = Buffer::default();
        for size in [0, 1, SMALLEST - 1, SMALLEST, SMALLEST + 1, 5 * SMALLEST, 3] {
            let content: Vec<u8> = (0..size).map(|at| at as u8).collect();
            std::fs::write(dir.path().join("7/cmdline"), &content).unwrap();
            assert_eq!(procfs.read(7, "cmdline", &mut buffer).unwrap(), content);
        }
    }
}

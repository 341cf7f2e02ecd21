//! Reading `/proc/PID`: one descriptor of the root, one buffer, no path put together twice.

use std::fmt::Write;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

/// A proc file system, at `/proc` or wherever that of the host is mounted.
#[derive(Debug)]
pub(super) struct Procfs {
    root: OwnedFd,
}

/// What reading needs, kept from one file to the next.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    path: String,
    content: Vec<u8>,
}

/// The most that is read of one file. Only `cmdline` can be longer: what is matched is its beginning.
const LARGEST: usize = 256 << 10;

/// What a buffer starts with: more than any file but `cmdline` has.
const SMALLEST: usize = 4 << 10;

impl Procfs {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self { root: openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())? })
    }

    fn directory(&self, path: &str) -> io::Result<Dir> {
        let directory = openat(&self.root, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Dir::new(directory)?)
    }

    /// Replaces `pids` by those of all processes that can be seen.
    pub(super) fn pids(&self, pids: &mut Vec<u32>) -> io::Result<()> {
        pids.clear();
        self.numbers(".", pids)
    }

    /// The threads of a process.
    pub(super) fn threads(&self, pid: u32) -> io::Result<Vec<u32>> {
        let mut threads = Vec::new();
        self.numbers(&format!("{pid}/task"), &mut threads)?;
        Ok(threads)
    }

    /// Appends the names in a directory that are numbers.
    fn numbers(&self, path: &str, numbers: &mut Vec<u32>) -> io::Result<()> {
        for entry in self.directory(path)? {
            numbers.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(())
    }

    /// Reads a file of a process.
    pub(super) fn read<'b>(&self, pid: u32, name: &str, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        buffer.path.clear();
        let _ = write!(buffer.path, "{pid}/{name}");
        self.read_path(buffer)
    }

    /// When the machine has started, in seconds since the epoch: `btime` of `/proc/stat`.
    pub(super) fn boot_time(&self, buffer: &mut Buffer) -> io::Result<u64> {
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
                Ok(0) => break,
                Ok(count) => length += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(&buffer.content[..length])
    }

    /// How many descriptors a process has open.
    pub(super) fn count_open_files(&self, pid: u32) -> io::Result<u64> {
        let mut count = 0;
        for entry in self.directory(&format!("{pid}/fd"))? {
            count += u64::from(!entry?.file_name().to_bytes().starts_with(b"."));
        }
        Ok(count)
    }
}

//! Files of the kernel that are read again and again.
//!
//! A [`KeptFile`] is opened once; each read is a `pread` from the start into a buffer that stays. What the
//! kernel makes up on reading (procfs, sysfs) is made anew each time, so an open descriptor never goes
//! stale there as it would with a file that is replaced by another of its name: those are a
//! [`CachedFile`], which asks for the file's state by name and reads it only when that has changed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use vigie_pipeline::plug::{Error, NoData};

use super::parse;

/// The largest file that is read: 100 times what a large machine has in one.
const LARGEST: usize = 16 << 20;

/// What a buffer starts with: most files are smaller than a page of memory.
const SMALLEST: usize = 4096;

/// Why there is nothing to be had from a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("open {}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("parse {}: {what}", path.display())]
    Malformed { path: PathBuf, what: String },
}

impl FileError {
    /// Whether there is no such file, which for some groups is no failure: a kernel without IPv6.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// The error of a group that is all about this file: where it is missing, there is nothing to measure.
    pub(super) fn or_no_data(self) -> Error {
        if self.is_absent() { NoData(self.to_string()).into() } else { self.into() }
    }
}

/// How many [`SmallFile`]s may stay open together: the directories of sysfs grow with CPUs, sensors and interfaces,
/// the limit of descriptors does not, and there are logs and sockets besides. The others are opened for each reading.
static MOST_KEPT: LazyLock<usize> = LazyLock::new(|| {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit / 8).unwrap_or(usize::MAX).min(1024)
});

/// How many are open.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// A small file of sysfs, of which there are many: it stays open unless there are [`MOST_KEPT`] already, and is read into a buffer
/// that its reader has for all of them, until a read is short ([`Ends::Short`]).
#[derive(Debug)]
pub(super) struct SmallFile {
    path: PathBuf,
    open: Option<Occupied>,
}

/// An open file that takes up room.
#[derive(Debug)]
struct Occupied(File);

impl Occupied {
    fn new(file: File) -> Option<Self> {
        KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| {
            (kept < *MOST_KEPT).then_some(kept + 1)
        })
        .ok()?;
        Some(Self(file))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SmallFile {
    /// The file at `path`, which is opened when it is first read.
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), open: None }
    }

    /// Its content at present; a kept descriptor that fails is opened again, as that of a [`KeptFile`] is.
    pub(super) fn read<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], FileError> {
        let kept = self.open.as_ref().map(|Occupied(file)| read_whole(file, buffer, Ends::Short));
        let read = match kept {
            Some(read) if !read.as_ref().is_err_and(is_stale) => read,
            _ => {
                self.open = None;
                let file = open(&self.path)?;
                let read = read_whole(&file, buffer, Ends::Short);
                self.open = Occupied::new(file);
                read
            }
        };
        let length = read.map_err(|source| FileError::Read { path: self.path.clone(), source })?;
        Ok(&buffer[..length])
    }

    /// The number that it holds, if it is there and holds one.
    pub(super) fn number(&mut self, buffer: &mut Vec<u8>) -> Option<f64> {
        parse::number(self.read(buffer).ok()?.trim_ascii())
    }

    /// The error that says what is wrong with the content.
    pub(super) fn malformed(&self, what: impl Into<String>) -> FileError {
        FileError::Malformed { path: self.path.clone(), what: what.into() }
    }
}

/// Whether another descriptor might do better. Not if the device says that it has no such value at present: an
/// interface that is down has no speed.
fn is_stale(error: &io::Error) -> bool {
    !matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(Errno::INVAL | Errno::OPNOTSUPP | Errno::NODATA | Errno::AGAIN | Errno::BUSY)
    )
}

fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(|source| FileError::Open { path: path.to_owned(), source })
}

/// A file that stays open. See the module.
#[derive(Debug)]
pub(super) struct KeptFile {
    path: PathBuf,
    open: Option<File>,
    buffer: Vec<u8>,
    ends: Ends,
}

impl KeptFile {
    /// The file at `path`, which is opened when it is first read.
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), open: None, buffer: Vec::new(), ends: Ends::Empty }
    }

    /// The same for one whose lines are known to be shorter than half a page.
    pub(super) fn with_short_lines(path: impl Into<PathBuf>) -> Self {
        Self { ends: Ends::Short, ..Self::new(path) }
    }

    /// Its content at present. What cannot be read any more (a CPU that was unplugged, an interface that
    /// has gone and come back) is opened again.
    pub(super) fn read(&mut self) -> Result<&[u8], FileError> {
        let kept = self.open.as_ref().and_then(|file| read_whole(file, &mut self.buffer, self.ends).ok());
        let length = match kept {
            Some(length) => length,
            None => self.open_and_read()?,
        };
        Ok(&self.buffer[..length])
    }

    fn open_and_read(&mut self) -> Result<usize, FileError> {
        self.open = None;
        let file = open(&self.path)?;
        let length = read_whole(&file, &mut self.buffer, self.ends)
            .map_err(|source| FileError::Read { path: self.path.clone(), source })?;
        self.open = Some(file);
        Ok(length)
    }

    /// Hands each line of what there is to `take`, which gives `None` for one that it does not understand: the
    /// others count all the same, and afterwards the error says `wrong`.
    pub(super) fn each_line(
        &mut self,
        wrong: &str,
        mut take: impl FnMut(&[u8]) -> Option<()>,
    ) -> Result<(), Error> {
        let mut understood = true;
        for line in parse::lines(self.read().map_err(FileError::or_no_data)?) {
            understood &= take(line).is_some();
        }
        if understood { Ok(()) } else { Err(self.malformed(wrong).into()) }
    }

    /// The error that says what is wrong with the content.
    pub(super) fn malformed(&self, what: impl Into<String>) -> FileError {
        FileError::Malformed { path: self.path.clone(), what: what.into() }
    }
}

/// Reads a file once, into a buffer that stays; it is shorter afterwards than what it can hold.
pub(super) fn read_once<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], FileError> {
    let file = open(path)?;
    let length = read_whole(&file, buffer, Ends::Empty)
        .map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    Ok(&buffer[..length])
}

/// What a directory has, in order. Names that are not UTF-8 are left out: they cannot be labels.
pub(super) fn names_in(dir: &Path) -> Result<Vec<String>, FileError> {
    let wrong = |source| FileError::Open { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(wrong)? {
        names.extend(entry.map_err(wrong)?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// How the end of a file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// By a read that brings less than half a page of memory: sysfs gives a file in one piece, and procfs as many lines as
    /// fit into a page. No line of the file is longer than half a page.
    Short,
    /// By a read that brings nothing, for which procfs may go through all once more.
    Empty,
}

/// Fills the buffer from the start of the file and says how much there is. The buffer only ever grows.
fn read_whole(file: &File, buffer: &mut Vec<u8>, ends: Ends) -> io::Result<usize> {
    let mut length = 0;
    loop {
        if length == buffer.len() {
            if length >= LARGEST {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
            }
            buffer.resize((2 * length).max(SMALLEST), 0);
        }
        match file.read_at(&mut buffer[length..], length as u64) {
            Ok(0) => return Ok(length),
            Ok(count) => {
                length += count;
                if ends == Ends::Short && count < SMALLEST / 2 && length < buffer.len() {
                    return Ok(length);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What was parsed from a file that seldom changes, and is replaced when it does. See the module.
#[derive(Debug)]
pub(super) struct CachedFile<T> {
    path: PathBuf,
    read: Option<(Stamp, T)>,
}

/// What tells two contents of one name apart without reading them.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

impl<T> CachedFile<T> {
    /// The file at `path`, which is looked at when it is first asked for.
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), read: None }
    }

    /// What `parse` made of its present content.
    pub(super) fn get(&mut self, parse: impl FnOnce(&[u8]) -> T) -> Result<&T, FileError> {
        let at = |source| FileError::Open { path: self.path.clone(), source };
        let stamp = Stamp::from(&std::fs::metadata(&self.path).map_err(at)?);
        let known = self.read.take().filter(|(known, _)| *known == stamp);
        let value = match known {
            Some((_, value)) => value,
            None => parse(read_once(&self.path, &mut Vec::new())?),
        };
        Ok(&self.read.insert((stamp, value)).1)
    }

    /// What was made of it when it was last asked for, if it was there.
    pub(super) fn known(&self) -> Option<&T> {
        self.read.as_ref().map(|(_, value)| value)
    }

    /// When that content was written, in seconds since the Unix epoch.
    pub(super) fn modified(&self) -> i64 {
        self.read.as_ref().map_or(0, |(stamp, _)| stamp.modified.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_kept_file_is_read_anew_however_long_it_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stat");
        std::fs::write(&path, "1").unwrap();
        let mut file = KeptFile::new(&path);
        assert_eq!(file.read().unwrap(), b"1");
        let long = "x".repeat(3 * SMALLEST + 1);
        std::fs::write(&path, &long).unwrap();
        assert_eq!(file.read().unwrap(), long.as_bytes());
        std::fs::write(&path, "").unwrap();
        assert_eq!(file.read().unwrap(), b"");
    }

    #[test]
    fn a_file_that_is_not_there_says_so_and_is_found_when_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = KeptFile::new(dir.path().join("later"));
        let error = file.read().unwrap_err();
        assert!(error.is_absent());
        assert!(error.to_string().starts_with("open "), "{error}");
        std::fs::write(dir.path().join("later"), "2").unwrap();
        assert_eq!(file.read().unwrap(), b"2");
    }

    #[test]
    fn small_files_are_read_whether_or_not_there_is_room_to_keep_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("value");
        let mut files: Vec<SmallFile> = (0..1200).map(|_| SmallFile::new(&path)).collect();
        let mut buffer = Vec::new();
        assert!(files.iter_mut().all(|file| file.number(&mut buffer).is_none()));
        for value in ["-7\n", "12\n"] {
            std::fs::write(&path, value).unwrap();
            let expected = parse::number(value.trim_ascii().as_bytes());
            assert!(files.iter_mut().all(|file| file.number(&mut buffer) == expected));
            assert!(files.iter().filter(|file| file.open.is_some()).count() <= 1024);
        }
    }

    #[test]
    fn a_small_file_is_read_to_its_end_however_large_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("value");
        let mut file = SmallFile::new(&path);
        for size in [1, SMALLEST / 2 - 1, SMALLEST / 2, SMALLEST - 1, SMALLEST, SMALLEST + 1, 3 * SMALLEST, 7]
        {
            let content: Vec<u8> = (0..size).map(|at| at as u8).collect();
            std::fs::write(&path, &content).unwrap();
            // A buffer of its own, and one that has grown.
            assert_eq!(file.read(&mut Vec::new()).unwrap(), content);
            assert_eq!(file.read(&mut vec![0; 4 * SMALLEST]).unwrap(), content);
        }
    }

    #[test]
    fn a_cached_file_is_parsed_again_only_when_it_was_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("os-release");
        std::fs::write(&path, "one").unwrap();
        let mut cached = CachedFile::new(&path);
        assert_eq!(cached.get(<[u8]>::to_vec).unwrap(), b"one");
        assert_eq!(cached.get(|_| unreachable!("it has not changed")).unwrap(), b"one");
        let next = dir.path().join("next");
        std::fs::write(&next, "two").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(cached.get(<[u8]>::to_vec).unwrap(), b"two");
        std::fs::remove_file(&path).unwrap();
        assert!(cached.get(<[u8]>::to_vec).unwrap_err().is_absent());
    }
}

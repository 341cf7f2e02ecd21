//! What a spool asks of a file system: one directory, files that grow at their end, and to be told when
//! what was written is there to stay. Tests have one that forgets what was not synced.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::scan::ReadAt;

/// Where what was damaged is put, within the directory.
pub(super) const QUARANTINE: &str = "quarantine";

/// A directory. Names may lead into [`QUARANTINE`].
pub(super) trait Medium: Send + Sync + fmt::Debug {
    /// The names of the files in it, or in its quarantine.
    fn names(&self, quarantine: bool) -> io::Result<Vec<String>>;
    /// A new file; an error if there is one of this name.
    fn create(&self, name: &str) -> io::Result<Box<dyn Handle>>;
    /// A file to be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>>;
    /// Gives a file another name, in the place of one that has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Cuts a file.
    fn truncate(&self, name: &str, len: u64) -> io::Result<()>;
    /// After this, names are there to stay: of files made, renamed and removed.
    fn sync_names(&self) -> io::Result<()>;
}

/// An open file.
pub(super) trait Handle: Send {
    /// Appends all of the slices.
    fn append(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// After this, what was appended is there to stay.
    fn sync(&mut self) -> io::Result<()>;
    /// Its length.
    fn len(&self) -> io::Result<u64>;
    /// As [`ReadAt`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for Box<dyn Handle> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buffer, offset)
    }
}

/// A directory of the file system. One process has it at a time.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    _lock: File,
}

/// The file that is locked by the process whose directory it is.
pub(super) const LOCK: &str = "lock";

impl Disk {
    /// Takes the directory, and makes it where it is not there.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        make_directory(directory)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(directory.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory: directory.to_owned(), _lock: lock }),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "in use by another process"))
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Makes a directory that only its owner reads, and its parents, and syncs those in which a name is new.
fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directory(parent)?;
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

impl Medium for Disk {
    fn names(&self, quarantine: bool) -> io::Result<Vec<String>> {
        names(&if quarantine { self.path(QUARANTINE) } else { self.directory.clone() })
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        if name.starts_with(QUARANTINE) {
            make_directory(&self.path(QUARANTINE))?;
        }
        let mut options = OpenOptions::new();
        Ok(Box::new(options.create_new(true).read(true).append(true).mode(0o600).open(self.path(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(File::open(self.path(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if to.starts_with(QUARANTINE) {
            make_directory(&self.path(QUARANTINE))?;
        }
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(name))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

/// The names of the files of a directory; none if it is not there. What is not a file or has no name in
/// UTF-8 is none of ours.
pub(super) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

impl Handle for File {
    fn append(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        while !slices.is_empty() {
            match self.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

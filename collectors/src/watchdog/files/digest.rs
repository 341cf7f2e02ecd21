//! The SHA-256 of a file's content, read in steps.

use std::fmt::Write;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use ring::digest::{Context, SHA256};

/// How long one look reads.
const STEP: Duration = Duration::from_millis(500);

const CHUNK: usize = 256 << 10;

/// By which it is known whether the content may have changed: device, inode, size, and when data and inode changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    identity: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(meta: &Metadata) -> Self {
        Self {
            identity: (meta.dev(), meta.ino()),
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// What is known of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Digest {
    /// In hexadecimal.
    Known(String),
    /// Not before a later look.
    Reading,
}

/// The content of one file, from one look to the next.
#[derive(Default)]
pub(super) struct Digesting {
    known: Option<(Version, String)>,
    reading: Option<(Version, File, Context)>,
}

impl Digesting {
    /// What `path`, which has just been seen to be so, has in it.
    pub(super) fn digest(&mut self, path: &Path, meta: &Metadata) -> std::io::Result<Digest> {
        let version = Version::of(meta);
        if let Some((known, digest)) = &self.known
            && *known == version
        {
            return Ok(Digest::Known(digest.clone()));
        }
        let read = self.read(path, version);
        if read.is_err() {
            self.reading = None;
        }
        read
    }

    fn read(&mut self, path: &Path, version: Version) -> std::io::Result<Digest> {
        let (mut file, mut context) = match self.reading.take() {
            Some((reading, file, context)) if reading == version => (file, context),
            // Whatever else it was, or was before, is of no interest any more.
            _ => (open(path)?, Context::new(&SHA256)),
        };
        let until = Instant::now() + STEP;
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => context.update(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= until {
                self.reading = Some((version, file, context));
                return Ok(Digest::Reading);
            }
        }
        if Version::of(&file.metadata()?) != version {
            // It was written to meanwhile, or replaced before it was opened: the next look sees which.
            return Ok(Digest::Reading);
        }
        let mut digest = String::with_capacity(64);
        for byte in context.finish().as_ref() {
            let _ = write!(digest, "{byte:02x}");
        }
        self.known = Some((version, digest.clone()));
        Ok(Digest::Known(digest))
    }
}

/// Nobody waits for the other end of a pipe, and only a file has content.
fn open(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

//! What makes a file the same file, whatever it is called now.
//!
//! Device and inode say which file it is as long as it exists; once it is gone, another file may get the same
//! inode. So what was read is remembered by its content as well: a [`Print`] of the first bytes and one of the
//! bytes just before the offset. The latter also tells a file that was truncated and has grown past the offset
//! again from one that was only appended to.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};

/// How many of the first bytes are remembered, once the file has that many.
pub(crate) const HEAD: usize = 1024;

/// How many of the bytes before an offset are remembered, if there are that many.
pub(crate) const TAIL: usize = 64;

/// Device and inode: unique among the files that exist or are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FileId {
    /// `st_dev`
    pub(crate) device: u64,
    /// `st_ino`
    pub(crate) inode: u64,
}

impl FileId {
    pub(crate) fn of(meta: &Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino() }
    }
}

/// A short stretch of a file, remembered as its length and FNV-1a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Print {
    pub(crate) len: u16,
    pub(crate) hash: u64,
}

impl Print {
    /// Of at most 64 KiB - 1.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let len = bytes.len().min(usize::from(u16::MAX));
        let hash = bytes[..len].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { len: len as u16, hash }
    }

    /// Of the last [`TAIL`] bytes of `bytes`.
    pub(crate) fn of_end(bytes: &[u8]) -> Self {
        Self::of(&bytes[bytes.len().saturating_sub(TAIL)..])
    }

    /// Whether the file has these bytes at `offset`.
    pub(crate) fn is_at(self, file: &File, offset: u64) -> io::Result<bool> {
        Ok(self.len == 0 || self == Self::of(&read(file, offset, usize::from(self.len))?))
    }
}

/// A position in a file, at the start of a line, and what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// In bytes from the start.
    pub(crate) offset: u64,
    /// Of the bytes before it.
    pub(crate) tail: Print,
}

impl Mark {
    /// The start of a file.
    pub(crate) const START: Self = Self { offset: 0, tail: Print { len: 0, hash: 0 } };

    /// The position `offset` of `file`.
    pub(crate) fn at(file: &File, offset: u64) -> io::Result<Self> {
        let start = offset.saturating_sub(TAIL as u64);
        Ok(Self { offset, tail: Print::of(&read(file, start, (offset - start) as usize)?) })
    }

    /// Whether what stands before it in `file` is what stood there when it was made.
    pub(crate) fn holds(&self, file: &File) -> io::Result<bool> {
        match self.offset.checked_sub(u64::from(self.tail.len)) {
            Some(start) => self.tail.is_at(file, start),
            None => Ok(false),
        }
    }
}

/// The bytes at `offset`: `len`, or fewer if the file ends before.
pub(crate) fn read(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut have = 0;
    while have < len {
        match file.read_at(&mut bytes[have..], offset + have as u64) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(have);
    Ok(bytes)
}

/// Where a file is first read if what is there already is not wanted: behind its last complete line.
pub(crate) fn last_line_end(file: &File, size: u64) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let bytes = read(file, start, (end - start) as usize)?;
        if let Some(newline) = memchr::memrchr(b'\n', &bytes) {
            let end = start + newline as u64 + 1;
            // Where characters have two bytes, the second one of the newline follows.
            let is_wide = !end.is_multiple_of(2) && read(file, 0, 2)? == b"\xff\xfe";
            return Ok(if is_wide { size.min(end + 1) } else { end });
        }
        // A line of more than a mebibyte that is not complete yet: its rest counts as a line.
        if size - start >= 1 << 20 {
            return Ok(size);
        }
        end = start;
    }
    Ok(0)
}

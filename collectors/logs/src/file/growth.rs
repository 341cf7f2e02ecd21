//! How a file grows and is cut off, as its file system says.
//!
//! Each byte by which a file is seen to grow is counted once, also over closing and opening it again: it is read,
//! skipped, lost, or it lags. What a file is cut off by before anybody saw it cannot be known.

use std::fs::Metadata;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use super::Followed;
use crate::identity::{FileId, Mark, Print};
use crate::offsets::Offsets;
use crate::unpack::is_compressed;

/// What truncations cut off that nobody has accounted for yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cuts {
    cuts: Vec<Cut>,
    /// A copy of what is there now, if one is followed.
    copy: Option<FileId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// What was not read.
    unread: Range<u64>,
    /// A copy of what was there.
    pub(crate) copy: Option<FileId>,
}

impl Cut {
    pub(crate) fn bytes(&self) -> u64 {
        self.unread.end - self.unread.start
    }

    /// How many bytes of it are before `end`.
    pub(crate) fn bytes_before(&self, end: u64) -> u64 {
        end.min(self.unread.end).saturating_sub(self.unread.start)
    }
}

impl Cuts {
    pub(crate) fn bytes(&self) -> u64 {
        self.cuts.iter().map(Cut::bytes).sum()
    }

    /// A copy is followed: of what was cut off last, or of what is there now.
    pub(crate) fn found(&mut self, copy: FileId) {
        match self.cuts.last_mut().filter(|cut| cut.copy.is_none()) {
            Some(cut) => cut.copy = Some(copy),
            None => self.copy = Some(copy),
        }
    }

    fn add(&mut self, unread: Range<u64>) {
        let copy = self.copy.take();
        if !unread.is_empty() {
            self.cuts.push(Cut { unread, copy });
        }
    }

    /// Hands them over.
    pub(crate) fn take(&mut self) -> Vec<Cut> {
        std::mem::take(&mut self.cuts)
    }
}

impl Followed {
    /// Whether it has turned out to be compressed: it may have been empty when it was found.
    pub(crate) fn is_compressed(&self) -> io::Result<bool> {
        Ok(self.position.offset == 0 && is_compressed(&self.handle)?)
    }

    /// How many bytes were not read when it was last looked at.
    pub(crate) fn lag(&self) -> u64 {
        self.size.saturating_sub(self.position.offset)
    }

    /// By how much it has grown since it was last asked.
    pub(crate) fn growth(&mut self) -> u64 {
        let grown = self.size.saturating_sub(self.counted);
        self.counted += grown;
        grown
    }

    /// How much of its growth was counted.
    pub(crate) const fn counted(&self) -> u64 {
        self.counted
    }

    /// Its growth up to here was counted while it was open before.
    pub(crate) fn has_counted(&mut self, up_to: u64) {
        self.counted = self.counted.max(up_to);
    }

    /// Whether less than one part in `parts` of its file system is free.
    pub(crate) fn free_space_is_below(&self, parts: u64) -> bool {
        rustix::fs::fstatvfs(&self.handle).is_ok_and(|fs| fs.f_bavail.saturating_mul(parts) < fs.f_blocks)
    }

    /// Size and `st_mtime` at the last look.
    pub(crate) fn last_look(&self) -> (u64, i128) {
        (self.size, self.modified)
    }

    /// What the file system says of it now.
    pub(crate) fn look(&self) -> io::Result<Metadata> {
        self.handle.metadata()
    }

    /// Whether it was written to since it was last read.
    pub(crate) fn has_changed(&self, meta: &Metadata) -> bool {
        meta.len() != self.size || modified(meta) != self.modified
    }

    /// Notes that it has grown; whether it was truncated is seen when it is read.
    pub(crate) fn saw(&mut self, meta: &Metadata) {
        if meta.len() > self.size {
            self.size = meta.len();
            self.modified = modified(meta);
        }
    }

    /// Whether it was truncated since it was last read. If so, its beginning is the new position, and what is
    /// on its way of the old content no longer counts.
    pub(crate) fn restart_if_truncated(&mut self) -> io::Result<bool> {
        let meta = self.look()?;
        let unread = self.lag();
        self.size = meta.len();
        self.modified = modified(&meta);
        if self.size >= self.position.offset && self.position.holds(&self.handle)? {
            return Ok(false);
        }
        self.truncated = Some(self.entry(self.offsets.position(), 0));
        self.cuts.add(self.position.offset..self.position.offset + unread);
        self.counted = 0;
        self.position = Mark::START;
        self.complete = Mark::START;
        self.searched = 0;
        self.head = Print::default();
        self.offsets = Offsets::new(Mark::START);
        Ok(true)
    }
}

/// `st_mtime` in nanoseconds since the epoch.
pub(crate) fn modified(meta: &Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

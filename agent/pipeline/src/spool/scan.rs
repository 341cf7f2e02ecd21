//! Reads the records of one segment, whatever its bytes are: finds the next record behind a damaged place.
//!
//! It holds a window on the file and nothing else: a chunk, or one record where that is longer.

use std::io;

use memchr::memmem;

use super::record::{Body, HEAD, Head, MARKER};

/// A file that is read at any place. A short read is no end: only 0 is.
pub(super) trait ReadAt {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// What stands next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A record that is whole.
    Record {
        /// Where it begins.
        offset: u64,
        head: Head,
        body: Body<'a>,
    },
    /// Bytes that are none, up to the next record or the end.
    Damage(Damage),
    /// All was read.
    End,
}

/// A place that no record can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage {
    /// Where it begins.
    pub(super) from: u64,
    /// Where it ends.
    pub(super) to: u64,
    /// It is what a crash leaves of a write that was never acknowledged: a record cut short at the end of
    /// the file, or a tail of zeros.
    pub(super) torn: bool,
    /// The number behind the last event that is known to have been in it: heads may be whole where bodies are
    /// not.
    pub(super) end: Option<u64>,
}

/// See the module.
pub(super) struct Scan<R> {
    file: R,
    /// Bytes of the file from here on are not looked at.
    len: u64,
    /// What of the file is in the window.
    window: Vec<u8>,
    window_at: u64,
    /// All before was told.
    at: u64,
    /// The length of the last record: the next is likely to be about as long, and is read at once.
    usual: usize,
}

/// No more than this is read for a guess.
const MOST_AT_ONCE: usize = 4 << 20;

impl<R: ReadAt> Scan<R> {
    /// Reads `file` from `at` to `len`.
    pub(super) fn new(file: R, at: u64, len: u64) -> Self {
        Self { file, len, window: Vec::new(), window_at: at, at, usual: 0 }
    }

    /// Where the next call begins to read.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// More has been written: the file is read up to `len`.
    pub(super) fn extend(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// What stands next. An error can be tried again; nothing was passed.
    pub(super) fn next(&mut self) -> io::Result<Found<'_>> {
        let from = self.at;
        // Moves on through damage; `self.at` follows when it is told.
        let mut at = from;
        let mut end = None;
        loop {
            let there = self.fill(at, HEAD)?;
            if there == 0 && at == from {
                return Ok(Found::End);
            }
            let head = Head::parse(self.seen(at));
            let runs_past_the_end = head.is_some_and(|head| at + head.record_len() > self.len);
            match head {
                _ if there < HEAD || runs_past_the_end => {
                    let resumes = self.find(at + 1)?;
                    if resumes.is_none() && at > from {
                        // What stands before a torn tail is told apart from it.
                        return Ok(self.damaged(from, at, false, end));
                    }
                    match resumes {
                        None => return Ok(self.damaged(from, self.len, true, None)),
                        Some(next) => at = next,
                    }
                }
                Some(head) => {
                    let total = usize::try_from(head.record_len()).map_err(io::Error::other)?;
                    if self.fill(at, total)? < total {
                        // The file has become shorter while it was read.
                        return Ok(self.damaged(from, self.len, false, end));
                    }
                    let start = (at - self.window_at) as usize;
                    let body = start + HEAD..start + total;
                    if Body::parse(&head, &self.window[body.clone()]).is_none() {
                        at += total as u64;
                        end = Some(head.end());
                    } else if at > from {
                        return Ok(self.damaged(from, at, false, end));
                    } else {
                        self.at = at + total as u64;
                        self.usual = total.min(MOST_AT_ONCE);
                        let body = Body::parts(&self.window[body]).expect("it was parsed above");
                        return Ok(Found::Record { offset: at, head, body });
                    }
                }
                None => match self.find(at + 1)? {
                    Some(next) => at = next,
                    None => at = self.len,
                },
            }
            if at >= self.len {
                let torn = self.ends_in_zeros(from)?;
                return Ok(self.damaged(from, self.len, torn, end));
            }
        }
    }

    fn damaged(&mut self, from: u64, to: u64, torn: bool, end: Option<u64>) -> Found<'static> {
        self.at = to;
        Found::Damage(Damage { from, to, torn, end: end.filter(|_| !torn) })
    }

    /// Where the next marker is, from `at` on.
    fn find(&mut self, mut at: u64) -> io::Result<Option<u64>> {
        loop {
            let there = self.fill(at, MARKER.len())?;
            if there < MARKER.len() {
                return Ok(None);
            }
            let seen = self.seen(at);
            if let Some(found) = memmem::find(seen, &MARKER) {
                return Ok(Some(at + found as u64));
            }
            at += (seen.len() - (MARKER.len() - 1)) as u64;
        }
    }

    fn ends_in_zeros(&mut self, from: u64) -> io::Result<bool> {
        const TAIL: u64 = 64;
        let at = from.max(self.len.saturating_sub(TAIL));
        self.fill(at, (self.len - at) as usize)?;
        Ok(self.seen(at).iter().all(|byte| *byte == 0))
    }

    /// The window from `at` on.
    fn seen(&self, at: u64) -> &[u8] {
        &self.window[(at - self.window_at) as usize..]
    }

    /// Sees to it that the window has `wanted` bytes from `at` on, if the file has; returns how many it has
    /// of them at most.
    fn fill(&mut self, at: u64, wanted: usize) -> io::Result<usize> {
        let end = self.window_at + self.window.len() as u64;
        let want_end = at.saturating_add(wanted as u64).min(self.len);
        if at < self.window_at || at > end {
            self.window.clear();
            self.window_at = at;
        }
        if want_end > self.window_at + self.window.len() as u64 {
            self.window.drain(..(at - self.window_at) as usize);
            self.window_at = at;
            let most = usize::try_from(self.len - at).unwrap_or(usize::MAX);
            let target = wanted.max(CHUNK).max(self.usual).min(most);
            if self.window.capacity() > 2 * target.max(CHUNK) {
                self.window.shrink_to(target);
            }
            self.read_to(target)?;
        }
        Ok(wanted.min((self.window_at + self.window.len() as u64).saturating_sub(at) as usize))
    }

    fn read_to(&mut self, target: usize) -> io::Result<()> {
        let mut filled = self.window.len();
        self.window.resize(target.max(filled), 0);
        let mut result = Ok(());
        while filled < target {
            match self.file.read_at(&mut self.window[filled..], self.window_at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.window.truncate(filled);
        result
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

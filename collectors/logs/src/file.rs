//! One file being followed: a descriptor, a position at the start of a line, and what was offered of it.
//!
//! What follows the last newline is not kept between two reads: it is read again when there is more. So half a
//! line is never taken for a whole one, a crash forgets nothing, and an idle file costs a descriptor. Whole lines
//! that wait for what follows them are kept in an [`Assembly`], and read again after a crash.
//!
//! Files are appended to. A file that is shorter than the position, or has other bytes before it, was truncated
//! (as copytruncate does) and is read from its beginning. A writer that does not append leaves a hole of NUL
//! bytes when its file is truncated: it is skipped, over what is not allocated without reading it.
//!
//! A byte order mark says what a file is encoded in ([`encoding`]).

mod encoding;
mod growth;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rustix::fs::SeekFrom;

use super::identity::{self, FileId, HEAD, Mark, Print};
use super::join::{Assembly, Flush, Line};
use super::meters::Meters;
use super::offsets::Offsets;
use super::record::{Recorder, Shape};
use super::records::Records;
use super::store::Entry;
use encoding::Encoding;
use growth::Cuts;
pub(crate) use growth::modified;

/// How much is read at a time: what stays in the fastest caches while it is checked, split and encoded.
pub(crate) const CHUNK: usize = 64 << 10;

/// How far the end of a long line is looked for in one turn: others wait meanwhile.
const SEARCH: u64 = 16 << 20;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) id: FileId,
    /// What it was called when it was first seen.
    pub(crate) path: PathBuf,
    /// The path whose rotation it is part of.
    pub(crate) family: PathBuf,
    /// When it was made, where the file system knows.
    pub(crate) born: Option<SystemTime>,
    /// `None` as long as there is too little to tell.
    encoding: Option<Encoding>,
    handle: Arc<File>,
    /// `log.file.path` and the like, encoded.
    attributes: Vec<u8>,
    /// The start of the first line that was not read.
    position: Mark,
    /// There is no newline between the position and this, if it is larger.
    searched: u64,
    /// What was read before the position and waits for more.
    assembly: Assembly,
    /// Up to where it is done with once everything that was encoded is settled: the start of what waits, or the
    /// position.
    complete: Mark,
    /// Where this file stands between the one that had its path before and the one that got it.
    pub(crate) succession: Succession,
    head: Print,
    /// It is not read past this: up to here others have read it.
    pub(crate) bound: u64,
    pub(crate) offsets: Offsets,
    /// What was known of it before it was truncated, if it was.
    pub(crate) truncated: Option<Entry>,
    /// At the last look.
    pub(crate) size: u64,
    /// Up to here its growth was counted.
    counted: u64,
    pub(crate) cuts: Cuts,
    /// `st_mtime` in nanoseconds, at the last look: a file that was truncated may have grown to the same size.
    modified: i128,
    /// Since when no path leads to it, as far as is known.
    pub(crate) gone: Option<Instant>,
    /// When it was last found to have something new.
    pub(crate) active: Instant,
    /// Whether the last attempt to read it failed.
    pub(crate) failing: bool,
    /// Whether it waits to be read.
    pub(crate) queued: bool,
}

/// See [`Followed::succession`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Succession {
    /// Whether it was looked for the file before.
    pub(crate) is_known: bool,
    /// The file before is read up to here first.
    pub(crate) after: Option<(FileId, u64)>,
    /// The files before, as long as something that began there waits here.
    pub(crate) heir_of: Vec<FileId>,
    /// What waited here waits in the next file: the position does not count as complete.
    pub(crate) handed_over: bool,
}

impl Succession {
    /// Whether another file still has to do with this one.
    pub(crate) fn is_open(&self) -> bool {
        self.after.is_some() || !self.heir_of.is_empty() || self.handed_over
    }
}

/// How a turn of reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All complete lines were read.
    Drained,
    /// There is more.
    More,
}

impl Followed {
    pub(crate) fn new(
        path: PathBuf,
        handle: File,
        id: FileId,
        start: Mark,
        attributes: Vec<u8>,
        now: Instant,
    ) -> io::Result<Self> {
        let meta = handle.metadata()?;
        let mut file = Self {
            id,
            family: path.clone(),
            path,
            born: meta.created().ok(),
            encoding: None,
            handle: Arc::new(handle),
            attributes,
            position: start,
            searched: 0,
            assembly: Assembly::default(),
            complete: start,
            succession: Succession::default(),
            head: Print::default(),
            bound: u64::MAX,
            offsets: Offsets::new(start),
            truncated: None,
            modified: modified(&meta),
            size: meta.len(),
            counted: start.offset,
            cuts: Cuts::default(),
            gone: None,
            active: now,
            failing: false,
            queued: false,
        };
        file.grow_head()?;
        Ok(file)
    }

    /// What the store is to know, if everything before `mark` is done with.
    pub(crate) fn entry(&self, mark: Mark, seen: u64) -> Entry {
        Entry { path: self.path.clone(), head: self.head, mark, seen, born: self.born }
    }

    /// What the store would know if all of it was read.
    pub(crate) fn whole(&self) -> io::Result<Entry> {
        Ok(self.entry(Mark::at(&self.handle, self.size)?, 0))
    }

    /// Whether it is what was known, and was only appended to.
    pub(crate) fn is_still(&self, entry: &Entry) -> bool {
        entry.is_of(&self.handle, self.size).unwrap_or(true)
    }

    /// Up to where it was read.
    pub(crate) fn position(&self) -> Mark {
        self.position
    }

    /// Up to where it is done with once everything that was encoded is settled.
    pub(crate) fn complete(&self) -> Mark {
        self.complete
    }

    /// What was read and waits for more.
    pub(crate) fn assembly(&self) -> &Assembly {
        &self.assembly
    }

    /// Encodes complete lines into `out` until `limit` bytes are in it, or more by a chunk's lines.
    pub(crate) fn read(
        &mut self,
        chunk: &mut [u8],
        recorder: &mut Recorder,
        out: &mut Records,
        limit: usize,
        meters: &Meters,
        observed: u64,
    ) -> io::Result<Progress> {
        recorder.turn_to(self.id, &self.attributes, observed);
        let progress = match self.know_encoding()? {
            None => Progress::Drained,
            Some(Encoding::Utf8(_)) => self.read_lines(chunk, recorder, out, limit, meters)?,
            Some(Encoding::Utf16(order)) => self.read_wide(order, chunk, recorder, out, limit)?,
        };
        self.size = self.size.max(self.position.offset);
        self.grow_head()?;
        self.find_complete()?;
        Ok(progress)
    }

    fn read_lines(
        &mut self,
        chunk: &mut [u8],
        recorder: &mut Recorder,
        out: &mut Records,
        limit: usize,
        meters: &Meters,
    ) -> io::Result<Progress> {
        let progress = loop {
            if out.size() >= limit {
                break Progress::More;
            }
            let most = self.bound.saturating_sub(self.position.offset).min(chunk.len() as u64) as usize;
            if most == 0 {
                break Progress::Drained;
            }
            let chunk = &mut chunk[..most];
            let len = read_some(&self.handle, chunk, self.position.offset)?;
            let full = len == chunk.len();
            let bytes = &chunk[..len];
            let zeros = hole_len(bytes);
            if zeros > 0 {
                self.skip_hole(zeros, full && zeros == len, meters)?;
                continue;
            }
            let at = self.position.offset;
            match memchr::memrchr(b'\n', bytes) {
                Some(last) => {
                    let used = recorder.lines(&bytes[..=last], at, &mut self.assembly, out, 2 * limit);
                    self.advance(&bytes[..used]);
                    if !full && used == last + 1 {
                        break Progress::Drained;
                    }
                }
                None if full => {
                    if let Some(progress) = self.read_long_line(chunk, recorder, out)? {
                        break progress;
                    }
                }
                None => break Progress::Drained,
            }
        };
        Ok(progress)
    }

    /// Encodes what waits, and what is there without a newline, because nobody will write the rest.
    pub(crate) fn read_rest(
        &mut self,
        recorder: &mut Recorder,
        out: &mut Records,
        observed: u64,
    ) -> io::Result<()> {
        recorder.turn_to(self.id, &self.attributes, observed);
        let size = self.look()?.len();
        let at = self.position.offset;
        let len = size.saturating_sub(at);
        if len > 0 {
            let max = recorder.longest() as u64;
            let text = identity::read(&self.handle, at, len.min(2 * max + 8) as usize)?;
            let text = self.text_of_rest(text, recorder);
            let shape = if text.len() as u64 > max { Shape::Truncated } else { Shape::Partial };
            recorder.single(Line { text: &text, at, shape }, len, &mut self.assembly, out);
            self.position = Mark::at(&self.handle, size)?;
            self.size = size;
        }
        self.flush_waiting(Flush::End, recorder, out, observed)
    }

    /// Encodes of what waits for more all that `which` says.
    pub(crate) fn flush_waiting(
        &mut self,
        which: Flush,
        recorder: &mut Recorder,
        out: &mut Records,
        observed: u64,
    ) -> io::Result<()> {
        recorder.turn_to(self.id, &self.attributes, observed);
        recorder.flush_waiting(&mut self.assembly, which, out);
        self.find_complete()
    }

    /// Takes over what waits in the file that had the path before.
    pub(crate) fn inherit(&mut self, before: &mut Self) {
        if before.assembly.is_empty() {
            return;
        }
        self.assembly = before.assembly.hand_over();
        self.succession.heir_of = std::mem::take(&mut before.succession.heir_of);
        self.succession.heir_of.push(before.id);
        before.succession.handed_over = true;
    }

    /// What was handed over is encoded: returns up to where it is done with when that is settled.
    pub(crate) fn is_succeeded(&mut self) -> Mark {
        self.succession.handed_over = false;
        self.complete = self.position;
        self.complete
    }

    fn find_complete(&mut self) -> io::Result<()> {
        self.complete = match self.assembly.start() {
            _ if self.succession.handed_over => self.complete,
            None => self.position,
            Some(start) if start == self.complete.offset => self.complete,
            Some(start) => Mark::at(&self.handle, start)?,
        };
        Ok(())
    }

    fn advance(&mut self, used: &[u8]) {
        self.position = Mark { offset: self.position.offset + used.len() as u64, tail: Print::of_end(used) };
    }

    /// Passes `zeros` NUL bytes at the position; if there is `more`, also as many as are not allocated.
    fn skip_hole(&mut self, zeros: usize, more: bool, meters: &Meters) -> io::Result<()> {
        let mut end = self.position.offset + zeros as u64;
        if more {
            match rustix::fs::seek(&self.handle, SeekFrom::Data(end)) {
                Ok(data) => end = end.max(data),
                // No data behind it: the hole reaches to the end of the file.
                Err(rustix::io::Errno::NXIO) => end = end.max(self.look()?.len()),
                // A file system that does not know: chunk by chunk.
                Err(_) => {}
            }
        }
        meters.hole_bytes.inc_by(end - self.position.offset);
        self.position = Mark::at(&self.handle, end)?;
        Ok(())
    }

    /// Looks for the end of a line that is longer than a chunk, and encodes the line. How the turn ends if there
    /// is no end yet, or not as far as is looked in one turn.
    fn read_long_line(
        &mut self,
        chunk: &mut [u8],
        recorder: &mut Recorder,
        out: &mut Records,
    ) -> io::Result<Option<Progress>> {
        let start = self.position.offset;
        self.searched = self.searched.max(start);
        let most = self.searched + SEARCH;
        let end = loop {
            let len = read_some(&self.handle, chunk, self.searched)?;
            if len == 0 {
                return Ok(Some(Progress::Drained));
            }
            if self.searched >= most {
                return Ok(Some(Progress::More));
            }
            if let Some(newline) = memchr::memchr(b'\n', &chunk[..len]) {
                break self.searched + newline as u64;
            }
            self.searched += len as u64;
        };
        let len = end - start;
        let max = recorder.longest() as u64;
        // As much more as shows where the last character ends.
        let text = identity::read(&self.handle, start, len.min(max + 4) as usize)?;
        let shape = if len > max { Shape::Truncated } else { Shape::Whole };
        recorder.single(Line { text: &text, at: start, shape }, len + 1, &mut self.assembly, out);
        self.position = Mark::at(&self.handle, end + 1)?;
        Ok(None)
    }

    /// Remembers more of the first bytes, as long as there were fewer than wanted.
    fn grow_head(&mut self) -> io::Result<()> {
        let wanted = self.position.offset.min(HEAD as u64) as usize;
        if usize::from(self.head.len) < wanted {
            self.head = Print::of(&identity::read(&self.handle, 0, wanted)?);
        }
        Ok(())
    }
}

/// How many NUL bytes `bytes` begins with, if they are enough to be a hole and not somebody's odd text.
pub(crate) fn hole_len(bytes: &[u8]) -> usize {
    const LEAST: usize = 8;
    if bytes.first() != Some(&0) {
        return 0;
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    if zeros < LEAST { 0 } else { zeros }
}

fn read_some(file: &File, chunk: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(chunk, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

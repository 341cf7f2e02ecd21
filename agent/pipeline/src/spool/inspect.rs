//! What spools hold, for people to look at. Nothing is locked or written here: an agent may be at work on the
//! same files, and those that it removes meanwhile are passed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::medium::{self, Handle, QUARANTINE};
use super::record;
use super::scan::{Found, Scan};
use super::segment::{self, START, Start};
use super::{cursor, directory};
use crate::batch::{Batch, Envelope, Signal};

/// The files of one destination and signal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Directory {
    /// The destination.
    pub exporter: String,
    /// What is in them.
    pub signal: Signal,
    /// Where they are.
    pub path: PathBuf,
}

/// What stands in the files, in their order.
#[derive(Debug)]
pub enum Sight<'a> {
    /// A batch that is whole.
    Record(Record<'a>),
    /// Something that should not be as it is.
    Fault(Fault),
}

/// A batch that is whole.
#[derive(Debug)]
pub struct Record<'a> {
    /// The number of its first event.
    pub event: u64,
    /// When it was written: nanoseconds since the epoch.
    pub written: u64,
    /// The source that offered it.
    pub source: &'a str,
    /// The batch.
    pub batch: Batch,
    /// How many of its events are not delivered yet, as far as the saved cursor tells.
    pub waiting: u64,
}

/// Something in a file that should not be as it is.
#[derive(Debug)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What may be wrong with a file.
#[derive(Debug)]
pub enum FaultKind {
    /// So many bytes are no record, or one whose checksum is wrong.
    Damaged(u64),
    /// Before this record, the events from the first of these numbers to the second, without it, are nowhere.
    Missing(u64, u64),
    /// It was written by another version of the format.
    Foreign(u32),
    /// It is no cursor, or one whose checksum is wrong.
    Cursor,
    /// It cannot be read.
    Unreadable(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}: ", self.path.display(), self.offset)?;
        match &self.kind {
            FaultKind::Damaged(bytes) => write!(f, "{bytes} bytes are damaged"),
            FaultKind::Missing(from, to) => write!(f, "events {from} to {} are missing before it", to - 1),
            FaultKind::Foreign(version) => write!(f, "written in version {version} of the format"),
            FaultKind::Cursor => f.write_str("the cursor is damaged"),
            FaultKind::Unreadable(error) => write!(f, "read: {error}"),
        }
    }
}

/// All that was seen, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Segments.
    pub segments: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Records that are whole, each a batch of events.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Of these, how many are not delivered yet.
    pub waiting: u64,
    /// When the first that waits was written: nanoseconds since the epoch.
    pub oldest: Option<u64>,
    /// The saved cursor: the number of the first event that is not delivered. `None` before the first is.
    pub cursor: Option<u64>,
    /// Faults.
    pub faults: u64,
    /// Writes that are under way, or that a crash has cut short: nobody was told that they were done.
    pub unfinished: u64,
    /// Files that the agent has set aside.
    pub quarantined: u64,
}

/// The directories of all spools in `state_dir`, in the order of their names.
///
/// # Errors
/// If a directory cannot be read; that there is none is no error.
pub fn list(state_dir: &Path) -> io::Result<Vec<Directory>> {
    let mut found = Vec::new();
    for exporter in directory::children(&directory::root(state_dir))? {
        for signal in Signal::ALL {
            let path = exporter.join(signal.as_str());
            let name = exporter.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                found.push(Directory { exporter: directory::decode(&name), signal, path });
            }
        }
    }
    found.sort();
    Ok(found)
}

impl Directory {
    /// Reads it from its first record to its last, and tells `see` until that breaks off.
    ///
    /// # Errors
    /// If the directory cannot be read. A file that cannot be is a [`Fault`].
    pub fn read(&self, see: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>) -> io::Result<Summary> {
        let mut numbers: Vec<u64> =
            medium::names(&self.path)?.iter().filter_map(|name| segment::number(name)).collect();
        numbers.sort_unstable();
        let mut reading =
            Reading { of: self, see, summary: Summary::default(), seen: 0, is_exact: false, sealed: None };
        // After the names: what was removed before these were read lies before the cursor.
        let mut flow = reading.cursor();
        for number in numbers {
            if flow.is_break() {
                break;
            }
            flow = reading.segment(&self.path.join(segment::name(number)));
        }
        let mut summary = reading.summary;
        summary.quarantined = medium::names(&self.path.join(QUARANTINE))?.len() as u64;
        Ok(summary)
    }
}

/// One walk through a directory.
struct Reading<'a> {
    of: &'a Directory,
    see: &'a mut dyn FnMut(Sight<'_>) -> ControlFlow<()>,
    summary: Summary,
    /// The number behind all events that were seen or are delivered.
    seen: u64,
    /// Whether what is seen next begins there, if nothing is missing.
    is_exact: bool,
    /// The envelope of the last record: the next is likely to have the same.
    sealed: Option<Arc<Envelope>>,
}

impl Reading<'_> {
    fn fault(&mut self, path: &Path, offset: u64, kind: FaultKind) -> ControlFlow<()> {
        self.summary.faults += 1;
        (self.see)(Sight::Fault(Fault { path: path.to_owned(), offset, kind }))
    }

    fn cursor(&mut self) -> ControlFlow<()> {
        for name in cursor::KEPT {
            let path = self.of.path.join(name);
            let text = match beginning(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.fault(&path, 0, FaultKind::Unreadable(error))?;
                    continue;
                }
            };
            match cursor::parse(&text) {
                Some(position) => self.summary.cursor = self.summary.cursor.max(Some(position)),
                None => self.fault(&path, 0, FaultKind::Cursor)?,
            }
        }
        self.seen = self.summary.cursor.unwrap_or(0);
        self.is_exact = self.summary.cursor.is_some();
        ControlFlow::Continue(())
    }

    fn segment(&mut self, path: &Path) -> ControlFlow<()> {
        match self.records(path) {
            Ok(flow) => flow,
            Err(error) => {
                self.is_exact = false;
                // The agent has removed it since its name was read.
                if error.kind() == io::ErrorKind::NotFound {
                    return ControlFlow::Continue(());
                }
                self.fault(path, 0, FaultKind::Unreadable(error))
            }
        }
    }

    fn records(&mut self, path: &Path) -> io::Result<ControlFlow<()>> {
        let file: Box<dyn Handle> = Box::new(File::open(path)?);
        let len = file.len()?;
        let mut bytes = [0; START];
        let read = file.read_at(&mut bytes, 0)?;
        self.summary.segments += 1;
        self.summary.bytes += len;
        let start = Start::of(&bytes[..read]);
        if let Start::Foreign(version) = start {
            self.is_exact = false;
            return Ok(self.fault(path, 0, FaultKind::Foreign(version)));
        }
        let mut scan = Scan::new(file, start.records_at(), len);
        loop {
            let seen = match scan.next()? {
                Found::End => return Ok(ControlFlow::Continue(())),
                Found::Damage(damage) if damage.torn => {
                    self.summary.unfinished += 1;
                    ControlFlow::Continue(())
                }
                Found::Damage(damage) => {
                    self.is_exact = false;
                    self.fault(path, damage.from, FaultKind::Damaged(damage.to - damage.from))
                }
                Found::Record { offset, head, body } => {
                    let envelope = record::envelope(&body, &self.sealed.take().unwrap_or_default());
                    self.sealed = Some(Arc::clone(&envelope));
                    let batch = Batch {
                        signal: self.of.signal,
                        envelope,
                        records: Bytes::copy_from_slice(body.records),
                        count: head.count,
                    };
                    let source = String::from_utf8_lossy(body.source);
                    let (event, written) = (head.event, head.written);
                    self.record(path, offset, Record { event, written, source: &source, batch, waiting: 0 })
                }
            };
            if seen.is_break() {
                return Ok(seen);
            }
        }
    }

    fn record(&mut self, path: &Path, offset: u64, mut record: Record<'_>) -> ControlFlow<()> {
        let end = record.event + u64::from(record.batch.count);
        if std::mem::replace(&mut self.is_exact, true) && self.seen < record.event {
            self.fault(path, offset, FaultKind::Missing(self.seen, record.event))?;
        }
        // What was written again after a failure is there twice.
        record.waiting = end.saturating_sub(self.seen.max(record.event));
        self.seen = self.seen.max(end);
        let summary = &mut self.summary;
        summary.records += 1;
        summary.events += u64::from(record.batch.count);
        summary.waiting += record.waiting;
        if record.waiting > 0 {
            summary.oldest.get_or_insert(record.written);
        }
        (self.see)(Sight::Record(record))
    }
}

/// What is read of a file of the cursor: longer than any that is whole.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut text)?;
    Ok(text)
}

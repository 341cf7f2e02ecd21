//! All files of a source: which there are, which have something new, and where each stands.
//!
//! Synchronous and driven from outside, in turns: it is told what may have happened and what time it is, and
//! returns encoded batches. It blocks on the file system and on nothing else, so it is run where that hurts
//! nobody.
//!
//! A file is known by device and inode as long as its descriptor is held, so a rename changes nothing: the file
//! is read to its end under its new name, or under none. It is let go when no path matches it any more, every
//! line was read and settled, and nobody has written to it for a while.

mod asleep;
mod compressed;
mod cuts;
mod discovery;
mod fork;
mod gone;
mod offers;
mod rotation;
pub(crate) mod spans;
mod succession;
mod waiting;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, warn};
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::budget::Buffers;
use vigie_pipeline::ledger::Counts;
use vigie_pipeline::outlet::Offer;

use super::config::StartAt;
use super::exceptions::Groups;
use super::file::{CHUNK, Followed, Progress};
use super::handover::Handover;
use super::identity::FileId;
use super::join::Flush;
use super::meters::Meters;
use super::patterns::Patterns;
use super::record::Recorder;
use super::records::Records;
use super::series::Series;
use super::store::{Claim, Entry};
use super::wake::Touched;
use asleep::Asleep;
use offers::Awaited;
use rotation::Growing;
use succession::Families;
use waiting::Waiting;

/// What a follower is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) patterns: Patterns,
    pub(crate) start_at: StartAt,
    pub(crate) recorder: Recorder,
    pub(crate) claim: Claim,
    pub(crate) meters: Meters,
    pub(crate) envelope: Arc<Envelope>,
    /// About how large a batch becomes, in bytes.
    pub(crate) batch_bytes: usize,
    /// How many bytes of lines may wait for what follows them.
    pub(crate) most_waiting: usize,
    pub(crate) buffers: Buffers,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Follower {
    parts: Parts,
    files: HashMap<FileId, Followed>,
    /// Files that were read to their ends and are not held open.
    asleep: HashMap<FileId, Asleep>,
    /// So many files are held open at most: fewer than `may_open` if the system has no more.
    most_open: usize,
    may_open: usize,
    /// Whether files with something new had to be closed because there were too many.
    crowded: bool,
    /// What is there under each path, links resolved.
    names: HashMap<PathBuf, FileId>,
    /// Files that are no text: not opened again as long as they exist.
    ignored: HashSet<FileId>,
    /// Paths that could not be opened at this scan, and at the one before.
    failing: HashSet<PathBuf>,
    failed: HashSet<PathBuf>,
    /// Those of them that have a series of their own.
    shown: HashSet<PathBuf>,
    /// New files that are too short to tell whether they are copies.
    growing: HashMap<FileId, Growing>,
    /// What was known when the agent was started, during the first scan.
    remembered: Vec<(FileId, Entry)>,
    /// Files that may have something new, the one that has waited longest first.
    ready: VecDeque<FileId>,
    waiting: Waiting,
    families: Families,
    /// What was offered, until all destinations are done with it.
    tokens: HashMap<u64, Awaited>,
    /// Where batches are offered; nobody hears of them if there is none.
    destinations: Vec<Arc<str>>,
    /// Those that others read for; `None` if this follower reads again for one that lags behind.
    others: Option<Vec<Arc<str>>>,
    next_token: u64,
    scanned_before: bool,
    /// When the store is told again which files exist; not at all yet if there is none.
    exist_at: Option<Instant>,
}

/// When a file was born, as far as a source is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Birth {
    /// Before anybody looked for it: `start_at` decides.
    Before,
    /// Since then.
    Later,
    /// Since then, and renamed before it was seen.
    Between,
}

/// What a turn is told.
#[derive(Debug)]
pub(crate) struct Told {
    /// What may have happened; a scan if it says so.
    pub(crate) touched: Touched,
    /// For timers.
    pub(crate) now: Instant,
    /// The time of the records: nanoseconds since the epoch.
    pub(crate) observed: u64,
}

impl Told {
    /// Seconds since the epoch.
    fn seconds(&self) -> u64 {
        self.observed / 1_000_000_000
    }
}

impl Follower {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            files: HashMap::new(),
            asleep: HashMap::new(),
            most_open: asleep::most_open(1),
            may_open: asleep::most_open(1),
            crowded: false,
            names: HashMap::new(),
            ignored: HashSet::new(),
            failing: HashSet::new(),
            failed: HashSet::new(),
            shown: HashSet::new(),
            growing: HashMap::new(),
            remembered: Vec::new(),
            ready: VecDeque::new(),
            waiting: Waiting::default(),
            families: Families::default(),
            tokens: HashMap::new(),
            destinations: Vec::new(),
            others: Some(Vec::new()),
            next_token: 0,
            scanned_before: false,
            exist_at: None,
        }
    }

    /// Where filtered lines are counted.
    pub(crate) fn count_in(&mut self, counts: Arc<Counts>) {
        self.parts.recorder.count_in(counts);
    }

    /// About how large a batch becomes, in bytes.
    pub(crate) fn batch_bytes(&self) -> usize {
        self.parts.batch_bytes
    }

    /// Saves the positions of all sources.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        self.parts.claim.store().save()
    }

    /// Takes note of what has arrived of the news of exceptions, and saves them if it is time to.
    pub(crate) fn tend_exceptions(&self, now: Instant) {
        if let Some(groups) = self.parts.recorder.groups() {
            let settled = self.tokens.keys().min().map_or(self.next_token, |first| *first);
            groups.tend(settled, self.next_token, now);
        }
    }

    /// Whether files wait to be read.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many offers are not settled.
    pub(crate) fn in_flight(&self) -> usize {
        self.tokens.len()
    }

    /// The exceptions in its records.
    pub(crate) fn exceptions(&self) -> Option<&Arc<Groups>> {
        self.parts.recorder.groups()
    }

    /// The metrics made from its records.
    pub(crate) fn series(&mut self) -> Option<&mut Series> {
        self.parts.recorder.series()
    }

    /// What it has counted. It counts no more.
    pub(crate) fn hand_over(&mut self) -> Handover {
        self.parts.recorder.hand_over()
    }

    /// The source's instruments.
    pub(crate) fn meters(&self) -> &Meters {
        &self.parts.meters
    }

    /// Reads a quantum of each ready file, at most `most` bytes of records in all.
    pub(crate) fn read(&mut self, told: &Told, most: usize) -> Vec<Offer> {
        let mut chunk = vec![0; CHUNK];
        self.parts.recorder.begin(told.now);
        let mut offers = Vec::new();
        let mut total = 0;
        while total < most && self.waiting.bytes() <= self.parts.most_waiting {
            let Some(id) = self.ready.pop_front() else { break };
            if self.waits_for_file_before(id) {
                continue;
            }
            let Some(file) = self.files.get_mut(&id) else { continue };
            file.queued = false;
            if file.is_compressed().unwrap_or(false) {
                self.ignore(id);
                continue;
            }
            match read_one(file, &mut self.parts, &mut chunk, told) {
                Ok((records, progress)) => {
                    total += records.size();
                    self.parts.meters.written_bytes.inc_by(file.growth());
                    self.waiting.note(file, &self.parts.recorder);
                    offers.extend(self.offer(id, records, told));
                    if progress == Progress::More {
                        queue(&mut self.ready, &mut self.files, id);
                    }
                }
                Err(error) => {
                    self.parts.meters.file_error("read");
                    if !std::mem::replace(&mut file.failing, true) {
                        warn!(source = self.parts.meters.source, "read {}: {error}", file.path.display());
                    }
                }
            }
        }
        self.parts.recorder.flush();
        offers
    }

    /// Sets the gauges, and gives back memory that is not needed while nothing is ready.
    pub(crate) fn measure(&self) {
        if self.ready.is_empty() {
            self.parts.buffers.wane();
        }
        self.parts.meters.open_files.set(self.files.len() as i64);
        self.parts.meters.lag_bytes.set(self.lag() as i64);
    }

    /// How many bytes of the files were not read when they were last looked at.
    pub(crate) fn lag(&self) -> u64 {
        let open = self.files.values().map(|file| file.lag() + file.cuts.bytes()).sum::<u64>();
        open + self.asleep.values().map(Asleep::lag).sum::<u64>()
    }

    /// Up to where a file was read, and where it is done with once all is settled.
    fn stands(&self, id: FileId) -> Option<(u64, u64)> {
        let open = self.files.get(&id).map(|file| (file.position().offset, file.complete().offset));
        open.or_else(|| self.asleep.get(&id).map(|file| (file.read, file.read)))
    }
}

/// Puts a file at the end of the queue, unless it is in it.
fn queue(ready: &mut VecDeque<FileId>, files: &mut HashMap<FileId, Followed>, id: FileId) {
    if let Some(file) = files.get_mut(&id)
        && !std::mem::replace(&mut file.queued, true)
    {
        ready.push_back(id);
    }
}

fn read_one(
    file: &mut Followed,
    parts: &mut Parts,
    chunk: &mut [u8],
    told: &Told,
) -> std::io::Result<(Records, Progress)> {
    let mut rest = Records::default();
    if file.restart_if_truncated()? {
        // What waited is not in the file any more.
        file.flush_waiting(Flush::End, &mut parts.recorder, &mut rest, told.observed)?;
        parts.meters.truncations.inc();
        debug!("{} was truncated: read from its beginning", file.path.display());
        parts.claim.put(file.id, file.entry(file.position(), told.seconds()));
    }
    // What is there, and as much again for what encoding adds, up to a full batch.
    let room = (file.lag() as usize).saturating_mul(2).min(parts.batch_bytes + 2 * CHUNK);
    let mut records = Records {
        bytes: parts.buffers.take(room),
        count: rest.count,
        routed: std::mem::take(&mut rest.routed),
        spans: std::mem::take(&mut rest.spans),
    };
    records.bytes.extend_from_slice(&rest.bytes);
    let progress =
        file.read(chunk, &mut parts.recorder, &mut records, parts.batch_bytes, &parts.meters, told.observed)?;
    file.failing = false;
    Ok((records, progress))
}

#[cfg(test)]
mod tests;

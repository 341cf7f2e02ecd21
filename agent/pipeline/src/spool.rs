//! The spool: what waits for a destination, in files, so that it survives the agent and the machine.
//!
//! # Constraints
//!
//! * A source hears "delivered" when its batch is durable: written, and synced with `fdatasync` (the
//!   directory too, where a file is new). Before that the batch keeps its memory, so a source that can read
//!   again waits while the disk lags.
//! * No start fails because of what the files hold. Damage costs the records it touches, and is counted to
//!   the event.
//! * What is delivered twice after a crash is at most what was delivered since the cursor was last saved.
//! * Memory is bounded by a share of the budget; disk by `max_size`, but for one batch that is larger.
//! * `written + recovered = delivered + dropped + waiting`, in events, for each destination and signal.
//! * A file written by this version can be read by a later one; a file written by a later one is set aside
//!   whole by this one.
//!
//! # On disk
//!
//! ```text
//! state_dir/spool/<exporter>/<signal>/
//!     00000000000000000001.segment    records, behind a start that says the version
//!     00000000000000000002.segment
//!     cursor  cursor.old              up to where all is delivered, and the generation before
//!     lock                            held by the process that has the spool
//!     quarantine/                     what was damaged; bounded
//! ```
//!
//! Segments are of at most 16 MiB ([`mod@segment`]) and hold records ([`mod@record`]): a marker to find them
//! by, a length, checksums of head and body apart, and the batch with its envelope. Events are numbered from
//! the spool's birth; the number in each record tells what is missing before it, and what has been had
//! already. The cursor ([`mod@cursor`]) is such a number.
//!
//! # Operation
//!
//! Each spool has a [`Clerk`], the only one to touch its files, on a thread of its own. In turns the clerk
//!
//! * takes all that waits in the [queue](crate::queue) as one group, appends it, syncs once, and settles it;
//!   hands it on from memory if the exporter has come so far and there is room;
//! * holds back what can be read again for a moment where exporters are slower than it is written: what they
//!   take from memory is never read from the disk;
//! * reads on where the exporter has not: bounded by the spool's part of the memory;
//! * saves the cursor a few times a second, and then removes the segments that lie before it.
//!
//! A write or sync that fails ends the segment where it was last durable: what the kernel still holds after
//! a failed sync is not known, so nothing is written behind it. The group goes back to the queue and is
//! written again, to a new segment, every second until it succeeds; meanwhile the agent is not ready. An
//! exporter that has had all that is durable is then given what waits in memory: no destination that is well
//! waits for a disk that is not.
//!
//! When `max_size` is reached, `block` lets the queue fill, so that sources wait; `drop_oldest` removes the
//! oldest segment, with a count. When the disk itself is full, `drop_oldest` does the same.
//!
//! On opening, the newest segment is read to its end ([`mod@recovery`]), and a new one is begun with the
//! next write: nothing is ever appended to a file of an earlier life.
//!
//! A spool whose exporter is set back to memory is emptied by it first. That of an exporter that is gone
//! stays, and is delivered when the exporter comes back.

mod allowance;
mod clerk;
mod cursor;
mod directory;
mod files;
#[cfg(fuzzing)]
pub mod fuzz;
pub mod inspect;
mod medium;
mod meters;
mod quarantine;
mod record;
mod recovery;
mod scan;
mod segment;
mod shelf;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::batch::{Batch, Signal};
use crate::clock::Clock;
use crate::instruments::Instruments;
use crate::plug::Surroundings;
use crate::queue::Queue;
use crate::readiness::Readiness;
use crate::receipt::{DropReason, Fate};

pub use clerk::Clerk;

use allowance::Allowance;
use meters::Meters;
use shelf::{Item, Shelf};

pub(crate) use shelf::Item as Stored;

/// How much a spool may take, and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of its segments.
    pub max_size: u64,
    /// What happens when there are as many.
    pub when_full: WhenFull,
}

/// What happens when a spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// Sources wait.
    Block,
    /// The oldest events make room, and are counted.
    DropOldest,
}

impl Settings {
    /// How long a segment becomes: a sixteenth of the whole, so that little goes at once, and of a size that
    /// is quickly read.
    fn segment_size(&self) -> u64 {
        (self.max_size / 16).clamp(16 << 10, 16 << 20)
    }
}

/// The spools of a `state_dir`.
#[derive(Debug)]
pub struct Spools {
    state_dir: PathBuf,
    allowance: Allowance,
    instruments: Instruments,
    clock: Clock,
    readiness: Readiness,
    all: Vec<Weak<Spool>>,
}

impl Spools {
    /// None yet.
    #[must_use]
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            state_dir: surroundings.state_dir.clone(),
            allowance: Allowance::new(surroundings.budget.spool.clone()),
            instruments: surroundings.instruments.clone(),
            clock: surroundings.clock.clone(),
            readiness: surroundings.readiness.clone(),
            all: Vec::new(),
        }
    }

    /// From now on `queue` keeps what is pushed in the files of its destination and `signal`; without
    /// `settings` it keeps nothing more, and hands out what they hold before anything else. Returns who does
    /// the work, unless the queue has a clerk already.
    #[must_use]
    pub fn attach(
        &mut self,
        queue: &Arc<Queue>,
        exporter: &Arc<str>,
        signal: Signal,
        settings: Option<Settings>,
    ) -> Option<Clerk> {
        if let Some(spool) = queue.spool() {
            spool.configure(settings);
            return None;
        }
        let spool = Arc::new(Spool {
            directory: directory::of(&self.state_dir, exporter, signal),
            exporter: Arc::clone(exporter),
            signal,
            desk: Mutex::new(Desk { settings, ..Desk::default() }),
            work: Condvar::new(),
            meters: Meters::new(&self.instruments, exporter, signal),
            allowance: self.allowance.clone(),
            clock: self.clock.clone(),
            readiness: self.readiness.clone(),
        });
        // The others' parts are smaller now.
        self.all.retain(|other| other.upgrade().inspect(|other| other.poke()).is_some());
        self.all.push(Arc::downgrade(&spool));
        queue.attach(spool);
        Clerk::of(queue)
    }

    /// Whether there are files of this destination and signal.
    #[must_use]
    pub fn holds(&self, exporter: &str, signal: Signal) -> bool {
        has_segments(&directory::of(&self.state_dir, exporter, signal))
    }

    /// The spools with something in them that no queue has.
    ///
    /// # Errors
    /// If their directories cannot be listed.
    pub fn left_alone(&self) -> io::Result<Vec<inspect::Directory>> {
        let taken: Vec<_> = self.all.iter().filter_map(Weak::upgrade).collect();
        let is_taken = |path: &Path| taken.iter().any(|spool| spool.directory == path);
        let mut found = inspect::list(&self.state_dir)?;
        found.retain(|one| !is_taken(&one.path) && has_segments(&one.path));
        Ok(found)
    }
}

fn has_segments(directory: &Path) -> bool {
    medium::names(directory).is_ok_and(|names| names.iter().any(|name| segment::number(name).is_some()))
}

/// What a [`Queue`] has of its spool.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    exporter: Arc<str>,
    signal: Signal,
    desk: Mutex<Desk>,
    work: Condvar,
    meters: Meters,
    allowance: Allowance,
    clock: Clock,
    readiness: Readiness,
}

/// What the clerk and the exporter share.
#[derive(Debug, Default)]
struct Desk {
    shelf: Shelf,
    /// None: nothing more is written.
    settings: Option<Settings>,
    /// The files have been opened: the shelf knows what they hold.
    opened: bool,
    ending: Option<Ending>,
    /// The files cannot be written now.
    stuck: bool,
    /// Something waits to be written until exporters have taken some.
    holds_back: bool,
    /// There may be something to do.
    poked: bool,
}

/// Why a clerk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The agent does.
    Shutdown,
    /// The destination is gone: what cannot be written any more is dropped for this reason.
    Removed(DropReason),
}

impl Desk {
    fn is_empty(&self) -> bool {
        !self.opened || !self.shelf.has_ready() && !self.shelf.has_unread() && !self.shelf.writing
    }
}

impl Spool {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, mut desk: MutexGuard<'_, Desk>) {
        if !std::mem::replace(&mut desk.poked, true) {
            drop(desk);
            self.work.notify_one();
        }
    }

    /// There may be something to do.
    pub(crate) fn poke(&self) {
        self.wake(self.desk());
    }

    fn configure(&self, settings: Option<Settings>) {
        let mut desk = self.desk();
        desk.settings = settings;
        self.wake(desk);
    }

    /// Asks the clerk to end.
    pub(crate) fn end(&self, ending: Ending) {
        let mut desk = self.desk();
        desk.ending = Some(ending);
        self.wake(desk);
    }

    /// Takes the next batch, if it is there and `fits` says so.
    pub(crate) fn take(&self, fits: impl FnOnce(&Batch) -> bool) -> Option<Item> {
        let mut desk = self.desk();
        let item = desk.shelf.take(fits)?;
        if desk.shelf.has_unread() && desk.shelf.held() <= self.allowance.bytes() / 2 {
            self.wake(desk);
        }
        Some(item)
    }

    /// The destination is done with a batch.
    pub(crate) fn settled(&self, item: Item, fate: Fate) {
        let Item { event, batch, hold, .. } = item;
        drop(hold);
        let mut desk = self.desk();
        desk.shelf.settled(event, &batch);
        let (lost, reason) = fate.dropped.unwrap_or((0, DropReason::Rejected));
        let lost = lost.min(batch.count);
        self.meters.delivered.inc_by(u64::from(batch.count - lost));
        self.meters.dropped(u64::from(lost), reason);
        self.meters.shelf(&desk.shelf);
        let unread =
            (desk.shelf.has_unread() || desk.holds_back) && desk.shelf.held() <= self.allowance.bytes() / 2;
        if !std::mem::replace(&mut desk.shelf.moved, true) || unread {
            self.wake(desk);
        }
    }

    /// A batch has come back.
    pub(crate) fn give_back(&self, item: Item) {
        let mut desk = self.desk();
        let lost = desk.shelf.give_back(item);
        self.meters.dropped(lost, DropReason::SpoolFull);
        self.meters.shelf(&desk.shelf);
        self.wake(desk);
    }

    /// Whether nothing can be taken any more, if nothing more is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.desk().is_empty()
    }

    /// Whether what is pushed is written.
    pub(crate) fn writes(&self) -> bool {
        self.desk().settings.is_some()
    }

    /// Whether exporters are given what it holds, and not what waits in memory.
    pub(crate) fn goes_first(&self) -> bool {
        let desk = self.desk();
        desk.settings.is_some() && !desk.stuck || !desk.is_empty()
    }

    /// Events that are durable and not delivered.
    pub(crate) fn waiting(&self) -> u64 {
        self.desk().shelf.waiting()
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn open_medium(&self) -> io::Result<Box<dyn medium::Medium>> {
        Ok(Box::new(medium::Disk::open(&self.directory)?))
    }
}

//! A file system in memory that forgets what was not synced, and a spool on it whose clerk takes its turns
//! when it is told to.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use crate::batch::{Batch, Envelope, Signal};
use crate::budget::Budget;
use crate::clock::{Clock, Hand};
use crate::instruments::Instruments;
use crate::ledger::Ledger;
use crate::outlet::{Offer, Outlet, Switch, Trunk};
use crate::page::Page;
use crate::plug::Surroundings;
use crate::queue::Queue;
use crate::readiness::Readiness;
use crate::snapshot::Snapshot;
use crate::spool::clerk::Clerk;
use crate::spool::medium::{Handle, Medium, QUARANTINE};
use crate::spool::{Settings, Spools, WhenFull};

/// See the module. Cheap to clone; clones are the same file system.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
pub(super) struct Contents {
    files: Vec<File>,
    /// Names as they are now, and as they are after a power cut.
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    /// How much may still be written before the disk is full.
    pub(super) space: Option<usize>,
    /// Nothing may be read.
    pub(super) unreadable: bool,
    /// The next syncs fail.
    pub(super) failing_syncs: usize,
}

#[derive(Debug, Default, Clone)]
struct File {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

impl Memory {
    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }

    /// What is left when the power is cut: of what was not synced any part, as `chance` has it.
    pub(super) fn after_a_power_cut(&self, mut chance: impl FnMut(usize) -> usize) -> Self {
        let before = self.contents();
        let mut after = Contents::default();
        // Each change of a name that was not synced has happened or not.
        let mut names = before.durable.clone();
        let changed: Vec<String> = before
            .names
            .keys()
            .chain(before.durable.keys())
            .filter(|name| before.names.get(*name) != before.durable.get(*name))
            .cloned()
            .collect();
        for name in changed {
            if chance(2) == 1 {
                match before.names.get(&name) {
                    Some(file) => drop(names.insert(name, *file)),
                    None => drop(names.remove(&name)),
                }
            }
        }
        for (name, file) in names {
            let File { bytes, synced } = &before.files[file];
            let mut left = synced.clone();
            if bytes.len() > synced.len() {
                let tail = &bytes[synced.len()..];
                let kept = chance(tail.len() + 1);
                left.extend_from_slice(&tail[..kept]);
                // The file may have grown before its bytes were there.
                left.resize(left.len() + chance(tail.len() - kept + 1), 0);
            }
            after.files.push(File { bytes: left.clone(), synced: left });
            after.names.insert(name, after.files.len() - 1);
        }
        after.durable = after.names.clone();
        Self(Arc::new(Mutex::new(after)))
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let contents = self.contents();
        contents.files[contents.names[name]].bytes.clone()
    }

    /// Puts a file there, or changes it; it is synced.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut contents = self.contents();
        contents.files.push(File { bytes: bytes.clone(), synced: bytes });
        let file = contents.files.len() - 1;
        contents.names.insert(name.to_owned(), file);
        contents.durable.insert(name.to_owned(), file);
    }

    /// A copy of its own.
    pub(super) fn copy(&self) -> Self {
        let contents = self.contents();
        let (files, names) = (contents.files.clone(), contents.names.clone());
        let durable = contents.durable.clone();
        Self(Arc::new(Mutex::new(Contents { files, names, durable, ..Contents::default() })))
    }

    /// The names of its segments, oldest first.
    pub(super) fn segments(&self) -> Vec<String> {
        self.contents()
            .names
            .keys()
            .filter(|name| crate::spool::segment::number(name).is_some())
            .cloned()
            .collect()
    }

    /// How many files are in quarantine.
    pub(super) fn quarantined(&self) -> usize {
        self.contents().names.keys().filter(|name| name.starts_with(QUARANTINE)).count()
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Medium for Memory {
    fn names(&self, quarantine: bool) -> io::Result<Vec<String>> {
        let of = |name: &&String| name.starts_with(QUARANTINE) == quarantine;
        Ok(self.contents().names.keys().filter(of).cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        let mut contents = self.contents();
        if contents.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if contents.space == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        contents.files.push(File::default());
        let file = contents.files.len() - 1;
        contents.names.insert(name.to_owned(), file);
        Ok(Box::new(Open { memory: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        let file = *self.contents().names.get(name).ok_or_else(not_found)?;
        Ok(Box::new(Open { memory: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut contents = self.contents();
        let file = contents.names.remove(from).ok_or_else(not_found)?;
        contents.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut contents = self.contents();
        let file = contents.names.remove(name).ok_or_else(not_found)?;
        let freed = contents.files[file].bytes.len();
        contents.space = contents.space.map(|space| space + freed);
        Ok(())
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let mut contents = self.contents();
        let file = *contents.names.get(name).ok_or_else(not_found)?;
        let File { bytes, synced } = &mut contents.files[file];
        bytes.resize(len as usize, 0);
        synced.clone_from(bytes);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut contents = self.contents();
        contents.durable = contents.names.clone();
        Ok(())
    }
}

struct Open {
    memory: Memory,
    file: usize,
}

impl Handle for Open {
    fn append(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut contents = self.memory.contents();
        for slice in slices.iter() {
            let fits = contents.space.map_or(slice.len(), |space| space.min(slice.len()));
            contents.space = contents.space.map(|space| space - fits);
            contents.files[self.file].bytes.extend_from_slice(&slice[..fits]);
            if fits < slice.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut contents = self.memory.contents();
        let file = self.file;
        if contents.failing_syncs > 0 {
            contents.failing_syncs -= 1;
            // As kernels do: what could not be written is dropped, and the next sync will not say so.
            let File { bytes, synced } = &mut contents.files[file];
            let garbled = bytes.len();
            bytes.clone_from(synced);
            bytes.resize(garbled, 0);
            return Err(io::Error::other("told to fail"));
        }
        contents.files[file].synced = contents.files[file].bytes.clone();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.memory.contents().files[self.file].bytes.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let contents = self.memory.contents();
        assert!(!contents.unreadable, "the files are not to be read");
        let rest = contents.files[self.file].bytes.get(offset as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

/// A source, a queue with a spool, and its clerk.
pub(super) struct Rig {
    pub(super) outlet: Outlet,
    pub(super) queue: Arc<Queue>,
    pub(super) clerk: Clerk,
    pub(super) instruments: Instruments,
    pub(super) readiness: Readiness,
    pub(super) budget: Budget,
    pub(super) memory: Memory,
    pub(super) hand: Hand,
    settings: Settings,
}

pub(super) fn block(max_size: u64) -> Settings {
    Settings { max_size, when_full: WhenFull::Block }
}

/// A spool on what `memory` has.
pub(super) fn rig(memory: &Memory, settings: Settings) -> Rig {
    rig_with(memory, settings, 8 << 20)
}

/// The same with so much memory.
pub(super) fn rig_with(memory: &Memory, settings: Settings, limit: usize) -> Rig {
    let (clock, hand) = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
    let budget = Budget::new(limit);
    let surroundings = Surroundings::new("/not/used", clock, budget.clone());
    let (instruments, readiness) = (surroundings.instruments.clone(), surroundings.readiness.clone());
    let queue = Arc::new(Queue::new("sink"));
    let exporter: Arc<str> = "sink".into();
    let mut spools = Spools::new(&surroundings);
    drop(spools.attach(&queue, &exporter, Signal::Logs, Some(settings)).unwrap());
    let opened = memory.clone();
    let clerk = Clerk::with(&queue, move |_| Ok(Box::new(opened.clone()))).unwrap();
    let trunk =
        Trunk { switch: Switch::default(), budget: budget.clone(), ledger: Ledger::new(&instruments) };
    trunk.switch.set(vec![(Signal::Logs, Arc::clone(&queue))]);
    let outlet = Outlet::new("app", trunk, Snapshot::new().0.slot("logs"));
    Rig { outlet, queue, clerk, instruments, readiness, budget, memory: memory.clone(), hand, settings }
}

/// The records of batch `number`, as long as `size` has it and longer than nothing.
pub(super) fn records(number: u64, size: usize) -> Vec<u8> {
    let mut records = format!("batch {number} ").into_bytes();
    records.resize(records.len() + size, b'.');
    records
}

/// The number of a batch that was made by [`records`]; panics if it is not what was made.
pub(super) fn number(batch: &Batch) -> u64 {
    let text = std::str::from_utf8(&batch.records).unwrap();
    let (number, dots) = text.strip_prefix("batch ").unwrap().split_once(' ').unwrap();
    assert!(dots.bytes().all(|byte| byte == b'.'));
    assert_eq!(batch.envelope.resource, "a resource");
    let number = number.parse().unwrap();
    assert_eq!(batch.count, count(number));
    number
}

fn offer(number: u64, size: usize) -> Offer {
    let envelope = Envelope { resource: "a resource".into(), scope: "a scope".into() };
    let batch = Batch {
        signal: Signal::Logs,
        envelope: Arc::new(envelope),
        records: records(number, size).into(),
        count: count(number),
    };
    Offer { batch, token: number, to: None }
}

/// How many events batch `number` has.
pub(super) fn count(number: u64) -> u32 {
    1 + (number % 3) as u32
}

impl Rig {
    /// Offers batch `number`.
    pub(super) fn offer(&self, number: u64, size: usize) {
        self.outlet.events.offer_volatile(offer(number, size));
    }

    /// Offers batch `number`, which its source can read again.
    pub(super) fn offer_replayable(&self, number: u64, size: usize) {
        let events = &self.outlet.events;
        let offering = async {
            let among = events.destinations(Signal::Logs);
            let mut room = events.room(Signal::Logs, &among, size).await.unwrap();
            events.offer(offer(number, size), &mut room, false).await;
        };
        futures_util::FutureExt::now_or_never(offering).unwrap();
    }

    /// Lets the clerk do all that it can do now.
    pub(super) fn work(&mut self) {
        for _ in 0..10_000 {
            if self.clerk.turn() != Some(Duration::ZERO) {
                return;
            }
        }
        panic!("the clerk does not come to an end");
    }

    /// Batches that the source was told of.
    pub(super) fn told(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.outlet.settled.try_recv().ok()).map(|settled| settled.token).collect()
    }

    /// Takes and settles all there is; returns the numbers.
    pub(super) fn deliver_all(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        loop {
            self.work();
            let Some(delivery) = self.queue.try_next(|_| true) else { return numbers };
            numbers.push(number(delivery.batch()));
            delivery.settle(crate::receipt::Fate::DELIVERED);
        }
    }

    /// The sum of a metric over the rows whose labels have all of these in them.
    pub(super) fn metric(&self, family: &str, labels: &[&str]) -> f64 {
        let mut page = Page::default();
        self.instruments.write(&mut page);
        page.families()
            .filter(|(f, _)| f.name == family)
            .flat_map(|(_, rows)| rows)
            .filter(|row| labels.iter().all(|label| row.labels.contains(label)))
            .map(|row| row.value)
            .sum()
    }

    /// Events of one outcome.
    pub(super) fn events(&self, outcome: &str) -> f64 {
        self.metric("vigie_spool_events_total", &[&format!("outcome=\"{outcome}\"")])
    }

    /// `written + recovered = delivered + dropped + waiting`.
    pub(super) fn check_ledger(&self) {
        let waiting = self.metric("vigie_spool_waiting_events", &[]);
        let came = self.events("written") + self.events("recovered");
        assert_eq!(came, self.events("delivered") + self.events("dropped") + waiting);
        assert_eq!(waiting, self.queue.stored() as f64);
    }

    /// The process is killed: another takes its place, on the same files.
    pub(super) fn killed(self) -> Self {
        rig(&self.memory, self.settings)
    }
}

//! The files of one spool, in the hands of the one who writes and reads them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use super::cursor;
use super::medium::{Handle, Medium};
use super::quarantine::Quarantine;
use super::record;
use super::recovery::{Recovered, recover};
use super::scan::{Damage, Found, Scan};
use super::segment::{self, START, Segment, Start};
use crate::batch::{Batch, Envelope, Signal};

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// A batch that is to be written.
pub(super) struct Entry<'a> {
    pub(super) source: &'a str,
    pub(super) batch: &'a Batch,
}

/// What was read.
pub(super) enum Read {
    /// A batch.
    Batch(Stored),
    /// A place that none can be read from.
    Damage(Damage),
    /// All that is durable was read.
    End,
}

/// A batch that is in the files.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) place: Place,
    pub(super) event: u64,
    /// When it was written: nanoseconds since the epoch.
    pub(super) written: u64,
    pub(super) batch: Batch,
}

/// See the module.
pub(super) struct Files {
    medium: Box<dyn Medium>,
    signal: Signal,
    segments: VecDeque<Segment>,
    /// The last of the segments, as long as it is written to.
    active: Option<Box<dyn Handle>>,
    /// Names have changed and are not synced yet.
    names_changed: bool,
    next_number: u64,
    reader: Option<(u64, Scan<Box<dyn Handle>>)>,
    place: Place,
    cursor: u64,
    envelope: Arc<Envelope>,
    quarantine: Quarantine,
}

impl Files {
    /// Opens what is there.
    pub(super) fn open(medium: Box<dyn Medium>, signal: Signal) -> io::Result<(Self, Recovered)> {
        let mut quarantine = Quarantine::new(&*medium);
        let mut found = recover(&*medium, &mut quarantine)?;
        let mut files = Self {
            medium,
            signal,
            segments: std::mem::take(&mut found.segments),
            active: None,
            names_changed: true,
            next_number: found.next_number,
            reader: None,
            place: Place { segment: 0, offset: 0 },
            cursor: found.position,
            envelope: Arc::default(),
            quarantine,
        };
        files.remove_delivered(found.end)?;
        // The segment in which the position is: the last that begins before it, or with it.
        let holds = files.segments.iter().rev().find(|segment| segment.first <= found.position);
        files.place.segment = holds.or(files.segments.front()).map_or(0, |segment| segment.number);
        Ok((files, found))
    }

    /// How much the segments hold.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// How long the segment is that is written to; 0 if none is.
    pub(super) fn active_len(&self) -> u64 {
        match (&self.active, self.segments.back()) {
            (Some(_), Some(segment)) => segment.len,
            _ => 0,
        }
    }

    /// Writes a group and syncs it; tells where each record and the one behind it stand. On an error none of
    /// them counts as written: the segment ends before the group.
    pub(super) fn append(
        &mut self,
        group: &[Entry<'_>],
        mut event: u64,
        written: u64,
    ) -> io::Result<Vec<(Place, Place)>> {
        if self.active.is_none() {
            self.begin_segment(event)?;
        }
        let mut fronts = Vec::new();
        let mut ends = Vec::with_capacity(group.len());
        for entry in group {
            record::put_front(&mut fronts, entry.source, entry.batch, event, written);
            ends.push(fronts.len());
            event += u64::from(entry.batch.count);
        }
        let mut slices = Vec::with_capacity(2 * group.len());
        let mut places = Vec::with_capacity(group.len());
        let segment = self.segments.back_mut().expect("the active segment is the last one");
        let (mut from, mut offset) = (0, segment.len);
        for (entry, end) in group.iter().zip(ends) {
            slices.extend([IoSlice::new(&fronts[from..end]), IoSlice::new(&entry.batch.records)]);
            let here = Place { segment: segment.number, offset };
            offset += (end - from + entry.batch.records.len()) as u64;
            places.push((here, Place { offset, ..here }));
            from = end;
        }
        let handle = self.active.as_mut().expect("it was begun above");
        let mut done = handle.append(&mut slices).and_then(|()| handle.sync());
        if done.is_ok() && self.names_changed {
            done = self.medium.sync_names();
        }
        if let Err(error) = done {
            self.abandon();
            return Err(error);
        }
        self.names_changed = false;
        segment.len = offset;
        Ok(places)
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        let number = self.next_number;
        self.next_number += 1;
        let name = segment::name(number);
        let mut handle = self.medium.create(&name)?;
        if let Err(error) = handle.append(&mut [IoSlice::new(&segment::start())]) {
            let _ = self.medium.remove(&name);
            return Err(error);
        }
        self.names_changed = true;
        self.active = Some(handle);
        self.segments.push_back(Segment { number, first, len: START as u64 });
        Ok(())
    }

    /// After a failed write or sync nothing is written to the segment any more: what the kernel has of it is
    /// not known. It ends where it was last durable.
    fn abandon(&mut self) {
        self.active = None;
        let Some(segment) = self.segments.back() else { return };
        let name = segment::name(segment.number);
        if segment.len > START as u64 {
            // If it cannot be cut, readers stop there as well, and after a crash skip what they have had.
            let _ = self.medium.truncate(&name, segment.len);
        } else {
            let _ = self.medium.remove(&name);
            self.segments.pop_back();
        }
    }

    /// Nothing more is written to the segment that is written to.
    pub(super) fn seal(&mut self) {
        self.active = None;
    }

    /// Reads on.
    pub(super) fn read(&mut self) -> io::Result<Read> {
        loop {
            let place = self.place;
            let Some(at) = self.segments.iter().position(|segment| segment.number >= place.segment) else {
                return Ok(Read::End);
            };
            let Segment { number, len, .. } = self.segments[at];
            if number != place.segment || self.reader.as_ref().is_none_or(|(open, _)| *open != number) {
                let offset = if number == place.segment { place.offset } else { 0 };
                self.open_reader(number, offset, len)?;
            }
            let Some((_, scan)) = &mut self.reader else { return Ok(Read::End) };
            scan.extend(len);
            match scan.next()? {
                Found::End => match self.segments.get(at + 1) {
                    Some(next) => self.place = Place { segment: next.number, offset: 0 },
                    None => return Ok(Read::End),
                },
                Found::Damage(damage) => {
                    self.place.offset = damage.to;
                    if !damage.torn {
                        let file = self.medium.open(&segment::name(number))?;
                        self.quarantine.take_bytes(&*self.medium, &file, number, damage);
                    }
                    return Ok(Read::Damage(damage));
                }
                Found::Record { offset, head, body } => {
                    self.envelope = record::envelope(&body, &self.envelope);
                    let batch = Batch {
                        signal: self.signal,
                        envelope: Arc::clone(&self.envelope),
                        records: Bytes::copy_from_slice(body.records),
                        count: head.count,
                    };
                    let place = Place { segment: number, offset };
                    self.place.offset = offset + head.record_len();
                    return Ok(Read::Batch(Stored {
                        place,
                        event: head.event,
                        written: head.written,
                        batch,
                    }));
                }
            }
        }
    }

    fn open_reader(&mut self, number: u64, offset: u64, len: u64) -> io::Result<()> {
        let file = self.medium.open(&segment::name(number))?;
        let mut offset = offset;
        if offset == 0 {
            let mut start = [0; START];
            let read = file.read_at(&mut start, 0)?;
            offset = Start::of(&start[..read]).records_at();
        }
        self.place = Place { segment: number, offset };
        self.reader = Some((number, Scan::new(file, offset, len)));
        Ok(())
    }

    /// The next record that is read is the one at `place`.
    pub(super) fn go_to(&mut self, place: Place) {
        self.place = place;
        if self
            .reader
            .as_ref()
            .is_none_or(|(open, scan)| *open != place.segment || scan.position() != place.offset)
        {
            self.reader = None;
        }
    }

    /// Passes what is left of the segment that cannot be read, and sets it aside.
    pub(super) fn give_up_segment(&mut self) {
        let number = self.place.segment;
        let Some(at) = self.segments.iter().position(|segment| segment.number == number) else { return };
        if at + 1 == self.segments.len() {
            self.seal();
        }
        self.reader = None;
        self.segments.remove(at);
        self.place = Place { segment: number + 1, offset: 0 };
        let _ = self.quarantine.take_file(&*self.medium, &segment::name(number));
    }

    /// The number of the event behind the oldest segment, if there is one; `end` is that behind all.
    pub(super) fn end_of_oldest(&self, end: u64) -> Option<u64> {
        self.segments.front()?;
        Some(self.segments.get(1).map_or(end, |next| next.first))
    }

    /// Removes the oldest segment, whatever became of its events.
    pub(super) fn remove_oldest(&mut self) -> io::Result<()> {
        if let Some(oldest) = self.segments.pop_front() {
            if self.segments.is_empty() {
                self.active = None;
            }
            if self.place.segment <= oldest.number {
                self.reader = None;
                self.place = Place { segment: oldest.number + 1, offset: 0 };
            }
            self.names_changed = true;
            self.medium.remove(&segment::name(oldest.number))?;
        }
        Ok(())
    }

    /// Up to where the saved cursor has come.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Saves the cursor.
    pub(super) fn save_cursor(&mut self, position: u64) -> io::Result<()> {
        cursor::save(&*self.medium, position)?;
        self.cursor = position;
        self.names_changed = false;
        Ok(())
    }

    /// Removes what lies before `cursor` though it could not be saved, to make room for it; whether anything
    /// went. After a crash at this moment what was delivered passes for lost, and nothing else.
    pub(super) fn forget_delivered(&mut self, cursor: u64, end: u64) -> bool {
        let before = (self.segments.len(), self.cursor);
        self.cursor = cursor;
        let removed = self.remove_delivered(end);
        self.cursor = before.1;
        removed.is_ok() && self.segments.len() < before.0
    }

    /// Removes the segments that lie before the saved cursor; `end` is the number behind all events. The one
    /// that is written to stays.
    pub(super) fn remove_delivered(&mut self, end: u64) -> io::Result<()> {
        let cursor = self.cursor;
        while self.end_of_oldest(end).is_some_and(|oldest| oldest <= cursor)
            && !(self.segments.len() == 1 && self.active.is_some())
        {
            self.remove_oldest()?;
        }
        Ok(())
    }
}

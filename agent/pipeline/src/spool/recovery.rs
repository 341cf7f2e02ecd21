//! What a directory holds when a spool is opened. Nothing in it keeps the spool from opening: what cannot
//! be read is set aside, and counted.
//!
//! The first record of each segment says where the segment stands in the row of events. Only the newest
//! segment is read to its end, for its last record says where the row ends; behind that may stand what a
//! crash left of a write that nobody was told of, and that is cut off.

use std::collections::VecDeque;
use std::io;

use super::cursor;
use super::medium::{LOCK, Medium, QUARANTINE};
use super::quarantine::Quarantine;
use super::record::Head;
use super::scan::{Damage, Found, ReadAt, Scan};
use super::segment::{self, START, Segment, Start};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// In the order of their numbers, and of their events.
    pub(super) segments: VecDeque<Segment>,
    /// The number of the next segment.
    pub(super) next_number: u64,
    /// The next event to be delivered.
    pub(super) position: u64,
    /// That is not from a cursor: there is none.
    pub(super) is_guessed: bool,
    /// The number of the event behind the last one.
    pub(super) end: u64,
    /// How much could not be read: whole segments, and files of the cursor.
    pub(super) damaged: u64,
    /// Whether the newest segment ended in a write that was never acknowledged.
    pub(super) torn: bool,
    /// Files that are none of ours: they are left alone.
    pub(super) strangers: Vec<String>,
    /// Segments of another version of vigie: they are set aside.
    pub(super) foreign: u64,
}

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) start: Start,
    /// The head of the first record that is whole.
    pub(super) first: Option<Head>,
    /// The number behind its last event, whole or not, if it was read to its end.
    pub(super) end: Option<u64>,
    /// What of its end is no record, if it was read to its end.
    pub(super) tail: Option<Damage>,
}

/// Reads a segment up to its first record, or to its end.
pub(super) fn survey(file: impl ReadAt, len: u64, to_its_end: bool) -> io::Result<Survey> {
    let mut bytes = [0; START];
    let read = file.read_at(&mut bytes, 0)?;
    let start = Start::of(&bytes[..read]);
    let mut survey = Survey { start, first: None, end: None, tail: None };
    if matches!(start, Start::Foreign(_)) {
        return Ok(survey);
    }
    let mut scan = Scan::new(file, start.records_at(), len);
    loop {
        match scan.next()? {
            Found::End => return Ok(survey),
            Found::Damage(damage) => {
                survey.end = survey.end.max(damage.end);
                survey.tail = Some(damage);
            }
            Found::Record { head, .. } => {
                survey.first.get_or_insert(head);
                survey.end = Some(head.end());
                survey.tail = None;
                if !to_its_end {
                    return Ok(survey);
                }
            }
        }
    }
}

/// Reads the directory and tidies it up.
pub(super) fn recover(medium: &dyn Medium, quarantine: &mut Quarantine) -> io::Result<Recovered> {
    let mut found = Recovered::default();
    let mut numbers = Vec::new();
    for name in medium.names(false)? {
        match segment::number(&name) {
            Some(number) => numbers.push(number),
            None if name == LOCK || cursor::NAMES.contains(&name.as_str()) => {}
            None => found.strangers.push(name),
        }
    }
    numbers.sort_unstable();
    found.next_number = numbers.last().map_or(1, |last| last.saturating_add(1));
    let saved = cursor::load(|name| beginning(medium, name))?;
    found.damaged += saved.damaged as u64;
    for number in numbers {
        if let Some(segment) = take(medium, quarantine, number, &mut found)? {
            found.segments.push_back(segment);
        }
    }
    find_the_end(medium, quarantine, &mut found)?;
    let first = found.segments.front().map(|segment| segment.first);
    found.is_guessed = saved.position.is_none();
    found.position = saved.position.or(first).unwrap_or(0);
    found.end = found.end.max(found.position);
    Ok(found)
}

/// What is read of a file of the cursor: longer than any that is whole.
fn beginning(medium: &dyn Medium, name: &str) -> io::Result<Option<Vec<u8>>> {
    let file = match medium.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = vec![0; 256];
    let read = file.read_at(&mut text, 0)?;
    text.truncate(read);
    Ok(Some(text))
}

/// The segment of this number, if there is a record in it.
fn take(
    medium: &dyn Medium,
    quarantine: &mut Quarantine,
    number: u64,
    found: &mut Recovered,
) -> io::Result<Option<Segment>> {
    let name = segment::name(number);
    let file = medium.open(&name)?;
    let len = file.len()?;
    let survey = survey(file, len, false)?;
    match (survey.start, survey.first) {
        (Start::Foreign(_), _) => {
            medium.rename(&name, &format!("{QUARANTINE}/{name}"))?;
            found.foreign += 1;
        }
        (_, Some(head)) => return Ok(Some(Segment { number, first: head.event, len })),
        // Made, and then a crash came.
        (_, None)
            if len <= START as u64
                || survey.tail.is_some_and(|tail| tail.torn && tail.from <= START as u64) =>
        {
            found.torn |= len > START as u64;
            medium.remove(&name)?;
        }
        (_, None) => {
            quarantine.take_file(medium, &name)?;
            found.damaged += 1;
        }
    }
    Ok(None)
}

/// Reads the newest segment to its end.
fn find_the_end(medium: &dyn Medium, quarantine: &mut Quarantine, found: &mut Recovered) -> io::Result<()> {
    let Some(newest) = found.segments.back_mut() else { return Ok(()) };
    let name = segment::name(newest.number);
    let file = medium.open(&name)?;
    let survey = survey(&file, newest.len, true)?;
    found.end = survey.end.unwrap_or(newest.first);
    match survey.tail {
        Some(tail) if tail.torn => {
            newest.len = tail.from;
            found.torn = true;
            // If it cannot be cut now, it is passed where it is read.
            let _ = medium.truncate(&name, tail.from);
        }
        // Nothing behind it will tell that something is missing.
        Some(tail) if tail.end.is_none() => {
            newest.len = tail.from;
            found.damaged += 1;
            quarantine.take_bytes(medium, &file, newest.number, tail);
        }
        _ => {}
    }
    Ok(())
}

//! From lines to encoded records.

mod lines;

use std::sync::Arc;
use std::time::Instant;

use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::ledger::Counts;
use vigie_pipeline::otlp::attributes::{field::LOG, put_bool, put_str};
use vigie_pipeline::otlp::wire::{len_field_len, put_fixed64, put_varint};
use vigie_pipeline::plug::Error;

use super::config::Config;
use super::exceptions::Groups;
use super::handover::Handover;
use super::identity::FileId;
use super::join::{Assembly, Join, Origin};
use super::journal::Note;
use super::meters::Meters;
use super::parse::auto::Choice;
use super::records::Records;
use super::series::Series;
use super::stages::{Fate, Stages, Text};
use super::transforms::{Ending, Reading, mixed};

/// What is special about a record, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// All of it is there.
    Whole,
    /// What should end it never came. The record has `vigie.line.partial`.
    Partial,
    /// Longer than `max_line`: its beginning. The record has `vigie.line.truncated`.
    Truncated,
}

/// Encodes the lines of a source. Reused for all of its files.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    stages: Stages,
    /// There is nothing to be done by the stages: a line is a body.
    plain: bool,
    /// The configured attributes, encoded.
    constants: Vec<u8>,
    /// Attributes and observed time of the file at hand, as they end each of its records.
    ending: Vec<u8>,
    /// When the file at hand is read: nanoseconds since the epoch.
    observed: u64,
    /// The longest line of a file that is kept whole, in bytes.
    longest: usize,
    /// How lines become records, if not each for itself. Away while it is at work.
    join: Option<Box<Join>>,
    /// The time of this turn, for what waits.
    now: Instant,
    /// A number of the file at hand.
    file: u64,
    /// The position of the record at hand.
    at: u64,
    meters: Meters,
    counts: Option<Arc<Counts>>,
    tally: Tally,
    /// Bytes of holes before lines since these were last counted as read.
    zeros: usize,
    /// What became of each text, where somebody asks for it.
    journal: Option<Vec<Note>>,
}

/// What was counted since the last [`Recorder::flush`]: counters are shared between threads, and lines are many.
#[derive(Debug, Clone, Default)]
struct Tally {
    lines: u64,
    /// Records that were filtered, by reason.
    filtered: Vec<(&'static str, u64)>,
}

impl Tally {
    fn filtered(&mut self, reason: &'static str) {
        match self.filtered.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.filtered.push((reason, 1)),
        }
    }
}

impl Recorder {
    pub(crate) fn new(config: &Config, meters: Meters) -> Result<Self, Error> {
        let stages = Stages::new(config)?;
        stages.show_in(&meters);
        let mut constants = Vec::new();
        for (key, value) in &config.attributes {
            put_str(&mut constants, LOG, key, value);
        }
        let join = Join::new(config)?.map(Box::new);
        Ok(Self {
            plain: stages.is_plain(),
            stages,
            constants,
            ending: Vec::new(),
            observed: 0,
            longest: join.as_ref().map_or(config.max_line.bytes(), |join| join.longest()),
            join,
            now: Instant::now(),
            file: 0,
            at: 0,
            meters,
            counts: None,
            tally: Tally::default(),
            zeros: 0,
            journal: None,
        })
    }

    /// From now on notes what becomes of each text, with its records: they go nowhere else.
    pub(crate) fn keep_journal(&mut self) {
        self.journal = Some(Vec::new());
        // All go one way.
        self.plain = false;
    }

    /// The notes since the last time.
    pub(crate) fn take_journal(&mut self) -> Vec<Note> {
        self.journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The same for lines that are read again: they are counted in `meters`, and not in the ledger.
    pub(crate) fn again(&self, meters: Meters) -> Self {
        Self { meters, counts: None, tally: Tally::default(), stages: self.stages.again(), ..self.clone() }
    }

    /// What comes next does not follow what came last: transforms begin anew.
    pub(crate) fn forget(&mut self) {
        self.stages.forget();
    }

    /// The same with metrics.
    pub(crate) fn counting(mut self, config: &Config, instruments: &Instruments) -> Result<Self, Error> {
        self.stages = self.stages.counting(config, instruments)?;
        self.plain = self.stages.is_plain();
        Ok(self)
    }

    /// What it has counted. It counts no more.
    pub(crate) fn hand_over(&mut self) -> Handover {
        self.stages.hand_over()
    }

    /// Goes on with what another one has counted.
    pub(crate) fn take_over(&mut self, before: Handover) {
        self.stages.take_over(before);
    }

    /// What `auto` takes the lines for.
    pub(crate) fn choice(&self) -> Option<Choice> {
        self.stages.choice()
    }

    /// Whether spans are made.
    pub(crate) fn makes_spans(&self) -> bool {
        self.stages.makes_spans()
    }

    /// The metrics.
    pub(crate) fn series(&mut self) -> Option<&mut Series> {
        self.stages.series()
    }

    /// The longest line of a file that is kept whole, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// A turn begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.now = now;
    }

    /// Whether lines may have to wait for what follows them.
    pub(crate) fn joins(&self) -> bool {
        self.join.is_some()
    }

    /// When something in `assembly` has waited long enough.
    pub(crate) fn due(&self, assembly: &Assembly) -> Option<Instant> {
        self.join.as_ref()?.due(assembly)
    }

    /// Where filtered lines are counted.
    pub(crate) fn count_in(&mut self, counts: Arc<Counts>) {
        self.counts = Some(counts);
    }

    /// From now on a choice of `parse: auto` is kept in the state directory.
    pub(crate) fn remember_in(&mut self, state_dir: &std::path::Path, source: &str) {
        self.stages.remember_in(state_dir, source);
    }

    /// Where exceptions are counted, if they are looked for.
    pub(crate) fn count_exceptions_in(&mut self, groups: impl FnOnce() -> Arc<Groups>) {
        self.stages.count_in(groups);
    }

    /// Where exceptions are counted.
    pub(crate) fn groups(&self) -> Option<&Arc<Groups>> {
        self.stages.groups()
    }

    /// The configured attributes with those of the file at `path`, if there is one, encoded.
    pub(crate) fn attributes_of(&self, path: Option<&std::path::Path>) -> Vec<u8> {
        let mut attributes = self.constants.clone();
        let Some(path) = path else { return attributes };
        put_str(&mut attributes, LOG, "log.file.path", &path.to_string_lossy());
        if let Some(name) = path.file_name() {
            put_str(&mut attributes, LOG, "log.file.name", &name.to_string_lossy());
        }
        attributes
    }

    /// From now on lines are of the file with these attributes, read at `observed`.
    pub(crate) fn turn_to(&mut self, file: FileId, attributes: &[u8], observed: u64) {
        self.file = mixed(file.device ^ mixed(file.inode));
        self.ending.clear();
        self.ending.extend_from_slice(attributes);
        put_fixed64(&mut self.ending, 11, observed);
        self.observed = observed;
    }

    fn line(&mut self, line: &str, shape: Shape, out: &mut Records) {
        self.tally.lines += 1;
        if shape == Shape::Whole && self.plain && !line.is_empty() {
            out.count += 1;
            return put_plain(&mut out.bytes, line, &self.ending);
        }
        self.record(line, shape, Origin::default(), out);
    }

    fn record(&mut self, text: &str, shape: Shape, origin: Origin, out: &mut Records) {
        if text.is_empty() {
            self.tally.filtered("empty");
            return;
        }
        let before = self.ending.len();
        if let Some(stream) = origin.stream {
            put_str(&mut self.ending, LOG, "log.iostream", stream.as_str());
        }
        let mark = match shape {
            Shape::Whole => None,
            Shape::Partial => Some((&self.meters.partial_lines, "vigie.line.partial")),
            Shape::Truncated => Some((&self.meters.truncated_lines, "vigie.line.truncated")),
        };
        if let Some((counter, key)) = mark {
            counter.inc();
            put_bool(&mut self.ending, LOG, key, true);
        }
        if self.plain && origin.time == 0 && !self.stages.may_have_thrown(text) {
            out.count += 1;
            put_plain(&mut out.bytes, text, &self.ending);
        } else {
            let reading = Reading { now: self.now, observed: self.observed, place: self.file ^ self.at };
            let line = Text { line: text, time: origin.time, ending: &self.ending, reading };
            let mut own = self.journal.is_some().then(Records::default);
            let fate = self.stages.run(line, &self.meters, own.as_mut().unwrap_or(out));
            if let Fate::Filtered(reason) = fate {
                self.tally.filtered(reason);
            }
            if let (Some(journal), Some(records)) = (&mut self.journal, own) {
                journal.push(Note::new(text, fate, records, &self.stages));
            }
        }
        self.ending.truncate(before);
    }

    /// When a transform has something to tell that no line brings about.
    pub(crate) fn tells_at(&self) -> Option<Instant> {
        self.stages.tells_at()
    }

    /// Encodes what transforms have to tell that no line brings about.
    pub(crate) fn tell(&mut self, which: Ending, now: Instant, observed: u64, out: &mut Records) {
        self.stages.tell(which, Reading { now, observed, place: 0 }, out);
    }

    /// Adds what was counted to the instruments and the ledger.
    pub(crate) fn flush(&mut self) {
        self.meters.lines.inc_by(std::mem::take(&mut self.tally.lines));
        self.stages.flush(&self.meters);
        for (reason, count) in self.tally.filtered.drain(..) {
            if let Some(counts) = &self.counts {
                counts.filtered(count, reason);
            }
        }
    }
}

/// A record with nothing but a body and what ends it: the fields 6 and 11 of `LogRecord`.
fn put_plain(out: &mut Vec<u8>, line: &str, ending: &[u8]) {
    let text = len_field_len(line.len());
    let body = len_field_len(text);
    out.push(2 << 3 | 2);
    put_varint(out, (body + ending.len()) as u64);
    out.push(5 << 3 | 2);
    put_varint(out, text as u64);
    out.push(1 << 3 | 2);
    put_varint(out, line.len() as u64);
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(ending);
}

//! A source without files: lines in, and what became of each of them. `vigie explain` and `vigie test` ask.
//!
//! The lines go the way that they go in the agent, through the same [`Recorder`]. Nothing is kept between two runs,
//! nothing is sent and nothing is written.

mod series;

use std::path::Path;

use vigie_pipeline::clock::Clock;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::Error;

use super::config::Config;
use super::exceptions::Groups;
use super::fields::Reason;
use super::identity::FileId;
use super::join::{Assembly, Flush};
use super::journal::Note;
use super::meters::Meters;
use super::parse::auto::Choice;
use super::parse::format::LineFormat;
use super::record::Recorder;
use super::records::Records;
use super::redaction::{Redactor, redact};
use super::spans::Lacking;
use super::stages::Fate;
use super::transforms::Ending;
pub use series::Moved;
use series::Series;

/// Where lines are of no file.
const NO_FILE: FileId = FileId { device: 0, inode: 0 };

/// See the module.
#[derive(Debug)]
pub struct Workbench {
    recorder: Recorder,
    /// The rules of the source, for what is shown of texts: it counts for nobody.
    redactor: Option<Redactor>,
    assembly: Assembly,
    instruments: Instruments,
    /// The names of the formats that are tried.
    formats: Vec<&'static str>,
    /// The series as they were at last.
    series: Series,
    clock: Clock,
    /// The position of the next line.
    at: u64,
}

/// What became of some lines.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// In the order in which they were done with.
    pub texts: Vec<Told>,
    /// What transforms have told of several texts.
    pub besides: Vec<Sent>,
    /// The series that have changed.
    pub series: Vec<Moved>,
}

/// What became of a text: a line, or the lines of an event.
#[derive(Debug, Clone)]
pub struct Told {
    /// The text, without what the rules of the source find and without what looks like a secret.
    pub text: String,
    /// The format that understood it, by its name in the configuration; `None` if none did.
    pub format: Option<&'static str>,
    /// Whether `auto` took it for that format, or for none.
    pub by_auto: bool,
    /// Those that were tried before in vain, with the reason.
    pub refused: Vec<(&'static str, &'static str)>,
    /// What was not understood of it.
    pub faults: Vec<&'static str>,
    /// The reason, in the ledger, for which it was filtered; `None` if it is sent.
    pub filtered: Option<&'static str>,
    /// The number of the transform that filtered it, if one did.
    pub transform: Option<usize>,
    /// Its record, and others where there is something to be told besides.
    pub sent: Vec<Sent>,
    /// The spans that it made, each with tag and length as in a request.
    pub spans: Vec<u8>,
    /// Why it made none, where spans are made: `no_trace`.
    pub no_span: Option<&'static str>,
}

/// Records on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Each with tag and length as in a request.
    pub encoded: Vec<u8>,
    /// The names of the exporters that they are for; `None` for all.
    pub to: Option<Vec<String>>,
}

impl Sent {
    fn of(records: Records) -> Vec<Self> {
        let for_all = Self { encoded: records.bytes, to: None };
        let routed = records.routed.into_iter().map(|routed| Self {
            encoded: routed.bytes,
            to: Some(routed.to.iter().map(|name| name.to_string()).collect()),
        });
        std::iter::once(for_all).chain(routed).filter(|sent| !sent.encoded.is_empty()).collect()
    }
}

impl Workbench {
    /// A source of this configuration, which is free of mistakes.
    ///
    /// # Errors
    /// What the agent would not start with.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Error> {
        let instruments = Instruments::default();
        let mut recorder =
            Recorder::new(config, Meters::new(&instruments, &config.name))?.counting(config, &instruments)?;
        recorder.keep_journal();
        let most = config.exceptions.max_groups;
        recorder.count_exceptions_in(|| Groups::passing(&config.name, most, &instruments));
        let formats = config.parse.content().map(|format| format.name()).collect();
        let mut bench = Self {
            recorder,
            redactor: Redactor::new(&config.redact, config.redact_key.reveal())?,
            assembly: Assembly::default(),
            instruments,
            formats,
            series: Series::default(),
            clock,
            at: 0,
        };
        bench.series = Series::of(&bench.page());
        Ok(bench)
    }

    /// Takes lines, each with its newline; of the file at `path`, if they are of one. An event may be incomplete: it
    /// is told by one of the next calls.
    pub fn feed(&mut self, lines: &[u8], path: Option<&Path>) -> Outcome {
        let mut out = Records::default();
        self.begin(path);
        let mut rest = lines;
        while !rest.is_empty() {
            let used = self.recorder.lines(rest, self.at, &mut self.assembly, &mut out, usize::MAX);
            if used == 0 {
                // Without its newline a line is not complete, also for the agent.
                break;
            }
            rest = &rest[used..];
            self.at += used as u64;
        }
        self.told(out)
    }

    /// Nothing follows: what waits is complete.
    pub fn finish(&mut self, path: Option<&Path>) -> Outcome {
        let mut out = Records::default();
        self.begin(path);
        self.recorder.flush_waiting(&mut self.assembly, Flush::End, &mut out);
        self.recorder.tell(Ending::All, self.clock.monotonic(), self.clock.unix_nanos(), &mut out);
        self.told(out)
    }

    /// What `auto` has taken the lines for up to now, where it is asked and has seen some.
    #[must_use]
    pub fn choice(&self) -> Option<Choice> {
        self.recorder.choice()
    }

    /// All series as they are.
    #[must_use]
    pub fn series(&mut self) -> Vec<Moved> {
        Series::of(&self.page()).since(&Series::default())
    }

    fn page(&mut self) -> Page {
        let mut page = Page::default();
        self.instruments.write(&mut page);
        if let Some(series) = self.recorder.series() {
            series.write(&mut page, self.clock.monotonic());
        }
        if let Some(groups) = self.recorder.groups() {
            groups.write(&mut page);
        }
        page
    }

    fn begin(&mut self, path: Option<&Path>) {
        let attributes = self.recorder.attributes_of(path);
        self.recorder.begin(self.clock.monotonic());
        self.recorder.turn_to(NO_FILE, &attributes, self.clock.unix_nanos());
    }

    fn told(&mut self, out: Records) -> Outcome {
        self.recorder.flush();
        let notes = self.recorder.take_journal();
        let texts = notes.into_iter().map(|note| self.tell(note)).collect();
        let series = Series::of(&self.page());
        let moved = series.since(&self.series);
        self.series = series;
        Outcome { texts, besides: Sent::of(out), series: moved }
    }

    fn tell(&mut self, note: Note) -> Told {
        let mut own = String::new();
        let is_found = self.redactor.as_mut().is_some_and(|redactor| redactor.text(&note.text, &mut own));
        let text = redact(if is_found { &own } else { &note.text });
        let refused = note.refused.iter().map(|reason| reason.as_str());
        let tried = self.formats.get(note.refused.len()).copied();
        let by_auto = tried == Some(LineFormat::Auto.name());
        let mut records = note.records;
        Told {
            text,
            format: if by_auto { note.detected } else { tried },
            by_auto,
            refused: self.formats.iter().copied().zip(refused).collect(),
            faults: note.faults.iter().map(|reason: &Reason| reason.as_str()).collect(),
            filtered: match note.fate {
                Fate::Sent => None,
                Fate::Filtered(reason) => Some(reason),
            },
            transform: note.transform,
            spans: std::mem::take(&mut records.spans.bytes),
            no_span: note.lacking.map(Lacking::as_str),
            sent: Sent::of(records),
        }
    }
}

#[cfg(test)]
mod tests;

//! The way from the bytes of files to encoded records, as fuzzers call it (`tests/fuzz`).

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use vigie_pipeline::instruments::Instruments;

use super::config::Config;
use super::file::{Followed, Progress};
use super::identity::{FileId, Mark};
use super::join::{Assembly, Flush};
use super::meters::Meters;
use super::record::Recorder;
use super::records::Records;
use super::timestamp::{Format, Observer, Zone};

/// Shared: to register them takes longer than to read a line.
static METERS: LazyLock<Meters> = LazyLock::new(|| Meters::new(&Instruments::default(), "fuzz"));

fn recorder(config: &Config) -> Recorder {
    Recorder::new(config, METERS.clone()).expect("the fuzzer's expressions are valid")
}

/// Whether lines can be understood as the configuration says: what the user wrote in a language of its own is right.
pub fn is_understood(config: &Config) -> bool {
    Recorder::new(config, METERS.clone()).is_ok()
}

/// The records that lines make, as the fields of an encoded `ScopeLogs`. Each piece is whole lines, each with its
/// newline: what one read found.
pub fn records<'l>(config: &Config, pieces: impl IntoIterator<Item = &'l [u8]>) -> Vec<u8> {
    encoded(config, pieces).bytes
}

/// The same with those that are not for all destinations, and for which they are.
pub fn routed<'l>(
    config: &Config,
    pieces: impl IntoIterator<Item = &'l [u8]>,
) -> Vec<(Option<Vec<String>>, Vec<u8>)> {
    let records = encoded(config, pieces);
    let names = |to: &[std::sync::Arc<str>]| Some(to.iter().map(|name| name.to_string()).collect());
    let routed = records.routed.into_iter().map(|routed| (names(&routed.to), routed.bytes));
    routed.chain([(None, records.bytes)]).collect()
}

fn encoded<'l>(config: &Config, pieces: impl IntoIterator<Item = &'l [u8]>) -> Records {
    let mut recorder = recorder(config);
    let (mut assembly, mut out) = (Assembly::default(), Records::default());
    recorder.turn_to(FileId { device: 0, inode: 0 }, &[], 0);
    let mut at = 0;
    for piece in pieces {
        let mut used = 0;
        while used < piece.len() {
            used += recorder.lines(&piece[used..], at + used as u64, &mut assembly, &mut out, usize::MAX);
        }
        at += piece.len() as u64;
    }
    recorder.flush_waiting(&mut assembly, Flush::End, &mut out);
    out
}

/// The time that `text` says, in a format and a zone of the configuration, read at `observed`.
///
/// # Panics
/// If there is no such format or zone.
pub fn time(format: &str, zone: &str, text: &str, observed: u64) -> Option<u64> {
    let zone = Zone::named(zone).expect("a zone");
    let format = Format::try_from(format.to_owned()).expect("a format");
    format.read(text, &Observer { zone, at: observed })
}

/// How much is read at a time: less than the longest line, as ever, and little, so that few bytes are many chunks.
const CHUNK: usize = 96;

/// How much is encoded in one turn.
const TURN: usize = 1024;

/// A file that is read while it grows.
pub struct Reader {
    file: Followed,
    recorder: Recorder,
}

impl Reader {
    /// # Errors
    /// If the file cannot be opened or read.
    pub fn new(config: &Config, path: &Path) -> io::Result<Self> {
        Ok(Self { file: open(path)?, recorder: recorder(config) })
    }

    /// The records that are complete by what was appended.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        self.recorder.begin(Instant::now());
        loop {
            let mut out = Records::default();
            let Self { file, recorder } = self;
            let progress = file.read(&mut [0; CHUNK], recorder, &mut out, TURN, &METERS, 0)?;
            read.extend(out.bytes);
            if progress == Progress::Drained {
                return Ok(read);
            }
        }
    }

    /// The file was read to its end and has another name now: goes on with the one that took its place. The record
    /// that is the rest of the old one, if there is a rest.
    ///
    /// # Errors
    /// If a file cannot be opened or read.
    pub fn rotated(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let mut before = std::mem::replace(&mut self.file, open(path)?);
        if self.recorder.joins() {
            self.file.inherit(&mut before);
        }
        rest(&mut before, &mut self.recorder)
    }

    /// Nobody writes any more: what is left.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn end(mut self) -> io::Result<Vec<u8>> {
        rest(&mut self.file, &mut self.recorder)
    }
}

fn open(path: &Path) -> io::Result<Followed> {
    let handle = File::open(path)?;
    let id = FileId::of(&handle.metadata()?);
    Followed::new(path.to_owned(), handle, id, Mark::START, Vec::new(), Instant::now())
}

fn rest(file: &mut Followed, recorder: &mut Recorder) -> io::Result<Vec<u8>> {
    let mut out = Records::default();
    file.read_rest(recorder, &mut out, 0)?;
    Ok(out.bytes)
}

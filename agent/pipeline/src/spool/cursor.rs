//! The cursor: up to which event everything is delivered, or dropped and counted. One line, so that a person
//! can read it:
//!
//! ```text
//! vigie spool cursor 1 1048576 8d1f00aa
//! ```
//!
//! The last word is the CRC-32 of all before. The file is written aside, synced and renamed, and the one
//! before is kept; of the two the one that has come further counts, for a cursor never goes back.

use std::io::{self, IoSlice};

use super::medium::Medium;

const MAGIC: &str = "vigie spool cursor 1 ";
/// The newest cursor.
const CURRENT: &str = "cursor";
const OLD: &str = "cursor.old";
const NEW: &str = "cursor.new";

/// The files that tell where the cursor is.
pub(super) const KEPT: [&str; 2] = [CURRENT, OLD];

/// All file names of the cursor.
pub(super) const NAMES: [&str; 3] = [CURRENT, OLD, NEW];

/// The position that the text of a cursor says; `None` if it is damaged.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    let (said, crc) = text.rsplit_once(' ')?;
    let digits = said.strip_prefix(MAGIC)?;
    let whole = crc.len() == 8 && u32::from_str_radix(crc, 16) == Ok(crc32fast::hash(said.as_bytes()));
    if whole { digits.parse().ok() } else { None }
}

/// The text of a cursor.
pub(super) fn text(position: u64) -> String {
    let said = format!("{MAGIC}{position}");
    let crc = crc32fast::hash(said.as_bytes());
    format!("{said} {crc:08x}\n")
}

/// What the files of the cursor say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Saved {
    /// The position; `None` if there is none that can be read.
    pub(super) position: Option<u64>,
    /// How many of the files are damaged.
    pub(super) damaged: usize,
}

/// Reads the cursor; `read` gives the beginning of a file, `None` if it is not there.
pub(super) fn load(read: impl Fn(&str) -> io::Result<Option<Vec<u8>>>) -> io::Result<Saved> {
    let mut saved = Saved::default();
    for name in KEPT {
        match read(name)?.map(|text| parse(&text)) {
            None => {}
            Some(None) => saved.damaged += 1,
            Some(position) => saved.position = saved.position.max(position),
        }
    }
    Ok(saved)
}

/// Saves the cursor; when it returns, it is there to stay.
pub(super) fn save(medium: &dyn Medium, position: u64) -> io::Result<()> {
    remove_if_there(medium, NEW)?;
    let mut file = medium.create(NEW)?;
    file.append(&mut [IoSlice::new(text(position).as_bytes())])?;
    file.sync()?;
    match medium.rename(CURRENT, OLD) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    medium.rename(NEW, CURRENT)?;
    medium.sync_names()
}

fn remove_if_there(medium: &dyn Medium, name: &str) -> io::Result<()> {
    match medium.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

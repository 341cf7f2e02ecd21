//! A segment: a file of records, named by its number, behind sixteen bytes that say which version wrote it.
//!
//! ```text
//!  0  magic    8   vigieSPL
//!  8  version  4   1
//! 12  CRC      4   CRC-32 of the twelve bytes before
//! 16  records
//! ```
//!
//! A start that is damaged costs nothing, for every record is found by its own marker. A start that is whole
//! and says another version is the word of another vigie: such a file is set aside unread.

use super::record::u32_at;

/// Where the records begin.
pub(super) const START: usize = 16;

const MAGIC: [u8; 8] = *b"vigieSPL";
const VERSION: u32 = 1;
const EXTENSION: &str = ".segment";

/// A segment in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// What it is called.
    pub(super) number: u64,
    /// The number of its first event.
    pub(super) first: u64,
    /// How much of the file is durable.
    pub(super) len: u64,
}

/// The file name of the segment of this number.
pub(super) fn name(number: u64) -> String {
    format!("{number:020}{EXTENSION}")
}

/// The number of the segment of this file name, if it is one.
pub(super) fn number(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(EXTENSION)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The first bytes of a segment.
pub(super) fn start() -> [u8; START] {
    let mut bytes = [0; START];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// What the first bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// It is one of this version.
    Known,
    /// It was written by another version: this one.
    Foreign(u32),
    /// It is damaged: records are looked for from the first byte on.
    Damaged,
}

impl Start {
    /// Reads the first bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes.first_chunk::<START>() {
            Some(bytes) if bytes[..8] == MAGIC && u32_at(bytes, 12) == crc32fast::hash(&bytes[..12]) => {
                match u32_at(bytes, 8) {
                    VERSION => Self::Known,
                    other => Self::Foreign(other),
                }
            }
            _ => Self::Damaged,
        }
    }

    /// Where records are looked for.
    pub(super) fn records_at(self) -> u64 {
        if self == Self::Known { START as u64 } else { 0 }
    }
}

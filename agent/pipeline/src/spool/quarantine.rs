//! Where damaged bytes are put, for a person to look at. Bounded: past the bound they are only counted.

use std::io::{self, IoSlice};

use super::medium::{Medium, QUARANTINE};
use super::scan::{Damage, ReadAt};
use super::segment;

/// How many files it holds.
const MOST_FILES: usize = 64;
/// How much of a damaged place is kept.
const MOST_BYTES: u64 = 256 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Quarantine {
    files: usize,
}

impl Quarantine {
    /// That of a directory.
    pub(super) fn new(medium: &dyn Medium) -> Self {
        // What cannot be listed is taken to be full.
        Self { files: medium.names(true).map_or(MOST_FILES, |names| names.len()) }
    }

    /// Moves a whole file there; removes it when there is no room.
    pub(super) fn take_file(&mut self, medium: &dyn Medium, name: &str) -> io::Result<()> {
        if self.files >= MOST_FILES {
            return medium.remove(name);
        }
        self.files += 1;
        medium.rename(name, &format!("{QUARANTINE}/{name}"))
    }

    /// Copies a damaged place of a segment there; whether that succeeds changes nothing.
    pub(super) fn take_bytes(&mut self, medium: &dyn Medium, file: &dyn ReadAt, number: u64, damage: Damage) {
        if self.files >= MOST_FILES {
            return;
        }
        let copy = || -> io::Result<()> {
            let mut bytes = vec![0; (damage.to - damage.from).min(MOST_BYTES) as usize];
            let read = file.read_at(&mut bytes, damage.from)?;
            let name = format!("{QUARANTINE}/{}-{}", segment::name(number), damage.from);
            medium.create(&name)?.append(&mut [IoSlice::new(&bytes[..read])])
        };
        if copy().is_ok() {
            self.files += 1;
        }
    }
}

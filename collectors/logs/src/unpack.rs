//! Logs that their rotation has compressed.
//!
//! What is behind a position is unpacked into an unnamed file that is otherwise a hole, so that it is read, held and
//! let go like any deleted file, at the offsets of the original. Only what tells whether it is the original, its
//! first bytes and those before the position, is there besides.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;

use flate2::read::MultiGzDecoder;

use super::identity::{self, HEAD, TAIL};
use super::store::Entry;

/// How the formats begin that rotated logs are compressed to, and whether they can be unpacked: gzip, zstd, xz,
/// bzip2, lz4.
const FORMATS: [(&[u8], Option<Format>); 5] = [
    (b"\x1f\x8b", Some(Format::Gzip)),
    (b"\x28\xb5\x2f\xfd", Some(Format::Zstd)),
    (b"\xfd7zXZ\0", None),
    (b"BZh", None),
    (b"\x04\x22\x4d\x18", None),
];

/// So often it is looked whether there is still space, in bytes.
const LOOK_EVERY: u64 = 16 << 20;

/// The unpacked rest may not leave less than this part of its file system free: 1 in 10.
const LEAST_FREE: u64 = 10;

#[derive(Debug, Clone, Copy)]
enum Format {
    Gzip,
    Zstd,
}

/// What is to be known of a compressed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Identity,
    Rest,
}

/// What a compressed file has of a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It is another log.
    Other,
    /// All of it was read.
    Nothing,
    /// What is behind the position is in the file that was given.
    Unpacked,
}

/// Whether a file is compressed, by how it begins.
pub(crate) fn is_compressed(file: &File) -> io::Result<bool> {
    let start = identity::read(file, 0, 6)?;
    Ok(FORMATS.iter().any(|(magic, _)| start.starts_with(magic)))
}

/// Whether `packed` has all of the log that `entry` is about up to its position.
pub(crate) fn is_of(packed: &File, entry: &Entry, scratch: &File) -> io::Result<bool> {
    Ok(open(packed, entry, scratch, Wanted::Identity)? != Rest::Other)
}

/// Unpacks into `into` what `packed` has of the log that `entry` is about and is not read.
pub(crate) fn unpack(packed: &File, entry: &Entry, into: &File) -> io::Result<Rest> {
    open(packed, entry, into, Wanted::Rest)
}

fn open(packed: &File, entry: &Entry, into: &File, wanted: Wanted) -> io::Result<Rest> {
    let start = identity::read(packed, 0, 6)?;
    let format = FORMATS.iter().find(|(magic, _)| start.starts_with(magic)).and_then(|(_, format)| *format);
    let packed = BufReader::new(packed);
    match format {
        Some(Format::Gzip) => copy(MultiGzDecoder::new(packed), entry, into, wanted),
        Some(Format::Zstd) => copy(zstd::Decoder::with_buffer(packed)?, entry, into, wanted),
        None => Err(io::Error::new(ErrorKind::Unsupported, "neither gzip nor zstd")),
    }
}

fn copy(mut from: impl Read, entry: &Entry, into: &File, wanted: Wanted) -> io::Result<Rest> {
    let mut chunk = vec![0; 64 << 10];
    let (mut at, mut looked) = (0, 0);
    let (mut has_head, mut is_it) = (false, false);
    let needed = entry.mark.offset.saturating_sub(TAIL as u64);
    loop {
        let len = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = &chunk[..len];
        if at < HEAD as u64 {
            into.write_all_at(&bytes[..len.min(HEAD - at as usize)], at)?;
        }
        let before = needed.saturating_sub(at).min(len as u64);
        into.write_all_at(&bytes[before as usize..], at + before)?;
        at += len as u64;
        if !has_head && at >= u64::from(entry.head.len) {
            has_head = entry.head.is_at(into, 0)?;
            if !has_head {
                return Ok(Rest::Other);
            }
        }
        if !is_it && has_head && at >= entry.mark.offset {
            is_it = entry.mark.holds(into)?;
            if !is_it {
                return Ok(Rest::Other);
            }
            if wanted == Wanted::Identity {
                return Ok(Rest::Nothing);
            }
        }
        if at - looked >= LOOK_EVERY {
            looked = at;
            let space = rustix::fs::fstatvfs(into)?;
            if space.f_bavail.saturating_mul(LEAST_FREE) < space.f_blocks {
                return Err(io::Error::new(ErrorKind::StorageFull, "too little space to unpack it"));
            }
        }
    }
    Ok(match is_it {
        false => Rest::Other,
        true if at == entry.mark.offset => Rest::Nothing,
        true => Rest::Unpacked,
    })
}

#[cfg(test)]
mod tests;

//! Where spools are: `state_dir/spool/<exporter>/<signal>/`.
//!
//! An exporter may be called anything; its directory has a name of letters, digits, `_`, `-` and `.` alone,
//! and of no other exporter: every other byte is written as `%` and two hexadecimal digits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::batch::Signal;

/// Longer names than this end in their CRC-32 instead.
const LONGEST: usize = 150;

/// That of one exporter and signal.
pub(super) fn of(state_dir: &Path, exporter: &str, signal: Signal) -> PathBuf {
    root(state_dir).join(encode(exporter)).join(signal.as_str())
}

/// That of all of them.
pub(super) fn root(state_dir: &Path) -> PathBuf {
    state_dir.join("spool")
}

/// The directories in a directory; none if it is not there.
pub(super) fn children(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut children = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            children.push(path);
        }
    }
    Ok(children)
}

/// The exporter whose directory has this name; the name itself if that does not tell.
pub(super) fn decode(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped =
            tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|decoded| encode(decoded) == name).unwrap_or_else(|| name.to_owned())
}

fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => encoded.push_str("%2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    if encoded.len() > LONGEST {
        encoded.truncate(LONGEST);
        encoded.push_str(&format!("%{:08x}", crc32fast::hash(name.as_bytes())));
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_never_leads_out_of_its_directory() {
        assert_eq!(encode("default"), "default");
        assert_eq!(encode("../x"), "%2e.%2fx");
        assert_eq!(encode("%2e"), "%252e");
        assert_eq!(encode("é"), "%c3%a9");
    }

    proptest! {
        #[test]
        fn every_name_has_a_directory_of_its_own(a in "\\PC{1,12}", b in "\\PC{1,300}") {
            prop_assert_eq!(encode(&a) == encode(&b), a == b);
            prop_assert!(encode(&b).len() < 200);
            prop_assert_eq!(decode(&encode(&a)), a);
            prop_assert!(decode(&encode(&b)) == b || encode(&b).len() > LONGEST);
        }
    }
}

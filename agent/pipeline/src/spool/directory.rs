//! Where spools are: `state_dir/spool/<exporter>/<signal>/`.
//!
//! An exporter may be called anything; its directory has a name of letters, digits, `_`, `-` and `.` alone,
//! and of no other exporter: every other byte is written as `%` and two hexadecimal digits.

use std::path::{Path, PathBuf};

use crate::batch::Signal;

/// Longer names than this end in their CRC-32 instead.
const LONGEST: usize = 150;

/// That of one exporter and signal.
pub(super) fn of(state_dir: &Path, exporter: &str, signal: Signal) -> PathBuf {
    state_dir.join("spool").join(encode(exporter)).join(signal.as_str())
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
        }
    }
}

#![allow(clippy::unwrap_used)]

use std::io::{Seek, Write};

use proptest::prelude::*;

use super::*;
use crate::identity::{Mark, Print};

fn file_of(text: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file.rewind().unwrap();
    file
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn zstandard(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

/// Of the log `text`, read up to `offset`.
fn entry(text: &[u8], offset: usize) -> Entry {
    let mark = Mark::at(&file_of(text), offset as u64).unwrap();
    let head = Print::of(&text[..text.len().min(HEAD)]);
    Entry { path: "app.log".into(), head, mark, seen: 0, born: None }
}

fn unpacked(packed: &[u8], entry: &Entry) -> (io::Result<Rest>, File) {
    let into = file_of(b"");
    (unpack(&file_of(packed), entry, &into), into)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_behind_the_position_is_there_at_its_place(
        text in proptest::collection::vec(any::<u8>(), 1..150_000),
        part in 0.0..=1.0,
    ) {
        let offset = (text.len() as f64 * part) as usize;
        let entry = entry(&text, offset);
        for packed in [gzip(&text), zstandard(&text)] {
            let (rest, into) = unpacked(&packed, &entry);
            let all = text.len() as u64;
            prop_assert_eq!(rest.unwrap(), if offset == text.len() { Rest::Nothing } else { Rest::Unpacked });
            prop_assert_eq!(into.metadata().unwrap().len(), all);
            prop_assert!(entry.is_of(&into, all).unwrap());
            prop_assert_eq!(&identity::read(&into, offset as u64, text.len()).unwrap(), &text[offset..]);
        }
    }

    #[test]
    fn another_log_is_told_by_its_beginning_by_what_is_before_the_position_and_by_its_size(
        text in proptest::collection::vec(any::<u8>(), 2000..100_000),
    ) {
        let half = text.len() / 2;
        let entry = entry(&text, half);
        prop_assert!(is_of(&file_of(&gzip(&text)), &entry, &file_of(b"")).unwrap());
        for change in [0, half - 1] {
            let mut other = text.clone();
            other[change] ^= 1;
            prop_assert_eq!(unpacked(&gzip(&other), &entry).0.unwrap(), Rest::Other);
        }
        prop_assert_eq!(unpacked(&gzip(&text[..half - 1]), &entry).0.unwrap(), Rest::Other);
    }
}

#[test]
fn what_was_read_already_takes_no_space() {
    use std::os::unix::fs::MetadataExt;
    let text: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (rest, into) = unpacked(&gzip(&text), &entry(&text, text.len() - 1));
    assert_eq!(rest.unwrap(), Rest::Unpacked);
    assert!(into.metadata().unwrap().blocks() * 512 < 1 << 20);
}

#[test]
fn a_file_that_is_still_being_compressed_is_an_error_and_not_another_log() {
    let text = vec![b'x'; 100_000];
    for packed in [gzip(&text), zstandard(&text)] {
        assert!(unpacked(&packed[..packed.len() - 5], &entry(&text, 50_000)).0.is_err());
    }
}

#[test]
fn a_format_that_cannot_be_unpacked_is_an_error() {
    let packed = b"BZh91AY&SY";
    assert!(is_compressed(&file_of(packed)).unwrap());
    assert_eq!(unpacked(packed, &entry(b"text", 0)).0.unwrap_err().kind(), ErrorKind::Unsupported);
}

//! A device of a bcachefs file system.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::super::class::Texts;
use super::super::file::SmallFile;
use super::super::parse;
use super::size::size;

static INFO: Family = Family::gauge("node_bcachefs_device_info", "Device information.");
static IO_DONE: Family =
    Family::counter("node_bcachefs_device_io_done_bytes_total", "IO bytes by operation type and data type.");
static IO_ERRORS: Family =
    Family::counter("node_bcachefs_device_io_errors_total", "IO errors by error type.");

#[rustfmt::skip] // one line each, however long
static NUMBERS: [(&str, Family); 3] = [
    ("bucket_size", Family::gauge("node_bcachefs_device_bucket_size_bytes", "Bucket size in bytes.")),
    ("nbuckets", Family::gauge("node_bcachefs_device_buckets", "Total number of buckets.")),
    ("durability", Family::gauge("node_bcachefs_device_durability", "Device durability setting.")),
];

pub(super) struct Device {
    number: String,
    texts: Texts<2>,
    numbers: [SmallFile; 3],
    io_done: SmallFile,
    io_errors: SmallFile,
}

impl Device {
    pub(super) fn new(number: &str, dir: &Path) -> Self {
        Self {
            number: number.to_owned(),
            texts: Texts::new(dir, ["label", "state"]),
            numbers: NUMBERS.each_ref().map(|(file, _)| SmallFile::new(dir.join(file))),
            io_done: SmallFile::new(dir.join("io_done")),
            io_errors: SmallFile::new(dir.join("io_errors")),
        }
    }

    pub(super) fn is(&self, number: &str) -> bool {
        self.number == number
    }

    pub(super) fn write(&mut self, page: &mut Page, uuid: &str, buffer: &mut Vec<u8>) {
        let device = self.number.as_str();
        let [label, state] = self.texts.read_or_empty(buffer);
        let labels =
            page.full_labels(&[("device", device), ("label", &label), ("state", &state), ("uuid", uuid)]);
        page.set(&INFO, labels, 1.0);
        let labels = page.labels(&[("device", device), ("uuid", uuid)]);
        for ((_, family), file) in NUMBERS.iter().zip(&mut self.numbers) {
            if let Some(number) = file.read(buffer).ok().and_then(size) {
                page.set(family, labels, number);
            }
        }
        for (operation, kind, bytes) in io_done(self.io_done.read(buffer).unwrap_or_default()) {
            let labels = page.labels(&[
                ("data_type", &parse::label(kind)),
                ("device", device),
                ("operation", operation),
                ("uuid", uuid),
            ]);
            page.set(&IO_DONE, labels, bytes);
        }
        for (kind, errors) in io_errors(self.io_errors.read(buffer).unwrap_or_default()) {
            let labels = page.labels(&[("device", device), ("type", &parse::label(kind)), ("uuid", uuid)]);
            page.set(&IO_ERRORS, labels, errors);
        }
    }
}

/// `user        :610019098624`
fn pair(line: &[u8]) -> Option<(&[u8], f64)> {
    let colon = memchr::memchr(b':', line)?;
    Some((line[..colon].trim_ascii(), size(&line[colon + 1..])?))
}

/// What was read and written of each kind of data: the lines below `read:` and `write:`.
fn io_done(text: &[u8]) -> impl Iterator<Item = (&'static str, &[u8], f64)> {
    let mut operation = None;
    parse::lines(text).filter_map(move |line| {
        match line.trim_ascii() {
            b"read:" => operation = Some("read"),
            b"write:" => operation = Some("write"),
            _ => {}
        }
        let (kind, bytes) = pair(line)?;
        Some((operation?, kind, bytes))
    })
}

/// The errors since the file system was made; those since the last reset come below the next heading.
fn io_errors(text: &[u8]) -> impl Iterator<Item = (&[u8], f64)> {
    let behind =
        parse::lines(text).skip_while(|line| !line.starts_with(b"IO errors since filesystem creation"));
    behind.skip(1).take_while(|line| !line.starts_with(b"IO errors")).filter_map(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ERRORS: &str = "IO errors since filesystem creation\n  read:    18828\n  checksum:5\nIO errors since 8 y ago\n\
                          \x20 read:    7\n";

    #[test]
    fn only_the_errors_since_creation_count() {
        let found: Vec<_> = io_errors(ERRORS.as_bytes()).collect();
        assert_eq!(found, [(&b"read"[..], 18828.0), (b"checksum", 5.0)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in super::super::super::fixture::mangled(ERRORS)) {
            prop_assert!(io_errors(&text).count() + io_done(&text).count() <= text.len());
        }
    }
}

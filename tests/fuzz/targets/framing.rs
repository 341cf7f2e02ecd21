//! Any bytes, appended to a file in any pieces, with rotations: the records are those of a simple splitter.

#![cfg_attr(fuzzing, no_main)]

use std::fs::OpenOptions;
use std::io::Write;

use libfuzzer_sys::fuzz_target;
use vigie_fuzz::records::{attribute, body, decoded};
use vigie_fuzz::{byte, take};
use vigie_logs::Config;
use vigie_logs::fuzz::Reader;

/// The smallest `max_line`.
const MAX: usize = 256;

/// What should come of a line: its text, and whether it is cut off.
struct Expected {
    text: String,
    is_cut: bool,
}

/// The lines of a file, the slow way.
fn expected(content: &[u8]) -> Vec<Expected> {
    let text = |lines: Vec<(String, usize)>| {
        let lines = lines.into_iter().map(|(text, len)| {
            let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
            Expected { text, is_cut: len > MAX }
        });
        lines.filter(|line| !line.text.trim_start_matches('\0').is_empty()).collect()
    };
    for (mark, unit) in
        [([0xff, 0xfe], u16::from_le_bytes as fn([u8; 2]) -> u16), ([0xfe, 0xff], u16::from_be_bytes)]
    {
        if let Some(wide) = content.strip_prefix(&mark) {
            let units: Vec<u16> = wide.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
            let mut lines: Vec<String> =
                units.split(|unit| *unit == 10).map(String::from_utf16_lossy).collect();
            if wide.len() % 2 == 1 {
                // Half a unit.
                lines.last_mut().expect("split has one").push('\u{fffd}');
            }
            // Only in UTF-8 is a hole told apart: of others so long that nothing behind them is kept, there is no text.
            lines.retain(|line| {
                let kept = &line[..line.floor_char_boundary(MAX)];
                !without_hole(kept.strip_suffix('\r').unwrap_or(kept)).is_empty()
            });
            return text(lines.into_iter().map(|line| (line.clone(), line.len())).collect());
        }
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let lines = content.split(|byte| *byte == b'\n');
    text(lines.map(|line| (String::from_utf8_lossy(line).into_owned(), line.len())).collect())
}

/// What a hole was is told apart from text by how much of it was there: it is left out of the comparison.
fn without_hole(text: &str) -> &str {
    text.trim_start_matches('\0')
}

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let directory = tempfile::tempdir().expect("a directory");
    let config =
        Config { name: "fuzz".into(), max_line: "256B".parse().expect("a size"), ..Config::default() };
    let path = |number: usize| directory.path().join(number.to_string());
    let append = |number: usize, bytes: &[u8]| {
        let mut file = OpenOptions::new().create(true).append(true).open(path(number)).expect("open");
        file.write_all(bytes).expect("append");
    };
    append(0, b"");
    let mut reader = Reader::new(&config, &path(0)).expect("open");
    let mut contents = vec![Vec::new()];
    let mut records = Vec::new();
    while !data.is_empty() {
        let step = byte(&mut data);
        let last = contents.len() - 1;
        match step {
            0..8 if last < 4 => {
                records.extend(decoded(&reader.read().expect("read")));
                append(contents.len(), b"");
                records.extend(decoded(&reader.rotated(&path(contents.len())).expect("rotate")));
                contents.push(Vec::new());
            }
            8..64 => records.extend(decoded(&reader.read().expect("read"))),
            _ => {
                // Long lines come of few bytes.
                let piece = take(&mut data, usize::from(step % 32)).repeat(if step > 250 { 64 } else { 1 });
                append(last, &piece);
                contents[last].extend(piece);
            }
        }
    }
    records.extend(decoded(&reader.read().expect("read")));
    records.extend(decoded(&reader.end().expect("read")));

    let expected: Vec<Expected> = contents.iter().flat_map(|content| expected(content)).collect();
    let texts: Vec<&str> =
        records.iter().map(|record| without_hole(body(record))).filter(|text| !text.is_empty()).collect();
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
    let marked = records.iter().filter(|record| !without_hole(body(record)).is_empty());
    for ((text, record), expected) in texts.iter().zip(marked).zip(&expected) {
        let whole = without_hole(&expected.text);
        if attribute(record, "vigie.line.truncated").is_some() {
            assert!(
                expected.is_cut && whole.starts_with(text.trim_end_matches('\r')),
                "{text:?} of {whole:?}"
            );
        } else {
            assert_eq!(*text, whole);
        }
    }
});

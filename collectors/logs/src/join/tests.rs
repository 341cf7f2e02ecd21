#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::multiline::{Multiline, Preset};

fn join(parse: LineFormat, multiline: Option<Multiline>, max_line: &str) -> Join {
    let max_line = max_line.parse().unwrap();
    Join::new(&Config { parse: parse.into(), multiline, max_line, ..Config::default() }).unwrap().unwrap()
}

fn python() -> Option<Multiline> {
    Some(Multiline { preset: Some(Preset::Python), ..Multiline::default() })
}

/// What comes of lines, each read a millisecond after the one before.
struct Run {
    join: Join,
    assembly: Assembly,
    now: Instant,
    at: u64,
    out: Vec<(String, Shape, Origin)>,
}

impl Run {
    fn new(join: Join) -> Self {
        Self { join, assembly: Assembly::default(), now: Instant::now(), at: 0, out: Vec::new() }
    }

    fn lines(&mut self, text: &str) {
        for line in text.split_terminator('\n') {
            self.now += Duration::from_millis(1);
            let out = &mut self.out;
            let shaped = Line { text: line.as_bytes(), at: self.at, shape: Shape::Whole };
            self.join.line(&mut self.assembly, shaped, self.now, &mut |joined| take(out, joined));
            self.at += line.len() as u64 + 1;
        }
    }

    fn flush(&mut self, which: Flush) {
        let out = &mut self.out;
        self.join.flush(&mut self.assembly, which, self.now, &mut |joined| take(out, joined));
    }

    fn texts(&mut self) -> Vec<String> {
        self.out.drain(..).map(|(text, ..)| text).collect()
    }
}

fn take(out: &mut Vec<(String, Shape, Origin)>, joined: Joined<'_>) {
    out.push((String::from_utf8_lossy(joined.text).into_owned(), joined.shape, joined.origin));
}

fn cri(stream: &str, tag: &str, text: &str) -> String {
    format!("2026-01-02T03:04:05.1Z {stream} {tag} {text}\n")
}

#[test]
fn parts_are_joined_by_stream_and_the_start_of_the_first_one_is_held() {
    let mut run = Run::new(join(LineFormat::Cri, None, "1KiB"));
    run.lines(&cri("stdout", "F", "whole"));
    assert_eq!(run.assembly.start(), None);
    let start = run.at;
    run.lines(&cri("stderr", "P", "one "));
    run.lines(&cri("stdout", "P", "eins "));
    run.lines(&cri("stderr", "P", "two "));
    run.lines(&cri("stderr", "F", "three"));
    assert_eq!(run.texts(), ["whole", "one two three"]);
    assert!(run.assembly.start().unwrap() > start);
    run.lines(&cri("stderr", "F", "other"));
    run.lines(&cri("stdout", "F", "zwei"));
    assert_eq!(run.out[1].2.stream, Some(Stream::Stdout));
    assert_eq!(run.out[1].2.time, 1_767_323_045_100_000_000);
    assert_eq!(run.texts(), ["other", "eins zwei"]);
    assert!(run.assembly.is_empty());
}

#[test]
fn a_chain_that_nobody_ends_is_given_up_after_a_while() {
    let mut run = Run::new(join(LineFormat::Cri, None, "1KiB"));
    run.lines(&cri("stdout", "P", "half"));
    let due = run.join.due(&run.assembly).unwrap();
    assert_eq!(due, run.now + CHAIN_WAITS);
    run.now = due - Duration::from_nanos(1);
    run.flush(Flush::Due);
    assert!(run.out.is_empty());
    run.now = due;
    run.flush(Flush::Due);
    assert_eq!((run.out[0].0.as_str(), run.out[0].1), ("half", Shape::Partial));
    assert_eq!(run.join.due(&run.assembly), None);
}

#[test]
fn a_chain_that_is_too_long_is_cut_between_characters() {
    let mut run = Run::new(join(LineFormat::Docker, None, "256B"));
    let part = "€".repeat(30);
    for end in ["", "", "", "\\n"] {
        run.lines(&format!(r#"{{"log":"{part}{end}","stream":"stdout","time":""}}"#));
    }
    assert_eq!((run.out[0].0.as_str(), run.out[0].1), (&*"€".repeat(85), Shape::Truncated));
    assert_eq!(run.out.len(), 1);
}

#[test]
fn a_line_that_is_not_wrapped_is_a_record_and_cuts_no_chain() {
    let mut run = Run::new(join(LineFormat::Cri, None, "1KiB"));
    run.lines(&cri("stdout", "P", "one "));
    run.lines("not wrapped\n");
    run.lines(&cri("stdout", "F", "two"));
    assert!(run.out[0].2.malformed && !run.out[1].2.malformed);
    assert_eq!(run.texts(), ["not wrapped", "one two"]);
}

#[test]
fn where_the_format_is_chosen_lines_may_be_wrapped_or_not() {
    let mut run = Run::new(join(LineFormat::Auto, python(), "1KiB"));
    run.lines(&cri("stdout", "P", "one "));
    run.lines("not wrapped\n{\"log\": 1}\n");
    run.lines(&cri("stdout", "F", "two"));
    run.lines("{\"log\":\"three\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-02T03:04:05Z\"}\n");
    assert!(run.out.iter().all(|(_, shape, origin)| *shape == Shape::Whole && !origin.malformed));
    assert_eq!(run.out[3].2.stream, Some(Stream::Stderr));
    assert_eq!(run.texts(), ["not wrapped", "{\"log\": 1}", "one two", "three"]);
}

#[test]
fn events_of_two_streams_do_not_mix() {
    let mut run = Run::new(join(LineFormat::Cri, python(), "1KiB"));
    for line in ["Traceback (most recent call last):", "  File \"a.py\", line 1, in f", "ValueError: x"] {
        run.lines(&cri("stderr", "F", line));
        run.lines(&cri("stdout", "F", "meanwhile"));
    }
    assert_eq!(run.texts(), ["meanwhile"; 3]);
    assert_eq!(run.assembly.start(), Some(0));
    run.now += Duration::from_secs(1);
    run.flush(Flush::Due);
    let event = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: x";
    assert_eq!((run.out[0].0.as_str(), run.out[0].1), (event, Shape::Whole));
}

#[test]
fn an_event_that_is_too_large_goes_on_in_the_next_record() {
    let mut run = Run::new(join(LineFormat::None, python(), "256B"));
    let text: String = (0..20).map(|n| format!("  File \"shop.py\", line {n}\n")).collect();
    run.lines(&format!("Traceback (most recent call last):\n{text}"));
    run.flush(Flush::End);
    let shapes: Vec<Shape> = run.out.iter().map(|(_, shape, _)| *shape).collect();
    assert_eq!(shapes, [Shape::Partial, Shape::Partial, Shape::Whole]);
    assert_eq!(run.texts().join("\n"), format!("Traceback (most recent call last):\n{}", text.trim_end()));
}

#[test]
fn what_is_given_up_for_its_memory_is_marked() {
    let mut run = Run::new(join(LineFormat::None, python(), "1KiB"));
    run.lines("Traceback (most recent call last):\r\n  File \"a.py\", line 1\r\n");
    assert!(run.assembly.held() > 0);
    run.flush(Flush::Early);
    assert_eq!(run.out[0].1, Shape::Partial);
    assert_eq!(run.assembly.held(), 0);
    assert_eq!(run.texts(), ["Traceback (most recent call last):\n  File \"a.py\", line 1"]);
}

#[test]
fn the_first_bytes_end_before_a_character() {
    assert_eq!(before("a€".as_bytes(), 4), "a€".as_bytes());
    for max in 1..4 {
        assert_eq!(before("a€".as_bytes(), max), b"a");
    }
    assert_eq!(before(b"\x80\x80\x80\x80\x80\x80", 5), b"\x80\x80\x80\x80\x80");
}

proptest! {
    /// However streams take turns: each one's parts come whole and in order, and nothing that waits is passed.
    #[test]
    fn parts_make_what_was_written(
        parts in proptest::collection::vec((any::<bool>(), any::<bool>(), "[a-z ]{0,9}"), 0..60)
    ) {
        let mut run = Run::new(join(LineFormat::Cri, None, "16MiB"));
        let mut open: [Option<(u64, String)>; 2] = [None, None];
        let mut expected = Vec::new();
        for (stream, partial, text) in parts {
            let slot = &mut open[usize::from(stream)];
            slot.get_or_insert_with(|| (run.at, String::new())).1.push_str(&text);
            let tag = if partial { "P" } else { "F" };
            if !partial {
                expected.extend(slot.take().map(|(_, text)| text));
            }
            run.lines(&cri(if stream { "stderr" } else { "stdout" }, tag, &text));
            prop_assert_eq!(run.assembly.start(), open.iter().flatten().map(|(start, _)| *start).min());
        }
        prop_assert_eq!(run.texts(), expected);
    }
}

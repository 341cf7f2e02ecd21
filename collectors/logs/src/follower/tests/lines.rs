//! What is in the files.

use super::*;

#[test]
fn lines_are_trimmed_and_made_utf8_and_empty_ones_left_out() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", b"windows\r\n\n\xff bad\n\xe2\x82\xac\r\r\n");
    assert_eq!(rig.bodies(), ["windows", "\u{fffd} bad", "€\r"]);
    assert_eq!(rig.counter(|m| &m.invalid_lines), 1);
    assert_eq!(rig.counter(|m| &m.lines), 4);
}

#[test]
fn a_line_that_is_too_long_is_cut_and_marked_and_the_next_one_is_whole() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.config.max_line = "1KiB".parse().unwrap();
    rig.kill();
    rig.start();
    let long = "€".repeat(100_000);
    rig.append("a.log", format!("before\n{long}\n{}\nafter\n", "y".repeat(2000)));
    let records = rig.records();
    let bodies: Vec<String> = records.iter().map(body).collect();
    assert_eq!(bodies, ["before", &"€".repeat(341), &"y".repeat(1024), "after"]);
    assert_eq!(attribute(&records[1], "vigie.line.truncated"), Some(Value::BoolValue(true)));
    assert_eq!(attribute(&records[3], "vigie.line.truncated"), None);
    assert_eq!(rig.counter(|m| &m.truncated_lines), 2);
}

#[test]
fn a_long_line_that_is_still_being_written_is_not_cut() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "x".repeat(300_000));
    assert!(rig.bodies().is_empty());
    rig.append("a.log", "x\n");
    assert_eq!(rig.bodies(), ["x".repeat(300_001)]);
}

#[test]
fn a_hole_is_skipped_and_counted() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "first\n");
    rig.records();
    let file = OpenOptions::new().write(true).open(rig.path("a.log")).unwrap();
    file.set_len(0).unwrap();
    // A writer that does not append goes on where it was.
    std::os::unix::fs::FileExt::write_all_at(&file, b"second\n", 8 << 30).unwrap();
    assert_eq!(rig.bodies(), ["second"]);
    assert_eq!(rig.counter(|m| &m.hole_bytes), 8 << 30);
}

#[test]
fn a_hole_behind_a_line_is_skipped_and_a_few_nul_bytes_are_text() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", [b"first\n".as_slice(), &[0; 1000], b"second\n\0third\n"].concat());
    assert_eq!(rig.bodies(), ["first", "second", "\0third"]);
    assert_eq!(rig.counter(|m| &m.hole_bytes), 1000);
}

//! Lines that make one record together, across reads, crashes and the ends of files.

use super::*;
use crate::multiline::{Multiline, Preset};
use crate::parse::format::LineFormat;

fn with(change: impl Fn(&mut Config)) -> Rig {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    change(&mut rig.config);
    rig.kill();
    rig.start();
    rig
}

fn containers() -> Rig {
    with(|config| config.parse = LineFormat::Cri.into())
}

fn python(config: &mut Config) {
    config.multiline = Some(Multiline { preset: Some(Preset::Python), ..Multiline::default() });
}

fn cri(stream: &str, tag: &str, text: &str) -> String {
    format!("2026-01-02T03:04:05Z {stream} {tag} {text}\n")
}

const TRACE: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: x";

#[test]
fn a_wrapped_record_has_its_time_and_its_stream() {
    let mut rig = containers();
    rig.seconds = 1_767_323_049;
    rig.append("a.log", cri("stderr", "F", "a word"));
    let records = rig.records();
    assert_eq!(body(&records[0]), "a word");
    assert_eq!(records[0].time_unix_nano, 1_767_323_045_000_000_000);
    assert_eq!(records[0].observed_time_unix_nano, 1_767_323_050_000_000_000);
    assert_eq!(attribute(&records[0], "log.iostream"), Some(Value::StringValue("stderr".into())));
    assert_eq!(attribute(&records[0], "log.file.name"), Some(Value::StringValue("a.log".into())));
}

#[test]
fn the_saved_offset_does_not_pass_a_part_that_waits_for_its_end() {
    let mut rig = containers();
    rig.append("a.log", cri("stdout", "F", "before"));
    rig.append("a.log", cri("stdout", "P", "one "));
    rig.append("a.log", cri("stderr", "F", "meanwhile"));
    assert_eq!(rig.bodies(), ["before", "meanwhile"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.start();
    rig.append("a.log", cri("stdout", "F", "two"));
    assert_eq!(rig.bodies(), ["meanwhile", "one two"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.start();
    assert!(rig.bodies().is_empty());
}

#[test]
fn what_waits_longer_than_a_while_is_encoded_and_marked() {
    let mut rig = containers();
    rig.append("a.log", cri("stdout", "P", "half"));
    assert!(rig.bodies().is_empty());
    rig.pass(Duration::from_secs(20));
    let records = rig.records();
    assert_eq!(body(&records[0]), "half");
    assert_eq!(attribute(&records[0], "vigie.line.partial"), Some(Value::BoolValue(true)));
    assert_eq!(rig.counter(|m| &m.partial_lines), 1);
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.start();
    assert!(rig.bodies().is_empty(), "it is done with");
}

#[test]
fn an_event_is_complete_when_nothing_was_added_for_a_while() {
    let mut rig = with(python);
    rig.append("a.log", format!("before\n{TRACE}\n"));
    assert_eq!(rig.bodies(), ["before"]);
    rig.append("a.log", "\n");
    assert!(rig.bodies().is_empty(), "another exception may follow");
    assert_eq!(rig.bodies(), [TRACE]);
    rig.settle_all();
    assert!(rig.bodies().is_empty());
}

#[test]
fn what_was_written_while_nobody_looked_goes_on_with_the_event() {
    let mut rig = with(python);
    let (first, rest) = TRACE.split_at(TRACE.find("Value").unwrap());
    rig.append("a.log", first);
    assert!(rig.bodies().is_empty());
    rig.append("a.log", format!("{rest}\nafter\n"));
    rig.pass(Duration::from_secs(100));
    assert_eq!(rig.bodies(), [TRACE, "after"]);
}

#[test]
fn an_event_is_read_again_after_a_crash_and_comes_whole() {
    let mut rig = with(python);
    let (first, rest) = TRACE.split_at(TRACE.find("Value").unwrap());
    rig.append("a.log", format!("before\n{first}"));
    assert_eq!(rig.bodies(), ["before"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.append("a.log", format!("{rest}\nafter\n"));
    rig.start();
    assert_eq!(rig.bodies(), [TRACE, "after"]);
}

#[test]
fn what_waits_of_a_file_that_is_gone_or_truncated_is_not_lost() {
    let mut rig = with(python);
    rig.append("a.log", format!("{TRACE}\n"));
    rig.append("b.log", format!("{TRACE}\n"));
    assert!(rig.bodies().is_empty());
    fs::remove_file(rig.path("a.log")).unwrap();
    fs::write(rig.path("b.log"), "fresh\n").unwrap();
    assert_eq!(rig.bodies(), [TRACE, "fresh", TRACE]);
    rig.settle_all();
    rig.pass(Duration::from_secs(100));
    rig.records();
    assert_eq!(rig.follower.as_ref().unwrap().files.len(), 1);
}

#[test]
fn no_more_than_a_share_of_the_memory_waits() {
    let mut rig = containers();
    let part = "x".repeat(16 << 10);
    for file in 0..100 {
        rig.append(&format!("{file}.log"), cri("stdout", "P", &part).repeat(2));
    }
    let early = rig.bodies();
    let waiting = rig.follower.as_ref().unwrap().waiting.bytes();
    assert!(waiting <= 1 << 20 && early.len() >= 36, "{waiting} bytes wait, {} came early", early.len());
    rig.pass(Duration::from_secs(20));
    assert_eq!(early.len() + rig.bodies().len(), 100);
}

#[test]
fn a_line_that_is_cut_by_a_rotation_is_joined_and_both_positions_wait_for_it() {
    for killed in [false, true] {
        let mut rig = containers();
        rig.append("a.log", cri("stdout", "F", "before") + &cri("stdout", "P", "one "));
        assert_eq!(rig.bodies(), ["before"]);
        rig.settle_all();
        std::thread::sleep(Duration::from_millis(20));
        rig.append("a.log", cri("stdout", "P", "two "));
        rig.rename("a.log", "a.log.1");
        rig.append("a.log", cri("stderr", "F", "meanwhile"));
        if killed {
            rig.save();
            rig.kill();
            rig.start();
        }
        let mut bodies = rig.bodies();
        rig.settle_all();
        rig.save();
        rig.append("a.log", cri("stdout", "F", "three") + &cri("stdout", "F", "after"));
        if killed {
            rig.kill();
            rig.start();
            bodies.clear();
        }
        bodies.extend(rig.bodies());
        assert_eq!(bodies, ["meanwhile", "one two three", "after"], "killed: {killed}");
        rig.settle_all();
        rig.save();
        rig.kill();
        rig.start();
        assert!(rig.bodies().is_empty(), "killed: {killed}");
    }
}

#[test]
fn a_trace_that_is_cut_by_rotations_is_joined_in_the_order_of_the_files() {
    let mut rig = with(python);
    rig.append("a.log", "Traceback (most recent call last):\n");
    assert!(rig.bodies().is_empty());
    for n in 0..3 {
        std::thread::sleep(Duration::from_millis(20));
        rig.rename("a.log", &format!("a.log.{n}"));
        rig.append("a.log", format!("  File \"a.py\", line {n}, in f\n"));
    }
    rig.append("a.log", "ValueError: x\nafter\n");
    let frames: String = (0..3).map(|n| format!("  File \"a.py\", line {n}, in f\n")).collect();
    assert_eq!(
        rig.bodies(),
        [format!("Traceback (most recent call last):\n{frames}ValueError: x"), "after".into()]
    );
    rig.settle_all();
    rig.pass(Duration::from_secs(100));
    rig.records();
    assert_eq!(rig.follower.as_ref().unwrap().files.len(), 1, "the others are let go of");
}

#[test]
fn what_the_next_file_does_not_go_on_with_is_complete() {
    let mut rig = with(python);
    rig.append("a.log", format!("{TRACE}\n"));
    assert!(rig.bodies().is_empty());
    rig.rename("a.log", "a.log.1");
    rig.append("a.log", "fresh\n");
    assert_eq!(rig.bodies(), [TRACE, "fresh"]);
}

//! Files that are closed, and opened again.

use super::super::gone::HELD_AT_MOST;
use super::*;

fn open_files(rig: &Rig) -> usize {
    rig.follower.as_ref().unwrap().files.len()
}

/// A file that was read and closed.
fn asleep() -> Rig {
    let mut rig = Rig::new("app.log", StartAt::Beginning);
    rig.append("app.log", "1\n");
    assert_eq!(rig.bodies(), ["1"]);
    rig.settle_all();
    rig.pass(Duration::from_secs(400));
    assert!(rig.bodies().is_empty());
    assert_eq!(open_files(&rig), 0);
    rig
}

#[test]
fn an_idle_file_is_closed_and_read_on_when_it_changes() {
    let mut rig = asleep();
    rig.append("app.log", "2\n");
    assert_eq!(rig.bodies(), ["2"]);
    assert_eq!(open_files(&rig), 1);
    rig.balances();
}

#[test]
fn a_closed_file_is_opened_when_it_is_touched() {
    let mut rig = asleep();
    rig.append("app.log", "2\n");
    let paths = HashSet::from([rig.path("app.log")]);
    rig.touch(Touched { paths, ..Touched::default() });
    assert_eq!(open_files(&rig), 1);
    assert_eq!(rig.bodies(), ["2"]);
}

#[test]
fn a_closed_file_that_is_written_to_and_rotated_is_read_to_its_end() {
    let mut rig = asleep();
    rig.append("app.log", "2\n");
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "3\n");
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["2", "3"]);
    assert_eq!(rig.counter(|m| &m.rotations), 2);
}

#[test]
fn a_closed_file_that_is_truncated_is_read_from_its_beginning() {
    let mut rig = asleep();
    fs::write(rig.path("app.log"), "fresh\n").unwrap();
    assert_eq!(rig.bodies(), ["fresh"]);
}

#[test]
fn a_file_in_the_place_of_a_closed_one_with_its_inode_is_read_from_its_beginning() {
    let mut rig = asleep();
    // The same inode with other content is what a reused inode looks like.
    fs::write(rig.path("app.log"), "other\ncontent\n").unwrap();
    assert_eq!(rig.bodies(), ["other", "content"]);
}

#[test]
fn more_files_than_may_be_open_take_turns() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.follower.as_mut().unwrap().most_open = 8;
    for number in 0..100 {
        rig.append(&format!("{number}.log"), format!("{number}\n"));
    }
    let mut bodies = Vec::new();
    for _ in 0..100 {
        // Each scan would let it grow by a sixteenth again.
        rig.follower.as_mut().unwrap().most_open = 8;
        bodies.extend(rig.bodies());
        rig.settle_all();
        assert!(open_files(&rig) <= 9, "{}", open_files(&rig));
        rig.save();
    }
    bodies.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(bodies, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_deleted_file_that_nobody_can_take_is_given_up_after_a_day() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", numbered(0..10));
    rig.scan_only();
    fs::remove_file(rig.path("a.log")).unwrap();
    rig.pass(HELD_AT_MOST / 2);
    rig.scan_only();
    assert_eq!(open_files(&rig), 1);
    rig.pass(HELD_AT_MOST);
    rig.scan_only();
    assert_eq!(open_files(&rig), 0);
    let meters = &rig.follower.as_ref().unwrap().parts.meters;
    assert_eq!(meters.all_lost(), numbered(0..10).len() as u64);
    rig.balances();
}

/// A log that was read up to `kept`, copied and cut off with more behind that, as while nobody takes anything.
fn cut_off_with_a_copy(scan_between: bool) -> Rig {
    let mut rig = Rig::new("*", StartAt::Beginning);
    rig.append("a.log", "kept\n");
    assert_eq!(rig.bodies(), ["kept"]);
    rig.settle_all();
    rig.append("a.log", "behind\n");
    rig.scan_only();
    fs::copy(rig.path("a.log"), rig.path("a.log.1")).unwrap();
    if scan_between {
        rig.scan_only();
    }
    fs::write(rig.path("a.log"), "new\n").unwrap();
    rig
}

#[test]
fn what_the_copy_of_a_truncated_file_has_is_not_lost() {
    for scan_between in [false, true] {
        let mut rig = cut_off_with_a_copy(scan_between);
        let mut bodies = rig.bodies();
        bodies.sort();
        assert_eq!(bodies, ["behind", "new"]);
        rig.scan_only();
        assert_eq!(rig.counter(|m| &m.copied_bytes), "behind\n".len() as u64, "{scan_between}");
        assert_eq!(rig.follower.as_ref().unwrap().parts.meters.all_lost(), 0);
        rig.balances();
    }
}

#[test]
fn what_a_truncation_is_known_to_have_taken_is_counted() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "whole\nhalf a line");
    assert_eq!(rig.bodies(), ["whole"]);
    fs::write(rig.path("a.log"), "new\n").unwrap();
    assert_eq!(rig.bodies(), ["new"]);
    // A copy of what was there might be found.
    rig.balances();
    rig.scan_only();
    assert_eq!(rig.follower.as_ref().unwrap().parts.meters.all_lost(), "half a line".len() as u64);
    rig.balances();
}

//! Renamed, deleted, truncated, copied.

use super::*;

#[test]
fn a_rotated_file_is_read_to_its_end() {
    let mut rig = Rig::new("app.log", StartAt::Beginning);
    rig.append("app.log", "1\n");
    assert_eq!(rig.bodies(), ["1"]);
    rig.append("app.log", "2\n");
    rig.rename("app.log", "app.log.1");
    rig.append("app.log.1", "3\n");
    rig.append("app.log", "4\n");
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["2", "3", "4"]);
    assert_eq!(rig.counter(|m| &m.rotations), 1);
    // Its writer has not noticed yet.
    rig.append("app.log.1", "5\n");
    rig.pass(Duration::from_secs(30));
    assert_eq!(rig.bodies(), ["5"]);
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_let_go_once_it_is_settled() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "1\n");
    rig.records();
    rig.append("a.log", "2\nno newline");
    fs::remove_file(rig.path("a.log")).unwrap();
    assert_eq!(rig.bodies(), ["2"]);
    rig.pass(Duration::from_secs(100));
    let rest = rig.records();
    assert_eq!(body(&rest[0]), "no newline");
    assert_eq!(attribute(&rest[0], "vigie.line.partial"), Some(Value::BoolValue(true)));
    rig.pass(Duration::from_secs(100));
    assert!(rig.records().is_empty());
    assert_eq!(rig.follower.as_ref().unwrap().files.len(), 1, "what is not settled is held");
    rig.settle_all();
    rig.pass(Duration::from_secs(100));
    rig.records();
    assert_eq!(rig.follower.as_ref().unwrap().files.len(), 0);
}

#[test]
fn a_file_truncated_in_place_is_read_from_its_beginning() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", numbered(0..100));
    assert_eq!(rig.bodies().len(), 100);
    fs::write(rig.path("a.log"), "fresh\n").unwrap();
    assert_eq!(rig.bodies(), ["fresh"]);
    assert_eq!(rig.counter(|m| &m.truncations), 1);
    // Truncated and grown past the position before anybody looked.
    fs::write(rig.path("a.log"), "another first line that is longer\nsecond\n").unwrap();
    assert_eq!(rig.bodies(), ["another first line that is longer", "second"]);
    // Acknowledgements of the old content move nothing.
    rig.settle_all();
    rig.save();
    rig.append("a.log", "third\n");
    rig.kill();
    rig.start();
    assert_eq!(rig.bodies(), ["third"]);
}

#[test]
fn a_file_rotated_out_of_the_patterns_while_stopped_is_read_to_its_end() {
    let mut rig = Rig::new("app.log", StartAt::End);
    rig.records();
    rig.append("app.log", "1\n");
    rig.records();
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.append("app.log", "2\n");
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "3\n");
    rig.start();
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["2", "3"]);
}

#[test]
fn rotated_files_are_found_although_the_one_known_before_them_is_deleted() {
    let mut rig = Rig::new("app.log", StartAt::End);
    rig.append("app.log.7", "older than all\n");
    rig.records();
    std::thread::sleep(Duration::from_millis(20));
    rig.append("app.log", "1\n");
    assert_eq!(rig.bodies(), ["1"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    for generation in 2..5 {
        std::thread::sleep(Duration::from_millis(20));
        rig.rename("app.log", &format!("app.log.{generation}"));
        rig.append("app.log", format!("{generation}\n"));
    }
    fs::remove_file(rig.path("app.log.2")).unwrap();
    rig.start();
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["2", "3", "4"]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    for stopped in [false, true] {
        let mut rig = Rig::new("app.log", StartAt::End);
        rig.append("app.log.7", "older than all\n");
        rig.records();
        std::thread::sleep(Duration::from_millis(20));
        rig.append("app.log", "1\n");
        assert_eq!(rig.bodies(), ["1"]);
        rig.settle_all();
        rig.save();
        if stopped {
            rig.kill();
        }
        for generation in 2..5 {
            std::thread::sleep(Duration::from_millis(20));
            rig.rename("app.log", &format!("app.log.{generation}"));
            rig.append("app.log", format!("{generation}\n"));
        }
        if stopped {
            rig.start();
        }
        let mut bodies = rig.bodies();
        bodies.sort();
        assert_eq!(bodies, ["2", "3", "4"], "stopped: {stopped}");
        assert!(rig.bodies().is_empty());
    }
}

#[test]
fn the_copy_of_copytruncate_goes_on_where_its_original_stood() {
    for stopped in [false, true] {
        let mut rig = Rig::new("app.log*", StartAt::Beginning);
        rig.append("app.log", numbered(0..500));
        assert_eq!(rig.bodies().len(), 500);
        rig.settle_all();
        rig.save();
        // Written after the last look, and then copied away.
        rig.append("app.log", "only in the copy\n");
        let whole = fs::read(rig.path("app.log")).unwrap();
        if stopped {
            rig.kill();
        } else {
            // The copy is seen while it is being made.
            fs::write(rig.path("app.log.1"), &whole[..2000]).unwrap();
            assert_eq!(rig.bodies(), ["only in the copy"]);
            rig.settle_all();
        }
        fs::write(rig.path("app.log.1"), &whole).unwrap();
        fs::write(rig.path("app.log"), "fresh\n").unwrap();
        if stopped {
            rig.start();
        }
        let mut bodies = rig.bodies();
        bodies.sort();
        assert_eq!(bodies, if stopped { vec!["fresh", "only in the copy"] } else { vec!["fresh"] });
    }
}

#[test]
fn a_file_that_only_begins_like_another_is_no_copy_of_it() {
    let mut rig = Rig::new("app.log*", StartAt::Beginning);
    rig.append("app.log", numbered(0..500));
    rig.records();
    rig.settle_all();
    rig.append("app.log.b", numbered(0..400));
    rig.append("other", numbered(0..400));
    assert!(rig.bodies().is_empty(), "it may be a copy that is being made");
    rig.pass(Duration::from_secs(3));
    assert_eq!(rig.bodies().len(), 400);
    rig.append("app.log.c", format!("{}x{}", numbered(0..400), numbered(400..600)));
    assert_eq!(rig.bodies().len(), 600);
}

#[test]
fn another_file_with_the_same_inode_is_another_file() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "one and the same length\n");
    rig.records();
    rig.settle_all();
    rig.save();
    rig.kill();
    // The same inode with other content is what a reused inode looks like.
    fs::write(rig.path("a.log"), "an inode that was reused\n2\n").unwrap();
    rig.rename("a.log", "b.log");
    rig.start();
    assert_eq!(rig.bodies(), ["an inode that was reused", "2"]);
}

/// As `gzip` does: the packed file is as old as the original, which is deleted.
fn gzip(rig: &Rig, name: &str) {
    let done = std::process::Command::new("gzip").arg(rig.path(name)).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_file_compressed_while_stopped_is_read_on_where_it_stood_and_once() {
    for pattern in ["app.log", "app.log*"] {
        let mut rig = Rig::new(pattern, StartAt::Beginning);
        rig.append("app.log", numbered(0..100));
        assert_eq!(rig.bodies().len(), 100);
        rig.settle_all();
        rig.save();
        rig.kill();
        rig.append("app.log", "behind\n");
        rig.rename("app.log", "app.log.1");
        gzip(&rig, "app.log.1");
        rig.append("app.log", "fresh\n");
        rig.start();
        let mut bodies = rig.bodies();
        bodies.sort();
        assert_eq!(bodies, ["behind", "fresh"], "{pattern}");
        rig.balances();
        // Not settled: it is read again, from where it was compressed.
        rig.save();
        rig.kill();
        rig.start();
        let mut bodies = rig.bodies();
        bodies.sort();
        assert_eq!(bodies, ["behind", "fresh"], "{pattern}");
        rig.settle_all();
        rig.save();
        rig.kill();
        rig.start();
        assert!(rig.bodies().is_empty(), "{pattern}");
    }
}

#[test]
fn several_files_compressed_while_stopped_are_read_whole() {
    let mut rig = Rig::new("app.log", StartAt::Beginning);
    for name in ["app.log", "app.log.0"] {
        rig.append(name, "known before\n");
    }
    assert_eq!(rig.bodies(), ["known before"]);
    gzip(&rig, "app.log.0");
    rig.settle_all();
    rig.save();
    rig.kill();
    for generation in 1..4 {
        std::thread::sleep(Duration::from_millis(20));
        rig.append("app.log", format!("{generation}\n"));
        rig.rename("app.log", &format!("app.log.{generation}"));
        gzip(&rig, &format!("app.log.{generation}"));
    }
    rig.append("app.log", "4\n");
    rig.start();
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["1", "2", "3", "4"]);
    rig.balances();
    rig.settle_all();
    rig.pass(Duration::from_secs(100));
    assert!(rig.bodies().is_empty());
    rig.save();
    rig.kill();
    rig.start();
    assert!(rig.bodies().is_empty());
}

#[test]
fn a_file_whose_copy_was_compressed_while_stopped_is_read_on_in_it() {
    let mut rig = Rig::new("app.log", StartAt::Beginning);
    rig.append("app.log", "read\n");
    assert_eq!(rig.bodies(), ["read"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.append("app.log", "behind\n");
    fs::copy(rig.path("app.log"), rig.path("app.log.1")).unwrap();
    gzip(&rig, "app.log.1");
    fs::write(rig.path("app.log"), "fresh\n").unwrap();
    rig.start();
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["behind", "fresh"]);
}

#[test]
fn what_cannot_be_unpacked_is_said() {
    let mut rig = Rig::new("app.log", StartAt::Beginning);
    rig.append("app.log", "read\n");
    assert_eq!(rig.bodies(), ["read"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    fs::remove_file(rig.path("app.log")).unwrap();
    rig.append("app.log.1.bz2", "BZh91AY");
    rig.start();
    assert!(rig.bodies().is_empty());
    let errors = &rig.follower.as_ref().unwrap().parts.meters.file_errors;
    assert_eq!(errors.with_label_values(&["app", "unpack"]).get(), 1);
}

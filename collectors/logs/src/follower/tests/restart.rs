//! What a stop or a crash leaves behind.

use super::*;

#[test]
fn after_a_crash_only_what_was_not_acknowledged_comes_again() {
    let mut rig = Rig::new("*.log", StartAt::End);
    rig.records();
    rig.append("a.log", numbered(0..10));
    assert_eq!(rig.bodies().len(), 10);
    rig.settle_all();
    rig.append("a.log", numbered(10..20));
    assert_eq!(rig.bodies().len(), 10);
    rig.save();
    rig.kill();
    rig.start();
    assert_eq!(rig.bodies().concat(), numbered(10..20).replace('\n', ""));
}

#[test]
fn a_file_born_while_stopped_is_read_from_its_beginning() {
    let mut rig = Rig::new("*.log", StartAt::End);
    rig.append("old.log", "old\n");
    rig.records();
    rig.save();
    rig.kill();
    rig.append("new.log", "new\n");
    rig.start();
    assert_eq!(rig.bodies(), ["new"]);
}

#[test]
fn a_renamed_source_goes_on_where_it_was() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "1\n");
    rig.records();
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.config.name = "other".into();
    rig.append("a.log", "2\n");
    rig.start();
    assert_eq!(rig.bodies(), ["2"]);
}

#[test]
fn half_a_line_waits_for_its_other_half_across_a_crash() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "whole\nhal");
    assert_eq!(rig.bodies(), ["whole"]);
    rig.settle_all();
    rig.save();
    rig.kill();
    rig.start();
    assert!(rig.bodies().is_empty());
    rig.append("a.log", "ves\n");
    assert_eq!(rig.bodies(), ["halves"]);
}

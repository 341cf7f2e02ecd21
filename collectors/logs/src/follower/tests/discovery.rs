//! Which files are found, and when.

use super::*;

#[test]
fn what_was_there_at_first_sight_is_skipped_and_what_comes_is_read() {
    let mut rig = Rig::new("*.log", StartAt::End);
    rig.append("a.log", "old\nhalf");
    assert!(rig.bodies().is_empty());
    rig.append("a.log", " a line\nnew\n");
    assert_eq!(rig.bodies(), ["half a line", "new"]);
    rig.append("b.log", "born later\n");
    assert_eq!(rig.bodies(), ["born later"]);
}

#[test]
fn a_record_says_where_it_comes_from() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.config.attributes.insert("team".into(), "shop".into());
    rig.kill();
    rig.start();
    rig.append("a.log", "x\n");
    let records = rig.records();
    let text = |text: &str| Some(Value::StringValue(text.to_owned()));
    assert_eq!(attribute(&records[0], "log.file.path"), text(rig.path("a.log").to_str().unwrap()));
    assert_eq!(attribute(&records[0], "log.file.name"), text("a.log"));
    assert_eq!(attribute(&records[0], "team"), text("shop"));
    assert_eq!(records[0].observed_time_unix_nano, 1_000_000_000);
}

#[test]
fn a_new_pattern_meets_old_files_as_the_configuration_says() {
    let mut rig = Rig::new("*.log", StartAt::End);
    rig.append("old.txt", "old\n");
    rig.records();
    rig.save();
    rig.kill();
    rig.config.include.push(rig.path("*.txt").into());
    rig.append("new.log", "new\n");
    rig.start();
    assert_eq!(rig.bodies(), ["new"]);
}

#[test]
fn a_compressed_file_is_no_log() {
    let mut rig = Rig::new("*", StartAt::Beginning);
    rig.append("a.log.1.gz", b"\x1f\x8b\x08\0\n\n\n");
    rig.append("a.log", "text\n");
    assert_eq!(rig.bodies(), ["text"]);
}

#[test]
fn a_file_that_was_empty_when_it_was_found_and_is_compressed_is_no_log() {
    let mut rig = Rig::new("*", StartAt::Beginning);
    rig.append("a.log.1.gz", "");
    assert!(rig.bodies().is_empty());
    rig.append("a.log.1.gz", b"\x1f\x8b\x08\0\n\n\n");
    rig.append("a.log", "text\n");
    assert_eq!(rig.bodies(), ["text"]);
    rig.append("a.log.1.gz", "more\n");
    assert!(rig.bodies().is_empty());
}

#[test]
fn one_large_file_does_not_keep_the_others_waiting() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("large.log", numbered(0..100_000));
    rig.append("small.log", "small\n");
    let now = rig.began;
    let told = Told { touched: Touched::default(), now, observed: 1 };
    let follower = rig.follower.as_mut().unwrap();
    follower.scan(&told);
    let offers = follower.read(&told, 200_000);
    let small = offers.iter().any(|offer| offer.batch.count == 1);
    assert!(small, "{:?}", offers.iter().map(|o| o.batch.count).collect::<Vec<_>>());
}

#[test]
fn a_link_is_followed_to_where_it_leads_now() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("one", "1\n");
    rig.append("two", "2\n");
    let link = rig.path("app.log");
    std::os::unix::fs::symlink("one", &link).unwrap();
    assert_eq!(rig.bodies(), ["1"]);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(rig.bodies().is_empty());
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("two", &link).unwrap();
    rig.append("one", "1b\n");
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["1b", "2"]);
}

#[test]
fn a_path_that_cannot_be_opened_is_counted_and_read_once_it_can_be() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    std::os::unix::fs::symlink("a.log", rig.path("a.log")).unwrap();
    assert!(rig.bodies().is_empty() && rig.bodies().is_empty());
    let errors = rig.follower.as_ref().unwrap().parts.meters.file_errors.clone();
    assert_eq!(errors.with_label_values(&["app", "open"]).get(), 2);
    assert_eq!(rig.follower.as_ref().unwrap().parts.meters.unreadable_paths.get(), 1);
    fs::remove_file(rig.path("a.log")).unwrap();
    rig.append("a.log", "1\n");
    assert_eq!(rig.bodies(), ["1"]);
    assert_eq!(rig.follower.as_ref().unwrap().parts.meters.unreadable_paths.get(), 0);
}

#[test]
fn a_path_is_looked_at_when_it_was_touched() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.append("a.log", "1\n");
    rig.records();
    rig.append("a.log", "2\n");
    let paths = HashSet::from([PathBuf::from("/elsewhere"), rig.path("a.log")]);
    assert!(!rig.touch(Touched { paths, ..Touched::default() }));
    assert!(rig.follower.as_ref().unwrap().is_ready());
}

#[test]
fn a_file_made_under_a_pattern_is_followed_without_a_scan() {
    let mut rig = Rig::new("*.log", StartAt::End);
    rig.records();
    rig.append("a.log", "1\n");
    rig.append("b.txt", "2\n");
    let born = HashSet::from([rig.path("a.log"), rig.path("b.txt"), rig.path("gone.log")]);
    assert!(!rig.touch(Touched { born, ..Touched::default() }));
    assert_eq!(rig.follower.as_ref().unwrap().files.len(), 1);
    rig.rename("a.log", "a.old");
    rig.append("a.log", "3\n");
    let born = HashSet::from([rig.path("a.log"), rig.path("a.old")]);
    assert!(!rig.touch(Touched { born, ..Touched::default() }));
    assert_eq!(rig.counter(|m| &m.rotations), 1);
    let mut bodies = rig.bodies();
    bodies.sort();
    assert_eq!(bodies, ["1", "3"]);
}

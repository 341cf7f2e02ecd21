#![allow(clippy::unwrap_used)]
mod joining;
mod model;

use std::fs::{self, OpenOptions};
use std::io::Write;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use prost::Message;
use vigie_pipeline::instruments::Instruments;

use super::*;
use crate::logs::config::Config;
use crate::logs::patterns::{Exclusion, Pattern};
use crate::logs::store::Store;

/// A directory of logs, a state directory, and a follower that can be killed and started again.
struct Rig {
    root: tempfile::TempDir,
    config: Config,
    follower: Option<Follower>,
    instruments: Instruments,
    began: Instant,
    seconds: u64,
    /// Offered and not settled.
    open: Vec<u64>,
}

impl Rig {
    fn new(include: &str, start_at: StartAt) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("logs")).unwrap();
        let include = vec![root.path().join("logs").join(include).into()];
        let config = Config { name: "app".into(), include, start_at, ..Config::default() };
        let mut rig = Self {
            root,
            config,
            follower: None,
            instruments: Instruments::default(),
            began: Instant::now(),
            seconds: 0,
            open: Vec::new(),
        };
        rig.start();
        rig
    }

    fn start(&mut self) {
        let meters = Meters::new(&self.instruments, &self.config.name);
        let include = self.config.include.iter().map(|glob| Pattern::new(glob.to_str().unwrap()).unwrap());
        let exclude = self.config.exclude.iter().map(|glob| Exclusion::new(glob).unwrap());
        self.follower = Some(Follower::new(Parts {
            patterns: Patterns { include: include.collect(), exclude: exclude.collect() },
            start_at: self.config.start_at,
            recorder: Recorder::new(&self.config, meters.clone()).unwrap(),
            claim: Store::open(&self.root.path().join("state")).claim(&self.config.name),
            meters,
            envelope: Arc::default(),
            batch_bytes: 4096,
            most_waiting: 1 << 20,
        }));
    }

    /// As kill -9 does: what was not saved is forgotten.
    fn kill(&mut self) {
        self.follower = None;
        self.open.clear();
    }

    fn save(&self) {
        self.follower.as_ref().unwrap().parts.claim.store().save(self.seconds).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("logs").join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Scans and reads all that is there; the records that came.
    fn records(&mut self) -> Vec<LogRecord> {
        self.seconds += 1;
        let now = self.began + Duration::from_secs(self.seconds);
        let touched = Touched { scan: true, ..Touched::default() };
        let told = Told { touched, now, observed: self.seconds * 1_000_000_000 };
        let follower = self.follower.as_mut().unwrap();
        follower.scan(&told);
        let mut offers = follower.tend_gone(&told);
        follower.look_at_due(&told);
        while follower.is_ready() {
            offers.extend(follower.read(&told, 10_000));
            offers.extend(follower.flush_due(&told));
        }
        offers.extend(follower.flush_due(&told));
        let mut records = Vec::new();
        for offer in offers {
            let scope = ScopeLogs::decode(&offer.batch.records[..]).unwrap();
            assert_eq!(scope.log_records.len(), offer.batch.count as usize);
            records.extend(scope.log_records);
            self.open.push(offer.token);
        }
        records
    }

    /// Tells of notifications; whether they ask for a scan.
    fn touch(&mut self, touched: Touched) -> bool {
        let now = self.began + Duration::from_secs(self.seconds);
        let told = Told { touched, now, observed: self.seconds * 1_000_000_000 };
        self.follower.as_mut().unwrap().touch(&told)
    }

    fn bodies(&mut self) -> Vec<String> {
        self.records().iter().map(body).collect()
    }

    fn settle_all(&mut self) {
        for token in self.open.drain(..) {
            self.follower.as_mut().unwrap().settled(token, self.seconds);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.seconds += time.as_secs();
    }

    fn counter(&self, pick: impl Fn(&Meters) -> &prometheus::IntCounter) -> u64 {
        pick(&self.follower.as_ref().unwrap().parts.meters).get()
    }
}

fn body(record: &LogRecord) -> String {
    match record.body.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

fn attribute(record: &LogRecord, key: &str) -> Option<Value> {
    record.attributes.iter().find(|a| a.key == key)?.value.clone()?.value
}

fn numbered(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("line {n}\n")).collect()
}

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
    assert_eq!(rig.follower.as_ref().unwrap().open_files(), 1, "what is not settled is held");
    rig.settle_all();
    rig.pass(Duration::from_secs(100));
    rig.records();
    assert_eq!(rig.follower.as_ref().unwrap().open_files(), 0);
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

#[test]
fn a_compressed_file_is_no_log() {
    let mut rig = Rig::new("*", StartAt::Beginning);
    rig.append("a.log.1.gz", b"\x1f\x8b\x08\0\n\n\n");
    rig.append("a.log", "text\n");
    assert_eq!(rig.bodies(), ["text"]);
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
    fs::remove_file(rig.path("a.log")).unwrap();
    rig.append("a.log", "1\n");
    assert_eq!(rig.bodies(), ["1"]);
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

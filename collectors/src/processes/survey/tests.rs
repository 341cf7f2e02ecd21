#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::processes::fixture::{FakeProc, Process};

const FRESH: Duration = Duration::from_secs(1);

struct Rig {
    survey: Survey,
    now: Instant,
}

impl Rig {
    fn new(root: &Path) -> Self {
        Self { survey: Survey::new(root), now: Instant::now() }
    }

    fn look(&mut self, seconds: u64, extent: Extent) {
        self.now += Duration::from_secs(seconds);
        self.survey.look(extent, FRESH, self.now).unwrap();
    }

    fn find(&self, pid: u32) -> Option<&Seen> {
        let at = self.survey.processes().binary_search_by_key(&pid, |seen| seen.pid).ok()?;
        Some(&self.survey.processes()[at])
    }

    fn name(&self, pid: u32) -> &str {
        self.find(pid).map_or("", |seen| std::str::from_utf8(&seen.comm).unwrap())
    }
}

fn process(pid: u32) -> Process {
    Process { pid, comm: "api", ..Process::default() }
}

#[test]
fn whoever_comes_within_the_second_takes_what_was_found() {
    let fake = FakeProc::new();
    fake.set(&process(4));
    let mut rig = Rig::new(fake.path());
    rig.look(0, Extent::Watched);
    fake.set(&process(5));
    rig.look(0, Extent::Watched);
    assert!(rig.survey.passes() == 1 && rig.find(5).is_none());
    rig.look(0, Extent::All);
    assert!(rig.survey.passes() == 2 && rig.find(5).is_some(), "not all had been read");
    rig.look(1, Extent::Watched);
    assert_eq!(rig.survey.passes(), 3);
}

#[test]
fn a_scrape_reads_all_at_once_if_somebody_asked_for_all_after_the_last() {
    let fake = FakeProc::new();
    let mut rig = Rig::new(fake.path());
    let mut passes = |seconds, extent| {
        rig.look(seconds, extent);
        rig.survey.passes()
    };
    assert_eq!((passes(0, Extent::Scrape), passes(0, Extent::All)), (1, 2), "nobody could know");
    assert_eq!((passes(5, Extent::Watched), passes(0, Extent::Watched)), (3, 3));
    assert_eq!((passes(5, Extent::Scrape), passes(0, Extent::All)), (4, 4));
    assert_eq!((passes(5, Extent::Scrape), passes(5, Extent::Scrape)), (5, 6));
    assert_eq!(passes(0, Extent::All), 7, "nobody had asked");
}

#[test]
fn processes_are_in_order_and_those_that_went_are_not_there() {
    let fake = FakeProc::new();
    for pid in [30, 4, 200, 5] {
        fake.set(&process(pid));
    }
    let mut rig = Rig::new(fake.path());
    rig.look(0, Extent::Watched);
    fake.remove(5);
    fake.set(&process(6));
    fake.set(&Process { start: 999, ..process(200) });
    rig.look(5, Extent::Watched);
    let seen: Vec<_> = rig.survey.processes().iter().map(|seen| (seen.pid, seen.born)).collect();
    assert_eq!(seen, [(4, 1), (6, 2), (30, 1), (200, 2)]);
}

#[test]
fn what_cannot_be_understood_is_counted() {
    let fake = FakeProc::new();
    fake.set(&process(4));
    fake.set(&process(5));
    std::fs::write(fake.path().join("5/stat"), "5 (api").unwrap();
    let mut rig = Rig::new(fake.path());
    rig.look(0, Extent::Watched);
    assert_eq!((rig.survey.unread(), rig.survey.processes().len()), (1, 1));
}

/// A real process; ended with the test.
struct Real(Child);

impl Real {
    fn new(script: &str) -> Self {
        let mut sh = Command::new("sh");
        let child = sh.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    /// Lets the script go on, and waits until it is another program.
    fn becomes(&mut self, name: &str) {
        writeln!(self.0.stdin.as_mut().unwrap()).unwrap();
        let comm = format!("/proc/{}/comm", self.0.id());
        while std::fs::read_to_string(&comm).unwrap().trim() != name {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_process_is_seen_to_become_another_program() {
    let mut young = Real::new("read go; exec sleep 60");
    let mut old = Real::new("read go; exec sleep 60");
    let mut rig = Rig::new("/proc".as_ref());
    rig.look(0, Extent::Watched);
    assert_eq!((rig.name(young.0.id()), rig.name(old.0.id())), ("sh", "sh"));
    young.becomes("sleep");
    rig.look(5, Extent::Watched);
    assert_eq!(rig.name(young.0.id()), "sleep");
    assert!(rig.find(young.0.id()).unwrap().named == 2 && rig.find(young.0.id()).unwrap().born == 1);

    rig.look(60, Extent::Watched);
    old.becomes("sleep");
    // Nobody watches it, so it may take a round.
    let found = (0..ROUND).any(|_| {
        rig.look(5, Extent::Watched);
        rig.name(old.0.id()) == "sleep"
    });
    assert!(found);
}

#[test]
fn a_real_process_that_is_watched_is_read_each_time() {
    let mut child = Real::new("read go; exec sleep 60");
    let mut rig = Rig::new("/proc".as_ref());
    rig.look(0, Extent::Watched);
    rig.look(60, Extent::Watched);
    let pid = child.0.id();
    for seen in rig.survey.processes_mut() {
        seen.is_watched = seen.pid == pid;
    }
    child.becomes("sleep");
    rig.look(5, Extent::Watched);
    assert_eq!(rig.name(pid), "sleep");
    drop(child);
    rig.look(5, Extent::Watched);
    assert!(rig.find(pid).is_none());
}

#[test]
fn one_that_cannot_be_read_is_counted_and_one_that_has_ended_is_not() {
    let fake = FakeProc::new();
    for pid in [4, 5, 6] {
        fake.set(&process(pid));
    }
    fake.hide(4, "stat");
    fake.hide(5, "stat");
    std::fs::create_dir(fake.path().join("5/stat")).unwrap();
    let mut rig = Rig::new(fake.path());
    rig.look(0, Extent::All);
    assert!(rig.find(4).is_none() && rig.find(5).is_none() && rig.find(6).is_some());
    assert_eq!(rig.survey.unread(), 1);
}

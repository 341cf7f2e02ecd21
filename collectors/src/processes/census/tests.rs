#![allow(clippy::unwrap_used)]

use super::*;
use crate::processes::config::{Config, Group, Match};
use crate::processes::fixture::{FakeProc, Process, groups};

struct Rig {
    fake: FakeProc,
    census: Census,
    now: Instant,
}

fn rig(config: &Config, processes: &[Process]) -> Rig {
    let fake = FakeProc::new();
    processes.iter().for_each(|process| fake.set(process));
    Rig { fake, census: Census::new(Matcher::new(config).unwrap()), now: Instant::now() }
}

impl Rig {
    /// Looks `seconds` later: PID, group and whether it matches itself, by PID.
    fn pass(&mut self, seconds: u64) -> Vec<(u32, GroupId, bool)> {
        self.now += Duration::from_secs(seconds);
        let procfs = Procfs::open(self.fake.path()).unwrap();
        self.census.pass(&procfs, &mut Buffer::default(), self.now).unwrap();
        let mut members: Vec<_> =
            self.census.members().map(|member| (member.pid, member.group, member.matches)).collect();
        members.sort_unstable();
        members
    }
}

fn process(pid: u32, parent: u32, comm: &'static str) -> Process {
    Process { pid, parent, comm, cmdline: "x\0", start: u64::from(pid), ..Process::default() }
}

#[test]
fn children_belong_to_the_group_of_their_nearest_ancestor_and_stay() {
    let tree = [
        process(1, 0, "init"),
        process(5, 1, "nginx"),
        process(6, 5, "worker"),
        process(7, 6, "helper"),
        process(8, 5, "php"),
        process(9, 8, "convert"),
        process(10, 1, "other"),
    ];
    let mut rig = rig(&groups(&["nginx", "php"]), &tree);
    let expected = [(5, 0, true), (6, 0, false), (7, 0, false), (8, 1, true), (9, 1, false)];
    assert_eq!(rig.pass(0), expected);
    rig.fake.remove(5);
    rig.fake.set(&process(6, 1, "worker"));
    assert_eq!(rig.pass(5), expected[1..]);
    assert_eq!(rig.pass(60), expected[1..]);
}

#[test]
fn a_process_that_executes_another_program_is_judged_again() {
    let mut rig = rig(&groups(&["api"]), &[process(4, 1, "bash")]);
    assert_eq!(rig.pass(0), []);
    assert_eq!(rig.pass(60), []);
    rig.fake.set(&process(4, 1, "api"));
    assert_eq!(rig.pass(60), [(4, 0, true)]);
}

#[test]
fn a_command_line_that_changes_soon_after_the_birth_is_seen() {
    let matching = Match { cmdline: vec!["serve".to_owned()], ..Match::default() };
    let config = Config { groups: vec![Group { matching, ..Group::default() }] };
    let mut rig = rig(&config, &[process(4, 1, "sh")]);
    assert_eq!(rig.pass(0), []);
    rig.fake.set(&Process { cmdline: "sh\0serve\0", ..process(4, 1, "sh") });
    assert_eq!(rig.pass(60), [(4, 0, true)]);
    // From now on its name vouches for it.
    rig.fake.set(&Process { cmdline: "sh\0sleep\0", ..process(4, 1, "sh") });
    assert_eq!(rig.pass(60), [(4, 0, true)]);
}

#[test]
fn a_pid_that_is_used_again_is_a_new_process() {
    let mut rig = rig(&groups(&["api"]), &[process(4, 1, "api")]);
    assert_eq!(rig.pass(0), [(4, 0, true)]);
    assert!(!rig.census.members().next().unwrap().is_new, "it was there before anybody looked");
    rig.fake.set(&Process { start: 999, ..process(4, 1, "api") });
    assert_eq!(rig.pass(1), [(4, 0, true)]);
    assert!(rig.census.members().next().unwrap().is_new);
    rig.pass(1);
    assert!(!rig.census.members().next().unwrap().is_new);
}

#[test]
fn a_pid_file_moves_a_group_from_one_process_to_another() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("api.pid");
    let matching = Match { pidfile: Some(path.clone().into()), ..Match::default() };
    let config = Config { groups: vec![Group { matching, ..Group::default() }] };
    let mut rig = rig(&config, &[process(4, 1, "api"), process(5, 1, "api")]);
    assert_eq!(rig.pass(0), []);
    assert_eq!(rig.pass(60), []);
    std::fs::write(&path, "4\n").unwrap();
    assert_eq!(rig.pass(60), [(4, 0, true)]);
    std::fs::write(&path, "5\n").unwrap();
    assert_eq!(rig.pass(60), [(5, 0, true)]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(rig.pass(60), []);
}

#[test]
fn what_cannot_be_understood_is_counted_and_the_others_are_there() {
    let mut rig = rig(&groups(&["api"]), &[process(4, 1, "api"), process(5, 1, "api")]);
    std::fs::write(rig.fake.path().join("5/stat"), "5 (api").unwrap();
    rig.fake.hide(4, "cmdline");
    assert_eq!(rig.pass(0), [(4, 0, true)]);
    assert_eq!(rig.census.unread(), 1);
}

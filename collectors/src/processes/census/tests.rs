#![allow(clippy::unwrap_used)]

use std::time::Duration;

use vigie_pipeline::commons::Commons;

use super::*;
use crate::processes::config::{Config, Group, Match};
use crate::processes::fixture::{FakeProc, Process, groups};
use crate::processes::process_names::{NameRule, ProcessNames};
use crate::processes::survey::{Extent, SharedSurvey};

struct Rig {
    fake: FakeProc,
    survey: SharedSurvey,
    census: Census,
    now: Instant,
}

fn rig(config: &Config, processes: &[Process]) -> Rig {
    let fake = FakeProc::new();
    processes.iter().for_each(|process| fake.set(process));
    let survey = Survey::shared(fake.path(), &Commons::default());
    Rig {
        survey,
        fake,
        census: Census::new(Matcher::new(config, "/".as_ref()).unwrap()),
        now: Instant::now(),
    }
}

impl Rig {
    fn first_is_new(&self) -> bool {
        self.census.members(&self.survey.hold().unwrap()).next().unwrap().is_new
    }

    /// Looks `seconds` later: PID, group and whether it matches itself, by PID.
    fn pass(&mut self, seconds: u64) -> Vec<(u32, GroupId, bool)> {
        self.now += Duration::from_secs(seconds);
        let procfs = Procfs::open(self.fake.path()).unwrap();
        let mut survey = self.survey.hold().unwrap();
        survey.look(Extent::Watched, Duration::ZERO, self.now).unwrap();
        self.census.judge(&mut survey, &procfs, &mut Buffer::default(), self.now);
        self.census.members(&survey).map(|member| (member.pid, member.group, member.matches)).collect()
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
fn a_group_may_do_without_children_and_they_belong_to_nobody_then() {
    let tree = [
        process(1, 0, "init"),
        process(5, 1, "cron"),
        process(6, 5, "job"),
        process(7, 6, "helper"),
        process(8, 1, "getty"),
    ];
    let mut config = groups(&["init", "cron"]);
    config.groups[1].children = Some(false);
    let mut both = rig(&config, &tree);
    assert_eq!(both.pass(0), [(1, 0, true), (5, 1, true), (8, 0, false)]);
    config.children = false;
    config.groups[1].children = Some(true);
    let mut one = rig(&config, &tree);
    assert_eq!(one.pass(0), [(1, 0, true), (5, 1, true), (6, 1, false), (7, 1, false)]);
}

#[test]
fn a_command_line_that_changes_soon_after_the_birth_is_seen() {
    let matching = Match { cmdline: vec!["serve".to_owned()], ..Match::default() };
    let config = Config { groups: vec![Group { matching, ..Group::default() }], ..Config::default() };
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
    assert!(!rig.first_is_new(), "it was there before anybody looked");
    rig.fake.set(&Process { start: 999, ..process(4, 1, "api") });
    assert_eq!(rig.pass(1), [(4, 0, true)]);
    assert!(rig.first_is_new());
    rig.pass(1);
    assert!(!rig.first_is_new());
}

#[test]
fn a_pid_file_moves_a_group_from_one_process_to_another() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("api.pid");
    let matching = Match { pidfile: Some(path.clone().into()), ..Match::default() };
    let config = Config { groups: vec![Group { matching, ..Group::default() }], ..Config::default() };
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
fn one_that_cannot_be_understood_hides_no_other() {
    let mut rig = rig(&groups(&["api"]), &[process(4, 1, "api"), process(5, 1, "api")]);
    std::fs::write(rig.fake.path().join("5/stat"), "5 (api").unwrap();
    rig.fake.hide(4, "cmdline");
    assert_eq!(rig.pass(0), [(4, 0, true)]);
}

#[test]
fn one_that_is_left_out_belongs_to_nobody_nor_do_its_children() {
    let tree = [
        process(1, 0, "init"),
        process(5, 1, "cron"),
        process(6, 5, "job"),
        process(7, 6, "helper"),
        process(8, 1, "getty"),
    ];
    let made = NameRule {
        name: "own {{.Comm}}".to_owned(),
        comm: Some(vec!["init".to_owned(), "job".to_owned()]),
        ..NameRule::default()
    };
    let name_rules = Some(ProcessNames { process_names: vec![made] });
    let mut rig = rig(&Config { name_rules, max_groups: 1, ..Config::default() }, &tree);
    assert_eq!(rig.pass(0), [(1, 0, true), (5, 0, false), (8, 0, false)]);
    assert_eq!(rig.pass(60), [(1, 0, true), (5, 0, false), (8, 0, false)]);
    assert_eq!((rig.census.names().concat().as_str(), rig.census.left_out()), ("own init", 2));
}

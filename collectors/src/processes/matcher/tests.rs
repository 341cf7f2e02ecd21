#![allow(clippy::unwrap_used)]

use super::*;
use crate::processes::config::{Group, Match};
use crate::processes::fixture::{FakeProc, Process};
use crate::processes::process_names::{NameRule, ProcessNames};

/// A matcher of groups with these conditions, and processes to be judged.
struct Rig {
    fake: FakeProc,
    rootfs: tempfile::TempDir,
    matcher: Matcher,
}

fn rig(groups: Vec<Match>) -> Rig {
    let group = |(index, matching)| Group { name: format!("g{index}"), matching, ..Group::default() };
    let groups = groups.into_iter().enumerate().map(group).collect();
    let config = Config { groups, ..Config::default() };
    let rootfs = tempfile::tempdir().unwrap();
    let matcher = Matcher::new(&config, rootfs.path()).unwrap();
    Rig { fake: FakeProc::new(), rootfs, matcher }
}

impl Rig {
    fn prepare(&mut self) -> Vec<u32> {
        self.matcher.prepare(&Procfs::open(self.fake.path()).unwrap(), &mut Buffer::default())
    }

    fn judge(&mut self, process: &Process) -> Option<GroupId> {
        self.fake.set(process);
        self.look_at(process.pid)
    }

    /// The group of a process that is there; `None` if there is none.
    fn look_at(&mut self, pid: u32) -> Option<GroupId> {
        let procfs = Procfs::open(self.fake.path()).unwrap();
        let mut buffer = Buffer::default();
        let content = procfs.read(pid, "stat", &mut buffer).unwrap().to_vec();
        let (comm, stat) = crate::processes::stat::parse(&content).unwrap();
        match self.matcher.verdict(Candidate { pid, comm, stat: &stat }, &procfs, &mut buffer) {
            Verdict::Group(group) => Some(group),
            Verdict::Nothing | Verdict::LeftOut => None,
        }
    }

    fn verdict(&mut self, comm: &'static str, cmdline: &'static str) -> Option<GroupId> {
        self.judge(&Process { comm, cmdline, ..Process::default() })
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn any_comm_and_any_exe_but_every_regex_must_match() {
    let mut rig = rig(vec![
        Match { comm: texts(&["a", "b"]), ..Match::default() },
        Match { exe: texts(&["nginx", "/usr/bin/python3"]), ..Match::default() },
        Match { cmdline: texts(&["uvicorn", r"app\.main"]), ..Match::default() },
    ]);
    assert_eq!(rig.verdict("b", ""), Some(0));
    assert_eq!(rig.verdict("x", "/usr/sbin/nginx\0-g\0"), Some(1));
    assert_eq!(rig.verdict("x", "nginx\0"), Some(1));
    assert_eq!(rig.verdict("x", "/usr/bin/python3\0"), Some(1));
    assert_eq!(rig.verdict("x", "/opt/bin/python3\0"), None);
    assert_eq!(rig.verdict("x", "python3\0"), None);
    assert_eq!(rig.verdict("x", "python3\0-m\0uvicorn\0app.main:app\0"), Some(2));
    assert_eq!(rig.verdict("x", "python3\0-m\0uvicorn\0other\0"), None);
}

#[test]
fn every_kind_of_condition_that_is_given_must_hold_and_the_first_group_wins() {
    let mut rig = rig(vec![
        Match { comm: texts(&["python3"]), cmdline: texts(&["api"]), ..Match::default() },
        Match { comm: texts(&["python3"]), ..Match::default() },
        Match { cmdline: texts(&["api"]), ..Match::default() },
    ]);
    assert_eq!(rig.verdict("python3", "python3\0api.py\0"), Some(0));
    assert_eq!(rig.verdict("python3", "python3\0job.py\0"), Some(1));
    assert_eq!(rig.verdict("sh", "sh\0api.sh\0"), Some(2));
    assert_eq!(rig.matcher.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["g0", "g1", "g2"]);
}

#[test]
fn a_process_of_which_nothing_can_be_read_matches_by_its_name() {
    let mut rig = rig(vec![
        Match { exe: texts(&["api"]), ..Match::default() },
        Match { comm: texts(&["api"]), ..Match::default() },
    ]);
    rig.fake.set(&Process { comm: "api", cmdline: "api\0", ..Process::default() });
    rig.fake.hide(1, "cmdline");
    assert_eq!(rig.look_at(1), Some(1));
}

#[test]
fn a_user_has_a_number_or_a_name_of_the_host() {
    // What is made here is owned by whom the tests run as.
    let own = rustix::process::geteuid().as_raw();
    for user in ["tester", &own.to_string()] {
        let mut rig = rig(vec![
            Match { user: texts(&["nobody-at-all", "4294967290"]), ..Match::default() },
            Match { user: texts(&["other", user]), ..Match::default() },
        ]);
        std::fs::create_dir(rig.rootfs.path().join("etc")).unwrap();
        let passwd = format!("other:x:4294967291:1::/:\ntester:x:{own}:1::/:\n");
        std::fs::write(rig.rootfs.path().join("etc/passwd"), passwd).unwrap();
        rig.prepare();
        assert_eq!(rig.verdict("x", "x\0"), Some(1));
    }
}

#[test]
fn a_parent_is_known_by_name_or_program_and_no_further_ancestor_counts() {
    let child =
        Process { pid: 9, parent: 8, comm: "worker", cmdline: "w\0", start: 300, ..Process::default() };
    for (name, verdict) in [
        ("super", Some(0)),
        ("/opt/supervisord", Some(0)),
        ("supervisord", Some(0)),
        ("/supervisord", None),
        ("init", None),
    ] {
        let mut rig = rig(vec![Match { parent: texts(&["x", name]), ..Match::default() }]);
        rig.fake.set(&Process::default());
        let parent = Process {
            pid: 8,
            parent: 1,
            comm: "super",
            cmdline: "/opt/supervisord\0-n\0",
            ..Process::default()
        };
        rig.fake.set(&parent);
        assert_eq!(rig.judge(&child), verdict, "{name}");
        rig.fake.set(&Process { start: 301, ..parent });
        assert_eq!(rig.judge(&child), None, "its PID has been used again");
        rig.fake.remove(8);
        assert_eq!(rig.judge(&child), None);
    }
}

#[test]
fn a_cgroup_and_a_unit_may_be_asked_for_together_with_others() {
    let mut rig = rig(vec![
        Match { comm: texts(&["api"]), unit: texts(&["shop"]), ..Match::default() },
        Match { comm: texts(&["api"]), cgroup: texts(&["/machines"]), ..Match::default() },
    ]);
    let mut verdict = |comm: &'static str, cgroup: &str| {
        rig.judge(&Process { comm, ..Process::default() });
        std::fs::write(rig.fake.path().join("1/cgroup"), cgroup).unwrap();
        rig.look_at(1)
    };
    assert_eq!(verdict("api", "0::/system.slice/shop.service\n"), Some(0));
    assert_eq!(verdict("api", "0::/machines/a\n"), Some(1));
    assert_eq!(verdict("api", "0::/\n"), None);
    assert_eq!(verdict("job", "0::/system.slice/shop.service\n"), None);
}

#[test]
fn a_pid_file_names_its_process_until_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.pid");
    let mut rig = rig(vec![Match { pidfile: Some(path.clone().into()), ..Match::default() }]);
    assert_eq!(rig.prepare(), [] as [u32; 0]);
    assert_eq!(rig.verdict("api", "api\0"), None);
    std::fs::write(&path, "1\n").unwrap();
    assert_eq!(rig.prepare(), [1]);
    assert_eq!(rig.verdict("api", "api\0"), Some(0));
    std::fs::write(&path, " 22 \n").unwrap();
    assert_eq!(rig.prepare(), [1, 22]);
    assert_eq!(rig.verdict("api", "api\0"), None);
    std::fs::write(&path, "none").unwrap();
    assert_eq!(rig.prepare(), [22]);
}

fn by_rules(rules: &[NameRule], groups: Vec<Match>, max_groups: u32) -> Rig {
    let mut rig = rig(groups.clone());
    let group = |(index, matching)| Group { name: format!("g{index}"), matching, ..Group::default() };
    let config = Config {
        groups: groups.into_iter().enumerate().map(group).collect(),
        name_rules: Some(ProcessNames { process_names: rules.to_vec() }),
        max_groups,
        ..Config::default()
    };
    rig.matcher = Matcher::new(&config, rig.rootfs.path()).unwrap();
    rig
}

fn rule(name: &str, comm: &[&str]) -> NameRule {
    NameRule { name: name.to_owned(), comm: Some(texts(comm)), ..NameRule::default() }
}

#[test]
fn a_template_makes_groups_of_what_processes_are() {
    let everything = NameRule { cmdline: Some(texts(&[".+"])), ..NameRule::default() };
    let rules = [rule("web", &["nginx"]), rule("g0", &["old"]), everything];
    let mut rig = by_rules(&rules, vec![Match { comm: texts(&["api"]), ..Match::default() }], 2);
    assert_eq!(rig.matcher.names().concat(), "g0web", "what is known before is there before");
    assert_eq!(rig.verdict("api", "/bin/api\0"), Some(0));
    assert_eq!(rig.verdict("old", "/bin/old\0"), Some(0));
    assert_eq!(rig.verdict("nginx", "/bin/nginx\0"), Some(1));
    assert_eq!(rig.verdict("x", "/bin/cron\0-f\0"), Some(2));
    assert_eq!(rig.verdict("x", "/bin/web\0-f\0"), Some(1));
    assert_eq!(rig.verdict("x", "/sbin/cron\0"), Some(2));
    assert_eq!(rig.verdict("x", "/sbin/init\0"), Some(3));
    assert_eq!(rig.matcher.left_out(), 0);
    assert_eq!(rig.verdict("x", "/sbin/more\0"), None);
    assert_eq!((rig.matcher.names().concat().as_str(), rig.matcher.left_out()), ("g0webcroninit", 1));
    assert_eq!(rig.verdict("kthreadd", ""), None);
}

#[test]
fn a_list_of_process_exporters_that_is_empty_is_matched_by_nobody_but_that_of_regexes_by_all() {
    let mut rig = by_rules(&[rule("none", &[])], Vec::new(), 9);
    assert_eq!(rig.verdict("api", "api\0"), None);
    let all = NameRule { name: "all".to_owned(), cmdline: Some(Vec::new()), ..NameRule::default() };
    let mut rig = by_rules(&[all], Vec::new(), 9);
    assert_eq!(rig.verdict("api", "api\0"), Some(0));
}

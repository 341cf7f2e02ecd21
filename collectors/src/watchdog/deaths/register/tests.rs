#![allow(clippy::unwrap_used)]
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use vigie_pipeline::clock::Clock;
use vigie_pipeline::commons::Commons;

use super::*;
use crate::processes;
use crate::processes::roll::Roll;
use crate::system::Roots;

/// Real processes whose command line has a word of their own, and the register of their group.
struct Rig {
    tag: String,
    children: Vec<Child>,
    register: Register,
    now: Instant,
}

impl Rig {
    fn new(test: &str) -> Self {
        let tag = format!("vigie-{test}-{}", std::process::id());
        let matching = processes::Match { cmdline: vec![tag.clone()], ..processes::Match::default() };
        let group = processes::Group { name: "testee".to_owned(), matching, ..processes::Group::default() };
        let config = processes::Config { groups: vec![group], ..processes::Config::default() };
        let roots = Roots::default();
        let roll = Roll::shared(&config, &roots, &Clock::system(), &Commons::default()).unwrap();
        let groups = vec![Group { name: "testee".into(), log: None }];
        let register = Register::new(roll, &roots.procfs, &roots.sysfs, groups);
        Self { tag, children: Vec::new(), register, now: Instant::now() }
    }

    fn start(&mut self) -> u32 {
        self.started(Command::new("sleep").arg0(&self.tag).arg("60"))
    }

    fn started(&mut self, command: &mut Command) -> u32 {
        let child = command.spawn().unwrap();
        let pid = child.id();
        self.children.push(child);
        pid
    }

    /// The next look, when what the last one has found is old.
    fn look(&mut self) -> Look {
        std::thread::sleep(AGE + Duration::from_millis(50));
        self.now += AGE + Duration::from_millis(50);
        self.register.look(self.now, 0).unwrap()
    }

    fn end(&mut self, pid: u32) {
        let mut child = self.children.extract_if(.., |child| child.id() == pid).next().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_member_that_executes_another_program_has_left_its_group_and_not_died() {
    let mut rig = Rig::new("leaver");
    let tag = rig.tag.clone();
    let pid =
        rig.started(Command::new("sh").args(["-c", "read go; exec sleep 60", &tag]).stdin(Stdio::piped()));
    let look = rig.look();
    assert_eq!(look.descriptors.iter().map(|((pid, _), _)| *pid).collect::<Vec<_>>(), [pid]);
    rig.children[0].stdin.take().unwrap().write_all(b"\n").unwrap();
    let look = rig.look();
    assert_eq!((look.gone, rig.register.watched()), (vec![], Watched::default()));
}

#[test]
fn beyond_the_bound_on_descriptors_a_look_finds_who_is_gone() {
    let mut rig = Rig::new("many");
    let pids: Vec<u32> = (0..MOST_OF_GROUP + 2).map(|_| rig.start()).collect();
    let look = rig.look();
    let held: Vec<u32> = look.descriptors.iter().map(|((pid, _), _)| *pid).collect();
    assert_eq!(held.len(), MOST_OF_GROUP);
    assert_eq!(rig.register.watched(), Watched { by_descriptor: MOST_OF_GROUP, by_look: 2, not_at_all: 0 });
    let other = *pids.iter().find(|pid| !held.contains(pid)).unwrap();
    rig.end(held[0]);
    rig.end(other);
    let look = rig.look();
    assert_eq!(look.gone.iter().map(|(pid, _)| *pid).collect::<Vec<_>>(), [other]);
    let report = rig.register.bury(look.gone[0], None, rig.now, 0).unwrap();
    assert_eq!((report.pid, report.cause), (other, Cause::Unknown));
    assert!(report.body().contains("ended, and how is not known"), "{}", report.body());
    assert!(rig.register.bury(look.gone[0], None, rig.now, 0).is_none(), "it is told once");
}

#[test]
fn with_no_descriptor_left_all_are_looked_for() {
    let mut rig = Rig::new("none");
    rig.start();
    std::thread::sleep(Duration::from_millis(50));
    let look = rig.register.look(rig.now, MOST_DESCRIPTORS).unwrap();
    assert!(look.descriptors.is_empty());
    assert_eq!(rig.register.watched(), Watched { by_look: 1, ..Watched::default() });
}

#[test]
fn a_count_of_kills_is_evidence_once_each_and_for_a_while() {
    let (mut kills, now) = (Kills { count: 5, ..Kills::default() }, Instant::now());
    kills.count(Some(5), now);
    assert!(kills.fresh.is_empty(), "what was before is nobody's");
    kills.count(Some(7), now);
    assert!(kills.fresh.pop_front().is_some() && kills.fresh.len() == 1);
    kills.count(None, now + EVIDENCE);
    assert_eq!(kills.fresh.len(), 1);
    kills.count(Some(7), now + 2 * EVIDENCE);
    assert!(kills.fresh.is_empty());
}

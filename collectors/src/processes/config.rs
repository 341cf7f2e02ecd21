//! The `collectors.processes` section.

use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::units::HumanDuration;

use super::matcher::check_pattern;
use super::process_names::ProcessNames;
use crate::watchdog::{self, Action, Expect};

/// So many of the largest programs are told at most: each is three series.
const MOST_TOP: u32 = 100;

/// The `collectors.processes` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A configuration of process-exporter, unchanged. What matches one of `groups` belongs there first.
    pub process_names: Option<FilePath>,
    /// What that file says.
    #[serde(skip)]
    pub name_rules: Option<ProcessNames>,
    /// At most so many groups whose names that file makes of what processes are; the processes of more are left out.
    pub max_groups: u32,
    /// Whether processes that match no group belong to that of their nearest ancestor which has one.
    pub children: bool,
    /// Groups of processes. A process belongs to the first group that it matches.
    pub groups: Vec<Group>,
    /// Whether there are series for each name of threads, of processes that have several.
    pub threads: bool,
    /// Proportional sizes of the groups' memory.
    pub smaps: Smaps,
    /// Also tell the programs with most CPU, memory and io, so many of each, and what all others use; at most 100. 0 is
    /// not at all.
    pub top: u32,
}

/// Proportional sizes: each page that processes share is divided among them. The kernel walks the page tables for it,
/// which may take long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Smaps {
    /// Whether they are read.
    pub enabled: bool,
    /// How long a scrape may read them; who has no turn keeps the size of an earlier one.
    pub budget: HumanDuration,
}

impl Default for Smaps {
    fn default() -> Self {
        Self { enabled: false, budget: HumanDuration(Duration::from_millis(100)) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            process_names: None,
            name_rules: None,
            max_groups: 1000,
            children: true,
            groups: Vec::new(),
            threads: true,
            smaps: Smaps::default(),
            top: 0,
        }
    }
}

impl Config {
    /// What matters to who belongs to which group and what is measured of it: what is expected, done and told of groups
    /// may change without any effect on their series.
    pub(crate) fn measured(&self) -> Self {
        let group = |group: &Group| Group {
            name: group.name.clone(),
            matching: group.matching.clone(),
            children: group.children,
            ..Group::default()
        };
        Self { groups: self.groups.iter().map(group).collect(), top: 0, ..self.clone() }
    }

    /// One group, `vigie`, of the agent itself, without its threads: what is watched where nothing is configured.
    #[must_use]
    pub fn own_process() -> Self {
        let matching = Match { exe: vec!["vigie".to_owned()], ..Match::default() };
        let own = Group { name: "vigie".to_owned(), matching, ..Group::default() };
        Self { groups: vec![own], threads: false, ..Self::default() }
    }
}

/// One group of processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    /// Unique; the `groupname` label. Required.
    pub name: String,
    /// Which processes belong to it: those that match every condition that is given.
    #[serde(rename = "match")]
    pub matching: Match,
    /// Whether descendants of these that match no group belong to it as well; as `children` of all groups, if not given.
    pub children: Option<bool>,
    /// An entry of `collectors.logs`: the last lines of its newest file are in the report when a member has ended.
    pub log: Option<String>,
    /// What is expected of it.
    pub expect: Expect,
    /// What is done if something is not as expected.
    pub actions: Vec<Action>,
}

/// Which processes belong to a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Any of these is the process's name as the kernel has it, which is cut after 15 characters.
    pub comm: Vec<String>,
    /// Any of these is the first word of the command line: with a slash the whole of it, without one its last
    /// component.
    pub exe: Vec<String>,
    /// Each of these regular expressions matches the command line, its words joined by blanks.
    pub cmdline: Vec<String>,
    /// The file has the process's PID.
    pub pidfile: Option<FilePath>,
    /// Any of these is the effective user: a number, or a name in the host's `/etc/passwd`.
    pub user: Vec<String>,
    /// It is in any of these units of systemd, or in one that is inside of it: names, in which `*` and `?` stand for
    /// others. One without a kind is that of a service.
    pub unit: Vec<String>,
    /// It is in any of these cgroups or below: paths from the root of any hierarchy. `*` and `?` stand for characters of
    /// one component, `**` for any components.
    pub cgroup: Vec<String>,
    /// Any of these is its parent, by name or program as `comm` and `exe` tell them.
    pub parent: Vec<String>,
    /// It has a socket open that listens on any of these ports, TCP's or UDP's. Who that is can only be seen with the
    /// right to look at others' descriptors.
    pub port: Vec<u16>,
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if let Some(file) = &self.process_names {
            at.key("process_names").readable(file);
        }
        if !(1..=100_000).contains(&self.max_groups) {
            at.key("max_groups").wrong("not between 1 and 100000");
        }
        let groups = at.key("groups");
        groups.unique("name", self.groups.iter().map(|group| group.name.as_str()));
        groups.check_each(&self.groups);
        if self.top > MOST_TOP {
            at.key("top").wrong(format_args!("more than {MOST_TOP}"));
        }
    }
}

impl Check for Group {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("required");
        }
        self.matching.check(&mut at.key("match"));
        self.expect.check(&mut at.key("expect"));
        watchdog::check_actions(&self.actions, &self.expect, at);
    }
}

impl Check for Match {
    fn check(&self, at: &mut Place<'_>) {
        if *self == Self::default() {
            at.wrong("one of comm, exe, cmdline, pidfile, user, unit, cgroup, port and parent is required");
        }
        for (at, comm) in at.key("comm").each(&self.comm) {
            if comm.is_empty() {
                at.wrong("empty");
            } else if comm.len() > 15 {
                at.wrong(format_args!(
                    "longer than 15 bytes, after which the kernel cuts it: write `{}`",
                    comm.get(..15).unwrap_or("…")
                ));
            }
        }
        for (at, exe) in at.key("exe").each(&self.exe) {
            if exe.is_empty() || exe.ends_with('/') {
                at.wrong("not the name or path of a program");
            }
        }
        for (at, regex) in at.key("cmdline").each(&self.cmdline) {
            at.ok(Regex::new(regex));
        }
        if self.pidfile.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            at.key("pidfile").wrong("empty");
        }
        for (at, user) in at.key("user").each(&self.user) {
            if user.is_empty() {
                at.wrong("empty");
            } else if user.contains(':') {
                at.wrong("not the name or number of a user");
            }
        }
        for (at, unit) in at.key("unit").each(&self.unit) {
            if unit.is_empty() || unit.contains('/') {
                at.wrong("not the name of a unit, such as `nginx.service`");
            }
            at.ok(check_pattern(unit));
        }
        for (at, path) in at.key("cgroup").each(&self.cgroup) {
            if !path.starts_with('/') {
                at.wrong("not a path from the root of the cgroups, such as `/system.slice/nginx.service`");
            }
            at.ok(check_pattern(path));
        }
        for (at, port) in at.key("port").each(&self.port) {
            if *port == 0 {
                at.wrong("nobody listens on port 0");
            }
        }
        for (at, parent) in at.key("parent").each(&self.parent) {
            if parent.is_empty() || parent.ends_with('/') {
                at.wrong("not the name or path of a program");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn told(matching: Match, expect: Expect) -> Vec<String> {
        let group = Group { name: "api".to_owned(), matching, expect, ..Group::default() };
        let config = Config { groups: vec![group], ..Config::default() };
        let root = KeyPath::default().key("processes");
        problems(root, &config).iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
    }

    #[test]
    fn a_group_must_say_what_it_matches() {
        assert_eq!(
            told(Match::default(), Expect::default()),
            [
                "processes.groups[0].match: one of comm, exe, cmdline, pidfile, user, unit, cgroup, port and parent is required"
            ]
        );
        assert_eq!(problems(KeyPath::default(), &Config::own_process()), []);
    }

    #[test]
    fn what_can_never_match_is_a_mistake() {
        let matching = Match {
            comm: vec!["prometheus-node-exporter".to_owned()],
            exe: vec!["/usr/bin/".to_owned()],
            cmdline: vec!["(uvicorn".to_owned()],
            user: vec!["a:b".to_owned()],
            unit: vec!["system.slice/nginx.service".to_owned(), "[a".to_owned()],
            cgroup: vec!["system.slice".to_owned()],
            port: vec![0],
            parent: vec![String::new()],
            ..Match::default()
        };
        let expect = Expect { min: Some(2), max: Some(1), ..Expect::default() };
        assert_eq!(
            told(matching, expect),
            [
                "processes.groups[0].match.comm[0]: longer than 15 bytes, after which the kernel cuts it: write `prometheus-node`",
                "processes.groups[0].match.exe[0]: not the name or path of a program",
                "processes.groups[0].match.cmdline[0]: unclosed group",
                "processes.groups[0].match.user[0]: not the name or number of a user",
                "processes.groups[0].match.unit[0]: not the name of a unit, such as `nginx.service`",
                "processes.groups[0].match.unit[1]: error parsing glob '[a': unclosed character class; missing ']'",
                "processes.groups[0].match.cgroup[0]: not a path from the root of the cgroups, such as `/system.slice/nginx.service`",
                "processes.groups[0].match.port[0]: nobody listens on port 0",
                "processes.groups[0].match.parent[0]: not the name or path of a program",
                "processes.groups[0].expect.max: less than min, which is 2",
            ]
        );
    }
}

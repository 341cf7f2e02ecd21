//! The `collectors.processes` section.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;

/// The `collectors.processes` section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Groups of processes. A process belongs to the first group that it matches.
    pub groups: Vec<Group>,
}

impl Config {
    /// One group, `vigie`, of the agent itself: what is watched where nothing is configured.
    #[must_use]
    pub fn own_process() -> Self {
        let matching = Match { exe: vec!["vigie".to_owned()], ..Match::default() };
        Self { groups: vec![Group { name: "vigie".to_owned(), matching, expect: Expect::default() }] }
    }
}

/// One group of processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    /// Unique; the `groupname` label. Required.
    pub name: String,
    /// Which processes belong to it: those that match every condition that is given. Their children belong to it as
    /// well, unless they match a group of their own.
    #[serde(rename = "match")]
    pub matching: Match,
    /// How many processes there should be, without such children.
    pub expect: Expect,
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
}

/// How many processes a group should have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// At least so many.
    pub min: Option<u32>,
    /// At most so many.
    pub max: Option<u32>,
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        let groups = at.key("groups");
        groups.unique("name", self.groups.iter().map(|group| group.name.as_str()));
        groups.check_each(&self.groups);
    }
}

impl Check for Group {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("required");
        }
        self.matching.check(&mut at.key("match"));
        if let Expect { min: Some(min), max: Some(max) } = self.expect
            && min > max
        {
            at.key("expect").key("max").wrong(format_args!("less than min, which is {min}"));
        }
    }
}

impl Check for Match {
    fn check(&self, at: &mut Place<'_>) {
        if *self == Self::default() {
            at.wrong("one of comm, exe, cmdline and pidfile is required");
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn told(matching: Match, expect: Expect) -> Vec<String> {
        let config = Config { groups: vec![Group { name: "api".to_owned(), matching, expect }] };
        let root = KeyPath::default().key("processes");
        problems(root, &config).iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
    }

    #[test]
    fn a_group_must_say_what_it_matches() {
        assert_eq!(
            told(Match::default(), Expect::default()),
            ["processes.groups[0].match: one of comm, exe, cmdline and pidfile is required"]
        );
        assert_eq!(problems(KeyPath::default(), &Config::own_process()), []);
    }

    #[test]
    fn what_can_never_match_is_a_mistake() {
        let matching = Match {
            comm: vec!["prometheus-node-exporter".to_owned()],
            exe: vec!["/usr/bin/".to_owned()],
            cmdline: vec!["(uvicorn".to_owned()],
            pidfile: None,
        };
        let expect = Expect { min: Some(2), max: Some(1) };
        assert_eq!(
            told(matching, expect),
            [
                "processes.groups[0].match.comm[0]: longer than 15 bytes, after which the kernel cuts it: write `prometheus-node`",
                "processes.groups[0].match.exe[0]: not the name or path of a program",
                "processes.groups[0].match.cmdline[0]: unclosed group",
                "processes.groups[0].expect.max: less than min, which is 2",
            ]
        );
    }
}

//! Which group a process belongs to: process-exporter's rules. Every condition that a group names must hold, and
//! the first group wins.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use regex::Regex;

use super::config::{Config, Match};

/// The place of a group in the configuration.
pub(super) type GroupId = usize;

/// What a process is recognised by.
pub(super) struct Candidate<'a> {
    pub(super) pid: u32,
    /// The name that the kernel has, cut.
    pub(super) comm: &'a [u8],
    /// The words of the command line, each followed by a NUL; empty for threads of the kernel.
    pub(super) cmdline: &'a [u8],
}

impl Candidate<'_> {
    /// The first word of the command line.
    fn exe(&self) -> Option<Cow<'_, str>> {
        let words = trim_end_nul(self.cmdline);
        let first = words.split(|byte| *byte == 0).next().filter(|word| !word.is_empty())?;
        Some(String::from_utf8_lossy(first))
    }

    /// The words of the command line, joined by blanks.
    fn joined(&self) -> String {
        String::from_utf8_lossy(trim_end_nul(self.cmdline)).replace('\0', " ")
    }
}

fn trim_end_nul(words: &[u8]) -> &[u8] {
    let end = words.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &words[..end]
}

/// The conditions of all groups, compiled.
#[derive(Debug)]
pub(super) struct Matcher {
    groups: Vec<Conditions>,
}

#[derive(Debug)]
struct Conditions {
    comm: HashSet<Vec<u8>>,
    exe: HashSet<String>,
    cmdline: Vec<Regex>,
    pidfile: Option<PidFile>,
}

/// A file with a PID, and what was in it when it was last read.
#[derive(Debug)]
struct PidFile {
    path: PathBuf,
    pid: Option<u32>,
}

impl Matcher {
    /// # Errors
    /// The first regular expression that does not compile.
    pub(super) fn new(config: &Config) -> Result<Self, regex::Error> {
        let groups = config.groups.iter().map(|group| Conditions::new(&group.matching));
        Ok(Self { groups: groups.collect::<Result<_, _>>()? })
    }

    /// Reads the PID files again; the PIDs of which another verdict may be due now.
    pub(super) fn read_pidfiles(&mut self) -> Vec<u32> {
        let mut changed = Vec::new();
        for pidfile in self.groups.iter_mut().filter_map(|conditions| conditions.pidfile.as_mut()) {
            let before = pidfile.pid;
            pidfile.pid = read_pid(&pidfile.path);
            if pidfile.pid != before {
                changed.extend(before);
                changed.extend(pidfile.pid);
            }
        }
        changed
    }

    /// The group of a process, without regard to its parents.
    pub(super) fn verdict(&self, candidate: &Candidate<'_>) -> Option<GroupId> {
        self.groups.iter().position(|conditions| conditions.hold(candidate))
    }
}

impl Conditions {
    fn new(matching: &Match) -> Result<Self, regex::Error> {
        Ok(Self {
            comm: matching.comm.iter().map(|comm| comm.as_bytes().to_vec()).collect(),
            exe: matching.exe.iter().cloned().collect(),
            cmdline: matching.cmdline.iter().map(|regex| Regex::new(regex)).collect::<Result<_, _>>()?,
            pidfile: matching.pidfile.as_ref().map(|path| PidFile { path: path.0.clone(), pid: None }),
        })
    }

    fn hold(&self, candidate: &Candidate<'_>) -> bool {
        (self.comm.is_empty() || self.comm.contains(candidate.comm))
            && self.pidfile.as_ref().is_none_or(|pidfile| pidfile.pid == Some(candidate.pid))
            && (self.exe.is_empty() || candidate.exe().is_some_and(|exe| self.has_exe(&exe)))
            && (self.cmdline.is_empty() || {
                let joined = candidate.joined();
                self.cmdline.iter().all(|regex| regex.is_match(&joined))
            })
    }

    fn has_exe(&self, exe: &str) -> bool {
        let name = exe.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        // What is listed with a slash must be all of it, and what is listed without one the name.
        self.exe.contains(exe) || self.exe.contains(name)
    }
}

/// The PID that a file begins with; `None` if there is no such file or no such number, which is how a daemon says
/// that it does not run.
fn read_pid(path: &PathBuf) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(64).read_to_string(&mut text).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::processes::config::Group;

    fn matcher(groups: Vec<Match>) -> Matcher {
        let group = |matching| Group { matching, ..Group::default() };
        Matcher::new(&Config { groups: groups.into_iter().map(group).collect() }).unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn verdict(matcher: &Matcher, comm: &str, cmdline: &str) -> Option<GroupId> {
        matcher.verdict(&Candidate { pid: 1, comm: comm.as_bytes(), cmdline: cmdline.as_bytes() })
    }

    #[test]
    fn any_comm_and_any_exe_but_every_regex_must_match() {
        let m = matcher(vec![
            Match { comm: texts(&["a", "b"]), ..Match::default() },
            Match { exe: texts(&["nginx", "/usr/bin/python3"]), ..Match::default() },
            Match { cmdline: texts(&["uvicorn", r"app\.main"]), ..Match::default() },
        ]);
        assert_eq!(verdict(&m, "b", ""), Some(0));
        assert_eq!(verdict(&m, "x", "/usr/sbin/nginx\0-g\0"), Some(1));
        assert_eq!(verdict(&m, "x", "nginx\0"), Some(1));
        assert_eq!(verdict(&m, "x", "/usr/bin/python3\0"), Some(1));
        assert_eq!(verdict(&m, "x", "/opt/bin/python3\0"), None);
        assert_eq!(verdict(&m, "x", "python3\0"), None);
        assert_eq!(verdict(&m, "x", "python3\0-m\0uvicorn\0app.main:app\0"), Some(2));
        assert_eq!(verdict(&m, "x", "python3\0-m\0uvicorn\0other\0"), None);
    }

    #[test]
    fn every_kind_of_condition_that_is_given_must_hold_and_the_first_group_wins() {
        let m = matcher(vec![
            Match { comm: texts(&["python3"]), cmdline: texts(&["api"]), ..Match::default() },
            Match { comm: texts(&["python3"]), ..Match::default() },
            Match { cmdline: texts(&["api"]), ..Match::default() },
        ]);
        assert_eq!(verdict(&m, "python3", "python3\0api.py\0"), Some(0));
        assert_eq!(verdict(&m, "python3", "python3\0job.py\0"), Some(1));
        assert_eq!(verdict(&m, "sh", "sh\0api.sh\0"), Some(2));
    }

    #[test]
    fn words_are_joined_by_blanks_and_need_not_be_utf8() {
        let m = matcher(vec![Match { cmdline: texts(&["^a b  c$"]), ..Match::default() }]);
        assert_eq!(verdict(&m, "x", "a\0b\0\0c\0\0"), Some(0));
        let m = matcher(vec![Match { cmdline: texts(&["end$"]), ..Match::default() }]);
        let candidate = Candidate { pid: 1, comm: b"\xff", cmdline: b"\xfe\0end\0" };
        assert_eq!(m.verdict(&candidate), Some(0));
    }

    #[test]
    fn a_pid_file_names_its_process_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.pid");
        let mut m = matcher(vec![Match { pidfile: Some(path.clone().into()), ..Match::default() }]);
        assert_eq!(m.read_pidfiles(), [] as [u32; 0]);
        assert_eq!(verdict(&m, "api", "api\0"), None);
        std::fs::write(&path, "1\n").unwrap();
        assert_eq!(m.read_pidfiles(), [1]);
        assert_eq!(verdict(&m, "api", "api\0"), Some(0));
        std::fs::write(&path, " 22 \n").unwrap();
        assert_eq!(m.read_pidfiles(), [1, 22]);
        assert_eq!(verdict(&m, "api", "api\0"), None);
        std::fs::write(&path, "none").unwrap();
        assert_eq!(m.read_pidfiles(), [22]);
    }
}

//! What a group asks of its processes.

use std::collections::{BTreeSet, HashSet};

use regex::Regex;
use vigie_pipeline::plug::Error;

use super::Host;
use super::cgroup::{Paths, Units};
use super::pidfile::PidFile;
use super::subject::{Parent, Subject, base_name};
use super::users::{User, Users};
use crate::processes::config::Match;
use crate::processes::process_names::NameRule;

/// All conditions of one group; each that is given must hold.
#[derive(Debug)]
pub(super) struct Conditions {
    comm: Option<HashSet<Vec<u8>>>,
    pidfile: Option<PidFile>,
    user: Vec<User>,
    exe: Option<HashSet<String>>,
    cmdline: Vec<Regex>,
    unit: Option<Units>,
    cgroup: Option<Paths>,
    parent: Vec<String>,
    port: BTreeSet<u16>,
}

impl Conditions {
    /// # Errors
    /// The first pattern that does not compile.
    pub(super) fn new(matching: &Match) -> Result<Self, Error> {
        let given = |texts: &[String]| (!texts.is_empty()).then(|| texts.to_vec());
        let rule = NameRule {
            comm: given(&matching.comm),
            exe: given(&matching.exe),
            cmdline: given(&matching.cmdline),
            ..NameRule::default()
        };
        Ok(Self {
            pidfile: matching.pidfile.as_ref().map(|path| PidFile::new(&path.0)),
            user: matching.user.iter().map(|user| User::parse(user)).collect(),
            unit: given(&matching.unit).map(|names| Units::new(&names)).transpose()?,
            cgroup: given(&matching.cgroup).map(|paths| Paths::new(&paths)).transpose()?,
            parent: matching.parent.clone(),
            port: matching.port.iter().copied().collect(),
            ..Self::of_rule(&rule)?
        })
    }

    /// Those that process-exporter knows. A list that is there and empty has nothing that could match.
    ///
    /// # Errors
    /// The first regular expression that does not compile.
    pub(super) fn of_rule(rule: &NameRule) -> Result<Self, regex::Error> {
        let NameRule { comm, exe, cmdline, .. } = rule;
        let regexes = cmdline.iter().flatten().map(|regex| Regex::new(regex));
        Ok(Self {
            comm: comm.as_ref().map(|names| names.iter().map(|name| name.as_bytes().to_vec()).collect()),
            pidfile: None,
            user: Vec::new(),
            exe: exe.as_ref().map(|names| names.iter().cloned().collect()),
            cmdline: regexes.collect::<Result<_, _>>()?,
            unit: None,
            cgroup: None,
            parent: Vec::new(),
            port: BTreeSet::new(),
        })
    }

    /// The regular expressions of the command line.
    pub(super) fn regexes(&self) -> &[Regex] {
        &self.cmdline
    }

    pub(super) fn ask_for_users(&self) -> bool {
        !self.user.is_empty()
    }

    pub(super) fn ask_for_boot_time(&self) -> bool {
        self.pidfile.is_some()
    }

    /// Brings up to date what no process tells of itself; adds the PIDs of which it may have changed the verdict.
    pub(super) fn prepare(&mut self, due: &mut Vec<u32>) {
        if let Some(pidfile) = &mut self.pidfile {
            pidfile.read(due);
        }
    }

    /// What costs least is asked first.
    pub(super) fn hold(&mut self, subject: &mut Subject<'_>, host: &mut Host) -> bool {
        self.comm.as_ref().is_none_or(|names| names.contains(subject.candidate.comm))
            && self.pidfile.as_mut().is_none_or(|pidfile| {
                pidfile.names(subject.candidate.pid, subject.candidate.stat.start, host.boot_time)
            })
            && (self.user.is_empty() || self.is_of(subject.owner(), &host.users))
            && self.exe.as_ref().is_none_or(|programs| has_exe(programs, subject.cmdline().exe.as_deref()))
            && (self.cmdline.is_empty() || {
                let joined = &subject.cmdline().joined;
                self.cmdline.iter().all(|regex| regex.is_match(joined))
            })
            && self.unit.as_ref().is_none_or(|units| units.hold(subject.cgroups()))
            && self.cgroup.as_ref().is_none_or(|paths| paths.hold(subject.cgroups()))
            && (self.parent.is_empty() || subject.parent().is_some_and(|parent| self.has_parent(parent)))
            && (self.port.is_empty() || subject.listens(&self.port, &mut host.ports))
    }

    fn has_parent(&self, parent: &Parent) -> bool {
        let is = |name: &str| {
            parent.comm == name
                || parent.exe.as_deref().is_some_and(|exe| exe == name || base_name(exe) == name)
        };
        self.parent.iter().any(|name| is(name))
    }

    fn is_of(&self, owner: Option<u32>, users: &Users) -> bool {
        owner.is_some_and(|owner| self.user.iter().any(|user| users.id(user) == Some(owner)))
    }
}

/// What is listed with a slash must be all of the first word, and what is listed without one its last component.
fn has_exe(programs: &HashSet<String>, exe: Option<&str>) -> bool {
    exe.is_some_and(|exe| programs.contains(exe) || programs.contains(base_name(exe)))
}

//! Which group a process belongs to: process-exporter's rules. Every condition that a group names must hold, and
//! the first group wins.
//!
//! Groups have numbers in the order in which their names came to be known: those of the configuration first, in its
//! order. A rule of process-exporter's file may be a template, which makes the name of a group from what a process is;
//! of such groups there is a bound. What a condition wants to know of a process is read when the first one asks for it ([`subject`]); what no
//! process tells of itself, such as what stands in PID files, is read once before each pass ([`Matcher::prepare`]).

mod cgroup;
mod conditions;
mod names;
mod pidfile;
mod ports;
mod subject;
mod template;
mod users;

use std::path::Path;
use std::sync::Arc;

pub(super) use cgroup::check_pattern;
use conditions::Conditions;
use names::Names;
use ports::Ports;
use subject::Subject;
pub(super) use template::Template;
use users::Users;

use super::config::Config;
use super::procfs::{Buffer, Procfs};
use super::stat::Stat;
use vigie_pipeline::plug::Error;

/// A group, by the place of its name in [`Matcher::names`].
pub(super) type GroupId = usize;

/// What a process matches, without regard to its ancestors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No group: it belongs to that of an ancestor, if there is one.
    Nothing,
    Group(GroupId),
    /// A group of its own, which would be one too many. It belongs to nobody.
    LeftOut,
}

/// What is known of a process before anything but its `stat` is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) pid: u32,
    /// The name that the kernel has, cut.
    pub(super) comm: &'a [u8],
    pub(super) stat: &'a Stat,
}

/// The conditions of all groups, compiled, and the names of the groups.
#[derive(Debug)]
pub(super) struct Matcher {
    rules: Vec<Rule>,
    names: Names,
    /// By group, whether children follow; what is beyond is as all are.
    children: Vec<bool>,
    all_children: bool,
    host: Host,
}

/// What is known of the host besides its processes.
#[derive(Debug)]
struct Host {
    users: Users,
    ports: Ports,
    /// In seconds since the epoch, as it was when it was first asked for: what is put together with it must not change
    /// when the clock is set.
    boot_time: Option<u64>,
}

/// Who belongs to which group.
#[derive(Debug)]
struct Rule {
    conditions: Conditions,
    name: Name,
}

#[derive(Debug)]
enum Name {
    Fixed(GroupId),
    Made(Template),
}

impl Matcher {
    /// `rootfs` is where the host's root is: its users are those that conditions name.
    ///
    /// # Errors
    /// The first regular expression that does not compile, or template that is not understood.
    pub(super) fn new(config: &Config, rootfs: &Path) -> Result<Self, Error> {
        let mut names = Names::new(config.max_groups as usize);
        let mut rules = Vec::new();
        for group in &config.groups {
            let name = Name::Fixed(names.configured(&group.name));
            rules.push(Rule { conditions: Conditions::new(&group.matching)?, name });
        }
        for rule in config.name_rules.iter().flat_map(|rules| &rules.process_names) {
            let template = Template::parse(rule.template())?;
            let name = match template.fixed() {
                Some(name) => Name::Fixed(names.configured(&name)),
                None => Name::Made(template),
            };
            rules.push(Rule { conditions: Conditions::of_rule(rule)?, name });
        }
        let ports = Ports::new(config.groups.iter().flat_map(|group| group.matching.port.iter().copied()));
        let children = config.groups.iter().map(|group| group.children.unwrap_or(config.children));
        Ok(Self {
            rules,
            names,
            children: children.collect(),
            all_children: config.children,
            host: Host { users: Users::new(rootfs), ports, boot_time: None },
        })
    }

    /// The names of all groups; more may follow at each verdict, and none goes.
    pub(super) fn names(&self) -> &[Arc<str>] {
        self.names.all()
    }

    /// How often a process was left without a group, since its name would have been one too many.
    pub(super) fn left_out(&self) -> u64 {
        self.names.left_out()
    }

    /// Whether children of a group's processes that match nothing belong to it as well.
    pub(super) fn children_follow(&self, group: GroupId) -> bool {
        self.children.get(group).copied().unwrap_or(self.all_children)
    }

    /// Reads what the verdicts of a pass need to know besides the processes themselves; the PIDs of which another
    /// verdict may be due now.
    pub(super) fn prepare(&mut self, procfs: &Procfs, buffer: &mut Buffer) -> Vec<u32> {
        if self.rules.iter().any(Rule::asks_for_users) {
            self.host.users.refresh();
        }
        if self.host.boot_time.is_none() && self.rules.iter().any(Rule::asks_for_boot_time) {
            self.host.boot_time = procfs.boot_time(buffer).ok();
        }
        let mut due = Vec::new();
        self.host.ports.refresh(procfs, &mut due);
        for rule in &mut self.rules {
            rule.conditions.prepare(&mut due);
        }
        due
    }

    /// What a process matches.
    pub(super) fn verdict(
        &mut self,
        candidate: Candidate<'_>,
        procfs: &Procfs,
        buffer: &mut Buffer,
    ) -> Verdict {
        let mut subject = Subject::new(candidate, procfs, buffer);
        let rule = self.rules.iter_mut().find_map(|rule| {
            let Rule { conditions, name } = rule;
            conditions.hold(&mut subject, &mut self.host).then_some((name, conditions.regexes()))
        });
        match rule {
            None => Verdict::Nothing,
            Some((Name::Fixed(group), _)) => Verdict::Group(*group),
            Some((Name::Made(template), regexes)) => {
                let name = template.render(&mut subject, &self.host, regexes);
                self.names.made(&name).map_or(Verdict::LeftOut, Verdict::Group)
            }
        }
    }
}

impl Rule {
    fn asks_for_users(&self) -> bool {
        let by_name = |name: &Name| matches!(name, Name::Made(template) if template.asks_for_users());
        self.conditions.ask_for_users() || by_name(&self.name)
    }

    fn asks_for_boot_time(&self) -> bool {
        let by_name = |name: &Name| matches!(name, Name::Made(template) if template.asks_for_boot_time());
        self.conditions.ask_for_boot_time() || by_name(&self.name)
    }
}

#[cfg(test)]
mod tests;

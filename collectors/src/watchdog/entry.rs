//! What is watched, whatever it is: a name, what is expected of it, what is done about it.

use std::time::Duration;

use super::actions::Action;
use super::config::Config;
use super::kind::Kind;
use crate::processes;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Sort {
    Group,
    Unit,
    Port,
    File,
}

impl Sort {
    /// As people call it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Group => "process group",
            Self::Unit => "unit",
            Self::Port => "port",
            Self::File => "file",
        }
    }

    /// The label `collector`: the section it comes from.
    pub(super) const fn collector(self) -> &'static str {
        match self {
            Self::Group => "processes",
            Self::Unit | Self::Port | Self::File => "watchdog",
        }
    }
}

/// One thing that is expected.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expectation {
    pub(super) kind: Kind,
    /// How long it may be otherwise.
    pub(super) patience: Duration,
    /// The bound, if it is one.
    pub(super) limit: Option<f64>,
}

impl Expectation {
    pub(super) fn new(kind: Kind, patience: Duration) -> Self {
        Self { kind, patience, limit: None }
    }

    pub(super) fn bounded(kind: Kind, patience: Duration, limit: f64) -> Self {
        Self { kind, patience, limit: Some(limit) }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) sort: Sort,
    pub(super) name: String,
    pub(super) expectations: Vec<Expectation>,
    pub(super) actions: Vec<Action>,
}

/// Everything of which something is expected: groups, units, ports and files, each in its order.
pub(super) fn entries(watchdog: &Config, processes: &processes::Config) -> Vec<Entry> {
    let entry = |sort, name: &str, expectations, actions: &[Action]| Entry {
        sort,
        name: name.to_owned(),
        expectations,
        actions: actions.to_vec(),
    };
    let groups = expecting(processes)
        .map(|(_, group)| entry(Sort::Group, &group.name, group.expect.expectations(), &group.actions));
    let units =
        watchdog.units.iter().map(|unit| entry(Sort::Unit, &unit.name, unit.expectations(), &unit.actions));
    let ports =
        watchdog.ports.iter().map(|port| entry(Sort::Port, &port.name, port.expectations(), &port.actions));
    let files =
        watchdog.files.iter().map(|file| entry(Sort::File, &file.name, file.expectations(), &file.actions));
    groups.chain(units).chain(ports).chain(files).collect()
}

/// The groups of which something is expected, with their places among all.
pub(super) fn expecting(
    processes: &processes::Config,
) -> impl Iterator<Item = (usize, &processes::Group)> + Clone {
    processes.groups.iter().enumerate().filter(|(_, group)| !group.expect.is_empty())
}

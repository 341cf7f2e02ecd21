//! What is wrong with the configuration of the watchdog as a whole: names of what is not there, programs that may not be
//! run.

use std::collections::BTreeSet;

use vigie_pipeline::check::Place;

use super::actions::{self, Action};
use super::config::Config;
use super::entry::entries;
use super::expect::Expect;
use crate::processes;
use crate::program::Allowed;

/// Checks the actions of a group of which this is expected.
pub(crate) fn check_actions(actions: &[Action], expect: &Expect, at: &Place<'_>) {
    actions::check(actions, &expect.expectations(), true, at);
}

/// Calls `check` with the actions of each entry, and the place of the entry; `at` is that of all collectors.
fn each<'c>(
    watchdog: &'c Config,
    groups: &'c processes::Config,
    at: &Place<'_>,
    mut check: impl FnMut(&str, &'c [Action], &Place<'_>),
) {
    for (at, group) in at.key("processes").key("groups").each(&groups.groups) {
        check(&group.name, &group.actions, &at);
    }
    let at = at.key("watchdog");
    for (at, unit) in at.key("units").each(&watchdog.units) {
        check(&unit.name, &unit.actions, &at);
    }
    for (at, port) in at.key("ports").each(&watchdog.ports) {
        check(&port.name, &port.actions, &at);
    }
    for (at, file) in at.key("files").each(&watchdog.files) {
        check(&file.name, &file.actions, &at);
    }
}

/// Checks that all names lead to something; `probes` are the names of probes, `at` is the place of all collectors.
pub(crate) fn check_names<'c>(
    watchdog: &'c Config,
    groups: &'c processes::Config,
    probes: impl Iterator<Item = &'c str>,
    at: &Place<'_>,
) {
    let probes: BTreeSet<&str> = probes.collect();
    for (at, group) in at.key("processes").key("groups").each(&groups.groups) {
        if let Some(probe) = group.expect.hung.as_ref().and_then(|hung| hung.probe.as_deref())
            && !probes.contains(probe)
        {
            at.key("expect").key("hung").key("probe").wrong(format_args!("there is no probe `{probe}`"));
        }
    }
    let entries = entries(watchdog, groups);
    let known = |name: &str| probes.contains(name) || entries.iter().any(|entry| entry.name == name);
    each(watchdog, groups, at, |own, actions, at| {
        for (at, action) in at.key("actions").each(actions) {
            for (at, name) in at.key("unless_down").each(&action.unless_down) {
                if !known(name) {
                    at.wrong(format_args!("there is no probe and no expectation `{name}`"));
                } else if name == own && !probes.contains(own) {
                    at.wrong("while it is down itself it would never be done");
                }
            }
        }
    });
}

/// Checks that actions run no other programs than are allowed; `at` is the place of all collectors.
pub fn check_commands(watchdog: &Config, groups: &processes::Config, allowed: &Allowed, at: &Place<'_>) {
    each(watchdog, groups, at, |_, actions, at| {
        for (at, action) in at.key("actions").each(actions) {
            // One that is not absolute is told already.
            if let Some(program) = action.program().filter(|program| program.starts_with('/')) {
                at.key("run").index(0).ok(allowed.check(program));
            }
        }
    });
}

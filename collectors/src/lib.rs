//! What vigie watches: the host, logs, endpoints and processes.
//!
//! Each module is one kind of collector: its `Config`, its metric tables, its code and its tests. The agent
//! knows none of them; it builds what [`Collectors::recipes`] lists.

#[cfg(target_os = "linux")]
mod dbus;
pub mod jobs;
pub mod probes;
pub mod processes;
mod program;
mod signals;
mod slope;
mod standings;
pub mod system;
pub mod watchdog;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::recipe::Recipe;

use probes::blackbox;

/// The `collectors` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Collectors {
    /// The host, under node_exporter's names.
    pub system: system::Config,
    /// Log files to follow.
    pub logs: Vec<vigie_logs::Config>,
    /// Endpoints to probe on the agent's own schedule, under blackbox_exporter's names.
    pub probes: Vec<probes::Config>,
    /// A configuration of blackbox_exporter, unchanged: its modules are served on `/probe?target=&module=`.
    pub blackbox: Option<FilePath>,
    /// What `/probe` may be asked to probe.
    pub blackbox_access: blackbox::Access,
    /// What that file says.
    #[serde(skip)]
    pub blackbox_modules: Option<blackbox::Modules>,
    /// Process groups to watch, under process-exporter's names; without this section the agent's own process.
    pub processes: processes::Config,
    /// What is expected of units, ports and files, and what should not happen unnoticed.
    pub watchdog: watchdog::Config,
    /// Jobs that must check in.
    pub jobs: jobs::Config,
}

impl Default for Collectors {
    /// The host and the agent's own process.
    fn default() -> Self {
        let processes = processes::Config::own_process();
        Self {
            system: system::Config::default(),
            logs: Vec::new(),
            probes: Vec::new(),
            blackbox: None,
            blackbox_access: blackbox::Access::default(),
            blackbox_modules: None,
            processes,
            watchdog: watchdog::Config::default(),
            jobs: jobs::Config::default(),
        }
    }
}

impl Collectors {
    /// The registry: how every configured collector is built. `read_targets` reads files with targets of probes, whose
    /// commands are `allowed`.
    #[must_use]
    pub fn recipes(
        &self,
        read_targets: probes::ReadTargets,
        allowed: &probes::command::Allowed,
    ) -> Vec<Recipe> {
        let mut recipes = system::recipes(&self.system);
        recipes.extend(self.logs.iter().map(vigie_logs::recipe));
        recipes.extend(probes::recipes(&self.probes, read_targets, allowed));
        recipes.extend(processes::recipes(&self.processes, &self.system.roots()));
        recipes.extend(watchdog::recipes(&self.watchdog, &self.processes, &self.system.roots(), allowed));
        recipes.extend(watchdog::deaths::recipe(
            &self.watchdog,
            &self.processes,
            &self.system.roots(),
            &self.logs,
        ));
        recipes.extend(watchdog::leaks::recipe(&self.watchdog, &self.processes, &self.system));
        recipes.extend(jobs::recipes(&self.jobs));
        recipes
    }
}

impl Collectors {
    /// What may be probed, by which modules.
    fn check_access(&self, at: &mut Place<'_>) {
        self.blackbox_access.check(at);
        let Some(modules) = &self.blackbox_modules else { return };
        for (at, name) in at.key("modules").each(&self.blackbox_access.modules) {
            if !modules.modules.contains_key(name) {
                at.wrong("there is no module of that name in the file");
            }
        }
    }
}

impl Check for Collectors {
    fn check(&self, at: &mut Place<'_>) {
        self.system.check(&mut at.key("system"));
        let logs = at.key("logs");
        logs.unique("name", self.logs.iter().map(|source| source.name.as_str()));
        logs.check_each(&self.logs);
        vigie_logs::check_clashes(&self.logs, &logs);
        let probes = at.key("probes");
        probes.unique("name", self.probes.iter().map(|probe| probe.name.as_str()));
        probes.check_each(&self.probes);
        if let Some(file) = &self.blackbox {
            at.key("blackbox").readable(file);
        }
        self.check_access(&mut at.key("blackbox_access"));
        self.processes.check(&mut at.key("processes"));
        for (at, group) in at.key("processes").key("groups").each(&self.processes.groups) {
            if let Some(log) = &group.log
                && !self.logs.iter().any(|source| source.name == *log)
            {
                at.key("log").wrong("there is no entry of that name in collectors.logs");
            }
        }
        self.watchdog.check(&mut at.key("watchdog"));
        self.jobs.check(&mut at.key("jobs"));
        let probes = self.probes.iter().map(|probe| probe.name.as_str());
        watchdog::check_names(&self.watchdog, &self.processes, probes, at);
    }
}

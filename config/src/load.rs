//! Files, environment and flags → a [`Config`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_collectors::watchdog::check_commands;
use vigie_collectors::{Collectors, processes};
use vigie_exporters::Exporters;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::check::{Check, Place};

use crate::agent::Agent;
use crate::blackbox;
use crate::environment;
use crate::expand::Variables;
use crate::files;
use crate::flags::Flags;
use crate::layers::Layers;
use crate::mistake::Mistakes;
use crate::process_names;
use crate::server::Server;
use crate::tree::Value;
use crate::watch::Watched;
use crate::web::Web;

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The daemon as a whole.
    pub agent: Agent,
    /// The read side, where Prometheus scrapes.
    pub server: Server,
    /// What is watched.
    pub collectors: Collectors,
    /// Where what was seen goes.
    pub exporters: Exporters,
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        self.agent.check(&mut at.key("agent"));
        self.server.check(&mut at.key("server"));
        self.collectors.check(&mut at.key("collectors"));
        self.exporters.check(&mut at.key("exporters"));
        let (probes, connections) =
            (self.collectors.blackbox_access.concurrency, self.server.max_connections);
        if self.collectors.blackbox.is_some() && probes >= connections {
            let at = at.key("collectors").key("blackbox_access").key("concurrency");
            at.wrong(format_args!("must be less than `server.max_connections`, which is {connections}"));
        }
        self.check_commands(&at.key("collectors"));
        self.check_routes(&at.key("collectors").key("logs"));
    }
}

impl Config {
    /// That records are routed to exporters that are there and take logs.
    fn check_routes(&self, at: &Place<'_>) {
        let takers = self.exporters.otlp.iter().filter(|exporter| exporter.signals.contains(&Signal::Logs));
        let takers: Vec<&str> = takers.map(|exporter| exporter.name.as_str()).collect();
        for (at, source) in at.each(&self.collectors.logs) {
            source.check_routes(&at, &takers);
        }
    }

    /// That probes and actions run no other commands than `agent` allows.
    fn check_commands(&self, at: &Place<'_>) {
        let allowed = self.agent.allowed();
        let collectors = &self.collectors;
        check_commands(&collectors.watchdog, &collectors.processes, &allowed, at);
        for (at, probe) in at.key("probes").each(&collectors.probes) {
            // One that is not absolute is told already.
            let program = probe.command.as_ref().and_then(|command| command.argv.first());
            if let Some(program) = program.filter(|program| program.starts_with('/')) {
                at.key("command").key("argv").index(0).ok(allowed.check(program));
            }
        }
    }
}

/// Where the configuration comes from. Loading it again reads everything again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Files and directories; none means the default places.
    pub files: Vec<PathBuf>,
    /// What the command line says.
    pub flags: Flags,
    /// The environment.
    pub variables: Variables,
}

/// A configuration without mistakes.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// It.
    pub config: Config,
    /// The files it was read from, in order; none if it is all defaults.
    pub files: Vec<PathBuf>,
    /// What to watch for a change.
    pub watched: Watched,
}

impl Origin {
    /// Reads, checks, and changes nothing.
    ///
    /// # Errors
    /// Everything that would keep the agent from starting, with its places.
    pub fn load(&self) -> Result<Loaded, Mistakes> {
        let found = files::find(&self.files, self.variables.get("CONFIGURATION_DIRECTORY"));
        let mut layers = Layers::new(&self.variables);
        for mistake in found.mistakes {
            layers.mistake(mistake);
        }
        for file in &found.files {
            layers.file(file);
        }
        let signal_urls = environment::apply(&self.variables, &mut layers);
        self.flags.apply(&mut layers);
        // Who says nothing about processes sees the agent's own.
        let processes = layers.get(&["collectors", "processes"]);
        let own_process = processes.is_none_or(|node| node.value == Value::Null);

        let mut beside = BTreeMap::new();
        let (config, mut contents) = layers.finish(|config: &mut Config| {
            environment::complete(&self.variables, signal_urls, &mut config.exporters.otlp)?;
            if own_process {
                config.collectors.processes = processes::Config::own_process();
            }
            // One that cannot be read is told at its key, by the check.
            if let Some(file) = config.server.web_config.as_ref().filter(|file| file.is_file()) {
                let (web, contents) = load_web(file, &self.variables)?;
                config.server.web = Some(web);
                beside.extend(contents);
            }
            if let Some(file) = config.collectors.blackbox.as_ref().filter(|file| file.is_file()) {
                let (modules, contents) = blackbox::load(file)?;
                config.collectors.blackbox_modules = Some(modules);
                beside.extend(contents);
            }
            let processes = &mut config.collectors.processes;
            if let Some(file) = processes.process_names.as_ref().filter(|file| file.is_file()) {
                let (rules, contents) = process_names::load(file)?;
                processes.name_rules = Some(rules);
                beside.extend(contents);
            }
            Ok(())
        })?;
        contents.append(&mut beside);
        // A pipe can be read once only.
        contents.retain(|path, _| path.is_file());
        let mut paths = found.watched;
        paths.extend(contents.keys().filter(|path| !found.files.contains(path)).cloned());
        Ok(Loaded { config, files: found.files, watched: Watched { paths, contents } })
    }
}

/// The file that `server.web_config` names; with the contents of all that was read.
fn load_web(file: &Path, variables: &Variables) -> Result<(Web, BTreeMap<PathBuf, u64>), Mistakes> {
    let mut layers = Layers::new(variables);
    layers.file(file);
    layers.finish(|_| Ok(()))
}

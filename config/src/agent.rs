//! The `agent` section: what concerns the daemon as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_collectors::probes::command::Allowed;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::{ByteSize, HumanDuration};

/// The smallest `memory_limit`: below it not even one batch fits.
const MIN_MEMORY: ByteSize = ByteSize::mib(4);

/// The `agent` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// The `service.name` of what the agent itself emits. `OTEL_SERVICE_NAME` wins over it.
    pub service: String,
    /// Resource attributes that are added to every record, span and OTLP metric.
    pub resource: BTreeMap<String, String>,
    /// Where offsets and the spool are kept; the only place the agent writes to.
    pub state_dir: PathBuf,
    /// The budget for everything that is buffered, in bytes. It is never exceeded.
    pub memory_limit: ByteSize,
    /// How long a stop may take until what is late is given up.
    pub shutdown_grace: HumanDuration,
    /// Globs of the programs that probes may run, by the absolute path that links lead to; none by default.
    pub allow_commands: Vec<String>,
    /// The agent's own log, on standard error.
    pub log: Log,
}

/// The agent's own log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// A level of the agent's own log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What is odd, but is dealt with.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// How a line of the agent's own log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// `key=value`.
    Logfmt,
    /// One JSON object per line.
    Json,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            service: "vigie".to_owned(),
            resource: BTreeMap::new(),
            state_dir: PathBuf::from("/var/lib/vigie"),
            memory_limit: ByteSize::mib(64),
            shutdown_grace: HumanDuration::secs(10),
            allow_commands: Vec::new(),
            log: Log::default(),
        }
    }
}

impl Check for Agent {
    fn check(&self, at: &mut Place<'_>) {
        if self.service.trim().is_empty() {
            at.key("service").wrong("empty");
        }
        let resource = at.key("resource");
        for key in self.resource.keys().filter(|key| key.trim().is_empty()) {
            resource.key(key).wrong("an attribute needs a name");
        }
        if self.state_dir.as_os_str().is_empty() {
            at.key("state_dir").wrong("empty");
        } else if self.state_dir.is_file() {
            at.key("state_dir").wrong(format_args!("{} is not a directory", self.state_dir.display()));
        }
        if self.memory_limit < MIN_MEMORY {
            at.key("memory_limit").wrong(format_args!("{} is below {MIN_MEMORY}", self.memory_limit));
        }
        if self.shutdown_grace.0.is_zero() {
            at.key("shutdown_grace").wrong("must be more than 0");
        }
        for (at, glob) in at.key("allow_commands").each(&self.allow_commands) {
            at.ok(Allowed::new(std::slice::from_ref(glob)));
        }
    }
}

impl Agent {
    /// The programs that probes may run; none if a glob is wrong, which the check tells.
    #[must_use]
    pub fn allowed(&self) -> Allowed {
        Allowed::new(&self.allow_commands).unwrap_or_default()
    }
}

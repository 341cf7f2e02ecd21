//! What holds records while a destination does not take them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::spool::{self, Settings};
use vigie_pipeline::units::ByteSize;

/// What holds records while the destination does not take them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spool {
    /// Where they are held.
    pub mode: SpoolMode,
    /// How much the files of one signal may take; for `disk`, 1GiB if nothing is said.
    pub max_size: Option<ByteSize>,
    /// What happens when they take as much; for `disk`, `block` if nothing is said.
    pub when_full: Option<WhenFull>,
}

/// Where records are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpoolMode {
    /// In memory, within `agent.memory_limit`. What can be read again waits where it is.
    #[default]
    Memory,
    /// In files under `agent.state_dir`, where they outlive the agent.
    Disk,
}

/// What happens when a spool is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Sources wait. What cannot be read again is dropped when the memory is full as well, and counted.
    #[default]
    Block,
    /// The oldest records make room, and are counted.
    DropOldest,
}

const MAX_SIZE: ByteSize = ByteSize::mib(1024);
/// Less would hold hardly more than memory does.
const MIN_SIZE: ByteSize = ByteSize::mib(1);

impl Spool {
    /// As the pipeline takes it; `None` if nothing is kept in files.
    #[must_use]
    pub fn settings(&self) -> Option<Settings> {
        let when_full = match self.when_full.unwrap_or_default() {
            WhenFull::Block => spool::WhenFull::Block,
            WhenFull::DropOldest => spool::WhenFull::DropOldest,
        };
        let max_size = self.max_size.unwrap_or(MAX_SIZE).0;
        (self.mode == SpoolMode::Disk).then_some(Settings { max_size, when_full })
    }
}

impl Check for Spool {
    fn check(&self, at: &mut Place<'_>) {
        if self.mode == SpoolMode::Memory {
            if self.max_size.is_some() {
                at.key("max_size").wrong("only with `mode: disk`; memory is bounded by `agent.memory_limit`");
            }
            if self.when_full.is_some() {
                at.key("when_full").wrong("only with `mode: disk`");
            }
        } else if self.max_size.is_some_and(|size| size < MIN_SIZE) {
            at.key("max_size").wrong(format_args!("must be at least {MIN_SIZE}"));
        }
    }
}

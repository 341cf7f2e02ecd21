//! Where the commands look that read what the agent has saved.

use std::path::PathBuf;

use clap::Args;
use vigie_config::Origin;

use crate::exit::Exit;

/// The state directory.
#[derive(Debug, Clone, Args)]
pub(super) struct StateDir {
    /// Where it is, instead of in `agent.state_dir` of the configuration: that is not read then
    #[arg(long = "state-dir", value_name = "DIR")]
    given: Option<PathBuf>,
}

impl StateDir {
    /// The one given, or else the configuration's. The error is told to whoever asks, and ends the command.
    pub(super) fn find(&self, origin: &Origin) -> Result<PathBuf, (Exit, String)> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let loaded = origin.load().map_err(|mistakes| (Exit::Config, mistakes.to_string()))?;
        Ok(loaded.config.agent.state_dir)
    }
}

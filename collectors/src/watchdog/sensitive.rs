//! Sensitive files: each change of one is counted and told.
//!
//! The configuration lists files, directories (themselves, and what is directly in them: its subdirectories too, but not
//! what is in those) and globs. What is known of a file ([`facts`]): its kind, size, permissions, owner, times, and
//! SHA-256, of files beyond 16 MiB that of the first and last MiB. All of it is read from the file system, every
//! `interval` and soon after the kernel says that something happened there ([`source`]); it costs a `stat` for each
//! file, and the content is read only when size, times or inode are others than before.
//!
//! [`change`] says what counts: a file is `changed` if its content is (where the content may not be read or is longer
//! than what is hashed: if its size or time of modification is), if it is another kind of file, or a link that leads
//! elsewhere. A link is followed: size, permissions and owner are those of what it leads to. An editor that writes
//! another file and renames it to the old name has changed the file; the record says `replaced`. The same content under
//! another inode, or with other times, is no change. What is done and undone between two looks, or done twice, is not
//! seen as such: a file that was deleted and made again has at most changed. Access lists and extended attributes are
//! not looked at.
//!
//! What changes while the agent is stopped is told at its next start ([`memory`]), as such. Who did it is not known:
//! neither the file system nor inotify tells the process or the user; the record has the owner and the times
//! ([`record`]), by which the kernel's audit can be searched. And who may write a file and set the clock, or write to
//! the disk below the file system, can deceive this.

mod change;
mod facts;
mod listed;
mod memory;
mod meters;
mod record;
mod roster;
mod source;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::{Error, Part, Surroundings};
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::units::HumanDuration;

use listed::Listed;
use roster::Roster;
use source::Sentry;

/// Looks that follow each other faster are asked for by the kernel's notifications alone.
const MIN_INTERVAL: HumanDuration = HumanDuration::secs(1);

/// The `collectors.watchdog.sensitive` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files, directories (with what is directly in them), or globs of files; `**` matches directories at any depth.
    pub paths: Vec<FilePath>,
    /// How often all of them are looked at, whatever the kernel's notifications say.
    pub interval: HumanDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self { paths: Vec::new(), interval: HumanDuration(Duration::from_secs(60)) }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        for (at, path) in at.key("paths").each(&self.paths) {
            at.ok(Listed::new(&path.to_string_lossy()));
        }
        if self.interval < MIN_INTERVAL {
            at.key("interval").wrong(format_args!("less than {MIN_INTERVAL}"));
        }
    }
}

/// How the part is built; none if nothing is to be watched.
pub(super) fn recipe(config: &Config) -> Option<Recipe> {
    (!config.paths.is_empty()).then(|| Recipe::new("watchdog", "sensitive", config, build))
}

fn build(config: &Config, surroundings: &Surroundings) -> Result<Part, Error> {
    let listed = config.paths.iter().map(|path| Listed::new(&path.to_string_lossy()));
    let memory = memory::load(&surroundings.state_dir);
    let (resource, scope) = (surroundings.resource.clone(), surroundings.scope.clone());
    Ok(Part::Source(Box::new(Sentry {
        remembers: memory.is_some(),
        roster: Roster::new(listed.collect::<Result<_, _>>()?, memory.unwrap_or_default()),
        interval: config.interval.0,
        state_dir: surroundings.state_dir.clone(),
        clock: surroundings.clock.clone(),
        envelope: Arc::new(Envelope { resource, scope }),
        readiness: surroundings.readiness.clone(),
    })))
}

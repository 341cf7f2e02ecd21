//! Process groups, under process-exporter's names, and the agent's own process.
//!
//! Three kinds of part come out of the section. [`sampler`] measures all groups when somebody scrapes: one pass over
//! the processes ([`census`]) that reads one file of each and four more of those that belong to a group. [`watch`]
//! runs where something is expected of a group, and reports when that changes, scraped or not. [`own`] is there
//! always: `process_*` as every exporter has them.
//!
//! A process belongs to the first group that it matches ([`matcher`]), or else to the group of an ancestor. A group
//! has all of its series from the first scrape on, 0 when nobody is in it. What only grows is added up from one pass
//! to the next, so that no counter goes back when a member ends: what members use counts from when they are first
//! seen, and what is used between the last pass and the end of a process is lost, as with process-exporter.
//!
//! Where it differs from process-exporter: `namedprocess_namegroup_states` counts processes, as its help says, and
//! `…_threads_wchan` each thread once, where process-exporter counts a process of several threads once more; there
//! are no series for each thread name, and no proportional sizes, for which the kernel walks the page tables.
//!
//! What is not ours to see: under `hidepid` others' processes do not exist, and without `CAP_SYS_PTRACE` their `io`
//! and, before Linux 6.2, `fd` cannot be read; each process of a group of which something cannot be read counts as one
//! `namedprocess_scrape_partial_errors` at each scrape.

mod census;
mod config;
mod expectation;
#[cfg(test)]
mod fixture;
mod group;
mod matcher;
mod metrics;
mod own;
pub(crate) mod procfs;
mod sampler;
mod stat;
mod usage;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vigie_pipeline::batch::Envelope;
use vigie_pipeline::plug::{Part, Sampling};
use vigie_pipeline::recipe::Recipe;

pub use config::{Config, Expect, Group, Match};

/// The kind of these parts, which `collect[]` asks for; `processes` is the host's group of that name.
const KIND: &str = "namedprocess";

/// How long a pass may take before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(5);

/// How the parts are built. `procfs` is where the proc file system of the host is.
#[must_use]
pub fn recipes(config: &Config, procfs: &Path) -> Vec<Recipe> {
    let mut recipes = vec![Recipe::new(KIND, "own", &(), |(), _| {
        let sampler = Box::new(own::OwnProcess::new()?);
        Ok(Part::Sampler(Sampling { sampler, deadline: DEADLINE }))
    })];
    let configured: (Config, PathBuf) = (config.clone(), procfs.to_owned());
    if !config.groups.is_empty() {
        recipes.push(Recipe::new(KIND, "groups", &configured, |(config, procfs), surroundings| {
            let sampler = Box::new(sampler::Groups::new(config, procfs, surroundings.clock.clone())?);
            Ok(Part::Sampler(Sampling { sampler, deadline: DEADLINE }))
        }));
    }
    if config.groups.iter().any(|group| !group.expect.is_empty()) {
        recipes.push(Recipe::new(KIND, "expectations", &configured, |(config, procfs), surroundings| {
            let (resource, scope) = (surroundings.resource.clone(), surroundings.scope.clone());
            Ok(Part::Source(Box::new(watch::Watch {
                config: config.clone(),
                root: procfs.clone(),
                clock: surroundings.clock.clone(),
                envelope: Arc::new(Envelope { resource, scope }),
            })))
        }));
    }
    recipes
}

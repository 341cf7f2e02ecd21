//! Process groups, under process-exporter's names, and the agent's own process.
//!
//! Three kinds of part come out of the section. [`sampler`] writes the series of all groups when somebody scrapes.
//! [`top`] tells the largest programs, whoever they belong to. [`own`] is there always: `process_*` as every exporter
//! has them. What is expected of groups is the watchdog's ([`crate::watchdog`]), who learns here who is in them
//! ([`watch`]).
//!
//! All look at the processes together: the [`survey`] is one pass over `/proc` for everybody, also for the host's group
//! `processes`; the [`census`] says who belongs to which group, and the [`roll`] what the groups use, which the sampler and
//! the watchdog share.
//!
//! A process belongs to the first group that it matches ([`matcher`]), be it one of the configuration or one that a rule of
//! process-exporter's own file ([`process_names`]) makes of it, or else to the group of an ancestor. A group
//! has all of its series from the first scrape on, 0 when nobody is in it. No counter goes back when a member ends; what
//! is seen of processes that live between two looks, and what is not, is told in [`roll`].
//!
//! Where it differs from process-exporter: `namedprocess_namegroup_states` counts processes, as its help says, and
//! `…_threads_wchan` each thread once, where process-exporter counts a process of several threads once more; what children
//! have used that nobody saw is counted, and io of ended children not twice; proportional sizes, for which the kernel
//! walks the page tables, are there only if they are asked for, and take no longer than they may ([`roll`]).
//!
//! What is not ours to see: under `hidepid` others' processes do not exist, and without `CAP_SYS_PTRACE` their `io`
//! and, before Linux 6.2, `fd` cannot be read; each process of a group of which something cannot be read counts as one
//! `namedprocess_scrape_partial_errors` at each scrape.

mod census;
mod config;
#[cfg(test)]
mod fixture;
mod group;
pub(crate) mod listeners;
mod matcher;
mod metrics;
mod own;
mod process_names;
pub(crate) mod procfs;
pub(crate) mod roll;
mod sampler;
pub(crate) mod shared;
pub(crate) mod stat;
pub(crate) mod survey;
mod threads;
mod top;
pub(crate) mod usage;
pub(crate) mod watch;

use std::time::Duration;

use vigie_pipeline::plug::{Part, Sampling};
use vigie_pipeline::recipe::Recipe;

use crate::system::Roots;
use roll::Roll;
use survey::Survey;

pub(crate) use group::TICKS_PER_SECOND;

pub use config::{Config, Group, Match, Smaps};
pub use process_names::{NameRule, ProcessNames};

/// The kind of these parts, which `collect[]` asks for; `processes` is the host's group of that name.
const KIND: &str = "namedprocess";

/// How long a pass may take before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(5);

/// How the parts are built. `roots` is where the host is.
#[must_use]
pub fn recipes(config: &Config, roots: &Roots) -> Vec<Recipe> {
    let mut recipes = vec![Recipe::new(KIND, "own", &(), |(), _| {
        let sampler = Box::new(own::OwnProcess::new()?);
        Ok(Part::Sampler(Sampling { sampler, deadline: DEADLINE }))
    })];
    let configured = (config.measured(), roots.clone());
    if !config.groups.is_empty() || config.name_rules.is_some() {
        recipes.push(Recipe::new(KIND, "groups", &configured, |(config, roots), surroundings| {
            let roll = Roll::shared(config, roots, &surroundings.clock, &surroundings.commons)?;
            let sampler = Box::new(sampler::Groups { roll });
            Ok(Part::Sampler(Sampling { sampler, deadline: DEADLINE }))
        }));
    }
    if config.top > 0 {
        let configured = (config.top, roots.procfs.clone());
        recipes.push(Recipe::new(KIND, "top", &configured, |(most, procfs), surroundings| {
            let survey = Survey::shared(procfs, &surroundings.commons);
            let sampler = Box::new(top::Top::new(*most as usize, survey, surroundings.clock.clone()));
            Ok(Part::Sampler(Sampling { sampler, deadline: DEADLINE }))
        }));
    }
    recipes
}

/// When the process has started whose `stat` file has this content, in ticks since boot: with its PID it names a process
/// for ever.
pub(crate) fn started(stat: &[u8]) -> Option<u64> {
    stat::parse(stat).map(|(_, stat)| stat.start)
}

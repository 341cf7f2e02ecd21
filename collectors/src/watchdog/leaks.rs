//! Leaks: whether the memory or the descriptors of a group grow steadily, and when the limit is reached.
//!
//! Two trends are kept of each ([`trend`]): one over all the time since the group was first seen, or was started anew,
//! which finds slow leaks and takes longer the longer that is; and one over the window that `vigie_exhaustion_seconds` has
//! everywhere (`collectors.system.exhaustion_window`), which finds a leak that starts late. Each tells a growth of 0
//! unless most points agree that it goes on: what warms up, takes a step, or goes up and down is no leak. The first trend
//! tells after a dozen looks, a minute; the second after a fifth of the window.
//!
//! How long it lasts is `vigie_exhaustion_seconds` with the group as `name`, at the faster of the two. For `rss` it is
//! until `expect.rss.above`, if that is configured, or else the lowest limit of the control groups of its members, or
//! else all memory of the machine; for `fds` until the member that is closest to its soft limit reaches it. Limits of
//! others' processes can be read by everybody; their number of descriptors by the same user and by those who may trace
//! them (`CAP_SYS_PTRACE`; by everybody since Linux 6.2).

mod group;
mod source;
mod trend;

use std::time::Duration;

use vigie_pipeline::plug::{Error, Part, Surroundings};
use vigie_pipeline::recipe::Recipe;

use super::Config;
use crate::processes::{self, roll::Roll};
use crate::system::{self, Roots};
use source::{Leaks, Settings};

/// What the part is built from: interval, window, and the rest.
type Configured = (Duration, Duration, processes::Config, Roots);

/// How the part is built; none where only the agent itself is a group.
pub(crate) fn recipe(
    watchdog: &Config,
    processes: &processes::Config,
    system: &system::Config,
) -> Option<Recipe> {
    if processes.groups.is_empty() || *processes == processes::Config::own_process() {
        return None;
    }
    let window = system.exhaustion_window.0;
    let configured: Configured = (watchdog.interval.0, window, processes.clone(), system.roots());
    Some(Recipe::new("watchdog", "leaks", &configured, build))
}

fn build(configured: &Configured, surroundings: &Surroundings) -> Result<Part, Error> {
    let (interval, window, processes, roots) = configured;
    let groups = processes.groups.iter().map(|group| Settings {
        name: group.name.as_str().into(),
        most: group.expect.rss.as_ref().map(|rss| rss.above.0),
    });
    Ok(Part::Source(Box::new(Leaks {
        groups: groups.collect(),
        roll: Roll::shared(processes, roots, &surroundings.clock, &surroundings.commons)?,
        procfs: roots.procfs.to_path_buf(),
        sysfs: roots.sysfs.to_path_buf(),
        interval: *interval,
        window: *window,
        clock: surroundings.clock.clone(),
    })))
}

//! The watchdog: what is expected of process groups, units, ports and files, and whether it is so; and files whose every
//! change is told ([`sensitive`]).
//!
//! An [`entry`] is one thing with a name and what is expected of it. [`observer`]s look at all entries of one sort
//! ([`groups`], [`mod@units`], [`ports`], [`files`]), a [`judge`] for each expectation makes a verdict of what they find, and
//! the [`part`] brings these together: every `interval` it has everything looked at, it keeps a series for each
//! expectation ([`metrics`]), and tells each change ([`telemetry`]), scraped or not. How each entry stands is known by its
//! name to the other parts as well ([`crate::standings`]).
//!
//! What is done when an expectation is not met ([`actions`]) is configured with the entry. A [`governor`] for each action says
//! when it is time; two expectations of an entry that are not met at once make it act once. A governor remembers as long
//! as its part is there: the part is built anew when `collectors.watchdog` or `collectors.processes` has changed, or
//! `agent.allow_commands`, and with the agent; then confirmation, pauses and numbers begin anew. What is being done then is
//! given up: a program is killed, a unit that was told to restart does so.
//!
//! [`deaths`] tells what is known of a member of a group when it ends, [`leaks`] whether what groups take grows steadily.
//!
//! All series are there from the first scrape on. A look that fails says so: its expectations are not met, for a reason
//! that tells that nothing is known of the thing itself.

mod actions;
mod check;
mod config;
pub(crate) mod deaths;
mod entry;
mod expect;
mod files;
mod governor;
pub(crate) mod groups;
mod judge;
mod kind;
pub(crate) mod leaks;
mod memory_group;
mod metrics;
pub(crate) mod observer;
mod part;
mod ports;
mod post;
pub mod sensitive;
mod telemetry;
#[cfg(target_os = "linux")]
mod units;

use std::ops::Range;
use std::sync::Arc;

use vigie_pipeline::batch::Envelope;
use vigie_pipeline::plug::{Error, Part, Surroundings};
use vigie_pipeline::recipe::Recipe;

use self::actions::{Deed, Means};
use self::entry::{Entry, Sort};
use self::observer::Observer;
use crate::processes;
use crate::processes::roll::Roll;
use crate::processes::watch::Watch;
use crate::program::Allowed;
use crate::standings::Standings;
use crate::system::Roots;

pub use self::actions::{Action, AtMost, Backoff, Webhook};
pub use self::check::check_commands;
pub(crate) use self::check::{check_actions, check_names};
pub use self::config::{Config, Port, Protocol, Unit, WatchedFile};
pub use self::expect::{Cores, Expect, Hung, Memory, Number};
pub use self::kind::Kind;

/// How the parts are built. `roots` is where the host is.
#[must_use]
pub fn recipes(
    watchdog: &Config,
    groups: &processes::Config,
    roots: &Roots,
    allowed: &Allowed,
) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = sensitive::recipe(&watchdog.sensitive).into_iter().collect();
    if !entry::entries(watchdog, groups).is_empty() {
        // What is sensitive is another part's.
        let own = Config { sensitive: sensitive::Config::default(), ..watchdog.clone() };
        let configured = Configured {
            watchdog: own,
            groups: groups.clone(),
            roots: roots.clone(),
            allowed: allowed.clone(),
        };
        recipes.push(Recipe::new("watchdog", "expectations", &configured, |configured, surroundings| {
            Ok(Part::Source(Box::new(build(configured, surroundings)?)))
        }));
    }
    recipes
}

/// What would be done when, in a sentence for each action.
#[must_use]
pub fn told(watchdog: &Config, groups: &processes::Config) -> Vec<String> {
    actions::told(watchdog, groups)
}

/// All that the part is built from.
#[derive(Clone, PartialEq)]
struct Configured {
    watchdog: Config,
    groups: processes::Config,
    roots: Roots,
    allowed: Allowed,
}

fn build(configured: &Configured, surroundings: &Surroundings) -> Result<part::Watchdog, Error> {
    let Configured { watchdog, groups, roots, allowed } = configured;
    let standings = Standings::shared(&surroundings.commons);
    let entries = entry::entries(watchdog, groups);
    let mut observers: Vec<(Range<usize>, Box<dyn Observer>)> = Vec::new();
    for sort in [Sort::Group, Sort::Unit, Sort::Port, Sort::File] {
        let range = range(&entries, sort);
        if !range.is_empty() {
            let observer: Box<dyn Observer> = match sort {
                Sort::Group => {
                    let expected = entry::expecting(groups).map(|(_, group)| &group.expect);
                    let roll = Roll::shared(groups, roots, &surroundings.clock, &surroundings.commons)?;
                    let source = Watch::new(groups, roll);
                    Box::new(groups::Groups::new(source, expected, Arc::clone(&standings)))
                }
                Sort::Unit => units(roots, &watchdog.units),
                Sort::Port => Box::new(ports::Ports::new(&roots.procfs, &watchdog.ports)),
                Sort::File => Box::new(files::Files::new(&roots.rootfs, &watchdog.files)),
            };
            observers.push((range, observer));
        }
    }
    let means = Means { roots, allowed, surroundings };
    let deeds = |entry: Entry| {
        let deeds = entry.actions.iter().map(|action| Deed::new(action, &means)).collect::<Result<_, _>>()?;
        Ok::<_, Error>((entry, deeds))
    };
    let entries = entries.into_iter().map(deeds).collect::<Result<_, _>>()?;
    let (resource, scope) = (surroundings.resource.clone(), surroundings.scope.clone());
    Ok(part::Watchdog {
        interval: watchdog.interval.0,
        entries,
        observers,
        clock: surroundings.clock.clone(),
        envelope: Arc::new(Envelope { resource, scope }),
        standings,
    })
}

/// Where the entries of a sort stand: together.
fn range(entries: &[Entry], sort: Sort) -> Range<usize> {
    let start = entries.iter().position(|entry| entry.sort == sort).unwrap_or_default();
    start..start + entries.iter().filter(|entry| entry.sort == sort).count()
}

#[cfg(target_os = "linux")]
fn units(roots: &Roots, units: &[Unit]) -> Box<dyn Observer> {
    Box::new(units::Units::new(crate::dbus::Address::system(roots), units))
}

/// Without systemd there is no unit.
#[cfg(not(target_os = "linux"))]
fn units(_roots: &Roots, units: &[Unit]) -> Box<dyn Observer> {
    struct Nothing(usize);
    impl Observer for Nothing {
        fn look(&mut self, _now: observer::Now) -> observer::Sight {
            let finding = judge::Finding::new(Some(kind::Reason::NoBus), "this system has no systemd");
            observer::Sight { findings: vec![finding; self.0], members: Vec::new() }
        }
    }
    Box::new(Nothing(units.len()))
}

//! Death reports: when a process of a configured group ends, one log record says what is known of it.
//!
//! Members are those that the shared look at the processes finds, every `interval` and a second after each death: what
//! lives and dies between two looks is not seen here. Each member, up to a bound, is held by a descriptor ([`pidfd`]),
//! which tells its end at once; of the others the next look finds that they are gone. A process that has left its group,
//! because it executes another program now, has not died.
//!
//! What a report says ([`report`]), and what it takes to know it:
//!
//! - who it was, how long it has lived, and what it took in its last minutes ([`history`]): no privilege.
//! - how it has ended: since Linux 6.15 no privilege. On an older kernel, what `stat` says until the parent has waited for
//!   it: for the same user and for those who may trace it (`CAP_SYS_PTRACE`), and only if the parent is not too quick. Else
//!   the cause is unknown, as it is for those beyond the bound.
//! - that the kernel has killed it for want of memory: its control group counts that, for everybody to read, as long as
//!   the group is there and can be seen ([`memory_group`](super::memory_group)). The kernel's log names the process, for
//!   those who may read it ([`kernel_log`]). Without either it is a death by SIGKILL.
//! - the last lines of the log that the group's `log` names ([`tail`]): who may read the file.
//!
//! A group that starts again and again has ten reports a minute, and one more record that counts the rest ([`ration`]).

mod ending;
mod history;
mod kernel_log;
mod pidfd;
mod ration;
mod register;
mod report;
mod source;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use vigie_pipeline::batch::Envelope;
use vigie_pipeline::plug::{Error, Part, Surroundings};
use vigie_pipeline::recipe::Recipe;

use super::Config;
use crate::processes::{self, roll::Roll};
use crate::system::Roots;
use register::{Group, Register};
use source::Vigil;
use tail::LogFiles;
use vigie_logs as logs;

/// What the part is built from.
type Configured = (Duration, processes::Config, Roots, Vec<logs::Config>);

/// How the part is built; none where only the agent itself is a group, of whose death it cannot tell.
pub(crate) fn recipe(
    watchdog: &Config,
    processes: &processes::Config,
    roots: &Roots,
    logs: &[logs::Config],
) -> Option<Recipe> {
    if processes.groups.is_empty() || *processes == processes::Config::own_process() {
        return None;
    }
    let is_named = |source: &&logs::Config| {
        processes.groups.iter().any(|group| group.log.as_ref() == Some(&source.name))
    };
    let logs = logs.iter().filter(is_named).cloned().collect();
    let configured: Configured = (watchdog.interval.0, processes.clone(), roots.clone(), logs);
    Some(Recipe::new("watchdog", "deaths", &configured, build))
}

fn build(
    (interval, processes, roots, logs): &Configured,
    surroundings: &Surroundings,
) -> Result<Part, Error> {
    let mut groups = Vec::new();
    for group in &processes.groups {
        let source = logs.iter().find(|source| group.log.as_ref() == Some(&source.name));
        let log = source.map(LogFiles::new).transpose()?;
        groups.push(Group { name: group.name.as_str().into(), log });
    }
    let names = groups.iter().map(|group| Arc::clone(&group.name)).collect();
    let roll = Roll::shared(processes, roots, &surroundings.clock, &surroundings.commons)?;
    let (resource, scope) = (surroundings.resource.clone(), surroundings.scope.clone());
    Ok(Part::Source(Box::new(Vigil {
        register: Register::new(roll, &roots.procfs, &roots.sysfs, groups),
        groups: names,
        interval: *interval,
        procfs: roots.procfs.to_path_buf(),
        clock: surroundings.clock.clone(),
        envelope: Arc::new(Envelope { resource, scope }),
    })))
}

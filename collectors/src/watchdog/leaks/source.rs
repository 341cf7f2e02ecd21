//! Looks at what groups take, and publishes how it grows.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::time::sleep;
use tracing::warn;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::outlet::Outlet;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::snapshot::Slot;
use vigie_pipeline::stop::Stop;

use super::group::{Group, Taken, Value};
use crate::processes::procfs::{Buffer, Procfs};
use crate::processes::roll::SharedRoll;
use crate::processes::usage::Depth;
use crate::slope::EXHAUSTION;
use crate::watchdog::memory_group::MemoryGroup;

static BYTES: Family = Family::gauge(
    "vigie_leak_bytes_per_second",
    "By how much the resident memory of the group grows steadily, since it was first seen or since its start (span=\"start\") \
     and within the window of exhaustion (span=\"window\"); 0 if it does not.",
);

static DESCRIPTORS: Family = Family::gauge(
    "vigie_leak_descriptors_per_second",
    "By how much the open descriptors of the group grow steadily, as for memory.",
);

/// What others have found so short a time ago is new enough.
const AGE: Duration = Duration::from_millis(900);

/// Limits of memory change rarely.
const LIMIT_STANDS: Duration = Duration::from_secs(60);

/// A group as it is configured.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) name: Arc<str>,
    /// How much memory it is expected to take at most, in bytes.
    pub(super) most: Option<u64>,
}

/// The part. See the module.
pub(super) struct Leaks {
    pub(super) groups: Vec<Settings>,
    pub(super) roll: SharedRoll,
    pub(super) procfs: PathBuf,
    pub(super) sysfs: PathBuf,
    pub(super) interval: Duration,
    pub(super) window: Duration,
    pub(super) clock: Clock,
}

#[async_trait]
impl Source for Leaks {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let interval = self.interval;
        let now = self.clock.monotonic();
        let groups = self.groups.iter().map(|_| Group::new(now, interval, self.window)).collect();
        let mut ledger = Ledger { leaks: *self, groups, limits: HashMap::new(), limits_of: None };
        let mut page = ledger.publish(&outlet.slot, Page::default());
        let mut complained = false;
        loop {
            let look = tokio::task::spawn_blocking(move || {
                let looked = ledger.look();
                (ledger, looked)
            });
            let looked = tokio::select! {
                () = stop.stopped() => return Ok(()),
                looked = look => looked?,
            };
            ledger = looked.0;
            match looked.1 {
                Ok(()) => {
                    complained = false;
                    page = ledger.publish(&outlet.slot, page);
                }
                Err(error) if !complained => {
                    warn!("leaks are not looked for: {error}");
                    complained = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.stopped() => return Ok(()),
                () = sleep(interval) => {}
            }
        }
    }
}

/// What is known of all groups.
struct Ledger {
    leaks: Leaks,
    groups: Vec<Group>,
    /// By group: the lowest limit of memory that the kernel sets, in bytes.
    limits: HashMap<usize, u64>,
    limits_of: Option<Instant>,
}

impl Ledger {
    fn look(&mut self) -> Result<(), Error> {
        let now = self.leaks.clock.monotonic();
        let taken = self.taken()?;
        if self.limits_of.is_none_or(|at| now.saturating_duration_since(at) >= LIMIT_STANDS) {
            self.limits = self.find_limits(&taken)?;
            self.limits_of = Some(now);
        }
        for (group, taken) in self.groups.iter_mut().zip(taken) {
            group.add(now, taken);
        }
        Ok(())
    }

    fn taken(&self) -> Result<Vec<Taken>, Error> {
        let mut taken = vec![Taken::default(); self.groups.len()];
        let page = rustix::param::page_size() as u64;
        let mut roll = self.leaks.roll.hold()?;
        roll.update(AGE, Depth::Watched)?;
        for (member, usage) in roll.members() {
            // Groups that are not of the configuration, but named by templates, come behind those that are.
            if let Some(taken) = taken.get_mut(member.group) {
                let identity = (member.pid, usage.start);
                let resident = usage.resident_pages.saturating_mul(page);
                taken.add(identity, resident, usage.open_files, usage.open_files_limit);
            }
        }
        Ok(taken)
    }

    /// The lowest limit of the control groups that members are in, or all there is.
    fn find_limits(&self, taken: &[Taken]) -> Result<HashMap<usize, u64>, Error> {
        let procfs = Procfs::open(&self.leaks.procfs)?;
        let total = total(&fs::read_to_string(self.leaks.procfs.join("meminfo"))?);
        let mut buffer = Buffer::default();
        let mut limits = HashMap::new();
        for (number, taken) in taken.iter().enumerate() {
            let groups: HashSet<MemoryGroup> = taken
                .members
                .iter()
                .filter_map(|(pid, _)| {
                    let content = procfs.read(*pid, "cgroup", &mut buffer).ok()?;
                    MemoryGroup::find(&self.leaks.sysfs, std::str::from_utf8(content).ok()?)
                })
                .collect();
            let lowest = groups.iter().filter_map(MemoryGroup::limit).chain(total).min();
            limits.extend(lowest.map(|limit| (number, limit)));
        }
        Ok(limits)
    }

    fn publish(&self, slot: &Slot, mut page: Page) -> Page {
        for (number, (group, settings)) in self.groups.iter().zip(&self.leaks.groups).enumerate() {
            write(&mut page, &BYTES, &settings.name, &group.resident);
            write(&mut page, &DESCRIPTORS, &settings.name, &group.descriptors);
            let limit = settings.most.or_else(|| self.limits.get(&number).copied());
            for (resource, value, limit) in
                [("rss", &group.resident, limit), ("fds", &group.closest, group.closest_limit)]
            {
                if let Some(seconds) = limit.and_then(|limit| value.seconds_to(limit as f64)) {
                    let labels = page.labels(&[("name", &settings.name), ("resource", resource)]);
                    page.set(&EXHAUSTION, labels, seconds);
                }
            }
        }
        slot.publish(page)
    }
}

fn write(page: &mut Page, family: &'static Family, group: &str, value: &Value) {
    for (span, trend) in [("start", &value.since_start), ("window", &value.within_window)] {
        let labels = page.labels(&[("groupname", group), ("span", span)]);
        page.set(family, labels, trend.growth());
    }
}

/// `MemTotal:       16384000 kB`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_there_is_is_told_in_bytes() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
        assert_eq!(total("MemTotal: many kB\n"), None);
    }
}

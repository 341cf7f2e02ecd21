//! Who is in the groups of which something is expected, for the watchdog.

use std::time::{Duration, Instant};

use super::config::Config;
use super::roll::SharedRoll;
use super::usage::Depth;
use crate::watchdog::groups::{Facts, Source};
use crate::watchdog::observer::Member;

/// What somebody else has just seen is as good. Not older: what is used is measured from one look to the next.
const FRESH: Duration = Duration::from_millis(50);

/// See the module.
pub(crate) struct Watch {
    roll: SharedRoll,
    page_size: u64,
    /// For each group of the configuration its place among those of which something is expected.
    places: Vec<Option<usize>>,
}

impl Watch {
    /// The groups of which something is expected, in their order; `roll` is of this configuration.
    pub(crate) fn new(config: &Config, roll: SharedRoll) -> Self {
        let mut next = 0..;
        let is_expecting = config.groups.iter().map(|group| !group.expect.is_empty());
        Self {
            places: is_expecting.map(|is_expecting| if is_expecting { next.next() } else { None }).collect(),
            roll,
            page_size: rustix::param::page_size() as u64,
        }
    }
}

impl Source for Watch {
    fn facts(&mut self, _now: Instant) -> Result<Vec<Vec<Facts>>, String> {
        let mut roll = self.roll.hold().map_err(|error| error.to_string())?;
        roll.update(FRESH, Depth::Watched).map_err(|error| error.to_string())?;
        let mut groups = vec![Vec::new(); self.places.iter().flatten().count()];
        for (member, usage) in roll.members() {
            // Groups that are not of the configuration come behind those that are; nothing is expected of them.
            let Some(Some(place)) = self.places.get(member.group) else { continue };
            groups[*place].push(Facts {
                member: Member { pid: member.pid, start: usage.start },
                matches: member.matches,
                state: usage.state,
                ticks: usage.counters.ticks(),
                resident_bytes: usage.resident_pages.saturating_mul(self.page_size),
                threads: usage.threads,
                open_files: usage.open_files.unwrap_or_default(),
            });
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use vigie_pipeline::clock::Clock;
    use vigie_pipeline::commons::Commons;

    use super::super::fixture::{FakeProc, Process, groups};
    use super::super::roll::Roll;
    use super::*;
    use crate::system::Roots;
    use crate::watchdog::Expect;

    fn watch(config: &Config, procfs: &std::path::Path) -> Watch {
        let roots = Roots { procfs: procfs.into(), ..Roots::default() };
        Watch::new(config, Roll::shared(config, &roots, &Clock::system(), &Commons::default()).unwrap())
    }

    #[test]
    fn who_is_in_the_groups_of_which_something_is_expected() {
        let fake = FakeProc::new();
        let process = |pid, comm, state| {
            let process = Process { pid, comm, cmdline: "x\0", state, ..Process::default() };
            Process { start: 7, user: 3, open_files: 5, ..process }
        };
        fake.set(&process(10, "db", 'S'));
        fake.set(&process(11, "api", 'D'));
        fake.set(&process(12, "other", 'S'));
        let mut config = groups(&["db", "api"]);
        config.groups[1].expect = Expect { min: Some(1), ..Expect::default() };
        let facts = watch(&config, fake.path()).facts(Instant::now()).unwrap();
        assert_eq!(facts.len(), 1);
        let [api] = facts[0].as_slice() else { panic!("{facts:?}") };
        assert_eq!((api.member, api.state, api.open_files), (Member { pid: 11, start: 7 }, b'D', 5));
        assert!(api.matches && api.ticks >= 3);
    }

    #[test]
    fn a_proc_file_system_that_is_not_there_is_an_error() {
        assert!(watch(&groups(&["db"]), "/nonexistent".as_ref()).facts(Instant::now()).is_err());
    }
}

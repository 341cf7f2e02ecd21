//! What the processes of a group use together.

use std::collections::BTreeMap;

use super::usage::{Counters, Io, Proportional, Switches, Usage};

/// How many ticks the kernel's interface has in a second, on every architecture that Linux still has.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// A group. What only grows never goes back: what ended processes have used stays in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Group {
    pub(super) present: Present,
    pub(super) totals: Totals,
    /// By name, those of processes that have several; also names that nobody has now, as they may come back.
    pub(super) threads: BTreeMap<Box<str>, Threads>,
}

/// The threads of one name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Threads {
    /// How many there are now.
    pub(super) count: u64,
    pub(super) totals: Totals,
}

/// So many names of threads are told apart in a group: some programs number their threads without end.
const MOST_NAMES: usize = 200;

/// The name of the rest.
const OTHERS: &str = "other";

/// What its present processes have. Sums stop at the largest number, whatever files say that are not the kernel's.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Present {
    pub(super) processes: u64,
    /// Those that match themselves, without children that do not.
    pub(super) matching: u64,
    pub(super) threads: u64,
    pub(super) states: States,
    pub(super) resident_pages: u64,
    pub(super) virtual_bytes: u64,
    pub(super) swapped_bytes: u64,
    pub(super) open_files: u64,
    /// Of all processes' shares of open descriptors in what they may open, the largest.
    pub(super) worst_open_files_ratio: f64,
    /// In ticks since boot.
    pub(super) oldest_start: Option<u64>,
    /// If it was asked for: of those of whom it is known.
    pub(super) proportional: Option<Proportional>,
    /// Threads by the kernel function in which they wait.
    pub(super) wchans: BTreeMap<Box<str>, u64>,
}

/// Processes by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct States {
    pub(super) running: u64,
    pub(super) sleeping: u64,
    pub(super) waiting: u64,
    pub(super) zombie: u64,
    pub(super) other: u64,
}

/// What its processes have used since each was first seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Totals {
    /// In ticks.
    pub(super) user: u64,
    /// In ticks.
    pub(super) system: u64,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) io: Io,
    pub(super) switches: Switches,
}

impl Present {
    pub(super) fn add(&mut self, usage: &Usage, matches: bool) {
        self.processes += 1;
        self.matching += u64::from(matches);
        self.threads = self.threads.saturating_add(usage.threads);
        match usage.state {
            b'R' => self.states.running += 1,
            b'S' => self.states.sleeping += 1,
            b'D' => self.states.waiting += 1,
            b'Z' => self.states.zombie += 1,
            _ => self.states.other += 1,
        }
        self.resident_pages = self.resident_pages.saturating_add(usage.resident_pages);
        self.virtual_bytes = self.virtual_bytes.saturating_add(usage.virtual_bytes);
        self.swapped_bytes = self.swapped_bytes.saturating_add(usage.swapped_bytes);
        self.open_files += usage.open_files.unwrap_or(0);
        if let (Some(open), Some(limit @ 1..)) = (usage.open_files, usage.open_files_limit) {
            self.worst_open_files_ratio = self.worst_open_files_ratio.max(open as f64 / limit as f64);
        }
        self.oldest_start = Some(self.oldest_start.map_or(usage.start, |oldest| oldest.min(usage.start)));
    }

    /// Adds the proportional size of a process, if it is known.
    pub(super) fn add_proportional(&mut self, size: Option<Proportional>) {
        let sum = self.proportional.get_or_insert_default();
        let size = size.unwrap_or_default();
        sum.resident_bytes = sum.resident_bytes.saturating_add(size.resident_bytes);
        sum.swapped_bytes = sum.swapped_bytes.saturating_add(size.swapped_bytes);
    }

    /// One more thread waits in `function`.
    pub(super) fn add_wchan(&mut self, function: &str) {
        match self.wchans.get_mut(function) {
            Some(count) => *count += 1,
            None => {
                self.wchans.insert(function.into(), 1);
            }
        }
    }
}

impl Totals {
    /// Adds what was used since the last time.
    pub(super) fn add(&mut self, used: &Counters) {
        self.user = self.user.saturating_add(used.user);
        self.system = self.system.saturating_add(used.system);
        self.minor_faults = self.minor_faults.saturating_add(used.minor_faults);
        self.major_faults = self.major_faults.saturating_add(used.major_faults);
        if let Some(io) = used.io {
            self.io.read_bytes = self.io.read_bytes.saturating_add(io.read_bytes);
            self.io.write_bytes = self.io.write_bytes.saturating_add(io.write_bytes);
        }
    }

    /// Adds the context switches of a thread between `before` and `now`.
    pub(super) fn add_switches(&mut self, before: Switches, now: Switches) {
        let Switches { voluntary, nonvoluntary } = &mut self.switches;
        *voluntary = voluntary.saturating_add(now.voluntary.saturating_sub(before.voluntary));
        *nonvoluntary = nonvoluntary.saturating_add(now.nonvoluntary.saturating_sub(before.nonvoluntary));
    }
}

impl Group {
    /// The threads called `name`; those whose names are too many are together [`OTHERS`].
    pub(super) fn threads_called(&mut self, name: String) -> &mut Threads {
        let is_full = self.threads.len() >= MOST_NAMES && !self.threads.contains_key(name.as_str());
        self.threads.entry(if is_full { OTHERS.into() } else { name.into() }).or_default()
    }

    /// Forgets who is present.
    pub(super) fn clear(&mut self) {
        self.present = Present::default();
        for threads in self.threads.values_mut() {
            threads.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counters() -> impl Strategy<Value = Counters> {
        let io = proptest::option::of((0u64..1000, 0u64..1000));
        (0u64..1000, 0u64..1000, io).prop_map(|(user, major_faults, io)| Counters {
            user,
            major_faults,
            io: io.map(|(read_bytes, write_bytes)| Io { read_bytes, write_bytes }),
            ..Counters::default()
        })
    }

    #[test]
    fn what_cannot_be_read_for_a_while_is_caught_up_with() {
        let io = |read_bytes| Some(Io { read_bytes, write_bytes: 0 });
        let at = |io| Counters { io, ..Counters::default() };
        let mut totals = Totals::default();
        let mut last = at(io(10));
        for now in [at(None), at(io(25)), at(io(30))] {
            totals.add(&now.since(&last));
            last = now.merged_with(&last);
        }
        assert_eq!(totals.io.read_bytes, 20);
    }

    proptest! {
        #[test]
        fn totals_never_go_back_and_count_nothing_twice(history in proptest::collection::vec(counters(), 1..20)) {
            let mut totals = Totals::default();
            let mut last = history[0];
            for now in &history[1..] {
                let before = totals.clone();
                totals.add(&now.since(&last));
                last = now.merged_with(&last);
                prop_assert!(totals.user >= before.user && totals.io.read_bytes >= before.io.read_bytes);
            }
            let highest = history.iter().map(|counters| counters.user).max().unwrap_or(0);
            prop_assert_eq!(totals.user, highest - history[0].user);
        }
    }
}

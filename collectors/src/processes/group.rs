//! What the processes of a group use together.

use std::collections::BTreeMap;

use super::usage::{Counters, Io, Switches, Usage};

/// How many ticks the kernel's interface has in a second, on every architecture that Linux still has.
pub(super) const TICKS_PER_SECOND: u64 = 100;

/// A group. What only grows never goes back: what ended processes have used stays in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    pub(super) present: Present,
    pub(super) totals: Totals,
}

/// What its present processes have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Present {
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
    /// Threads by the kernel function in which they wait.
    pub(super) wchans: BTreeMap<Box<str>, u64>,
}

/// Processes by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct States {
    pub(super) running: u64,
    pub(super) sleeping: u64,
    pub(super) waiting: u64,
    pub(super) zombie: u64,
    pub(super) other: u64,
}

/// What its processes have used since each was first seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Totals {
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
        self.threads += usage.threads;
        match usage.state {
            b'R' => self.states.running += 1,
            b'S' => self.states.sleeping += 1,
            b'D' => self.states.waiting += 1,
            b'Z' => self.states.zombie += 1,
            _ => self.states.other += 1,
        }
        self.resident_pages += usage.resident_pages;
        self.virtual_bytes += usage.virtual_bytes;
        self.swapped_bytes += usage.swapped_bytes;
        self.open_files += usage.open_files.unwrap_or(0);
        if let (Some(open), Some(limit @ 1..)) = (usage.open_files, usage.open_files_limit) {
            self.worst_open_files_ratio = self.worst_open_files_ratio.max(open as f64 / limit as f64);
        }
        self.oldest_start = Some(self.oldest_start.map_or(usage.start, |oldest| oldest.min(usage.start)));
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
    /// Adds what a process has used between `before` and `now`. What was unreadable at either time adds nothing; what
    /// goes back (the kernel corrects CPU times now and then) neither.
    pub(super) fn add(&mut self, before: &Counters, now: &Counters) {
        self.user += now.user.saturating_sub(before.user);
        self.system += now.system.saturating_sub(before.system);
        self.minor_faults += now.minor_faults.saturating_sub(before.minor_faults);
        self.major_faults += now.major_faults.saturating_sub(before.major_faults);
        if let (Some(before), Some(now)) = (before.io, now.io) {
            self.io.read_bytes += now.read_bytes.saturating_sub(before.read_bytes);
            self.io.write_bytes += now.write_bytes.saturating_sub(before.write_bytes);
        }
    }

    /// Adds the context switches of a thread between `before` and `now`.
    pub(super) fn add_switches(&mut self, before: Switches, now: Switches) {
        self.switches.voluntary += now.voluntary.saturating_sub(before.voluntary);
        self.switches.nonvoluntary += now.nonvoluntary.saturating_sub(before.nonvoluntary);
    }
}

/// What is known of a process's counters: what could not be read now is as it was.
pub(super) fn merge(before: &Counters, now: &Counters) -> Counters {
    let highest = |before: u64, now: u64| before.max(now);
    Counters {
        user: highest(before.user, now.user),
        system: highest(before.system, now.system),
        minor_faults: highest(before.minor_faults, now.minor_faults),
        major_faults: highest(before.major_faults, now.major_faults),
        io: now.io.or(before.io),
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
            totals.add(&last, &now);
            last = merge(&last, &now);
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
                totals.add(&last, now);
                last = merge(&last, now);
                prop_assert!(totals.user >= before.user && totals.io.read_bytes >= before.io.read_bytes);
            }
            let highest = history.iter().map(|counters| counters.user).max().unwrap_or(0);
            prop_assert_eq!(totals.user, highest - history[0].user);
        }
    }
}

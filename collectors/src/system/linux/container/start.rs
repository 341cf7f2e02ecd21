//! When a container was started: when the oldest of its processes was.
//!
//! The directories of control groups do not tell: their times are those of when somebody looked at them first.

use std::path::{Path, PathBuf};

use super::super::file::read_once;
use super::super::parse;

/// How many processes are looked at: the oldest one is usually the first.
const MOST: usize = 256;

/// Whole seconds since the Unix epoch; `None` if there is no process in the control group at `dir`, or below it.
pub(super) fn start_time(procfs: &Path, dir: &Path, buffer: &mut Vec<u8>) -> Option<f64> {
    let boot = boot_time(read_once(&procfs.join("stat"), buffer).ok()?)?;
    let pids = processes(dir, buffer);
    let ticks =
        pids.iter().filter_map(|pid| started(read_once(&procfs.join(pid).join("stat"), buffer).ok()?));
    let ticks = ticks.min()?;
    let after_boot = ticks / rustix::param::clock_ticks_per_second().max(1);
    Some(boot.saturating_add(after_boot) as f64)
}

/// Those of the control group itself; if there is none, those of the ones below it.
fn processes(dir: &Path, buffer: &mut Vec<u8>) -> Vec<String> {
    let mut pids = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let (Some(dir), true) = (dirs.pop(), pids.len() < MOST) {
        let listed = read_once(&dir.join("cgroup.procs"), buffer).unwrap_or_default();
        // A process of another namespace is 0.
        let known = parse::lines(listed).filter_map(parse::whole).filter(|pid| *pid > 0);
        pids.extend(known.take(MOST).map(|pid| pid.to_string()));
        if pids.is_empty() && dirs.len() < MOST {
            dirs.extend(directories_in(&dir));
        }
    }
    pids
}

fn directories_in(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

/// `btime 1700000000` in `/proc/stat`.
fn boot_time(stat: &[u8]) -> Option<u64> {
    parse::lines(stat).find_map(|line| parse::whole_file(line.strip_prefix(b"btime ")?))
}

/// starttime, 22nd field of `/proc/<pid>/stat`, in ticks after boot; counted behind the name, which may contain anything.
fn started(stat: &[u8]) -> Option<u64> {
    parse::whole(parse::words(&stat[memchr::memrchr(b')', stat)? + 1..]).nth(19)?)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Fixture, mangled};
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "12 (a) b) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4200 1000 2";

    fn host() -> Fixture {
        let stat = |start: &str| STAT.replace("4200", start);
        Fixture::new()
            .with("proc/stat", "cpu 1 2 3\nbtime 1700000000\n")
            .with("proc/12/stat", stat("4200"))
            .with("proc/13/stat", stat("4100"))
    }

    fn told(host: &Fixture) -> Option<f64> {
        start_time(&host.path().join("proc"), &host.path().join("cg"), &mut Vec::new())
    }

    #[test]
    fn the_oldest_process_tells() {
        let host = host().with("cg/cgroup.procs", "0\n12\n13\n999\n");
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(told(&host), Some((1_700_000_000 + 4100 / ticks) as f64));
    }

    #[test]
    fn processes_may_be_further_below() {
        let host = host().with("cg/cgroup.procs", "").with("cg/a/b/cgroup.procs", "12\n");
        assert!(told(&host).is_some());
    }

    #[test]
    fn without_a_process_nothing_is_told() {
        assert_eq!(told(&host().with("cg/cgroup.procs", "0\n")), None);
        assert_eq!(told(&host()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(stat in mangled(STAT)) {
            let _ = (started(&stat), boot_time(&stat));
        }
    }
}

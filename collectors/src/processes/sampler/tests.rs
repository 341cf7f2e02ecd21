#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use vigie_pipeline::clock::{Clock, Hand};
use vigie_pipeline::commons::Commons;
use vigie_pipeline::units::HumanDuration;

use super::*;
use crate::processes::config::Config;
use crate::processes::fixture::{FakeProc, Process, groups};
use crate::processes::roll::Roll;
use crate::system::Roots;

struct Rig {
    fake: FakeProc,
    sampler: Groups,
    hand: Hand,
}

fn rig(config: &Config) -> Rig {
    let (clock, hand) = Clock::manual(UNIX_EPOCH);
    let fake = FakeProc::new();
    let roll = Roll::shared(config, &roots(fake.path()), &clock, &Commons::default()).unwrap();
    Rig { sampler: Groups { roll }, fake, hand }
}

fn roots(procfs: &std::path::Path) -> Roots {
    Roots { procfs: procfs.into(), ..Roots::default() }
}

type Series = BTreeMap<String, f64>;

impl Rig {
    /// Samples some seconds later: the series without the prefix of their names.
    fn sample(&mut self) -> Series {
        self.hand.advance(Duration::from_secs(15));
        let mut page = Page::default();
        self.sampler.sample(&mut page).unwrap();
        series(&page)
    }
}

fn series(page: &Page) -> Series {
    let mut series = Series::new();
    for (family, rows) in page.families() {
        let name = family.name.trim_start_matches("namedprocess_").trim_start_matches("namegroup_");
        for row in rows {
            let labels = if row.labels.is_empty() { String::new() } else { format!("{{{}}}", row.labels) };
            assert_eq!(series.insert(format!("{name}{labels}"), row.value), None, "{name}{labels}");
        }
    }
    series
}

fn api(pid: u32, user: u64) -> Process {
    let bytes = user * 10;
    Process {
        pid,
        parent: 1,
        comm: "api",
        start: 500 + u64::from(pid),
        user,
        read_bytes: bytes,
        ..Process::default()
    }
}

#[test]
fn a_group_has_all_its_series_even_when_nobody_is_in_it() {
    let mut rig = rig(&groups(&["api"]));
    let empty = rig.sample();
    rig.fake.set(&api(4, 0));
    let mut one = rig.sample();
    one.retain(|name, _| !name.contains("wchan") && !name.starts_with("thread_"));
    assert_eq!(empty.keys().collect::<Vec<_>>(), one.keys().collect::<Vec<_>>());
    assert_eq!(empty.len(), 9 + 12 + 5);
    assert_eq!(empty["num_procs{groupname=\"api\"}"], 0.0);
    assert_eq!(empty["oldest_start_time_seconds{groupname=\"api\"}"], 0.0);
}

#[test]
fn present_values_are_added_up_over_the_members() {
    let mut rig = rig(&groups(&["api"]));
    rig.fake.set(&Process { state: 'R', open_files: 6, ..api(4, 0) });
    rig.fake.set(&Process { state: 'I', ..api(5, 0) });
    let series = rig.sample();
    let page_size = rustix::param::page_size() as f64;
    for (name, value) in [
        ("num_procs{groupname=\"api\"}", 2.0),
        ("num_threads{groupname=\"api\"}", 8.0),
        ("open_filedesc{groupname=\"api\"}", 8.0),
        ("worst_fd_ratio{groupname=\"api\"}", 0.75),
        ("oldest_start_time_seconds{groupname=\"api\"}", 1_000_005.0),
        ("memory_bytes{groupname=\"api\",memtype=\"resident\"}", 10.0 * page_size),
        ("memory_bytes{groupname=\"api\",memtype=\"virtual\"}", 16384.0),
        ("memory_bytes{groupname=\"api\",memtype=\"swapped\"}", 6144.0),
        ("states{groupname=\"api\",state=\"Running\"}", 1.0),
        ("states{groupname=\"api\",state=\"Other\"}", 1.0),
        ("threads_wchan{groupname=\"api\",wchan=\"futex_wait\"}", 4.0),
        ("threads_wchan{groupname=\"api\",wchan=\"do_wait\"}", 2.0),
        ("scrape_partial_errors", 0.0),
    ] {
        assert_eq!(series[name], value, "{name}");
    }
}

#[test]
fn counters_never_go_back_when_members_come_and_go() {
    let mut rig = rig(&groups(&["api"]));
    let (user, read) =
        ("cpu_seconds_total{groupname=\"api\",mode=\"user\"}", "read_bytes_total{groupname=\"api\"}");
    rig.fake.set(&api(4, 1000));
    let at = |series: &Series| (series[user], series[read]);
    assert_eq!(at(&rig.sample()), (0.0, 0.0), "what was used before it was first seen is not counted");
    rig.fake.set(&api(4, 1200));
    assert_eq!(at(&rig.sample()), (2.0, 2000.0));
    rig.fake.remove(4);
    rig.fake.set(&api(5, 50));
    assert_eq!(at(&rig.sample()), (2.5, 2500.0), "all that a new process has used is counted");
    rig.fake.set(&Process { start: 9000, ..api(5, 10) });
    assert_eq!(at(&rig.sample()), (2.6, 2600.0), "a PID that is used again is another process");
    rig.fake.remove(5);
    assert_eq!(at(&rig.sample()), (2.6, 2600.0));
}

#[test]
fn context_switches_are_those_of_all_threads_and_stay_when_a_thread_ends() {
    let mut rig = rig(&groups(&["api"]));
    let voluntary = "context_switches_total{groupname=\"api\",ctxswitchtype=\"voluntary\"}";
    rig.fake.set(&Process { switches: 100, ..api(4, 0) });
    assert_eq!(rig.sample()[voluntary], 0.0);
    rig.fake.set(&Process { switches: 101, ..api(4, 0) });
    assert_eq!(rig.sample()[voluntary], 10.0, "1 + 2 + 3 + 4");
    std::fs::remove_dir_all(rig.fake.path().join("4/task/3")).unwrap();
    assert_eq!(rig.sample()[voluntary], 10.0);
    rig.fake.set(&Process { switches: 101, ..api(4, 0) });
    assert_eq!(rig.sample()[voluntary], 10.0 + 404.0, "a new thread counts in whole");
    rig.fake.set(&Process { switches: 2, ..api(5, 0) });
    assert_eq!(rig.sample()[voluntary], 414.0 + 20.0, "a new process, too");
}

#[test]
fn what_cannot_be_read_is_a_partial_error_and_no_failure() {
    let mut rig = rig(&groups(&["api"]));
    rig.fake.set(&api(4, 0));
    rig.fake.set(&Process { comm: "else", ..api(6, 0) });
    for file in ["io", "status"] {
        rig.fake.hide(4, file);
        rig.fake.hide(6, file);
    }
    let series = rig.sample();
    assert_eq!(series["scrape_partial_errors"], 1.0, "only of members, and once for each");
    assert_eq!(series["num_procs{groupname=\"api\"}"], 1.0);
    assert_eq!(series["open_filedesc{groupname=\"api\"}"], 2.0);
}

#[test]
fn without_a_proc_file_system_only_the_errors_are_told() {
    let (clock, _hand) = Clock::manual(UNIX_EPOCH);
    let fake = FakeProc::new();
    let gone = fake.path().join("sys/none");
    let roll = Roll::shared(&groups(&["api"]), &roots(&gone), &clock, &Commons::default()).unwrap();
    let mut page = Page::default();
    let error = Groups { roll }.sample(&mut page).unwrap_err().to_string();
    assert!(error.starts_with("open ") && error.contains("sys/none: No such file"), "{error}");
    let series = series(&page);
    assert_eq!((series["scrape_errors"], series.len()), (1.0, 5));
}

#[test]
fn children_that_nobody_has_seen_count_as_what_their_parent_has_used() {
    let mut rig = rig(&groups(&["api"]));
    let (user, faults) =
        ("cpu_seconds_total{groupname=\"api\",mode=\"user\"}", "minor_page_faults_total{groupname=\"api\"}");
    let at = |series: &Series| (series[user], series[faults]);
    rig.fake.set(&Process { children: 1000, ..api(4, 0) });
    assert_eq!(at(&rig.sample()), (0.0, 0.0));
    rig.fake.set(&Process { children: 1300, ..api(4, 0) });
    assert_eq!(at(&rig.sample()), (3.0, 300.0), "they came and went between two looks");
    rig.fake.set(&Process { parent: 4, comm: "child", faults: 200, ..api(5, 200) });
    assert_eq!(at(&rig.sample()), (5.0, 500.0));
    // It uses a little more, ends, and is waited for.
    rig.fake.remove(5);
    rig.fake.set(&Process { children: 1550, ..api(4, 0) });
    assert_eq!(at(&rig.sample()), (5.5, 550.0), "what was counted of it is not counted again");
}

#[test]
fn a_child_that_ends_while_processes_are_read_is_not_counted_twice() {
    let mut rig = rig(&groups(&["api"]));
    let user = "cpu_seconds_total{groupname=\"api\",mode=\"user\"}";
    let child = Process { parent: 4, comm: "child", faults: 200, ..api(5, 200) };
    rig.fake.set(&api(4, 0));
    rig.sample();
    rig.fake.set(&child);
    assert_eq!(rig.sample()[user], 2.0);
    rig.fake.remove(5);
    assert_eq!(rig.sample()[user], 2.0, "its parent was read before it had ended");
    rig.fake.set(&Process { children: 250, ..api(4, 0) });
    assert_eq!(rig.sample()[user], 2.5, "what was counted of it is not counted again");

    rig.fake.set(&Process { start: 900, ..child });
    assert_eq!(rig.sample()[user], 4.5);
    rig.fake.remove(5);
    rig.sample();
    assert_eq!(rig.sample()[user], 4.5, "it was reaped by the kernel");
    rig.fake.set(&Process { children: 350, ..api(4, 0) });
    assert_eq!(rig.sample()[user], 5.5, "what others have used is theirs");
}

#[test]
fn a_child_whose_pid_somebody_else_has_now_is_not_counted_again() {
    let mut rig = rig(&groups(&["api"]));
    let user = "cpu_seconds_total{groupname=\"api\",mode=\"user\"}";
    let child = |start, used| Process { parent: 4, comm: "child", start, faults: used, ..api(5, used) };
    rig.fake.set(&api(4, 0));
    rig.sample();
    rig.fake.set(&child(600, 200));
    assert_eq!(rig.sample()[user], 2.0);
    rig.fake.set(&child(700, 10));
    rig.fake.set(&Process { children: 250, ..api(4, 0) });
    assert_eq!(rig.sample()[user], 2.0 + 0.5 + 0.1);
}

#[test]
fn io_of_a_child_that_has_ended_is_not_counted_twice() {
    let mut rig = rig(&groups(&["api"]));
    let read = "read_bytes_total{groupname=\"api\"}";
    let child = Process { parent: 4, comm: "child", faults: 10, read_bytes: 500, ..api(5, 0) };
    rig.fake.set(&Process { read_bytes: 0, ..api(4, 0) });
    rig.sample();
    rig.fake.set(&child);
    assert_eq!(rig.sample()[read], 500.0);
    rig.fake.remove(5);
    rig.fake.set(&Process { read_bytes: 520, children: 10, ..api(4, 0) });
    assert_eq!(rig.sample()[read], 520.0, "the kernel has handed its io over to its parent");

    rig.fake.set(&Process { read_bytes: 100, ..child });
    assert_eq!(rig.sample()[read], 620.0);
    rig.fake.remove(5);
    rig.fake.set(&Process { read_bytes: 600, children: 10, ..api(4, 0) });
    assert_eq!(rig.sample()[read], 700.0, "one that is reaped by the kernel hands over nothing");
}

#[test]
fn threads_are_told_apart_by_name() {
    let mut rig = rig(&groups(&["api"]));
    let name = |name: &str, thread: &str, rest: &str| {
        format!("thread_{name}{{groupname=\"api\",threadname=\"{thread}\"{rest}}}")
    };
    rig.fake.set(&Process { switches: 100, ..api(4, 100) });
    let first = rig.sample();
    assert_eq!(first[&name("count", "api", "")], 1.0);
    assert_eq!(first[&name("count", "worker", "")], 3.0);
    assert_eq!(first[&name("cpu_seconds_total", "worker", ",mode=\"user\"")], 0.0);
    rig.fake.set(&Process { switches: 101, faults: 2, ..api(4, 150) });
    let second = rig.sample();
    for (series, value) in [
        (name("cpu_seconds_total", "worker", ",mode=\"user\""), 1.5),
        (name("cpu_seconds_total", "api", ",mode=\"user\""), 0.5),
        (name("io_bytes_total", "worker", ",iomode=\"read\""), 1500.0),
        (name("minor_page_faults_total", "worker", ""), 6.0),
        (name("context_switches_total", "worker", ",ctxswitchtype=\"voluntary\""), 9.0),
    ] {
        assert_eq!(second[&series], value, "{series}");
    }
    rig.fake.remove(4);
    assert!(!rig.sample().contains_key(&name("count", "worker", "")));
    rig.fake.set(&api(5, 10));
    let third = rig.sample();
    assert_eq!(third[&name("cpu_seconds_total", "worker", ",mode=\"user\"")], 1.8, "it goes on where it was");

    let mut config = groups(&["api"]);
    config.threads = false;
    let mut without = super::tests::rig(&config);
    without.fake.set(&api(4, 0));
    assert!(!without.sample().keys().any(|name| name.starts_with("thread_")));
}

#[test]
fn the_watchdog_and_a_scrape_count_together_and_nothing_twice() {
    let mut rig = rig(&groups(&["api"]));
    let watch = |rig: &mut Rig| {
        rig.hand.advance(Duration::from_secs(5));
        rig.sampler.roll.hold().unwrap().update(Duration::ZERO, Depth::Watched).unwrap();
    };
    let voluntary = "context_switches_total{groupname=\"api\",ctxswitchtype=\"voluntary\"}";
    let (user, read) =
        ("cpu_seconds_total{groupname=\"api\",mode=\"user\"}", "read_bytes_total{groupname=\"api\"}");
    rig.fake.set(&Process { switches: 100, ..api(4, 100) });
    watch(&mut rig);
    rig.fake.set(&Process { switches: 110, ..api(4, 150) });
    let first = rig.sample();
    assert_eq!(
        (first[user], first[read], first[voluntary]),
        (0.5, 0.0, 0.0),
        "closely looked at for the first time"
    );
    rig.fake.set(&Process { switches: 120, ..api(4, 160) });
    watch(&mut rig);
    rig.fake.set(&Process { switches: 10, ..api(5, 20) });
    watch(&mut rig);
    let second = rig.sample();
    assert_eq!((second[user], second[read], second[voluntary]), (0.8, 300.0, 200.0));
}

#[test]
fn proportional_sizes_are_there_if_asked_for_and_take_no_longer_than_they_may() {
    let mut config = groups(&["api", "db"]);
    let size = |series: &Series, group: &str, kind: &str| {
        series.get(&format!("memory_bytes{{groupname=\"{group}\",memtype=\"proportional{kind}\"}}")).copied()
    };
    let mut rig_without = rig(&config);
    rig_without.fake.set(&api(4, 0));
    assert_eq!(size(&rig_without.sample(), "api", "Resident"), None);

    config.smaps.enabled = true;
    let mut rig_with = rig(&config);
    rig_with.fake.set(&api(4, 0));
    rig_with.fake.set(&api(5, 0));
    let series = rig_with.sample();
    assert_eq!(size(&series, "api", "Resident"), Some(14.0 * 1024.0));
    assert_eq!((size(&series, "api", "Swapped"), size(&series, "db", "Resident")), (Some(4096.0), Some(0.0)));
    rig_with.fake.hide(5, "smaps_rollup");
    assert_eq!(size(&rig_with.sample(), "api", "Resident"), Some(14.0 * 1024.0), "it is as it was");

    config.smaps.budget = HumanDuration(Duration::ZERO);
    let mut hurried = rig(&config);
    hurried.fake.set(&api(4, 0));
    assert_eq!(size(&hurried.sample(), "api", "Resident"), Some(0.0));
}

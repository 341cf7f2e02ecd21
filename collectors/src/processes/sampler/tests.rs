#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use vigie_pipeline::clock::Hand;

use super::*;
use crate::processes::config::Expect;
use crate::processes::fixture::{FakeProc, Process, groups};

struct Rig {
    fake: FakeProc,
    sampler: Groups,
    hand: Hand,
}

fn rig(config: &Config) -> Rig {
    let (clock, hand) = Clock::manual(UNIX_EPOCH);
    let fake = FakeProc::new();
    Rig { sampler: Groups::new(config, fake.path(), clock).unwrap(), fake, hand }
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
    one.retain(|name, _| !name.contains("wchan"));
    assert_eq!(empty.keys().collect::<Vec<_>>(), one.keys().collect::<Vec<_>>());
    assert_eq!(empty.len(), 9 + 12 + 4);
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
    let mut rig = rig(&groups(&["api"]));
    let gone = rig.fake.path().join("sys/none");
    rig.sampler.root = gone;
    let mut page = Page::default();
    let error = rig.sampler.sample(&mut page).unwrap_err().to_string();
    assert!(error.starts_with("open ") && error.contains("sys/none: No such file"), "{error}");
    let series = series(&page);
    assert_eq!((series["scrape_errors"], series.len()), (1.0, 4));
}

#[test]
fn expectations_are_judged_from_the_first_sample_on() {
    let mut config = groups(&["api", "job"]);
    config.groups[0].expect = Expect { min: Some(1), max: Some(1) };
    let mut rig = rig(&config);
    let met = |series: &Series, kind: &str| {
        series[&format!("vigie_expectation_met{{collector=\"processes\",name=\"api\",kind=\"{kind}\"}}")]
    };
    let none = rig.sample();
    assert_eq!((met(&none, "min"), met(&none, "max")), (0.0, 1.0));
    rig.fake.set(&api(4, 0));
    rig.fake.set(&Process { parent: 4, comm: "child", ..api(5, 0) });
    let one = rig.sample();
    assert_eq!((met(&one, "min"), met(&one, "max")), (1.0, 1.0));
    assert_eq!(one["num_procs{groupname=\"api\"}"], 2.0, "a child counts, but not against the expectation");
    rig.fake.set(&api(6, 0));
    assert_eq!(met(&rig.sample(), "max"), 0.0);
    assert!(!none.keys().any(|name| name.contains("expectation") && name.contains("job")));
}

//! The group as a whole, on made-up trees of both versions.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

use vigie_pipeline::clock::{Clock, Hand};

use super::super::fixture::{Fixture, survives_any_bytes};
use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// What a kernel writes of a control group of version 2 that has all controllers.
const UNIFIED: &[(&str, &str)] = &[
    ("cgroup.events", "populated 1\nfrozen 0\n"),
    ("cgroup.procs", "12\n13\n"),
    ("cpu.max", "50000 100000\n"),
    ("cpu.weight", "100\n"),
    (
        "cpu.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n",
    ),
    (
        "cpu.stat",
        "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnice_usec 0\ncore_sched.force_idle_usec 0\n\
                  nr_periods 40\nnr_throttled 4\nthrottled_usec 1500000\nnr_bursts 0\nburst_usec 0\n",
    ),
    ("io.stat", "8:0 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n254:7 \n"),
    ("memory.current", "1048576\n"),
    ("memory.events", "low 0\nhigh 2\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n"),
    ("memory.max", "2097152\n"),
    ("memory.min", "0\n"),
    ("memory.peak", "2000000\n"),
    (
        "memory.stat",
        "anon 400000\nfile 600000\nkernel 48576\nfile_mapped 1000\nfile_dirty 10\nfile_writeback 20\n\
                     inactive_anon 0\nactive_anon 400000\ninactive_file 500000\nactive_file 100000\n\
                     workingset_refault_anon 5\nworkingset_refault_file 6\npgscan 7\npgsteal 8\npgfault 90\npgmajfault 9\n",
    ),
    ("memory.swap.current", "4096\n"),
    ("memory.swap.max", "max\n"),
    ("pids.current", "5\n"),
    ("pids.max", "max\n"),
];

/// A host with a hierarchy of version 2 at `/cg`.
fn host(namespace: &str) -> Fixture {
    let host = Fixture::new();
    put(&host, namespace);
    host
}

fn put(host: &Fixture, namespace: &str) {
    host.write("proc/self/cgroup", "0::/\n");
    host.write("proc/stat", "btime 1700000000\n");
    let mount = format!("1 2 0:3 / {}/cg rw - cgroup2 cgroup2 rw\n", host.path().display());
    host.write("proc/self/mountinfo", mount);
    host.write("proc/12/stat", "12 (sh) S 1 12 12 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 0 1 2");
    std::fs::create_dir_all(host.path().join("proc/self/ns")).unwrap();
    symlink(namespace, host.path().join("proc/self/ns/cgroup")).unwrap();
    host.write("cg/cgroup.controllers", "cpu io memory pids\n");
    count(host, 1);
}

fn count(host: &Fixture, count: u64) {
    host.write("cg/cgroup.stat", format!("nr_descendants {count}\nnr_dying_descendants 0\n"));
}

const MACHINE: &str = "cgroup:[4026531835]";
const NAMESPACE: &str = "cgroup:[4026532400]";

fn add(host: &Fixture, dir: &str) {
    for (file, text) in UNIFIED {
        host.write(&format!("cg/{dir}/{file}"), text);
    }
}

/// With the roots of the agent itself, but for procfs: the host's tree was not given.
fn sampler(host: &Fixture, settings: &ContainerSettings) -> (Container, Hand) {
    let (clock, hand) = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let roots = Roots { procfs: host.roots().procfs.clone(), ..Roots::default() };
    let around = Around { clock, ..host.around() };
    let mut container = Container::new(&roots, settings, &around).unwrap();
    container.reader.devices = DeviceNames::new(host.path().join("sys/dev/block"));
    (container, hand)
}

fn ids(series: &[String]) -> Vec<&str> {
    let seen = series.iter().filter_map(|line| line.strip_prefix("container_last_seen{id=\""));
    seen.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn the_agents_own_container_of_version_2_is_told_whole() {
    let host = host(NAMESPACE);
    add(&host, "");
    std::fs::create_dir_all(host.path().join("sys/dev/block")).unwrap();
    symlink("../../devices/virtual/block/sda", host.path().join("sys/dev/block/8:0")).unwrap();
    let (mut container, _) = sampler(&host, &ContainerSettings::default());
    let (series, result) = host.sample(&mut container);
    result.unwrap();
    let expected = "\
container_last_seen{id=\"/\"} 1800000000
container_spec_cpu_period{id=\"/\"} 100000
container_spec_cpu_quota{id=\"/\"} 50000
container_spec_cpu_shares{id=\"/\"} 2597
container_spec_memory_limit_bytes{id=\"/\"} 2097152
container_spec_memory_swap_limit_bytes{id=\"/\"} 0
container_spec_memory_reservation_limit_bytes{id=\"/\"} 0
container_threads_max{id=\"/\"} 0
container_start_time_seconds{id=\"/\"} 1700000000
container_cpu_usage_seconds_total{id=\"/\",cpu=\"total\"} 3
container_cpu_user_seconds_total{id=\"/\"} 2
container_cpu_system_seconds_total{id=\"/\"} 1
container_cpu_cfs_periods_total{id=\"/\"} 40
container_cpu_cfs_throttled_periods_total{id=\"/\"} 4
container_cpu_cfs_throttled_seconds_total{id=\"/\"} 1.5
container_cpu_cfs_burst_periods_total{id=\"/\"} 0
container_cpu_cfs_burst_seconds_total{id=\"/\"} 0
container_memory_cache{id=\"/\"} 600000
container_memory_rss{id=\"/\"} 400000
container_memory_kernel_usage{id=\"/\"} 48576
container_memory_mapped_file{id=\"/\"} 1000
container_memory_swap{id=\"/\"} 4096
container_memory_failcnt{id=\"/\"} 3
container_memory_usage_bytes{id=\"/\"} 1048576
container_memory_max_usage_bytes{id=\"/\"} 2000000
container_memory_working_set_bytes{id=\"/\"} 548576
container_memory_total_active_file_bytes{id=\"/\"} 100000
container_memory_total_inactive_file_bytes{id=\"/\"} 500000
container_memory_events_high_total{id=\"/\"} 2
container_memory_events_max_total{id=\"/\"} 3
container_memory_file_dirty_bytes{id=\"/\"} 10
container_memory_file_writeback_bytes{id=\"/\"} 20
container_memory_pgscan_total{id=\"/\"} 7
container_memory_pgsteal_total{id=\"/\"} 8
container_memory_workingset_refault_file_total{id=\"/\"} 6
container_memory_workingset_refault_anon_total{id=\"/\"} 5
container_oom_events_total{id=\"/\"} 1
container_processes{id=\"/\"} 2
container_threads{id=\"/\"} 5
container_pressure_cpu_stalled_seconds_total{id=\"/\"} 0.5
container_pressure_cpu_waiting_seconds_total{id=\"/\"} 2.5
container_memory_failures_total{id=\"/\",failure_type=\"pgfault\",scope=\"container\"} 90
container_memory_failures_total{id=\"/\",failure_type=\"pgmajfault\",scope=\"container\"} 9
container_memory_failures_total{id=\"/\",failure_type=\"pgfault\",scope=\"hierarchy\"} 90
container_memory_failures_total{id=\"/\",failure_type=\"pgmajfault\",scope=\"hierarchy\"} 9
container_fs_reads_bytes_total{id=\"/\",device=\"/dev/sda\"} 1459200
container_fs_reads_total{id=\"/\",device=\"/dev/sda\"} 192
container_fs_writes_bytes_total{id=\"/\",device=\"/dev/sda\"} 314773504
container_fs_writes_total{id=\"/\",device=\"/dev/sda\"} 353
container_blkio_device_usage_total{id=\"/\",device=\"/dev/sda\",major=\"8\",minor=\"0\",operation=\"Read\"} 1459200
container_blkio_device_usage_total{id=\"/\",device=\"/dev/sda\",major=\"8\",minor=\"0\",operation=\"Write\"} 314773504
container_blkio_device_usage_total{id=\"/\",device=\"/dev/sda\",major=\"8\",minor=\"0\",operation=\"Discard\"} 0
vigie_container_left_out 0";
    assert_eq!(series, expected.lines().collect::<Vec<_>>());
}

#[test]
fn without_a_quota_its_periods_are_not_told() {
    let host = host(NAMESPACE);
    add(&host, "");
    host.write("cg/cpu.max", "max 100000\n");
    let (series, result) = host.sample(&mut sampler(&host, &ContainerSettings::default()).0);
    result.unwrap();
    assert!(!series.iter().any(|line| line.contains("_cfs_") || line.contains("_quota")), "{series:?}");
    assert!(series.contains(&"container_spec_cpu_period{id=\"/\"} 100000".to_owned()));
}

#[test]
fn on_a_host_containers_are_told_and_units_on_demand() {
    let host = host(MACHINE);
    for dir in [
        &format!("system.slice/docker-{ID}.scope"),
        &format!("kubepods.slice/kubepods-pod2f6a1c9e_1d2b_4f3c_9a8b_0123456789ab.slice/crio-{OTHER}.scope"),
        "system.slice/nginx.service",
        "user.slice/user-0.slice/user@0.service/app.slice/own.service",
    ] {
        add(&host, dir);
    }
    let (series, result) = host.sample(&mut sampler(&host, &ContainerSettings::default()).0);
    result.unwrap();
    assert_eq!(ids(&series).len(), 2, "{:?}", ids(&series));
    let labels = format!("id=\"/system.slice/docker-{ID}.scope\",name=\"{ID}\"");
    assert!(series.contains(&format!("container_memory_usage_bytes{{{labels}}} 1048576")), "{series:?}");
    assert!(series.contains(&format!("vigie_container_info{{{labels},runtime=\"docker\"}} 1")));
    let pod = "runtime=\"crio\",pod_uid=\"2f6a1c9e-1d2b-4f3c-9a8b-0123456789ab\"";
    assert!(series.iter().any(|line| line.starts_with("vigie_container_info") && line.contains(pod)));

    let units = ContainerSettings { units: true, ..Default::default() };
    let (series, _) = host.sample(&mut sampler(&host, &units).0);
    let unit = "id=\"/system.slice/nginx.service\",name=\"nginx.service\"";
    assert!(series.contains(&format!("container_threads{{{unit}}} 5")));
    assert_eq!(ids(&series).len(), 3, "not what a user's manager runs: {:?}", ids(&series));
}

#[test]
fn what_is_exposed_can_be_chosen_and_bounded() {
    let host = host(MACHINE);
    add(&host, &format!("docker/{ID}"));
    add(&host, &format!("docker/{OTHER}"));
    let ids_with = |settings: ContainerSettings| {
        let (series, result) = host.sample(&mut sampler(&host, &settings).0);
        result.unwrap();
        let left_out = series.iter().find_map(|line| line.strip_prefix("vigie_container_left_out "));
        (ids(&series).len(), left_out.unwrap().to_owned())
    };
    assert_eq!(ids_with(ContainerSettings { exclude: OTHER.into(), ..Default::default() }), (1, "0".into()));
    assert_eq!(
        ids_with(ContainerSettings { include: "nothing".into(), ..Default::default() }),
        (0, "0".into())
    );
    assert_eq!(ids_with(ContainerSettings { max: 1, ..Default::default() }), (1, "1".into()));
}

#[test]
fn what_is_exposed_stays_when_the_bound_is_reached() {
    let host = host(MACHINE);
    add(&host, &format!("docker/{OTHER}"));
    let (mut container, _) = sampler(&host, &ContainerSettings { max: 1, ..Default::default() });
    host.sample(&mut container).1.unwrap();
    add(&host, &format!("docker/{ID}"));
    count(&host, 2);
    let (series, _) = host.sample(&mut container);
    assert_eq!(ids(&series), [format!("/docker/{OTHER}")]);
    assert!(series.contains(&"vigie_container_left_out 1".to_owned()));
}

#[test]
fn a_unit_makes_room_for_a_container() {
    let host = host(MACHINE);
    add(&host, "system.slice/nginx.service");
    let (mut container, _) = sampler(&host, &ContainerSettings { units: true, max: 1, ..Default::default() });
    assert_eq!(ids(&host.sample(&mut container).0), ["/system.slice/nginx.service"]);
    add(&host, &format!("docker/{ID}"));
    count(&host, 4);
    let (series, _) = host.sample(&mut container);
    assert_eq!(ids(&series), [format!("/docker/{ID}")]);
    assert!(series.contains(&"vigie_container_left_out 1".to_owned()));
}

#[test]
fn containers_come_when_the_kernel_counts_more_and_go_at_once() {
    let host = host(MACHINE);
    add(&host, &format!("docker/{ID}"));
    let (mut container, hand) = sampler(&host, &ContainerSettings::default());
    assert_eq!(ids(&host.sample(&mut container).0).len(), 1);
    add(&host, &format!("docker/{OTHER}"));
    assert_eq!(ids(&host.sample(&mut container).0).len(), 1, "the count is as it was");
    count(&host, 3);
    assert_eq!(ids(&host.sample(&mut container).0).len(), 2);

    std::fs::remove_dir_all(host.path().join(format!("cg/docker/{ID}"))).unwrap();
    let third = OTHER.replace('f', "0");
    add(&host, &format!("docker/{third}"));
    // What is in a directory that has gone cannot be read through a kept descriptor of the kernel's file systems.
    let place = &container.place.as_ref().unwrap().0;
    container
        .members
        .iter_mut()
        .filter(|member| member.id.contains(ID))
        .for_each(|member| member.lose(place));
    let (series, result) = host.sample(&mut container);
    result.unwrap();
    assert_eq!(ids(&series), [format!("/docker/{OTHER}")]);
    assert_eq!(ids(&host.sample(&mut container).0).len(), 2, "another has come in its place");

    add(&host, &format!("docker/{ID}"));
    assert_eq!(ids(&host.sample(&mut container).0).len(), 2);
    hand.advance(Duration::from_secs(31));
    assert_eq!(ids(&host.sample(&mut container).0).len(), 3, "the count is not believed for ever");
}

#[test]
fn limits_are_read_again_after_a_while() {
    let host = host(NAMESPACE);
    add(&host, "");
    let (mut container, hand) = sampler(&host, &ContainerSettings::default());
    host.sample(&mut container).1.unwrap();
    host.write("cg/memory.max", "max\n");
    hand.advance(Duration::from_secs(31));
    let (series, _) = host.sample(&mut container);
    assert!(series.contains(&"container_spec_memory_limit_bytes{id=\"/\"} 0".to_owned()));
}

#[test]
fn limits_are_read_again_however_often_containers_come_and_go() {
    let host = host(NAMESPACE);
    add(&host, "");
    let (mut container, hand) = sampler(&host, &ContainerSettings::default());
    host.sample(&mut container).1.unwrap();
    host.write("cg/memory.max", "max\n");
    let told = (1..=4).map(|reading| {
        count(&host, 10 + reading);
        hand.advance(Duration::from_secs(10));
        host.sample(&mut container).0.contains(&"container_spec_memory_limit_bytes{id=\"/\"} 0".to_owned())
    });
    assert_eq!(told.collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn memory_that_fills_up_to_the_limit_is_foreseen() {
    let host = host(NAMESPACE);
    add(&host, "");
    host.write("cg/memory.stat", "inactive_file 0\n");
    let (mut container, hand) = sampler(&host, &ContainerSettings::default());
    let mut last = Vec::new();
    for minute in 0..20 {
        host.write("cg/memory.current", format!("{}\n", 1_000_000 + 600 * minute));
        last = host.sample(&mut container).0;
        hand.advance(Duration::from_secs(60));
    }
    let left = 2_097_152 - 1_000_000 - 600 * 19;
    let foreseen =
        format!("vigie_exhaustion_seconds{{name=\"/\",resource=\"memory\"}} {}", left as f64 / 10.0);
    assert!(last.contains(&foreseen), "{foreseen}: {last:?}");
    host.write("cg/memory.max", "max\n");
    let (series, _) = host.sample(&mut container);
    assert!(!series.iter().any(|line| line.starts_with("vigie_exhaustion_seconds")));
}

#[test]
fn a_host_without_containers_has_nothing_and_no_failure() {
    let host = host(MACHINE);
    add(&host, "system.slice/nginx.service");
    let (series, result) = host.sample(&mut sampler(&host, &ContainerSettings::default()).0);
    result.unwrap();
    assert_eq!(series, ["vigie_container_left_out 0"]);
}

#[test]
fn without_control_groups_there_is_no_data() {
    let host = Fixture::new().with("proc/self/mountinfo", "").with("proc/self/cgroup", "");
    let (series, result) = host.sample(&mut sampler(&host, &ContainerSettings::default()).0);
    assert!(series.is_empty());
    assert!(result.unwrap_err().is::<NoData>());
}

#[test]
fn a_file_that_is_not_understood_is_an_error_that_keeps_the_rest() {
    let host = host(NAMESPACE);
    add(&host, "");
    host.write("cg/memory.current", "many\n");
    host.write("cg/pids.max", "few\n");
    let (mut container, _) = sampler(&host, &ContainerSettings::default());
    for _ in 0..2 {
        let (series, result) = host.sample(&mut container);
        assert!(result.unwrap_err().to_string().ends_with("pids.max: not as the kernel writes it"));
        assert!(series.contains(&"container_memory_rss{id=\"/\"} 400000".to_owned()));
        assert!(!series.iter().any(|line| line.starts_with("container_memory_usage_bytes")));
    }
}

survives_any_bytes!("cg/memory.stat", "anon 400000\nfile 600000\ninactive_file 1\npgfault 90\n", host => {
    put(&host, NAMESPACE);
    UNIFIED.iter().filter(|(file, _)| *file != "memory.stat").for_each(|(file, text)| host.write(&format!("cg/{file}"), text));
    sampler(&host, &ContainerSettings::default()).0
});

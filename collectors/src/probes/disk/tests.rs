//! Whole probes of this host's own file systems.
#![allow(clippy::unwrap_used)]

use vigie_pipeline::check::{KeyPath, problems};

use super::Config;
use crate::probes;
use crate::probes::tests::rig::{Series, assert_failed, assert_succeeded, first_run};

async fn run(path: &str, change: impl FnOnce(&mut Config)) -> Series {
    let mut disk = Config {
        path: path.to_owned(),
        min_free: "0%".to_owned(),
        min_free_inodes: "0%".to_owned(),
        fail_if_read_only: false,
    };
    change(&mut disk);
    first_run(&probes::Config { disk: Some(disk), http: None, ..probes::tests::rig::config("") }).await
}

#[tokio::test]
async fn the_room_is_what_the_kernel_says() {
    let series = run("/tmp", |_| {}).await;
    assert_succeeded(&series);
    let stat = rustix::fs::statvfs("/tmp").unwrap();
    assert_eq!(series["probe_disk_size_bytes"], (stat.f_blocks * stat.f_frsize) as f64);
    let ratio = series["probe_disk_free_ratio"];
    assert!(ratio > 0.0 && ratio <= 1.0, "{ratio}");
    assert!(series["probe_disk_free_bytes"] <= series["probe_disk_size_bytes"]);
    assert_eq!(series["probe_disk_read_only"], 0.0);
}

#[tokio::test]
async fn too_little_room_or_too_few_inodes_fail() {
    assert_failed(&run("/tmp", |disk| disk.min_free = "1000000TiB".into()).await, "disk_low", "stat");
    assert_failed(&run("/", |disk| disk.min_free = "100%".into()).await, "disk_low", "stat");
    // It has neither blocks nor inodes to run out of.
    assert_succeeded(
        &run("/proc", |disk| {
            disk.min_free = "100%".into();
            disk.min_free_inodes = "100%".into();
        })
        .await,
    );
}

#[tokio::test]
async fn a_path_that_is_not_there_or_no_directory_is_missing() {
    assert_failed(&run("/nonexistent/x", |_| {}).await, "disk_missing", "stat");
    assert_failed(&run("/etc/passwd/x", |_| {}).await, "disk_missing", "stat");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let config = Config {
        path: "var/lib".into(),
        min_free: "110%".into(),
        min_free_inodes: "many".into(),
        ..Config::default()
    };
    let told: Vec<String> = problems(KeyPath::default().key("disk"), &config)
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.what))
        .collect();
    assert_eq!(
        told,
        [
            "disk.path: not an absolute path",
            "disk.min_free: not a share between 0% and 100%",
            "disk.min_free_inodes: not a share as `5%`, and not a number",
        ]
    );
}

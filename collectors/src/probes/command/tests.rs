//! Whole probes by programs of this host.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::HumanDuration;

use super::Config;
use crate::probes;
use crate::probes::tests::rig::{Running, Series, assert_failed, assert_succeeded, first_run};

/// A probe by a script.
fn script(text: &str) -> probes::Config {
    of(&["/bin/sh", "-c", text])
}

fn of(argv: &[&str]) -> probes::Config {
    let command = Config { argv: argv.iter().map(|word| (*word).to_owned()).collect(), ..Config::default() };
    probes::Config { command: Some(command), http: None, ..probes::tests::rig::config("") }
}

async fn run(text: &str) -> Series {
    first_run(&script(text)).await
}

/// Whether the process whose number a file has is there, and no zombie.
fn lives(file: &Path) -> bool {
    let Ok(number) = std::fs::read_to_string(file) else { return false };
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", number.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn the_exit_code_is_the_verdict() {
    let series = run("echo 'PING OK | rta=0.5ms;1;2 pl=0%'").await;
    assert_succeeded(&series);
    assert_eq!(series["probe_command_exit_code"], 0.0);
    assert_eq!(series["probe_command_perfdata{label=rta,unit=ms}"], 0.5);
    assert_eq!(series["probe_command_perfdata{label=pl,unit=%}"], 0.0);
    assert_succeeded(&run("exit 1").await);
    for (code, reason) in [(2, "command_critical"), (3, "command_unknown"), (4, "command_failed")] {
        let series = run(&format!("exit {code}")).await;
        assert_failed(&series, reason, "run");
        assert_eq!(series["probe_command_exit_code"], f64::from(code));
    }
    let mut strict = script("exit 1");
    strict.command.as_mut().unwrap().warning_is_failure = true;
    assert_failed(&first_run(&strict).await, "command_warning", "run");
    let killed = run("kill -9 $$").await;
    assert_failed(&killed, "command_signal", "run");
    assert_eq!(killed["probe_command_exit_code"], -1.0);
}

#[tokio::test]
async fn a_command_has_an_environment_of_its_own_and_nothing_to_read() {
    let text = r#"[ "$HUSH" = "a b" ] && [ -z "$CARGO_MANIFEST_DIR$HOME$USER" ] && [ -n "$TRACEPARENT" ] &&
        [ "$(cat | wc -c)" = 0 ] && [ "$PWD" = / ] && echo "OK | fds=$(ls /proc/self/fd | wc -l)""#;
    let mut config = script(text);
    config.trace = true;
    config.command.as_mut().unwrap().env.insert("HUSH".into(), Secret::new("a b"));
    let series = first_run(&config).await;
    assert_succeeded(&series);
    // Three, and the one by which they are listed.
    assert_eq!(series["probe_command_perfdata{label=fds}"], 4.0);
}

#[tokio::test]
async fn what_it_writes_beyond_a_bound_is_dropped_and_does_not_stop_it() {
    assert_succeeded(&run("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2").await);
}

#[tokio::test]
async fn secrets_of_its_environment_are_not_told() {
    let mut config = script("echo $HUSH; exit 2");
    config.command.as_mut().unwrap().env.insert("HUSH".into(), Secret::new("hunter2"));
    let running = Running::new(&config);
    running.after_runs(1.0).await;
    let told = format!("{:?}", running.records());
    assert!(told.contains("command_critical") && !told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn at_the_deadline_the_whole_group_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (own, child) = (directory.path().join("own"), directory.path().join("child"));
    let text = format!(
        "echo $$ > {}; trap '' TERM; sleep 1000 & echo $! > {}; while :; do sleep 1000; done",
        own.display(),
        child.display()
    );
    let config = probes::Config { timeout: HumanDuration::millis(500), ..script(&text) };
    let running = Running::new(&config);
    assert_failed(&running.after_runs(1.0).await, "timeout", "run");
    running.stop().await;
    until(|| !lives(&own) && !lives(&child)).await;
}

#[tokio::test]
async fn when_the_agent_stops_the_command_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("own");
    let running = Running::new(&script(&format!("echo $$ > {}; exec sleep 1000", own.display())));
    until(|| lives(&own)).await;
    assert!(running.stop().await < Duration::from_secs(2));
    until(|| !lives(&own)).await;
}

#[tokio::test]
async fn one_that_leaves_somebody_behind_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let left = directory.path().join("left");
    let series = run(&format!("sleep 1000 & echo $! > {}; echo OK", left.display())).await;
    assert_succeeded(&series);
    until(|| !lives(&left)).await;
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    assert_failed(&first_run(&of(&["/usr/sbin/nologin"])).await, "command_not_allowed", "run");
    assert_failed(&first_run(&of(&["/usr/bin/../sbin/nologin"])).await, "command_not_allowed", "run");
    assert_failed(&first_run(&of(&["/usr/bin/nonexistent"])).await, "command_missing", "run");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let told = |command: Config| -> Vec<String> {
        let problems = problems(KeyPath::default().key("command"), &command);
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
    };
    let mut config = Config { argv: vec!["check_disk".into(), "a\0b".into()], ..Config::default() };
    config.env.insert("A=B".into(), Secret::new("hush"));
    assert_eq!(
        told(config),
        [
            "command.argv[1]: has a character that no argument may have",
            "command.argv[0]: not an absolute path",
            "command.env.A=B: not a variable that an environment can have",
        ]
    );
}

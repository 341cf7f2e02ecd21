#![allow(clippy::unwrap_used)]
use std::time::Instant;

use super::super::super::entry::Sort;
use super::super::super::kind::{Kind, Reason};
use super::super::deed::Wrong;
use super::*;
use crate::probes::Trace;

fn occasion() -> Occasion {
    let wrong = |kind, reason| Wrong { kind, reason, words: String::new() };
    Occasion {
        name: "api".into(),
        sort: Sort::Group,
        unmet: vec![wrong(Kind::Min, Reason::TooFew), wrong(Kind::Hung, Reason::NoProgress)],
        members: Vec::new(),
        times: 1,
        trace: Trace::random(),
        at: 0,
    }
}

fn script(text: &str) -> Run {
    let argv = ["/bin/sh", "-c", text].map(str::to_owned);
    // What counts is where a path leads.
    let shell = std::fs::canonicalize("/bin/sh").unwrap().to_str().unwrap().to_owned();
    Run::new(&argv, &Allowed::new(&[shell]).unwrap())
}

fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn it_knows_why_it_is_run_and_its_output_is_shown() {
    let report = script("echo $VIGIE_NAME $VIGIE_KINDS $VIGIE_REASONS $HOME; echo password=hunter2 >&2")
        .perform(&occasion())
        .await;
    assert_eq!(report.result, Ok("ran /bin/sh".to_owned()));
    assert_eq!(report.output.unwrap(), "api min,hung too_few,no_progress password=<redacted>");
    let report = script("exit 3").perform(&occasion()).await;
    assert_eq!(report.result, Err("ran /bin/sh, which ended with exit status: 3".to_owned()));
}

#[tokio::test]
async fn what_it_has_started_goes_on() {
    let report = script("sleep 300 >/dev/null 2>&1 & echo $!").perform(&occasion()).await;
    let pid = report.output.unwrap();
    assert!(report.result.is_ok() && lives(&pid));
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[tokio::test]
async fn one_that_hangs_is_ended_with_what_it_has_started() {
    let mut run = script("trap '' TERM; sleep 300 & echo $!; while :; do sleep 300; done");
    (run.patience, run.grace) = (Duration::from_millis(600), Duration::from_millis(300));
    let begun = Instant::now();
    let report = run.perform(&occasion()).await;
    assert_eq!(report.result, Err("/bin/sh was not done after 0.6 s".to_owned()));
    let pid = report.output.unwrap();
    while lives(&pid) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_that_prints_without_end_is_ended_and_little_is_kept() {
    let mut run = script("exec yes");
    (run.patience, run.grace) = (Duration::from_millis(600), Duration::from_millis(300));
    let report = run.perform(&occasion()).await;
    assert!(report.result.unwrap_err().contains("not done"));
    assert_eq!(report.output.unwrap().chars().count(), SHOWN + 1);
}

#[tokio::test]
async fn what_is_not_allowed_is_not_run() {
    let run = Run::new(&["/bin/sh".to_owned()], &Allowed::default());
    let error = run.perform(&occasion()).await.result.unwrap_err();
    assert_eq!(error, "/bin/sh: not allowed by agent.allow_commands");
}

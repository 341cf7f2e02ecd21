#![allow(clippy::unwrap_used)]
use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::report::End;
use super::*;

fn report(at: i64) -> Report {
    let end = End {
        exit_code: Some(0),
        signal: None,
        duration_seconds: 1.0,
        peak_memory_bytes: None,
        output: String::new(),
    };
    Report { job: "backup".parse().unwrap(), run: format!("run-{at}"), at, max_age: None, end: Some(end) }
}

fn runs(post: &Post) -> Vec<&str> {
    post.letters.iter().filter_map(|letter| letter.check_in.run.as_deref()).collect()
}

#[test]
fn what_is_left_is_taken_in_oldest_first_and_stays_until_it_is_removed() {
    let state_dir = tempfile::tempdir().unwrap();
    assert!(read(state_dir.path()).unwrap().letters.is_empty(), "nobody has left anything yet");
    for at in [20, 3] {
        leave(state_dir.path(), &report(at)).unwrap();
    }
    let post = read(state_dir.path()).unwrap();
    assert_eq!(runs(&post), ["run-3", "run-20"]);
    post.letters[0].remove();
    assert_eq!(runs(&read(state_dir.path()).unwrap()), ["run-20"]);
}

#[test]
fn a_few_are_taken_in_at_a_time() {
    let state_dir = tempfile::tempdir().unwrap();
    for at in 0..20 {
        leave(state_dir.path(), &report(at)).unwrap();
    }
    let post = read(state_dir.path()).unwrap();
    assert_eq!((post.letters.len(), post.more), (AT_A_TIME, true));
    post.letters.iter().for_each(Letter::remove);
    let post = read(state_dir.path()).unwrap();
    assert_eq!((post.letters.len(), post.more), (4, false));
}

#[test]
fn what_is_no_report_is_set_aside_and_what_is_no_file_is_passed_over() {
    let state_dir = tempfile::tempdir().unwrap();
    leave(state_dir.path(), &report(9)).unwrap();
    let directory = state_dir.path().join("jobs/reports");
    fs::write(directory.join("0.json"), "rubbish").unwrap();
    fs::write(directory.join("1.json"), vec![b' '; MAX_REPORT + 1]).unwrap();
    fs::create_dir(directory.join("2.json")).unwrap();
    symlink("/etc/passwd", directory.join("3.json")).unwrap();
    let pipe = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, directory.join("4.json"), rustix::fs::FileType::Fifo, pipe, 0).unwrap();
    let post = read(state_dir.path()).unwrap();
    assert_eq!((runs(&post), post.rejected), (vec!["run-9"], 2));
    let again = read(state_dir.path()).unwrap();
    assert_eq!((runs(&again), again.rejected), (vec!["run-9"], 0));
    assert!(directory.join("last.rejected").exists() && !directory.join("1.json").exists());
}

#[test]
fn nothing_is_left_through_a_link_or_without_bound() {
    let (state_dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), state_dir.path().join("jobs")).unwrap();
    assert!(leave(state_dir.path(), &report(1)).is_err());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);

    assert!(leave(&state_dir.path().join("none"), &report(1)).is_err(), "the agent makes it, nobody else");
    fs::remove_file(state_dir.path().join("jobs")).unwrap();
    leave(state_dir.path(), &report(0)).unwrap();
    let directory = state_dir.path().join("jobs/reports");
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    for at in 0..MOST {
        fs::write(directory.join(format!("{at}.json")), "").unwrap();
    }
    assert_eq!(leave(state_dir.path(), &report(1)).unwrap_err().to_string(), "too many reports wait there");
}

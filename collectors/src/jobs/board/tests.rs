#![allow(clippy::unwrap_used)]
use std::time::Instant;

use super::super::check_in::{Ending, Exit, What};
use super::super::config::Job;
use super::*;

fn config(names: &[&str]) -> Config {
    let max_age = Some("1h".parse().unwrap());
    let job = |name: &&str| Job { name: (*name).to_owned(), max_age, ..Job::default() };
    Config { jobs: names.iter().map(job).collect(), ..Config::default() }
}

fn now() -> Moment {
    Moment { wall: "2026-01-10T03:00:00Z".parse().unwrap(), monotonic: Instant::now() }
}

fn success(name: &str) -> CheckIn {
    let ending = Ending { exit: Exit::Code(0), duration: None, peak_memory: None, output: None };
    CheckIn { job: name.parse().unwrap(), at: now().wall, max_age: None, run: None, what: What::End(ending) }
}

fn names(board: &Board) -> Vec<&str> {
    board.jobs().map(|job| job.name.as_str()).collect()
}

#[test]
fn configured_jobs_are_known_from_the_start_and_others_when_they_check_in() {
    let mut board = Board::new(&config(&["b", "a"]), Vec::new(), now().wall);
    assert_eq!(names(&board), ["a", "b"]);
    board.check_in(success("c"), now()).unwrap();
    assert_eq!(names(&board), ["a", "b", "c"]);
}

#[test]
fn the_jobs_that_nobody_configured_are_bounded() {
    let mut board = Board::new(&config(&["mine"]), Vec::new(), now().wall);
    for number in 0..MOST_OTHERS {
        board.check_in(success(&format!("other-{number}")), now()).unwrap();
    }
    assert_eq!(board.check_in(success("one-more"), now()), Err(Full));
    assert_eq!(board.check_in(success("other-0"), now()).unwrap().len(), 1, "one that is known");
    assert_eq!(board.check_in(success("mine"), now()).unwrap().len(), 1, "one that is configured");
    assert_eq!(board.forget(&"other-1".parse().unwrap()), Forgotten::Done);
    assert_eq!(board.forget(&"other-1".parse().unwrap()), Forgotten::Unknown);
    assert_eq!(board.forget(&"mine".parse().unwrap()), Forgotten::Configured);
    assert_eq!(board.check_in(success("one-more"), now()).unwrap().len(), 1);
}

#[test]
fn what_was_kept_is_there_again_but_for_jobs_taken_out_of_the_configuration() {
    let mut board = Board::new(&config(&["stays", "goes"]), Vec::new(), now().wall);
    for name in ["stays", "goes", "other"] {
        board.check_in(success(name), now()).unwrap();
    }
    let again = |job: &Standing| serde_json::from_slice(&serde_json::to_vec(job).unwrap()).unwrap();
    let kept = board.jobs().map(again).collect();
    let board = Board::new(&config(&["stays", "new"]), kept, now().wall);
    assert_eq!(names(&board), ["new", "other", "stays"]);
    let stays = board.jobs().find(|job| job.name.as_str() == "stays").unwrap();
    assert_eq!(stays.last_success, Some(now().wall));
    assert_eq!(stays.deadline, Some(now().wall + Duration::from_secs(3600)));
}

#[test]
fn a_job_that_nobody_expects_is_forgotten_after_a_month_of_silence() {
    let mut board = Board::new(&config(&["mine"]), Vec::new(), now().wall);
    board.check_in(success("other"), now()).unwrap();
    let max_age = Some(Duration::from_secs(60));
    board.check_in(CheckIn { max_age, ..success("expected") }, now()).unwrap();
    board.tick(now().wall + FORGET_AFTER);
    assert_eq!(names(&board), ["expected", "mine", "other"]);
    board.tick(now().wall + FORGET_AFTER + Duration::from_secs(1));
    assert_eq!(names(&board), ["expected", "mine"]);
}

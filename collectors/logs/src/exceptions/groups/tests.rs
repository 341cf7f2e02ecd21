#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use super::*;

const DAY: u64 = 86_400_000_000_000;

struct Run {
    state_dir: tempfile::TempDir,
    instruments: Instruments,
    now: Instant,
}

impl Run {
    fn new() -> Self {
        let state_dir = tempfile::tempdir().unwrap();
        Self { state_dir, instruments: Instruments::default(), now: Instant::now() }
    }

    fn open(&self, most: usize) -> Arc<Groups> {
        Groups::open(self.state_dir.path(), "app", most, &self.instruments)
    }
}

fn fingerprint(number: u64) -> Fingerprint {
    Fingerprint::read(&format!("{number:016x}")).unwrap()
}

fn see(groups: &Groups, number: u64, time: u64) -> Counted {
    let stacktrace = "Traceback\npassword=hunter2";
    let seen = Seen {
        fingerprint: fingerprint(number),
        name: "shop.Declined",
        place: "pay in cart.py",
        message: "no",
        stacktrace,
        file: "/srv/app.log",
        time,
    };
    groups.count(&seen, time)
}

fn series(groups: &Groups) -> Vec<String> {
    let mut page = Page::default();
    groups.write(&mut page);
    let rows = page.families().flat_map(|(_, rows)| rows.map(|row| format!("{} {}", row.labels, row.value)));
    rows.collect()
}

#[test]
fn a_group_is_new_once_and_counts_and_keeps_a_sample_without_secrets() {
    let run = Run::new();
    let groups = run.open(10);
    assert_eq!(see(&groups, 1, 5 * DAY), Counted::New);
    assert_eq!(see(&groups, 1, 6 * DAY), Counted::Known);
    assert_eq!(see(&groups, 2, 6 * DAY), Counted::New);
    let all = groups.all();
    assert_eq!((all[0].first_seen, all[0].last_seen, all[0].count), (5 * DAY, 6 * DAY, 2));
    assert_eq!(all[0].sample.time, 6 * DAY);
    assert!(!all[0].sample.stacktrace.contains("hunter2"), "{}", all[0].sample.stacktrace);
    assert_eq!(
        series(&groups),
        [
            r#"source="app",type="shop.Declined",fingerprint="0000000000000001" 2"#,
            r#"source="app",type="shop.Declined",fingerprint="0000000000000002" 1"#,
        ]
    );
    assert!(!groups.has_changed());
}

#[test]
fn what_has_no_group_is_counted_together_until_one_is_old_enough_to_make_room() {
    let run = Run::new();
    let groups = run.open(2);
    see(&groups, 1, 10 * DAY);
    see(&groups, 2, 11 * DAY);
    assert_eq!(see(&groups, 3, 12 * DAY), Counted::Other);
    assert_eq!(see(&groups, 3, 16 * DAY), Counted::Other);
    assert_eq!(groups.overflow.get(), 2);
    assert_eq!(series(&groups)[2], r#"source="app",type="other",fingerprint="" 2"#);
    assert_eq!(see(&groups, 3, 17 * DAY), Counted::New);
    let left: BTreeSet<String> = groups.all().into_iter().map(|group| group.fingerprint).collect();
    assert_eq!(left, [2, 3].map(|number| fingerprint(number).to_string()).into());
    assert_eq!(see(&groups, 1, 17 * DAY), Counted::Other);
}

#[test]
fn groups_outlive_a_restart_and_are_told_again_only_if_that_may_not_have_arrived() {
    let mut run = Run::new();
    let groups = run.open(10);
    see(&groups, 1, DAY);
    // Told in a batch before number 4, of which number 3 has not arrived, ...
    groups.tend(3, 4, run.now);
    drop(groups);
    let groups = run.open(10);
    assert_eq!(series(&groups), [r#"source="app",type="shop.Declined",fingerprint="0000000000000001" 0"#]);
    assert_eq!(see(&groups, 1, 2 * DAY), Counted::New);
    assert_eq!(see(&groups, 1, 2 * DAY), Counted::Known);
    groups.tend(3, 4, run.now);
    // ... and now has.
    run.now += SAVE_NEW_EVERY;
    groups.tend(4, 6, run.now);
    drop(groups);
    let groups = run.open(10);
    assert_eq!(see(&groups, 1, 3 * DAY), Counted::Known);
    assert_eq!((groups.all()[0].first_seen, groups.all()[0].count), (DAY, 4));
}

#[test]
fn they_are_saved_soon_when_there_is_a_new_one_and_seldom_when_they_are_only_counted() {
    let mut run = Run::new();
    let groups = run.open(10);
    let saved = || saved::list(run.state_dir.path()).unwrap().first().map(|source| source.groups.len());
    see(&groups, 1, DAY);
    groups.tend(0, 1, run.now);
    assert_eq!(saved(), Some(1));
    see(&groups, 2, DAY);
    groups.tend(0, 1, run.now);
    assert_eq!(saved(), Some(1));
    run.now += SAVE_NEW_EVERY;
    groups.tend(0, 1, run.now);
    assert_eq!(saved(), Some(2));
    groups.tend(1, 1, run.now);
    run.now += SAVE_NEW_EVERY;
    groups.tend(1, 1, run.now);
    see(&groups, 2, 2 * DAY);
    let count = || saved::list(run.state_dir.path()).unwrap()[0].groups[1].count;
    run.now += SAVE_EVERY / 2;
    groups.tend(1, 1, run.now);
    assert_eq!(count(), 1);
    run.now += SAVE_EVERY / 2;
    groups.tend(1, 1, run.now);
    assert_eq!(count(), 2);
}

#[test]
fn a_source_that_is_built_again_goes_on_with_its_groups() {
    let run = Run::new();
    let before = run.open(10);
    see(&before, 1, DAY);
    let after = run.open(1);
    assert!(Arc::ptr_eq(&before, &after));
    assert_eq!(see(&after, 2, DAY), Counted::Other);
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_and_nothing_is_forgotten() {
    let run = Run::new();
    std::fs::write(run.state_dir.path().join(saved::DIRECTORY), "a file").unwrap();
    let groups = run.open(10);
    see(&groups, 1, DAY);
    groups.save(run.now);
    assert_eq!(groups.save_failures.get(), 1);
    std::fs::remove_file(run.state_dir.path().join(saved::DIRECTORY)).unwrap();
    groups.save(run.now);
    assert_eq!(saved::list(run.state_dir.path()).unwrap()[0].groups.len(), 1);
}

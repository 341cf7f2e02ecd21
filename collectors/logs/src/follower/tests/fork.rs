//! What a follower of its own for a destination counts and holds.

use super::super::gone::HELD_AT_MOST;
use super::*;
use crate::transforms::Ending;

/// A log of `lines` that `fast` has got and `slow` has not.
fn forked(lines: &str) -> (Rig, Follower) {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    let destinations = vec!["fast".into(), "slow".into()];
    rig.follower.as_mut().unwrap().offer_to(destinations);
    rig.append("a.log", "first\n");
    assert_eq!(rig.bodies(), ["first"]);
    for token in std::mem::take(&mut rig.open) {
        for destination in ["fast", "slow"] {
            rig.follower.as_mut().unwrap().settled(token, destination, rig.seconds);
        }
    }
    let lead = rig.follower.as_mut().unwrap();
    let fork = lead.fork(&"slow".into(), rig.seconds);
    lead.offer_to(vec!["fast".into()]);
    rig.append("a.log", lines);
    assert_eq!(rig.bodies().len(), lines.lines().count());
    for token in std::mem::take(&mut rig.open) {
        rig.follower.as_mut().unwrap().settled(token, "fast", rig.seconds);
    }
    (rig, fork)
}

fn told(rig: &Rig) -> Told {
    let now = rig.began + Duration::from_secs(rig.seconds);
    Told { touched: Touched::default(), now, observed: rig.seconds * 1_000_000_000 }
}

fn lost_by_slow(rig: &Rig, reason: &str) -> u64 {
    let help =
        "Bytes that a destination which lags behind can get no more, though the others may have got them.";
    let labels = ["source", "exporter", "reason"];
    let counters = rig.instruments.counters("vigie_log_behind_lost_bytes_total", help, &labels);
    counters.with_label_values(&["app", "slow", reason]).get()
}

#[test]
fn what_is_read_again_is_written_once() {
    let (rig, mut fork) = forked(&numbered(0..10));
    let told = told(&rig);
    fork.scan(&told);
    let mut count = 0;
    while fork.is_ready() {
        count += fork.read(&told, 10_000).iter().map(|offer| offer.batch.count).sum::<u32>();
    }
    assert_eq!(count, 10);
    assert_eq!(rig.counter(|m| &m.written_bytes), "first\n".len() as u64 + numbered(0..10).len() as u64);
    rig.balances();
}

#[test]
fn a_deleted_file_that_only_a_laggard_needs_is_held_for_a_day_and_its_loss_is_the_laggards() {
    let lines = numbered(0..10);
    let (mut rig, mut fork) = forked(&lines);
    fs::remove_file(rig.path("a.log")).unwrap();
    for _ in 0..2 {
        rig.pass(Duration::from_secs(10));
        assert!(rig.bodies().is_empty());
        fork.scan(&told(&rig));
        fork.give_up_held(&told(&rig));
    }
    assert_eq!((rig.follower.as_ref().unwrap().files.len(), fork.files.len()), (0, 1));
    rig.pass(HELD_AT_MOST);
    fork.scan(&told(&rig));
    fork.give_up_held(&told(&rig));
    assert_eq!(fork.files.len(), 0);
    assert_eq!(lost_by_slow(&rig, "held_too_long"), lines.len() as u64);
    assert_eq!(rig.follower.as_ref().unwrap().parts.meters.all_lost(), 0);
    rig.balances();
}

#[test]
fn what_a_truncation_takes_from_a_laggard_alone_is_its_own_loss() {
    let lines = numbered(0..10);
    let (mut rig, mut fork) = forked(&lines);
    fork.scan(&told(&rig));
    fs::write(rig.path("a.log"), "new\n").unwrap();
    assert_eq!(rig.bodies(), ["new"]);
    fork.read(&told(&rig), 10_000);
    rig.scan_only();
    fork.scan(&told(&rig));
    assert_eq!(lost_by_slow(&rig, "truncated"), lines.len() as u64);
    assert_eq!(rig.follower.as_ref().unwrap().parts.meters.all_lost(), 0);
    rig.balances();
}

#[test]
fn closed_files_do_not_keep_a_laggard_from_catching_up_nor_let_it_pass() {
    let (mut rig, mut fork) = forked(&numbered(0..10));
    rig.pass(Duration::from_secs(400));
    assert!(rig.bodies().is_empty());
    let lead = rig.follower.as_ref().unwrap();
    assert_eq!(lead.files.len(), 0, "it is closed");
    assert_eq!(fork.lag_behind(lead), numbered(0..10).len() as u64);
    assert!(!fork.is_level_with(lead));
    // Nobody has told the first one of this.
    rig.append("a.log", "later\n");
    let told = told(&rig);
    fork.scan(&told);
    fork.stay_behind(lead);
    let offers: Vec<_> =
        std::iter::from_fn(|| fork.is_ready().then(|| fork.read(&told, 10_000))).flatten().collect();
    assert_eq!(offers.iter().map(|offer| offer.batch.count).sum::<u32>(), 10);
    assert!(fork.is_level_with(lead));
    assert_eq!(fork.lag_behind(lead), 0);
    for offer in offers {
        fork.settled(offer.token, "slow", rig.seconds);
    }
    assert_eq!(rig.bodies(), ["later"]);
    assert!(!fork.is_level_with(rig.follower.as_ref().unwrap()));
}

/// A record with its own time, that is what another one was.
fn repeated(count: usize) -> String {
    "{\"time\":\"2026-02-03T04:05:06Z\",\"what\":\"full\"}\n".repeat(count)
}

/// How many records they tell of: each of itself, or of as many as were left out.
fn told_of(records: &[LogRecord]) -> (usize, i64) {
    let repeated = records.iter().filter_map(|record| attribute(record, "vigie.repeated"));
    let counts = repeated.map(|value| if let Value::IntValue(count) = value { count } else { 0 });
    let counts: Vec<i64> = counts.collect();
    (records.len() - counts.len(), counts.iter().sum())
}

fn decoded(offers: &[Offer]) -> Vec<LogRecord> {
    let scopes = offers.iter().map(|offer| ScopeLogs::decode(&offer.batch.records[..]).unwrap());
    scopes.flat_map(|scope| scope.log_records).collect()
}

#[test]
fn a_laggard_is_told_of_all_that_was_left_out_also_before_it_was_set_apart() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.config.parse = serde_json::from_value("json".into()).unwrap();
    rig.config.timestamp = Some(serde_json::from_value(serde_json::json!({ "field": "time" })).unwrap());
    let deduplicate = serde_json::json!([{ "deduplicate": { "fields": ["what"], "within": "1h" } }]);
    rig.config.transforms = serde_json::from_value(deduplicate).unwrap();
    rig.kill();
    rig.start();
    // As it is today: a record from the future has no time of its own.
    rig.pass(Duration::from_secs(1_800_000_000));
    rig.append("a.log", repeated(4));
    assert_eq!(told_of(&rig.records()), (1, 0));
    let mut fork = rig.follower.as_mut().unwrap().fork(&"slow".into(), rig.seconds);
    rig.append("a.log", repeated(5));
    assert_eq!(told_of(&rig.records()), (0, 0));
    let told = told(&rig);
    fork.scan(&told);
    fork.stay_behind(rig.follower.as_ref().unwrap());
    while fork.is_ready() {
        assert!(fork.read(&told, 10_000).is_empty());
    }
    for follower in [&mut fork, rig.follower.as_mut().unwrap()] {
        assert!(follower.has_to_tell());
        let offers = follower.tell(Ending::All, told.now, told.observed);
        assert_eq!(told_of(&decoded(&offers)), (0, 8));
        assert!(!follower.has_to_tell());
    }
}

#[test]
fn followers_share_what_a_source_may_hold_open() {
    let (mut rig, mut fork) = forked("x\n");
    let lead = rig.follower.as_mut().unwrap();
    let alone = lead.may_open;
    lead.is_one_of(2);
    fork.is_one_of(2);
    assert_eq!(lead.may_open + fork.may_open, alone / 2 * 2);
    assert!(lead.most_open <= lead.may_open && fork.most_open <= fork.may_open);
}

//! Records that are not for all destinations: who is offered them, and which position waits for whom.

use super::*;

/// A follower of `fast` and `slow`; lines with `alert` are for `slow` alone, with `gone` for one that is not there.
fn rig() -> Rig {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.config.transforms = serde_json::from_value(serde_json::json!([
        { "route": { "to": ["slow"], "when": { "regex": "^alert" } } },
        { "route": { "to": ["gone"], "when": { "regex": "^gone" } } },
        { "deduplicate": { "within": "5s", "when": { "regex": "again" } } },
    ]))
    .unwrap();
    rig.kill();
    rig.start();
    rig.follower.as_mut().unwrap().offer_to(vec!["fast".into(), "slow".into()]);
    rig
}

fn told(rig: &Rig) -> Told {
    let now = rig.began + Duration::from_secs(rig.seconds);
    let touched = Touched { scan: true, ..Touched::default() };
    Told { touched, now, observed: rig.seconds * 1_000_000_000 }
}

/// What a turn offers: to whom, which lines, by which token.
fn turn(follower: &mut Follower, told: &Told) -> Vec<(Option<Vec<String>>, Vec<String>, u64)> {
    follower.scan(told);
    let mut offers = Vec::new();
    while follower.is_ready() {
        offers.extend(follower.read(told, 10_000));
    }
    offers.extend(follower.flush_due(told));
    let shown = |offer: Offer| {
        let to = offer.to.map(|to| to.iter().map(|name| name.to_string()).collect());
        let records = ScopeLogs::decode(&offer.batch.records[..]).unwrap().log_records;
        assert_eq!(records.len(), offer.batch.count as usize);
        (to, records.iter().map(body).collect(), offer.token)
    };
    offers.into_iter().map(shown).collect()
}

fn position(follower: &Follower) -> u64 {
    follower.files.values().next().unwrap().offsets.position().offset
}

fn only(name: &str) -> Option<Vec<String>> {
    Some(vec![name.to_owned()])
}

#[test]
fn the_position_waits_for_each_destination_as_often_as_it_got_something() {
    for settled in [["fast", "slow", "slow"], ["slow", "fast", "slow"], ["slow", "slow", "fast"]] {
        let mut rig = rig();
        rig.append("a.log", "one\nalert\ntwo\n");
        let told = told(&rig);
        let follower = rig.follower.as_mut().unwrap();
        let offers = turn(follower, &told);
        let token = offers[0].2;
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(offers, [(only("slow"), lines(&["alert"]), token), (None, lines(&["one", "two"]), token)]);
        for (number, name) in settled.into_iter().enumerate() {
            assert_eq!(position(follower), 0, "{number} of {settled:?}");
            follower.settled(token, name, rig.seconds);
        }
        assert_eq!(position(follower), "one\nalert\ntwo\n".len() as u64);
        assert_eq!(follower.in_flight(), 0);
    }
}

#[test]
fn what_is_for_one_that_lags_behind_is_left_to_who_reads_for_it() {
    let mut rig = rig();
    let told = told(&rig);
    let lead = rig.follower.as_mut().unwrap();
    lead.scan(&told);
    let mut fork = lead.fork(&"slow".into(), rig.seconds);
    lead.offer_to(vec!["fast".into()]);
    lead.leave_to_others(vec!["slow".into()]);
    rig.append("a.log", "alert\n");
    let told = super::routing::told(&rig);
    let lead = rig.follower.as_mut().unwrap();
    assert_eq!(turn(lead, &told), []);
    assert_eq!(position(lead), 6, "it is nothing that the others wait for");
    rig.append("a.log", "one\n");
    let lead = rig.follower.as_mut().unwrap();
    assert_eq!(turn(lead, &told), [(None, vec!["one".to_owned()], 0)]);
    let offers = turn(&mut fork, &told);
    assert_eq!(offers.len(), 2);
    assert_eq!((&offers[0].0, &offers[0].1[0][..]), (&only("slow"), "alert"));
    assert_eq!((&offers[1].0, &offers[1].1[0][..]), (&None, "one"));
    assert_eq!(position(&fork), 0);
    fork.settled(offers[0].2, "slow", rig.seconds);
    fork.settled(offers[1].2, "slow", rig.seconds);
    assert_eq!(position(&fork), 10);
}

#[test]
fn what_is_for_nobody_who_is_there_is_offered_all_the_same_so_that_it_is_counted() {
    let mut rig = rig();
    rig.append("a.log", "gone\n");
    let told = told(&rig);
    let follower = rig.follower.as_mut().unwrap();
    let mut fork = follower.fork(&"slow".into(), rig.seconds);
    follower.offer_to(vec!["fast".into()]);
    follower.leave_to_others(vec!["slow".into()]);
    let offers = turn(follower, &told);
    assert_eq!(offers, [(only("gone"), vec!["gone".to_owned()], offers[0].2)]);
    follower.settled(offers[0].2, "", rig.seconds);
    assert_eq!(position(follower), 5);
    assert_eq!(turn(&mut fork, &told), [], "once is enough");
}

#[test]
fn a_window_that_ends_tells_of_it_without_holding_a_position_back() {
    let mut rig = rig();
    rig.append("a.log", "again\nagain\nagain\n");
    let told = told(&rig);
    let follower = rig.follower.as_mut().unwrap();
    let offers = turn(follower, &told);
    assert_eq!(offers.len(), 1);
    for name in ["fast", "slow"] {
        follower.settled(offers[0].2, name, rig.seconds);
    }
    assert_eq!(position(follower), 18);
    assert_eq!(follower.due(), Some(told.now + Duration::from_secs(5)));
    rig.pass(Duration::from_secs(5));
    let told = super::routing::told(&rig);
    let follower = rig.follower.as_mut().unwrap();
    let offers = turn(follower, &told);
    assert_eq!(offers, [(None, vec!["again".to_owned()], offers[0].2)]);
    assert_eq!((follower.in_flight(), follower.due()), (1, None));
    follower.settled(offers[0].2, "fast", rig.seconds);
    follower.settled(offers[0].2, "slow", rig.seconds);
    assert_eq!(follower.in_flight(), 0);
}

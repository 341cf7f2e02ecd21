#![allow(clippy::unwrap_used)]
use std::time::{Instant, SystemTime};

use super::*;
use crate::dbus::fake::{Asked, FakeBus, Property, Reaction, refusal};

fn units(names: &[&str]) -> Vec<Unit> {
    let unit = |name: &&str| Unit { name: (*name).to_owned(), unit: (*name).to_owned(), ..Unit::default() };
    names.iter().map(unit).collect()
}

fn look(observer: &mut Units) -> Vec<(Option<Reason>, String)> {
    let now = Now { monotonic: Instant::now(), wall: SystemTime::now() };
    observer.look(now).findings.into_iter().map(|finding| (finding.wrong, finding.words)).collect()
}

/// systemd with a unit in each state, called like it.
fn answer(asked: &Asked) -> Reaction {
    let (_, name) = asked.arguments.as_ref().unwrap();
    let unit = asked.path.rsplit('/').next().unwrap().replace("_2eservice", "");
    let text = match (name.as_str(), unit.as_str()) {
        ("ActiveState", "absent") => "inactive",
        ("LoadState", "absent") => "not-found",
        ("ActiveState", state) => state,
        _ => "loaded",
    };
    asked.answer(Some(&Property::Text(text.to_owned())))
}

#[test]
fn each_state_of_a_unit_is_told_with_its_reason() {
    let bus = FakeBus::new(answer);
    let names =
        ["active.service", "inactive.service", "failed.service", "reloading.service", "absent.service"];
    let mut observer = Units::new(bus.address(), &units(&names));
    let told = |reason, words: &str| (reason, words.to_owned());
    assert_eq!(
        look(&mut observer),
        [
            told(None, "active.service is active"),
            told(Some(Reason::UnitInactive), "inactive.service is inactive"),
            told(Some(Reason::UnitFailed), "failed.service is failed"),
            told(Some(Reason::UnitChanging), "reloading.service is reloading"),
            told(Some(Reason::UnitNotFound), "absent.service does not exist"),
        ]
    );
}

#[test]
fn of_units_that_are_active_one_thing_is_asked_and_over_the_same_connection() {
    let bus = FakeBus::new(answer);
    let mut observer = Units::new(bus.address(), &units(&["active.service"]));
    for _ in 0..3 {
        look(&mut observer);
    }
    assert_eq!(bus.calls().len(), 3);
}

#[test]
fn without_a_bus_nothing_is_known_of_any_unit() {
    let dir = tempfile::tempdir().unwrap();
    let address = Address::of(&format!("unix:path={}/none", dir.path().display()), true);
    let told = look(&mut Units::new(address, &units(&["a.service", "b.service"])));
    assert_eq!(told.iter().map(|(reason, _)| *reason).collect::<Vec<_>>(), [Some(Reason::NoBus); 2]);
    assert!(Reason::NoBus.is_blind());
}

#[test]
fn a_bus_that_refuses_is_not_a_unit_that_is_missing() {
    let bus = FakeBus::new(|asked| {
        Reaction::Answer(refusal(asked.serial, "org.freedesktop.DBus.Error.AccessDenied", "no"))
    });
    let told = look(&mut Units::new(bus.address(), &units(&["a.service"])));
    assert_eq!(told[0].0, Some(Reason::BusError));
    assert!(told[0].1.contains("AccessDenied"), "{}", told[0].1);
}

#[test]
fn the_object_of_a_unit_is_its_name_escaped() {
    let of = |unit| object(unit).rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(of("nginx.service"), "nginx_2eservice");
    assert_eq!(of("7-a@b.timer"), "_37_2da_40b_2etimer");
}

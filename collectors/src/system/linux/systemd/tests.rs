#![allow(clippy::unwrap_used)]
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use vigie_pipeline::clock::Hand;
use vigie_pipeline::plug::NoData;

use super::super::fixture::lines;
use super::*;
use crate::dbus::Reader;
use crate::dbus::fake::{Asked, FakeBus, Property, Reaction, Writer, refusal, reply};

/// A unit as a test makes it up: name, state, state in the words of its kind, properties.
type MadeUp = (&'static str, &'static str, &'static str, Vec<(&'static str, Property)>);

#[derive(Default)]
struct Machine {
    units: Vec<MadeUp>,
    manager: HashMap<&'static str, Property>,
}

impl Machine {
    fn react(&self, asked: &Asked) -> Reaction {
        if asked.member == "ListUnits" {
            return Reaction::Answer(reply(asked.serial, "a(ssssssouso)", |body| self.list(body)));
        }
        let name = &*asked.arguments.as_ref().unwrap().1;
        if asked.path == PATH {
            return asked.answer(self.manager.get(name));
        }
        let unit = self.units.iter().find(|unit| path(unit.0) == asked.path);
        let property = unit.and_then(|unit| unit.3.iter().find(|(known, _)| *known == name));
        asked.answer(property.map(|(_, property)| property))
    }

    fn list(&self, body: &mut Writer<'_>) {
        write_list(body, self.units.iter().map(|(name, active, sub, _)| (*name, *active, *sub)));
    }
}

/// Names and both states of units, as `ListUnits` answers them.
fn write_list<'u>(body: &mut Writer<'_>, units: impl Iterator<Item = (&'u str, &'u str, &'u str)>) {
    let length = body.hole();
    body.align(8);
    let start = body.position();
    for (name, active, sub) in units {
        body.align(8);
        let load = if active == "gone" { "not-found" } else { "loaded" };
        for text in [name, "described", load, active, sub, "", &*path(name)] {
            body.text(text);
        }
        body.u32(0);
        body.text("");
        body.text("/");
    }
    body.fill(length, body.position() - start);
}

fn path(unit: &str) -> String {
    format!("/org/freedesktop/systemd1/unit/{}", unit.replace('.', "_2e"))
}

fn text(text: &str) -> Property {
    Property::Text(text.to_owned())
}

fn service(name: &'static str, active: &'static str, restart: &str, restarts: u32) -> MadeUp {
    let properties = vec![
        ("Type", text("simple")),
        ("Restart", text(restart)),
        ("RestartForceExitStatus", Property::Statuses(Vec::new())),
        ("NRestarts", Property::U32(restarts)),
        ("TasksCurrent", Property::U64(3)),
        ("TasksMax", Property::U64(u64::MAX)),
        ("ActiveEnterTimestamp", Property::U64(1_500_000)),
    ];
    (name, active, "running", properties)
}

fn socket(name: &'static str, accept: bool, accepted: u32) -> MadeUp {
    let properties = vec![
        ("Accept", Property::Bool(accept)),
        ("NAccepted", Property::U32(accepted)),
        ("NConnections", Property::U32(1)),
    ];
    (name, "active", "listening", properties)
}

/// A machine that a test may change, and the sampler that looks at it.
struct Stage {
    machine: Arc<Mutex<Machine>>,
    bus: FakeBus,
    sampler: Systemd,
    hand: Hand,
}

impl Stage {
    fn new(settings: &SystemdSettings, units: Vec<MadeUp>) -> Self {
        let manager = HashMap::from([
            ("Version", text("252.39-1~deb12u2")),
            ("Virtualization", text("")),
            ("SystemState", text("degraded")),
            ("UnitsLoadTimestampMonotonic", Property::U64(1)),
        ]);
        let machine = Arc::new(Mutex::new(Machine { units, manager }));
        let seen = Arc::clone(&machine);
        let bus = FakeBus::new(move |asked| seen.lock().unwrap().react(asked));
        let (clock, hand) = Clock::manual(SystemTime::UNIX_EPOCH);
        let sampler = Systemd::at(bus.address(), settings, clock).unwrap();
        Self { machine, bus, sampler, hand }
    }

    fn sample(&mut self) -> Vec<String> {
        let mut page = Page::default();
        self.sampler.sample(&mut page).unwrap();
        lines(&page)
    }

    /// The properties of units that were asked for since the last time.
    fn asked(&self) -> Vec<String> {
        let asked = self.bus.calls().into_iter().filter(|asked| asked.path != PATH);
        asked.map(|asked| asked.arguments.unwrap().1).collect()
    }
}

fn of<'s>(series: &'s [String], family: &str) -> Vec<&'s str> {
    let full = format!("node_systemd_{family}");
    series.iter().filter_map(|line| line.strip_prefix(&full)).collect()
}

#[test]
fn systemd_and_its_units_are_told() {
    let units = vec![
        service("b.service", "failed", "no", 0),
        ("a.target", "active", "active", vec![]),
        ("c.timer", "active", "waiting", vec![("LastTriggerUSec", Property::U64(2_500_000))]),
        ("d.mount", "reloading", "x", vec![]),
        ("e.service", "gone", "dead", vec![]),
    ];
    let series = Stage::new(&SystemdSettings::default(), units).sample();
    assert_eq!(of(&series, "version"), ["{version=\"252.39-1~deb12u2\"} 252.39"]);
    assert_eq!(of(&series, "virtualization_info"), ["{virtualization_type=\"none\"} 1"]);
    assert_eq!(of(&series, "system_running"), [" 0"]);
    let summary = of(&series, "units{");
    assert!(summary.contains(&"state=\"active\"} 2") && summary.contains(&"state=\"reloading\"} 1"));
    assert!(summary.contains(&"state=\"deactivating\"} 0"), "{summary:?}");
    let states = of(&series, "unit_state");
    assert_eq!(states.len(), 3 * 5);
    assert!(states.contains(&"{name=\"a.target\",state=\"active\",type=\"\"} 1"), "{states:?}");
    assert!(states.contains(&"{name=\"b.service\",state=\"active\",type=\"simple\"} 0"));
    assert!(states.contains(&"{name=\"b.service\",state=\"failed\",type=\"simple\"} 1"));
    assert_eq!(of(&series, "timer_last_trigger_seconds"), ["{name=\"c.timer\"} 2.5"]);
    assert_eq!(of(&series, "service_restart_total"), ["{name=\"b.service\"} 0"]);
    assert!(of(&series, "unit_tasks").is_empty() && of(&series, "unit_start").is_empty());
    assert!(series.contains(&"vigie_systemd_units_left_out 0".to_owned()));
}

#[test]
fn what_is_off_by_default_is_told_when_it_is_wanted() {
    let settings = SystemdSettings {
        enable_task_metrics: true,
        enable_start_time_metrics: true,
        enable_restarts_metrics: false,
        ..Default::default()
    };
    let units = vec![service("a.service", "active", "no", 4), service("b.service", "inactive", "no", 4)];
    let mut stage = Stage::new(&settings, units);
    let series = stage.sample();
    assert_eq!(of(&series, "unit_tasks_current"), ["{name=\"a.service\"} 3", "{name=\"b.service\"} 3"]);
    // There is no limit.
    assert!(of(&series, "unit_tasks_max").is_empty());
    let started = of(&series, "unit_start_time_seconds");
    assert_eq!(started, ["{name=\"a.service\"} 1.5", "{name=\"b.service\"} 0"]);
    assert!(of(&series, "service_restart_total").is_empty());
    assert!(!stage.asked().iter().any(|name| name == "NRestarts" || name == "Restart"));
}

#[test]
fn only_what_may_have_changed_is_asked_for_again() {
    let mut forced = service("forced.service", "active", "no", 0);
    forced.3[2].1 = Property::Statuses(vec![7]);
    let units = vec![
        service("always.service", "active", "always", 1),
        forced,
        service("never.service", "active", "no", 0),
        socket("counts.socket", true, 5),
        socket("still.socket", false, 0),
    ];
    let mut stage = Stage::new(&SystemdSettings::default(), units);
    let first = stage.sample();
    assert_eq!(stage.asked().len(), 3 * 4 + 2 * 4);
    stage.machine.lock().unwrap().units[0].3[3].1 = Property::U32(2);
    let second = stage.sample();
    assert_eq!(stage.asked(), ["NRestarts", "NAccepted", "NConnections", "NRefused", "NRestarts"]);
    assert_eq!(first.len(), second.len());
    let restarts = of(&second, "service_restart_total");
    assert_eq!(restarts[0], "{name=\"always.service\"} 2");
    assert_eq!(restarts.len(), 3);
    // This systemd does not count those that it has refused.
    assert!(of(&second, "socket_refused").is_empty());
    assert_eq!(of(&second, "socket_accepted_connections_total")[0], "{name=\"counts.socket\"} 5");
}

#[test]
fn a_unit_whose_state_is_another_is_asked_anew() {
    let mut stage = Stage::new(&SystemdSettings::default(), vec![service("a.service", "active", "no", 0)]);
    stage.sample();
    stage.asked();
    stage.machine.lock().unwrap().units[0] = service("a.service", "failed", "no", 0);
    stage.machine.lock().unwrap().units[0].3[0].1 = text("notify");
    let series = stage.sample();
    assert!(of(&series, "unit_state").contains(&"{name=\"a.service\",state=\"failed\",type=\"notify\"} 1"));
    assert_eq!(stage.asked().len(), 4);
}

#[test]
fn all_units_are_asked_anew_when_systemd_has_reloaded_and_after_a_while() {
    let units = vec![service("a.service", "active", "no", 0), service("b.service", "active", "no", 0)];
    let mut stage = Stage::new(&SystemdSettings::default(), units);
    stage.sample();
    stage.sample();
    assert_eq!(stage.asked().len(), 8);
    stage.machine.lock().unwrap().manager.insert("UnitsLoadTimestampMonotonic", Property::U64(2));
    stage.sample();
    assert_eq!(stage.asked().len(), 8);
    stage.hand.advance(Duration::from_secs(299));
    stage.sample();
    assert_eq!(stage.asked().len(), 0);
    stage.hand.advance(Duration::from_secs(1));
    stage.sample();
    assert_eq!(stage.asked().len(), 8);
}

#[test]
fn more_units_than_are_allowed_are_told_of_and_failed_ones_come_first() {
    let units = || {
        vec![
            service("a.service", "active", "no", 0),
            service("b.service", "active", "no", 0),
            service("c.service", "failed", "no", 0),
        ]
    };
    let mut stage = Stage::new(&SystemdSettings { max_units: 2, ..Default::default() }, units());
    let series = stage.sample();
    let restarts = of(&series, "service_restart_total");
    assert_eq!(restarts, ["{name=\"a.service\"} 0", "{name=\"c.service\"} 0"]);
    assert!(series.contains(&"vigie_systemd_units_left_out 1".to_owned()));
    assert_eq!(of(&series, "units{")[4], "state=\"failed\"} 1");
    stage.machine.lock().unwrap().units.pop();
    let series = stage.sample();
    assert_eq!(of(&series, "unit_state").len(), 10);
    assert!(series.contains(&"vigie_systemd_units_left_out 0".to_owned()));
}

#[test]
fn a_unit_that_goes_takes_its_series_along() {
    let units = vec![service("a.service", "active", "no", 0), service("b.service", "active", "no", 0)];
    let mut stage = Stage::new(&SystemdSettings::default(), units);
    stage.sample();
    stage.machine.lock().unwrap().units.pop();
    assert_eq!(of(&stage.sample(), "service_restart_total"), ["{name=\"a.service\"} 0"]);
}

#[test]
fn a_bus_without_systemd_is_no_data_and_one_that_refuses_the_list_is_an_error() {
    let sample = |name: &'static str| {
        let bus = FakeBus::new(move |asked| Reaction::Answer(refusal(asked.serial, name, "why")));
        let (clock, _) = Clock::manual(SystemTime::UNIX_EPOCH);
        let mut sampler = Systemd::at(bus.address(), &SystemdSettings::default(), clock).unwrap();
        sampler.sample(&mut Page::default()).unwrap_err()
    };
    assert!(sample("org.freedesktop.DBus.Error.NameHasNoOwner").is::<NoData>());
    let denied = sample("org.freedesktop.DBus.Error.AccessDenied");
    assert_eq!(denied.to_string(), "list units: org.freedesktop.DBus.Error.AccessDenied: why");
}

#[test]
fn the_version_is_the_first_number_of_three_digits() {
    for (version, number) in [
        ("252.39-1~deb12u2", 252.39),
        ("v257", 257.0),
        ("256.", 256.0),
        ("systemd 12 255~rc1 300", 255.0),
        ("12.99", 0.0),
        ("", 0.0),
    ] {
        assert_eq!(version_number(version), number, "{version}");
    }
}

proptest! {
    #[test]
    fn a_list_of_units_is_read_as_it_was_written(
        units in proptest::collection::vec((".{0,20}", "[a-z]{0,12}", ".{0,9}"), 0..8),
    ) {
        let mut body = Vec::new();
        let written = units.iter().map(|(name, active, sub)| (name.as_str(), active.as_str(), sub.as_str()));
        write_list(&mut Writer::new(&mut body), written);
        let mut found = Vec::new();
        let mut reader = Reader::new(&body, cfg!(target_endian = "big"), "a(ssssssouso)");
        list(&mut reader, |unit| {
            found.push((unit.name.to_owned(), unit.active.to_owned(), unit.sub.to_owned()));
            assert_eq!(unit.path, path(unit.name));
        }).unwrap();
        prop_assert_eq!(found, units);
        prop_assert!(reader.is_at_end());
    }

    #[test]
    fn any_list_of_units_is_read_or_refused(
        cut in any::<proptest::sample::Index>(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        big_endian in any::<bool>(),
    ) {
        let machine = Machine { units: vec![service("a.service", "active", "no", 0); 3], ..Machine::default() };
        let mut body = Vec::new();
        machine.list(&mut Writer::new(&mut body));
        body.truncate(1 + cut.index(body.len()));
        for (at, to) in flips {
            let at = at.index(body.len());
            body[at] = to;
        }
        let mut found = 0;
        let _ = list(&mut Reader::new(&body, big_endian, "a(ssssssouso)"), |_| found += 1);
        prop_assert!(found <= 3);
    }
}

#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicUsize, Ordering};

use super::fake::{FakeBus, Property, Reaction, refusal};
use super::*;

fn properties(names: &[&'static str]) -> Vec<Call<'static>> {
    names.iter().map(|name| Call::property("a.service", "/object", "an.interface", name)).collect()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn number(answer: Answer<'_>) -> u32 {
    match answer.unwrap().variant().unwrap() {
        Value::U32(number) => number,
        value => unreachable!("{value:?}"),
    }
}

#[test]
fn many_calls_are_answered_each_with_its_own_answer() {
    let bus = FakeBus::new(|asked| {
        let name = &asked.arguments.as_ref().unwrap().1;
        asked.answer(Some(&Property::U32(name.len() as u32)))
    });
    let names: Vec<String> = (1..=300).map(|length| "n".repeat(length)).collect();
    let calls: Vec<Call<'_>> = names.iter().map(|name| Call::property("a.b", "/", "i.f", name)).collect();
    let (mut client, mut found) = (bus.client(), vec![0; calls.len()]);
    for _ in 0..2 {
        let asked = client.ask(soon(), &calls, |at, answer| {
            found[at] += number(answer);
            Ok(())
        });
        asked.unwrap();
    }
    assert_eq!(found, (1..=300).map(|length| 2 * length).collect::<Vec<_>>());
    assert_eq!(bus.calls().len(), 600);
}

#[test]
fn a_refusal_is_an_answer_and_the_connection_stays() {
    let bus = FakeBus::new(|asked| asked.answer(None));
    let mut client = bus.client();
    let mut told = Vec::new();
    client
        .ask(soon(), &properties(&["a", "b"]), |at, answer| {
            told.push((at, answer.unwrap_err().text.to_owned()));
            Ok(())
        })
        .unwrap();
    assert_eq!(told, [(0, "No such property.".to_owned()), (1, "No such property.".to_owned())]);
    assert!(client.connection.is_some());
}

#[test]
fn a_bus_that_was_restarted_is_connected_to_again_at_once() {
    let calls = AtomicUsize::new(0);
    let bus = FakeBus::new(move |asked| match calls.fetch_add(1, Ordering::Relaxed) {
        1 => Reaction::HangUp,
        number => asked.answer(Some(&Property::U32(number as u32))),
    });
    let mut client = bus.client();
    let mut found = Vec::new();
    for _ in 0..2 {
        let asked = client.ask(soon(), &properties(&["a"]), |_, answer| {
            found.push(number(answer));
            Ok(())
        });
        asked.unwrap();
    }
    assert_eq!(found, [0, 2]);
}

#[test]
fn a_bus_that_hangs_up_each_time_is_an_error_and_not_tried_for_ever() {
    let bus = FakeBus::new(|_| Reaction::HangUp);
    let mut client = bus.client();
    let asked = client.ask(soon(), &properties(&["a"]), |_, _| Ok(()));
    assert!(matches!(asked, Err(BusError::Closed)), "{asked:?}");
    assert_eq!(bus.calls().len(), 1);
}

#[test]
fn a_bus_that_never_answers_is_left_when_the_time_is_up() {
    let bus = FakeBus::new(|_| Reaction::Silence);
    let until = Instant::now() + Duration::from_millis(200);
    let asked = bus.client().ask(until, &properties(&["a"]), |_, _| Ok(()));
    assert!(matches!(asked, Err(BusError::Late)), "{asked:?}");
    assert!(Instant::now() < until + Duration::from_secs(5));
}

#[test]
fn nobody_takes_the_connections_and_the_time_is_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bus");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = Address::of(&format!("unix:path={}", path.display()), true);
    let until = Instant::now() + Duration::from_millis(200);
    // The first waits for an answer, the second to be taken at all.
    let mut clients = [Bus::new(address.clone()), Bus::new(address)];
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(move || assert!(client.ask(until, &properties(&["a"]), |_, _| Ok(())).is_err()));
        }
    });
    assert!(Instant::now() < until + Duration::from_secs(5));
}

#[test]
fn no_bus_and_nobody_on_it_are_no_data_and_other_errors_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let address = Address::of(&format!("unix:path={}/none", dir.path().display()), true);
    let asked = Bus::new(address).ask(soon(), &properties(&["a"]), |_, _| Ok(()));
    assert!(asked.unwrap_err().or_no_data().is::<NoData>());

    let refused = |name: &'static str| {
        let bus = FakeBus::new(move |asked| Reaction::Answer(refusal(asked.serial, name, "why")));
        let asked = bus.client().ask(soon(), &properties(&["a"]), |_, answer| match answer {
            Ok(_) => Ok(()),
            Err(refusal) => Err(BusError::refused("ask", &refusal)),
        });
        asked.unwrap_err().or_no_data()
    };
    assert!(refused("org.freedesktop.DBus.Error.ServiceUnknown").is::<NoData>());
    assert!(refused("org.freedesktop.DBus.Error.NameHasNoOwner").is::<NoData>());
    let denied = refused("org.freedesktop.DBus.Error.AccessDenied");
    assert!(!denied.is::<NoData>());
    assert_eq!(denied.to_string(), "ask: org.freedesktop.DBus.Error.AccessDenied: why");
}

#[test]
fn an_answer_that_is_none_ends_the_connection() {
    let bus = FakeBus::new(|_| Reaction::Answer(vec![b'?'; 16]));
    let mut client = bus.client();
    let asked = client.ask(soon(), &properties(&["a"]), |_, _| Ok(()));
    assert!(matches!(asked, Err(BusError::Malformed(Malformed::Header))), "{asked:?}");
    assert!(client.connection.is_none());
}

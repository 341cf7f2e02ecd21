#![allow(clippy::unwrap_used)]
use vigie_pipeline::plug::NoData;

use super::super::fixture::lines;
use super::*;
use crate::dbus::fake::{Asked, FakeBus, Property, Reaction, Writer, refusal, reply};

fn array(body: &mut Writer<'_>, rows: &[&[&str]], number_at: Option<usize>) {
    let length = body.hole();
    body.align(8);
    let start = body.position();
    for row in rows {
        body.align(8);
        for (at, text) in row.iter().enumerate() {
            if number_at == Some(at) {
                body.u32(1000);
            }
            body.text(text);
        }
    }
    body.fill(length, body.position() - start);
}

/// A seat, somebody at it, two from far away of a kind that nobody knows, and a session that ends just now.
fn react(asked: &Asked) -> Reaction {
    let property = asked.arguments.as_ref().map(|(_, name)| name.as_str());
    let text = |text: &str| Some(Property::Text(text.to_owned()));
    let found = match (&*asked.member, &*asked.path, property) {
        ("ListSeats", ..) => {
            let seats: &[&[&str]] = &[&["seat0", "/seat0"]];
            return Reaction::Answer(reply(asked.serial, "a(so)", |body| array(body, seats, None)));
        }
        ("ListSessions", ..) => {
            let sessions: &[&[&str]] = &[
                &["1", "ann", "seat0", "/1"],
                &["2", "bob", "", "/2"],
                &["3", "bob", "", "/3"],
                &["4", "eve", "", "/gone"],
            ];
            return Reaction::Answer(reply(asked.serial, "a(susso)", |body| array(body, sessions, Some(1))));
        }
        (_, "/1", Some("Remote")) => Some(Property::Bool(false)),
        (_, "/1", Some("Type")) => text("wayland"),
        (_, "/2" | "/3", Some("Remote")) => Some(Property::Bool(true)),
        (_, "/2" | "/3", Some("Type")) => text("hologram"),
        (_, "/1" | "/2" | "/3", Some("Class")) => text("user"),
        _ => None,
    };
    asked.answer(found.as_ref())
}

fn sample(bus: &FakeBus) -> (Vec<String>, Result<(), Error>) {
    let mut page = Page::default();
    let result = LogInd { bus: bus.client() }.sample(&mut page);
    (lines(&page), result)
}

#[test]
fn sessions_are_counted_by_seat_and_kind() {
    let (series, result) = sample(&FakeBus::new(react));
    result.unwrap();
    assert_eq!(series.len(), 2 * 2 * 7 * 5);
    let there: Vec<&String> = series.iter().filter(|line| !line.ends_with(" 0")).collect();
    assert_eq!(
        there,
        [
            "node_logind_sessions{class=\"user\",remote=\"true\",seat=\"\",type=\"other\"} 2",
            "node_logind_sessions{class=\"user\",remote=\"false\",seat=\"seat0\",type=\"wayland\"} 1"
        ]
    );
}

#[test]
fn a_bus_without_logind_is_no_data() {
    let nobody = "org.freedesktop.DBus.Error.NameHasNoOwner";
    let bus = FakeBus::new(move |asked| Reaction::Answer(refusal(asked.serial, nobody, "nobody")));
    let (series, result) = sample(&bus);
    assert!(result.unwrap_err().is::<NoData>());
    assert!(series.is_empty());
}

#[test]
fn more_seats_than_are_allowed_are_an_error_and_the_others_are_told() {
    let bus = FakeBus::new(|asked| {
        let (signature, count) = if asked.member == "ListSeats" { ("a(so)", 34) } else { ("a(susso)", 0) };
        // Each twice.
        let names: Vec<String> = (0..2 * count).map(|number| format!("seat{}", number / 2)).collect();
        let seats: Vec<[&str; 2]> = names.iter().map(|name| [name.as_str(), "/seat"]).collect();
        let seats: Vec<&[&str]> = seats.iter().map(|seat| &seat[..]).collect();
        Reaction::Answer(reply(asked.serial, signature, |body| array(body, &seats, None)))
    });
    let (series, result) = sample(&bus);
    assert_eq!(result.unwrap_err().to_string(), "2 seats are left out: more than 32");
    assert_eq!(series.len(), 33 * 70);
}

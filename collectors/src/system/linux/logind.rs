//! `logind`: the sessions that systemd-logind knows of, by seat, kind and class.
//!
//! It is asked over D-Bus ([`crate::dbus`]), and not started for that if it does not run. Each combination of the labels
//! has its series, whether or not there is such a session.

use std::collections::HashMap;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use crate::dbus::{Address, Answer, Bus, BusError, Call, Value};
use crate::system::config::Roots;

static SESSIONS: Family = Family::gauge("node_logind_sessions", "Number of sessions registered in logind.");

const REMOTE: [&str; 2] = ["true", "false"];
/// The first stands for all that are not known.
const TYPES: [&str; 7] = ["other", "unspecified", "tty", "x11", "wayland", "mir", "web"];
const CLASSES: [&str; 5] = ["other", "user", "greeter", "lock-screen", "background"];

/// A seat is a set of screens and keyboards: more than a machine has places for, and none. Each has 70 series.
const MOST_SEATS: usize = 33;

const DESTINATION: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";

/// What is asked of a session.
const PROPERTIES: [&str; 3] = ["Remote", "Type", "Class"];

pub(super) struct LogInd {
    bus: Bus,
}

/// A session: its seat, which is empty for one from far away, and where it is asked.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    seat: String,
    path: String,
}

/// Places in the lists of values.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    remote: usize,
    kind: usize,
    class: usize,
}

impl LogInd {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { bus: Bus::new(Address::system(roots)) }
    }
}

impl Sampler for LogInd {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let until = Bus::deadline();
        let (mut seats, mut sessions) = (Vec::new(), Vec::new());
        let method = |name| Call::method(DESTINATION, PATH, MANAGER, name);
        let asked = self.bus.ask(until, &[method("ListSeats"), method("ListSessions")], |number, answer| {
            match number {
                0 => seats = list_seats(answer)?,
                _ => sessions = list_sessions(answer)?,
            }
            Ok(())
        });
        asked.map_err(BusError::or_no_data)?;
        // Sessions from far away have none, which comes first.
        seats.push(String::new());
        seats.sort_unstable();
        seats.dedup();
        let left_out = seats.len().saturating_sub(MOST_SEATS);
        seats.truncate(MOST_SEATS);

        let calls: Vec<Call<'_>> = sessions
            .iter()
            .flat_map(|session| {
                PROPERTIES.map(|name| Call::property(DESTINATION, &session.path, SESSION, name))
            })
            .collect();
        let mut told = vec![None; calls.len()];
        self.bus.ask(until, &calls, |number, answer| {
            told[number] = place(number % PROPERTIES.len(), answer)?;
            Ok(())
        })?;
        let mut counts: HashMap<(&str, Kind), u64> = HashMap::new();
        for (session, told) in sessions.iter().zip(told.chunks(PROPERTIES.len())) {
            // One that has ended meanwhile is none.
            if let [Some(remote), Some(kind), Some(class)] = *told {
                *counts.entry((&session.seat, Kind { remote, kind, class })).or_default() += 1;
            }
        }
        write(page, &seats, &counts);
        match left_out {
            0 => Ok(()),
            _ => Err(format!("{left_out} seats are left out: more than {}", MOST_SEATS - 1).into()),
        }
    }
}

fn write(page: &mut Page, seats: &[String], counts: &HashMap<(&str, Kind), u64>) {
    for (remote, is_remote) in REMOTE.iter().enumerate() {
        for (kind, kind_name) in TYPES.iter().enumerate() {
            for (class, class_name) in CLASSES.iter().enumerate() {
                for seat in seats {
                    let count = counts.get(&(seat.as_str(), Kind { remote, kind, class }));
                    let labels = page.full_labels(&[
                        ("class", class_name),
                        ("remote", is_remote),
                        ("seat", seat),
                        ("type", kind_name),
                    ]);
                    page.set(&SESSIONS, labels, count.copied().unwrap_or_default() as f64);
                }
            }
        }
    }
}

/// The names of the seats, of names and paths.
fn list_seats(answer: Answer<'_>) -> Result<Vec<String>, BusError> {
    let body = answer.map_err(|refusal| BusError::refused("list seats", &refusal))?;
    body.expect("a(so)")?;
    let (mut found, mut seats) = (Vec::new(), body.clone().array(8)?);
    while !seats.is_at_end() {
        seats.align(8)?;
        found.push(seats.text()?.to_owned());
        seats.text()?;
    }
    Ok(found)
}

/// The sessions, of their numbers, users and users' names, seats and paths.
fn list_sessions(answer: Answer<'_>) -> Result<Vec<Session>, BusError> {
    let body = answer.map_err(|refusal| BusError::refused("list sessions", &refusal))?;
    body.expect("a(susso)")?;
    let (mut found, mut sessions) = (Vec::new(), body.clone().array(8)?);
    while !sessions.is_at_end() {
        sessions.align(8)?;
        sessions.text()?;
        sessions.u32()?;
        sessions.text()?;
        found.push(Session { seat: sessions.text()?.to_owned(), path: sessions.text()?.to_owned() });
    }
    Ok(found)
}

/// Where the value of a property stands in its list; `None` if the session does not have it.
fn place(property: usize, answer: Answer<'_>) -> Result<Option<usize>, BusError> {
    let Ok(mut body) = answer else { return Ok(None) };
    body.expect("v")?;
    let place =
        |known: &[&str], text: &str| known.iter().position(|known| *known == text).unwrap_or_default();
    Ok(match (property, body.variant()?) {
        (0, Value::Bool(is_remote)) => Some(place(&REMOTE, if is_remote { "true" } else { "false" })),
        (1, Value::Text(kind)) => Some(place(&TYPES, kind)),
        (2, Value::Text(class)) => Some(place(&CLASSES, class)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;

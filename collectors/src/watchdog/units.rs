//! Whether units of systemd are active.
//!
//! systemd is asked over D-Bus for one property of each unit, all in one go; only of one that is not active is
//! more asked. The connection is kept from one look to the next.

use std::fmt::Write;

use super::config::Unit;
use super::judge::Finding;
use super::kind::Reason;
use super::observer::{Now, Observer, Sight};
use crate::dbus::{Address, Bus, BusError, Call, Refusal, Value};

pub(super) const DESTINATION: &str = "org.freedesktop.systemd1";
const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// The states of all units that are watched.
pub(super) struct Units {
    bus: Bus,
    units: Vec<(Unit, String)>,
}

impl Units {
    pub(super) fn new(address: Address, units: &[Unit]) -> Self {
        let units = units.iter().map(|unit| (unit.clone(), object(&unit.unit))).collect();
        Self { bus: Bus::new(address), units }
    }

    fn states(&mut self) -> Result<Vec<State>, BusError> {
        let until = Bus::deadline();
        let calls: Vec<Call<'_>> = self
            .units
            .iter()
            .map(|(_, path)| Call::property(DESTINATION, path, UNIT, "ActiveState"))
            .collect();
        let mut states = vec![State::default(); calls.len()];
        self.bus.ask(until, &calls, |number, answer| states[number].take_active(answer))?;
        let inactive: Vec<usize> =
            (0..states.len()).filter(|number| states[*number].active != "active").collect();
        let calls: Vec<Call<'_>> = inactive
            .iter()
            .map(|number| Call::property(DESTINATION, &self.units[*number].1, UNIT, "LoadState"))
            .collect();
        if !calls.is_empty() {
            self.bus.ask(until, &calls, |number, answer| states[inactive[number]].take_load(answer))?;
        }
        Ok(states)
    }
}

impl Observer for Units {
    fn look(&mut self, _now: Now) -> Sight {
        let findings = match self.states() {
            Ok(states) => {
                states.iter().zip(&self.units).map(|(state, (unit, _))| state.judge(&unit.unit)).collect()
            }
            Err(error) => {
                let reason = if error.is_absence() { Reason::NoBus } else { Reason::BusError };
                vec![Finding::new(Some(reason), format!("cannot be looked at: {error}")); self.units.len()]
            }
        };
        Sight { findings, members: Vec::new() }
    }
}

/// What systemd says of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// `ActiveState`.
    pub(super) active: String,
    /// `LoadState`; empty if it was not asked for.
    load: String,
}

impl State {
    pub(super) fn take_active(&mut self, answer: crate::dbus::Answer<'_>) -> Result<(), BusError> {
        self.active = text(answer)?;
        Ok(())
    }

    fn take_load(&mut self, answer: crate::dbus::Answer<'_>) -> Result<(), BusError> {
        self.load = text(answer)?;
        Ok(())
    }

    fn judge(&self, unit: &str) -> Finding {
        let reason = match (self.active.as_str(), self.load.as_str()) {
            ("active", _) => None,
            (_, "not-found") | ("", _) => Some(Reason::UnitNotFound),
            ("failed", _) => Some(Reason::UnitFailed),
            ("inactive", _) => Some(Reason::UnitInactive),
            _ => Some(Reason::UnitChanging),
        };
        let words = match reason {
            Some(Reason::UnitNotFound) => format!("{unit} does not exist"),
            _ => format!("{unit} is {}", self.active),
        };
        Finding::new(reason, words)
    }
}

/// A property that is a text; empty if there is no such object.
fn text(answer: crate::dbus::Answer<'_>) -> Result<String, BusError> {
    match answer {
        Ok(mut body) => match body.variant()? {
            Value::Text(text) => Ok(text.to_owned()),
            _ => Err(crate::dbus::Malformed::Unexpected.into()),
        },
        Err(Refusal {
            name: "org.freedesktop.DBus.Error.UnknownObject" | "org.freedesktop.systemd1.NoSuchUnit",
            ..
        }) => Ok(String::new()),
        Err(refusal) => Err(BusError::refused("ask for a unit", &refusal)),
    }
}

/// The object that stands for a unit: its name, with what is no letter or digit as `_` and two hexadecimal digits. Asking
/// for it makes systemd look for the unit's file.
pub(super) fn object(unit: &str) -> String {
    let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
    for (at, byte) in unit.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "_{byte:02x}");
        }
    }
    path
}

#[cfg(test)]
mod tests;

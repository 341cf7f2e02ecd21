//! `systemd`: its units and their states, restarts, sockets and timers.
//!
//! systemd is asked over D-Bus ([`crate::dbus`]): once for itself and for the list of its units, and once for what is to be told of
//! single units ([`units`]). Reading takes no privilege. Restarts of services are on here, which upstream has off; and no
//! more than `max_units` units are exposed, a unit that has failed before any other.
//! `vigie_systemd_units_left_out` tells how many are not.

mod settings;
mod units;

#[cfg(test)]
mod tests;

use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

pub(super) use self::settings::SystemdSettings;
use self::settings::Wanted;
use self::units::{Answered, DESTINATION, Listed, Unit, Units, list};
use crate::dbus::{Address, Answer, Bus, BusError, Call, Value};
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
mod families {
    use super::Family;

    pub(super) static VERSION: Family = Family::gauge("node_systemd_version", "Detected systemd version");
    pub(super) static VIRTUALIZATION: Family = Family::gauge("node_systemd_virtualization_info", "Detected virtualization technology");
    pub(super) static RUNNING: Family = Family::gauge("node_systemd_system_running", "Whether the system is operational (see 'systemctl is-system-running')");
    pub(super) static UNITS: Family = Family::gauge("node_systemd_units", "Summary of systemd unit states");
    pub(super) static STATE: Family = Family::gauge("node_systemd_unit_state", "Systemd unit");
    pub(super) static START_TIME: Family = Family::gauge("node_systemd_unit_start_time_seconds", "Start time of the unit since unix epoch in seconds.");
    pub(super) static TASKS: Family = Family::gauge("node_systemd_unit_tasks_current", "Current number of tasks per Systemd unit");
    pub(super) static TASKS_MAX: Family = Family::gauge("node_systemd_unit_tasks_max", "Maximum number of tasks per Systemd unit");
    pub(super) static RESTARTS: Family = Family::counter("node_systemd_service_restart_total", "Service unit count of Restart triggers");
    pub(super) static LAST_TRIGGER: Family = Family::gauge("node_systemd_timer_last_trigger_seconds", "Seconds since epoch of last trigger.");
    pub(super) static ACCEPTED: Family = Family::counter("node_systemd_socket_accepted_connections_total", "Total number of accepted socket connections");
    pub(super) static CONNECTIONS: Family = Family::gauge("node_systemd_socket_current_connections", "Current number of socket connections");
    /// A gauge, whatever its name says: upstream's type.
    pub(super) static REFUSED: Family = Family::gauge("node_systemd_socket_refused_connections_total", "Total number of refused socket connections");
    pub(super) static LEFT_OUT: Family = Family::gauge("vigie_systemd_units_left_out", "Units that are not exposed because there are more than max_units.");
}

/// The states that each unit has a series for.
const STATES: [&str; 5] = ["active", "activating", "deactivating", "inactive", "failed"];

/// More states than systemd knows of, with those that are passing ones (`reloading`, `maintenance`).
const MOST_STATES: usize = 16;

const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// Microseconds in a second.
const USEC: f64 = 1e6;

pub(super) struct Systemd {
    bus: Bus,
    clock: Clock,
    settings: SystemdSettings,
    wanted: Wanted,
    units: Units,
    left_out: usize,
}

/// What systemd says of itself.
#[derive(Debug, Default)]
struct Manager {
    version: (f64, String),
    virtualization: Option<String>,
    running: Option<bool>,
    /// When it has last read its units' files: microseconds since boot.
    loaded: Option<u64>,
    /// How many units are in each state.
    summary: Vec<(String, u64)>,
    left_out: usize,
}

impl Systemd {
    pub(super) fn new(roots: &Roots, settings: &SystemdSettings, clock: Clock) -> Result<Self, Error> {
        let address = if settings.private { Address::private(roots) } else { Address::system(roots) };
        Self::at(address, settings, clock)
    }

    fn at(address: Address, settings: &SystemdSettings, clock: Clock) -> Result<Self, Error> {
        Ok(Self {
            bus: Bus::new(address),
            clock,
            settings: settings.clone(),
            wanted: Wanted::new(settings)?,
            units: Units::default(),
            left_out: 0,
        })
    }

    /// Says once when the bound begins and ceases to be felt.
    fn tell(&mut self, left_out: usize) {
        let most = self.settings.max_units;
        match (self.left_out, left_out) {
            (0, 1..) => tracing::warn!(
                collector = "systemd",
                "{left_out} units are not exposed: there are more than {most} (systemd.max_units)"
            ),
            (1.., 0) => tracing::info!(collector = "systemd", "all units are exposed again"),
            _ => {}
        }
        self.left_out = left_out;
    }
}

impl Sampler for Systemd {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let until = Bus::deadline();
        let mut manager = Manager::default();
        let calls = Manager::calls();
        let asked = self.bus.ask(until, &calls, |number, answer| {
            manager.take(number, answer, |listed| {
                let most = self.settings.max_units as usize;
                let left_out = choose(listed, &self.wanted, most);
                self.units.meet(listed);
                left_out
            })
        });
        asked.map_err(BusError::or_no_data)?;
        manager.write(page);
        self.tell(manager.left_out);

        self.units.refresh(manager.loaded, self.clock.monotonic());
        let bus = &mut self.bus;
        self.units.update(&self.settings, |calls| {
            let mut answers = Vec::new();
            answers.resize_with(calls.len(), || None);
            bus.ask(until, calls, |number, answer| {
                answers[number] = property(answer)?.and_then(Answered::new);
                Ok(())
            })?;
            Ok::<_, BusError>(answers)
        })?;
        for (name, unit) in self.units.iter() {
            write(page, name, unit, &self.settings);
        }
        Ok(())
    }
}

/// Leaves those that are wanted, in no order, and no more than `most`; returns how many had to go.
fn choose(listed: &mut Vec<Listed<'_>>, wanted: &Wanted, most: usize) -> usize {
    listed.retain(|unit| unit.loaded && wanted.wants(unit.name));
    let left_out = listed.len().saturating_sub(most);
    if left_out > 0 {
        listed.sort_unstable_by_key(|unit| (unit.active != "failed", unit.name));
        listed.truncate(most);
    }
    left_out
}

/// The value of a property; `None` where there is none, or if the unit has gone meanwhile.
fn property(answer: Answer<'_>) -> Result<Option<Value<'_>>, BusError> {
    match answer {
        Ok(mut body) => {
            body.expect("v")?;
            Ok(Some(body.variant()?))
        }
        Err(_) => Ok(None),
    }
}

impl Manager {
    /// The list comes last.
    fn calls() -> [Call<'static>; 5] {
        let property = |name| Call::property(DESTINATION, PATH, MANAGER, name);
        [
            property("Version"),
            property("Virtualization"),
            property("SystemState"),
            property("UnitsLoadTimestampMonotonic"),
            Call::method(DESTINATION, PATH, MANAGER, "ListUnits"),
        ]
    }

    /// Takes the answer to the call of that number. `choose` is given all units, leaves those to be exposed, and
    /// returns how many are not.
    fn take(
        &mut self,
        number: usize,
        answer: Answer<'_>,
        choose: impl FnOnce(&mut Vec<Listed<'_>>) -> usize,
    ) -> Result<(), BusError> {
        match number {
            0 => {
                if let Some(Value::Text(version)) = property(answer)? {
                    self.version = (version_number(version), version.to_owned());
                }
            }
            1 => {
                if let Some(Value::Text(virtualization)) = property(answer)? {
                    self.virtualization = Some(virtualization.to_owned());
                }
            }
            2 => {
                if let Some(Value::Text(state)) = property(answer)? {
                    self.running = Some(state == "running");
                }
            }
            3 => {
                if let Some(Value::U64(loaded)) = property(answer)? {
                    self.loaded = Some(loaded);
                }
            }
            _ => {
                let mut body = answer.map_err(|refusal| BusError::refused("list units", &refusal))?;
                let mut listed = Vec::new();
                list(&mut body, |unit| listed.push(unit))?;
                self.summary = STATES.iter().map(|state| ((*state).to_owned(), 0)).collect();
                for unit in &listed {
                    self.count(unit.active);
                }
                self.left_out = choose(&mut listed);
            }
        }
        Ok(())
    }

    fn count(&mut self, state: &str) {
        if let Some((_, count)) = self.summary.iter_mut().find(|(known, _)| known == state) {
            *count += 1;
        } else if self.summary.len() < MOST_STATES {
            self.summary.push((state.to_owned(), 1));
        }
    }

    fn write(&self, page: &mut Page) {
        let (number, version) = &self.version;
        let labels = page.full_labels(&[("version", if *number > 0.0 { version } else { "" })]);
        page.set(&families::VERSION, labels, *number);
        let virtualization = match self.virtualization.as_deref() {
            // On bare metal.
            Some("") => "none",
            Some(virtualization) => virtualization,
            None => "unknown",
        };
        let labels = page.labels(&[("virtualization_type", virtualization)]);
        page.set(&families::VIRTUALIZATION, labels, 1.0);
        if let Some(running) = self.running {
            page.set(&families::RUNNING, Labels::NONE, f64::from(running));
        }
        for (state, count) in &self.summary {
            let labels = page.labels(&[("state", state)]);
            page.set(&families::UNITS, labels, *count as f64);
        }
        page.set(&families::LEFT_OUT, Labels::NONE, self.left_out as f64);
    }
}

/// The first number of three digits or more, with its fraction: 252.39 of `252.39-1~deb12u2`; 0 if there is none.
fn version_number(version: &str) -> f64 {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = version;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        rest = &rest[at..];
        let whole = digits(rest);
        if whole >= 3 {
            let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);
            let end = if fraction > 0 { whole + 1 + fraction } else { whole };
            return rest[..end].parse().unwrap_or_default();
        }
        rest = &rest[whole..];
    }
    0.0
}

fn write(page: &mut Page, name: &str, unit: &Unit, settings: &SystemdSettings) {
    for state in STATES {
        let labels = page.full_labels(&[("name", name), ("state", state), ("type", &unit.service_type)]);
        page.set(&families::STATE, labels, f64::from(unit.active == state));
    }
    let started = match &*unit.active {
        "active" => unit.start_time,
        _ => settings.enable_start_time_metrics.then_some(0.0),
    };
    let values = [
        (&families::RESTARTS, unit.restarts),
        (&families::ACCEPTED, unit.accepted),
        (&families::CONNECTIONS, unit.connections),
        (&families::REFUSED, unit.refused),
        (&families::LAST_TRIGGER, unit.last_trigger.map(|usec| usec / USEC)),
        (&families::START_TIME, started.map(|usec| usec / USEC)),
        (&families::TASKS, unit.tasks),
        (&families::TASKS_MAX, unit.tasks_max),
    ];
    if values.iter().any(|(_, value)| value.is_some()) {
        let labels = page.labels(&[("name", name)]);
        for (family, value) in values {
            if let Some(value) = value {
                page.set(family, labels, value);
            }
        }
    }
}

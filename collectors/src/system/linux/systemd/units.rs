//! The units that are exposed, and what is known of each.
//!
//! A list of all units is one call; whatever else is to be told of a unit is a call of its own, and each wakes up the process
//! that all others depend on. So a property is asked for again only where it can have changed:
//!
//! - `Type` is fixed until systemd reads the unit's file again, and so is whether anything makes the service start
//!   again by itself; where nothing does, `NRestarts` stays as it is. Likewise only a socket with `Accept` counts.
//! - All of a unit is asked for anew when its state is another than before (a unit that systemd-run makes may be
//!   a different one of the same name), and all of all units when systemd has reloaded, or after [`REFRESH`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::settings::SystemdSettings;
use crate::dbus::{Call, Malformed, Reader, Value};

/// After so long everything is asked for again.
const REFRESH: Duration = Duration::from_secs(300);

pub(super) const DESTINATION: &str = "org.freedesktop.systemd1";

/// One of the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'m> {
    pub(super) name: &'m str,
    pub(super) loaded: bool,
    /// `active`, `failed` and so on.
    pub(super) active: &'m str,
    /// The state in the words of its kind: `running`, `dead`, `listening`.
    pub(super) sub: &'m str,
    pub(super) path: &'m str,
}

/// What `ListUnits` answers.
pub(super) fn list<'m>(answer: &mut Reader<'m>, mut take: impl FnMut(Listed<'m>)) -> Result<(), Malformed> {
    answer.expect("a(ssssssouso)")?;
    let mut units = answer.array(8)?;
    while !units.is_at_end() {
        units.align(8)?;
        let (name, _description) = (units.text()?, units.text()?);
        let (load, active, sub) = (units.text()?, units.text()?, units.text()?);
        let (_following, path) = (units.text()?, units.text()?);
        let (_job, _job_type, _job_path) = (units.u32()?, units.text()?, units.text()?);
        take(Listed { name, loaded: load == "loaded", active, sub, path });
    }
    Ok(())
}

/// A property, as far as they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    Type,
    Restart,
    RestartForceExitStatus,
    Restarts,
    Accept,
    Accepted,
    Connections,
    Refused,
    LastTrigger,
    StartTime,
    Tasks,
    TasksMax,
}

/// What a unit is, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Service,
    Socket,
    Timer,
    Mount,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, kind)| kind) {
            Some("service") => Self::Service,
            Some("socket") => Self::Socket,
            Some("timer") => Self::Timer,
            Some("mount") => Self::Mount,
            _ => Self::Other,
        }
    }

    fn interface(self) -> &'static str {
        match self {
            Self::Service => "org.freedesktop.systemd1.Service",
            Self::Socket => "org.freedesktop.systemd1.Socket",
            Self::Timer => "org.freedesktop.systemd1.Timer",
            Self::Mount => "org.freedesktop.systemd1.Mount",
            Self::Other => "org.freedesktop.systemd1.Unit",
        }
    }
}

/// A unit that is exposed.
#[derive(Debug)]
pub(super) struct Unit {
    kind: Kind,
    path: Box<str>,
    pub(super) active: String,
    sub: String,
    /// In the list of that number.
    round: u64,
    /// Whether everything has to be asked for.
    is_new: bool,
    restart: bool,
    force_restart: bool,
    accept: bool,
    /// `Type` of a service or a mount.
    pub(super) service_type: Box<str>,
    pub(super) restarts: Option<f64>,
    pub(super) accepted: Option<f64>,
    pub(super) connections: Option<f64>,
    pub(super) refused: Option<f64>,
    /// Microseconds since 1970, as all times of systemd.
    pub(super) last_trigger: Option<f64>,
    pub(super) start_time: Option<f64>,
    pub(super) tasks: Option<f64>,
    pub(super) tasks_max: Option<f64>,
}

impl Unit {
    fn new(listed: &Listed<'_>) -> Self {
        Self {
            kind: Kind::of(listed.name),
            path: listed.path.into(),
            active: listed.active.to_owned(),
            sub: listed.sub.to_owned(),
            round: 0,
            is_new: true,
            restart: false,
            force_restart: false,
            accept: false,
            service_type: Box::default(),
            restarts: None,
            accepted: None,
            connections: None,
            refused: None,
            last_trigger: None,
            start_time: None,
            tasks: None,
            tasks_max: None,
        }
    }

    /// What has to be asked for now.
    fn questions(&self, settings: &SystemdSettings) -> impl Iterator<Item = Property> {
        use Property::{
            Accept, Accepted, Connections, LastTrigger, Refused, Restart, RestartForceExitStatus, Restarts,
            StartTime, Tasks, TasksMax, Type,
        };
        let fixed: &[Property] = match self.kind {
            _ if !self.is_new => &[],
            Kind::Service if settings.enable_restarts_metrics => &[Type, Restart, RestartForceExitStatus],
            Kind::Service | Kind::Mount => &[Type],
            Kind::Socket => &[Accept],
            Kind::Timer | Kind::Other => &[],
        };
        let restarts = self.is_new || self.restart || self.force_restart;
        let moving: &[Property] = match self.kind {
            Kind::Service if settings.enable_restarts_metrics && restarts => &[Restarts],
            Kind::Socket if self.is_new || self.accept => &[Accepted, Connections, Refused],
            Kind::Timer => &[LastTrigger],
            _ => &[],
        };
        let tasks: &[Property] = match self.kind {
            Kind::Service if settings.enable_task_metrics => &[Tasks, TasksMax],
            _ => &[],
        };
        let started: &[Property] = match &*self.active {
            "active" if settings.enable_start_time_metrics => &[StartTime],
            _ => &[],
        };
        [fixed, moving, tasks, started].into_iter().flatten().copied()
    }

    fn call(&self, property: Property) -> Call<'_> {
        let (interface, name) = match property {
            Property::Type => (self.kind.interface(), "Type"),
            Property::Restart => (self.kind.interface(), "Restart"),
            Property::RestartForceExitStatus => (self.kind.interface(), "RestartForceExitStatus"),
            Property::Restarts => (self.kind.interface(), "NRestarts"),
            Property::Accept => (self.kind.interface(), "Accept"),
            Property::Accepted => (self.kind.interface(), "NAccepted"),
            Property::Connections => (self.kind.interface(), "NConnections"),
            Property::Refused => (self.kind.interface(), "NRefused"),
            Property::LastTrigger => (self.kind.interface(), "LastTriggerUSec"),
            Property::StartTime => (Kind::Other.interface(), "ActiveEnterTimestamp"),
            Property::Tasks => (self.kind.interface(), "TasksCurrent"),
            Property::TasksMax => (self.kind.interface(), "TasksMax"),
        };
        Call::property(DESTINATION, &self.path, interface, name)
    }

    /// Takes an answer; `None` for a property that this unit or this systemd does not have.
    fn take(&mut self, property: Property, answer: Option<Answered>) {
        let number = match answer {
            Some(Answered::Number(number)) => Some(number),
            _ => None,
        };
        match property {
            Property::Type => {
                self.service_type = match answer {
                    Some(Answered::Text(text)) => text,
                    _ => Box::default(),
                }
            }
            Property::Restart => {
                self.restart = !matches!(answer, Some(Answered::Text(text)) if &*text == "no");
            }
            Property::RestartForceExitStatus => self.force_restart = answer == Some(Answered::Something),
            Property::Restarts => self.restarts = number,
            Property::Accept => self.accept = answer == Some(Answered::Something),
            Property::Accepted => self.accepted = number,
            Property::Connections => self.connections = number,
            Property::Refused => self.refused = number,
            Property::LastTrigger => self.last_trigger = number,
            Property::StartTime => self.start_time = number,
            Property::Tasks => self.tasks = number,
            Property::TasksMax => self.tasks_max = number,
        }
    }
}

/// A value, apart from the message it came in.
#[derive(Debug, PartialEq)]
pub(super) enum Answered {
    Number(f64),
    Text(Box<str>),
    /// Yes, or a list that has elements; the opposite is nothing.
    Something,
}

impl Answered {
    pub(super) fn new(value: Value<'_>) -> Option<Self> {
        match value {
            Value::U32(number) => Some(Self::Number(f64::from(number))),
            // What is not known or has no limit.
            Value::U64(u64::MAX) => None,
            Value::U64(number) => Some(Self::Number(number as f64)),
            Value::Text(text) => Some(Self::Text(text.into())),
            Value::Bool(is) => is.then_some(Self::Something),
            // Empty arrays are lengths of 0.
            Value::Other(bytes) => bytes.iter().any(|byte| *byte != 0).then_some(Self::Something),
        }
    }
}

/// All units that are exposed, by name.
#[derive(Debug, Default)]
pub(super) struct Units {
    known: BTreeMap<Box<str>, Unit>,
    round: u64,
    loaded: Option<u64>,
    refreshed: Option<Instant>,
}

impl Units {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Unit)> {
        self.known.iter().map(|(name, unit)| (&**name, unit))
    }

    /// Takes the list of those that are to be exposed; the others are forgotten.
    pub(super) fn meet(&mut self, listed: &[Listed<'_>]) {
        self.round += 1;
        for one in listed {
            if !self.known.contains_key(one.name) {
                self.known.insert(one.name.into(), Unit::new(one));
            }
            let Some(unit) = self.known.get_mut(one.name) else { continue };
            if unit.active != one.active || unit.sub != one.sub || *unit.path != *one.path {
                *unit = Unit::new(one);
            }
            unit.round = self.round;
        }
        self.known.retain(|_, unit| unit.round == self.round);
    }

    /// Asks for everything again if units were loaded since, or if it was long ago.
    pub(super) fn refresh(&mut self, loaded: Option<u64>, now: Instant) {
        let fresh = self.refreshed.is_some_and(|then| now.saturating_duration_since(then) < REFRESH);
        if !fresh || self.loaded != loaded {
            self.known.values_mut().for_each(|unit| unit.is_new = true);
            (self.loaded, self.refreshed) = (loaded, Some(now));
        }
    }

    /// What has to be asked for now; `ask` is given all calls and returns the answers in their order.
    pub(super) fn update<E>(
        &mut self,
        settings: &SystemdSettings,
        ask: impl FnOnce(&[Call<'_>]) -> Result<Vec<Option<Answered>>, E>,
    ) -> Result<(), E> {
        let mut calls = Vec::new();
        for unit in self.known.values() {
            calls.extend(unit.questions(settings).map(|property| unit.call(property)));
        }
        let mut answers = ask(&calls)?.into_iter();
        for unit in self.known.values_mut() {
            let questions: Vec<Property> = unit.questions(settings).collect();
            for property in questions {
                unit.take(property, answers.next().flatten());
            }
            unit.is_new = false;
        }
        Ok(())
    }
}

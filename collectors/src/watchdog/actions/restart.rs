//! Restarting a unit of systemd: asking for it, and waiting for what becomes of it.
//!
//! systemd answers at once, with the object of a job; the job is done when there is no such object any more. What
//! counts is the state of the unit then: a service that has started and ended again at once is not restarted.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::units::{DESTINATION, State, object};
use crate::dbus::{Address, Answer, Bus, BusError, Call, Value};

/// How long is waited for a job. systemd itself gives a service 90 s to start, unless its unit says otherwise.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two questions after a job.
const PAUSE: Duration = Duration::from_millis(200);

const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const JOB: &str = "org.freedesktop.systemd1.Job";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// See the module.
pub(in crate::watchdog) struct Restart {
    unit: String,
    address: Address,
}

impl Restart {
    pub(super) fn new(unit: &str, address: Address) -> Self {
        Self { unit: unit.to_owned(), address }
    }

    /// Blocks until the job is done.
    pub(super) fn perform(&self) -> Result<String, String> {
        let until = Instant::now() + PATIENCE;
        let unit = &self.unit;
        let mut bus = Bus::new(self.address.clone());
        let job = self.ask(&mut bus, until).map_err(|error| refused(unit, &error))?;
        let lost = |error: BusError| format!("{unit} was told to restart, and then: {error}");
        while exists(&mut bus, &job, until).map_err(lost)? {
            if Instant::now() + PAUSE >= until {
                return Err(format!(
                    "{unit} was told to restart, which is not done after {} s",
                    PATIENCE.as_secs()
                ));
            }
            sleep(PAUSE);
        }
        let path = object(unit);
        let mut state = State::default();
        let ask = Call::property(DESTINATION, &path, UNIT, "ActiveState");
        bus.ask(until, &[ask], |_, answer| state.take_active(answer)).map_err(lost)?;
        match state.active.as_str() {
            "active" => Ok(format!("restarted {unit}")),
            // One that runs once and has ended well.
            "inactive" if self.has_succeeded(&mut bus, &path, until) => {
                Ok(format!("restarted {unit}, which has ended"))
            }
            active => Err(format!("{unit} was told to restart and is {active}")),
        }
    }

    /// The object of the job.
    fn ask(&self, bus: &mut Bus, until: Instant) -> Result<String, BusError> {
        let restart = Call::method(DESTINATION, "/org/freedesktop/systemd1", MANAGER, "RestartUnit");
        let mut job = String::new();
        bus.ask(until, &[restart.with(&self.unit, "replace")], |_, answer| match answer {
            Ok(mut body) => {
                body.expect("o")?;
                job = body.text()?.to_owned();
                Ok(())
            }
            Err(refusal) => Err(BusError::refused("restart", &refusal)),
        })?;
        Ok(job)
    }

    fn has_succeeded(&self, bus: &mut Bus, path: &str, until: Instant) -> bool {
        let mut succeeded = false;
        let ask = Call::property(DESTINATION, path, SERVICE, "Result");
        let asked = bus.ask(until, &[ask], |_, answer: Answer<'_>| {
            if let Ok(mut body) = answer {
                succeeded = body.variant()? == Value::Text("success");
            }
            Ok(())
        });
        asked.is_ok() && succeeded
    }
}

/// Whether a job is not done yet.
fn exists(bus: &mut Bus, job: &str, until: Instant) -> Result<bool, BusError> {
    let mut exists = false;
    bus.ask(until, &[Call::property(DESTINATION, job, JOB, "State")], |_, answer| {
        exists = answer.is_ok();
        Ok(())
    })?;
    Ok(exists)
}

/// Why systemd does not even try, in words that say what to do about it.
fn refused(unit: &str, error: &BusError) -> String {
    match error {
        BusError::Refused { name, .. }
            if name.ends_with(".AccessDenied") || name.ends_with(".InteractiveAuthorizationRequired") =>
        {
            format!(
                "restart {unit}: not permitted: polkit lets this user not do org.freedesktop.systemd1.manage-units"
            )
        }
        BusError::Refused { name, .. } if name.ends_with(".NoSuchUnit") => {
            format!("restart {unit}: no such unit")
        }
        error => format!("restart {unit}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::dbus::fake::{Asked, FakeBus, Property, Reaction, refusal, reply};

    /// systemd with a job that is seen twice before it is done.
    fn systemd(active: &'static str, result: &'static str) -> FakeBus {
        let seen = AtomicU32::new(0);
        FakeBus::new(move |asked: &Asked| {
            let name = asked.arguments.as_ref().map(|(_, second)| second.as_str());
            match (asked.member.as_str(), name) {
                ("RestartUnit", Some("replace")) => {
                    Reaction::Answer(reply(asked.serial, "o", |body| body.text("/job/7")))
                }
                ("Get", Some("State")) if seen.fetch_add(1, Ordering::Relaxed) >= 2 => {
                    let name = "org.freedesktop.DBus.Error.UnknownObject";
                    Reaction::Answer(refusal(asked.serial, name, "Unknown object."))
                }
                ("Get", Some("State")) => asked.answer(Some(&Property::Text("running".into()))),
                ("Get", Some("ActiveState")) => asked.answer(Some(&Property::Text(active.into()))),
                ("Get", Some("Result")) => asked.answer(Some(&Property::Text(result.into()))),
                _ => asked.answer(None),
            }
        })
    }

    fn restart(bus: &FakeBus) -> Result<String, String> {
        Restart::new("api.service", bus.address()).perform()
    }

    #[test]
    fn the_job_is_waited_for_and_the_state_of_the_unit_counts() {
        let bus = systemd("active", "success");
        assert_eq!(restart(&bus), Ok("restarted api.service".to_owned()));
        let calls = bus.calls();
        assert_eq!(calls[0].arguments, Some(("api.service".to_owned(), "replace".to_owned())));
        assert_eq!(calls.iter().filter(|asked| asked.path == "/job/7").count(), 3);
        assert!(restart(&systemd("inactive", "success")).is_ok());
        let failed = "api.service was told to restart and is failed".to_owned();
        assert_eq!(restart(&systemd("failed", "exit-code")), Err(failed));
        assert!(restart(&systemd("inactive", "exit-code")).is_err());
    }

    #[test]
    fn who_may_not_is_told_so() {
        let refuse = |name: &'static str| {
            FakeBus::new(move |asked| Reaction::Answer(refusal(asked.serial, name, "no")))
        };
        let denied = restart(&refuse("org.freedesktop.DBus.Error.AccessDenied")).unwrap_err();
        assert!(denied.starts_with("restart api.service: not permitted: polkit"), "{denied}");
        let unknown = restart(&refuse("org.freedesktop.systemd1.NoSuchUnit")).unwrap_err();
        assert_eq!(unknown, "restart api.service: no such unit");
    }
}

//! Runs what is asked for: bounded in number and in time, and dropped with whoever asked.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use prometheus::{IntCounter, IntCounterVec};
use tokio::sync::Semaphore;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Surroundings};

use super::{Access, Asked, Module, Modules, ProberName, Refusal, journal};
use crate::probes::Shared;
use crate::probes::attempt::Attempt;
use crate::probes::command::Allowed;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::guard::Guard;
use crate::probes::metrics;
use crate::probes::prober::{Aim, Prober};
use crate::probes::record::Record;

/// See the module. Its modules change with the configuration.
#[derive(Debug)]
pub struct Blackbox {
    surroundings: Surroundings,
    /// `None` where it is not configured.
    standing: ArcSwapOption<Standing>,
    probes: IntCounterVec,
    busy: IntCounter,
    unknown: IntCounter,
}

/// What one configuration makes of it.
#[derive(Debug)]
struct Standing {
    modules: BTreeMap<String, Ready>,
    access: Access,
    shared: Arc<Shared>,
    places: Semaphore,
}

#[derive(Debug)]
struct Ready {
    module: Module,
    /// Files are read to build a prober: then each run builds its own, so that a file that was exchanged, or that came
    /// late, is used at once.
    reads_files: bool,
    /// Built when it is first asked for.
    prober: OnceLock<Arc<dyn Prober>>,
}

/// What came of a probe.
#[derive(Debug)]
pub struct Report {
    /// Its series.
    pub page: Page,
    /// What happened and by which settings, if that was asked for.
    pub told: Option<Told>,
}

/// For people.
#[derive(Debug)]
pub struct Told {
    /// One line for each thing that happened.
    pub journal: String,
    /// The module's settings, without secrets.
    pub module: String,
}

impl Blackbox {
    /// Without modules; counts with the instruments of `surroundings`.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Self {
        let instruments = &surroundings.instruments;
        let single = |name, help| instruments.counters(name, help, &[]).with_label_values::<&str>(&[]);
        Self {
            standing: ArcSwapOption::empty(),
            probes: instruments.counters(
                "vigie_blackbox_probes_total",
                "Probes that were asked for on /probe, by module and how they went.",
                &["module", "outcome"],
            ),
            busy: single(
                "vigie_blackbox_busy_total",
                "Probes that were asked for on /probe and not run, because as many as may run were running.",
            ),
            unknown: single("blackbox_module_unknown_total", "Count of unknown modules requested by probes"),
            surroundings,
        }
    }

    /// Serves these modules from now on; probes that are running go on by the old ones.
    ///
    /// # Errors
    /// What the check of the settings would have said.
    pub fn apply(&self, modules: Option<&Modules>, access: &Access) -> Result<(), Error> {
        let standing = match modules {
            None => None,
            Some(modules) => {
                if self.standing.load().as_ref().is_some_and(|standing| standing.is(modules, access)) {
                    return Ok(());
                }
                Some(Arc::new(Standing::new(modules, access)?))
            }
        };
        for name in standing.iter().flat_map(|standing| standing.modules.keys()) {
            for outcome in ["success", "failure"] {
                let _ = self.probes.with_label_values(&[name, outcome]);
            }
        }
        self.standing.store(standing);
        Ok(())
    }

    /// Runs one probe. Dropping the future ends it at once.
    ///
    /// # Errors
    /// Why there is nothing to run.
    pub async fn probe(&self, asked: &Asked) -> Result<Report, Refusal> {
        let standing = self.standing.load_full().ok_or(Refusal::Off)?;
        let Some(ready) = standing.modules.get(&asked.module) else {
            self.unknown.inc();
            return Err(Refusal::UnknownModule(asked.module.clone()));
        };
        let module = &ready.module;
        if !standing.access.modules.is_empty() && !standing.access.modules.contains(&asked.module) {
            return Err(Refusal::ModuleForbidden(asked.module.clone()));
        }
        let timeout = asked.timeout(module.timeout.0)?;
        if asked.target.is_empty() {
            return Err(Refusal::NoTarget);
        }
        module.check_hostname(&asked.hostname)?;
        let Ok(_place) = standing.places.try_acquire() else {
            self.busy.inc();
            return Err(Refusal::Busy);
        };
        let (attempt, prober) = self.attempt(&standing, ready, asked, timeout).await;
        let outcome = if attempt.verdict.is_ok() { "success" } else { "failure" };
        self.probes.with_label_values(&[&asked.module, outcome]).inc();
        if let Err(failure) = &attempt.verdict {
            tracing::debug!(module = asked.module, target = asked.target, %failure, "probe failed");
        }
        let mut page = Page::default();
        metrics::write_timeout(&mut page, Labels::NONE, timeout);
        metrics::write_attempt(&mut page, Labels::NONE, &attempt, prober.and_then(|prober| prober.phases()));
        let told = asked.debug.then(|| Told {
            journal: journal::of(&attempt, module.kind().0, &attempt.record.excerpt.redact(&asked.target)),
            module: module.shown(),
        });
        Ok(Report { page, told })
    }

    /// One run, or what stands in its way; and what it was to run.
    async fn attempt(
        &self,
        standing: &Standing,
        ready: &Ready,
        asked: &Asked,
        timeout: Duration,
    ) -> (Attempt, Option<Arc<dyn Prober>>) {
        let clock = &self.surroundings.clock;
        let mut record = Record::new(clock.clone());
        if asked.debug {
            record = record.noting();
        }
        let (module, target) = ready.module.aimed(&asked.target);
        let built = match module {
            None => ready.prober(standing, &self.surroundings),
            Some(module) => module.build(standing, &self.surroundings),
        };
        let prober = match built {
            Ok(prober) => prober,
            Err(error) => {
                let failure = Failure::new(Reason::Credentials, Phase::Resolve, error);
                return (Attempt::refused(None, failure, clock, record), None);
            }
        };
        let barred = ready.module.bar(&target);
        let attempt = match barred {
            Err(failure) => Attempt::refused(Some(&*prober), failure, clock, record),
            Ok(()) => {
                let hostname = Some(asked.hostname.as_str()).filter(|name| !name.is_empty());
                let aim = Aim { hostname, ..Aim::at(&target) };
                Attempt::make(&*prober, aim, timeout, clock, record).await
            }
        };
        (attempt, Some(prober))
    }
}

impl Standing {
    fn new(modules: &Modules, access: &Access) -> Result<Self, Error> {
        let ready = |module: &Module| {
            let mut module = module.clone();
            let reads_files = module.tls().is_some_and(|tls| tls.names_files());
            Ready { module, reads_files, prober: OnceLock::new() }
        };
        let modules = modules.modules.iter().map(|(name, module)| (name.clone(), ready(module))).collect();
        let shared = Shared::new(Guard::new(access)?, Allowed::default());
        Ok(Self { modules, shared, places: Semaphore::new(access.concurrency), access: access.clone() })
    }

    /// Whether it was made of these settings.
    fn is(&self, modules: &Modules, access: &Access) -> bool {
        self.access == *access
            && self.modules.len() == modules.modules.len()
            && self.modules.iter().all(|(name, ready)| modules.modules.get(name) == Some(&ready.module))
    }
}

impl Ready {
    /// What runs it: the one that is kept, unless files may have changed.
    fn prober(&self, standing: &Standing, surroundings: &Surroundings) -> Result<Arc<dyn Prober>, Error> {
        if self.reads_files {
            return self.module.build(standing, surroundings);
        }
        if let Some(prober) = self.prober.get() {
            return Ok(Arc::clone(prober));
        }
        let prober = self.module.build(standing, surroundings)?;
        Ok(Arc::clone(self.prober.get_or_init(|| prober)))
    }
}

impl Module {
    fn build(&self, standing: &Standing, surroundings: &Surroundings) -> Result<Arc<dyn Prober>, Error> {
        Ok(self.kind().1.prober(&standing.shared, surroundings)?.into())
    }

    /// The settings as people may see them.
    fn shown(&self) -> String {
        let (key, kind) = self.kind();
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = shown.as_object_mut() {
            members.retain(|name, _| ["prober", "timeout", key].contains(&name.as_str()));
        }
        if let Some(section) = shown.get_mut(key).and_then(|section| section.as_object_mut()) {
            section.retain(|name, value| !value.is_null() && name != kind.target().0);
        }
        format!("{shown:#}\n")
    }

    /// A host has one name: that of the request, or that of the module.
    fn check_hostname(&self, hostname: &str) -> Result<(), Refusal> {
        let is_host = |name: &str| name.eq_ignore_ascii_case("host");
        let own = self.http.headers.iter().find(|(name, _)| is_host(name));
        let other = own.is_some_and(|(_, value)| value.reveal() != hostname);
        if self.prober == ProberName::Http && !hostname.is_empty() && other {
            return Err(Refusal::Hostname(hostname.to_owned()));
        }
        Ok(())
    }

    /// The target as this kind of probe has it, and this module as it is for that target if it differs.
    fn aimed(&self, target: &str) -> (Option<Self>, String) {
        match self.prober {
            ProberName::Http => self.aimed_http(target),
            _ => (None, target.trim().to_owned()),
        }
    }

    /// Plain HTTP where no scheme is given; a user and a password in the URL are those of `basic_auth`.
    fn aimed_http(&self, target: &str) -> (Option<Self>, String) {
        let has =
            |scheme: &str| target.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme));
        let target = match has("http://") || has("https://") {
            true => target.to_owned(),
            false => format!("http://{target}"),
        };
        match super::asked::without_user(&target) {
            None => (None, target),
            Some((user, plain)) => {
                let mut module = self.clone();
                let http = &module.http;
                if http.basic_auth.is_none() && http.authorization.is_none() && http.oauth2.is_none() {
                    module.http.basic_auth = Some(user);
                }
                (Some(module), plain)
            }
        }
    }

    /// What is wrong with a target before anything is done.
    fn bar(&self, target: &str) -> Result<(), Failure> {
        let wrong = |error| Failure::new(Reason::BadTarget, Phase::Resolve, error);
        self.kind().1.check_target(target).map_err(wrong)
    }
}

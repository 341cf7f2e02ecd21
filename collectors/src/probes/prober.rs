//! What a kind of probe has to be.
//!
//! A kind is one folder: its `Config`, its metric table, its code and its tests. [`Kind`] is what its `Config`
//! implements, [`Prober`] what is made of it once and then run against any number of targets, concurrently.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use vigie_pipeline::check::Check;
use vigie_pipeline::metric::Family;
use vigie_pipeline::plug::{Error, Surroundings};

use super::Shared;
use super::failure::{Failure, Phase, Reason};
use super::findings::Findings;
use super::record::Record;
use super::resolve::IpProtocol;
use super::telemetry::Trace;

/// The settings of one kind of probe.
pub(super) trait Kind: Check {
    /// The key that names the target in these settings, and what it says: empty if it is left to `targets`.
    fn target(&self) -> (&'static str, &str);

    /// More targets that these settings name.
    fn more_targets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Compiles the settings, once for all targets.
    ///
    /// # Errors
    /// What the check of the settings would have said.
    fn prober(&self, shared: &Arc<Shared>, surroundings: &Surroundings) -> Result<Box<dyn Prober>, Error>;

    /// What is wrong with a text as a target of this kind; the error follows `target "…": `.
    ///
    /// # Errors
    /// See above.
    fn check_target(&self, target: &str) -> Result<(), Error>;
}

/// A gauge with the seconds of each phase, and the phases that are always there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phases {
    pub(super) family: &'static Family,
    pub(super) all: &'static [Phase],
}

/// One run's target and what goes with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim<'a> {
    /// As the configuration has it: a text that [`Kind::check_target`] has accepted.
    pub(super) target: &'a str,
    /// Connect to this address of the target's host, and resolve nothing.
    pub(super) address: Option<IpAddr>,
    /// Take this as the name of the target's host in requests and in TLS: `hostname` of `/probe`.
    pub(super) hostname: Option<&'a str>,
    /// The context that goes to the target.
    pub(super) trace: Option<&'a Trace>,
}

impl<'a> Aim<'a> {
    /// At a target and nothing else.
    pub(super) fn at(target: &'a str) -> Self {
        Self { target, address: None, hostname: None, trace: None }
    }
}

/// A host, and which of its addresses may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) preferred: IpProtocol,
    pub(super) fallback: bool,
}

/// A kind of probe, ready to run again and again, against any target, several at a time.
#[async_trait]
pub(super) trait Prober: Send + Sync + fmt::Debug {
    /// The phases that a run goes through; `None` if there is nothing to tell apart.
    fn phases(&self) -> Option<Phases>;

    /// Sets every series that is always there to what it is before anything is known.
    fn declare(&self, findings: &mut Findings);

    /// Runs once. It may be dropped at any time, at its deadline; `record` then has what was found until then.
    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure>;

    /// The host of a target, to probe its addresses apart; `None` for kinds without one.
    fn host(&self, _target: &str) -> Option<Host> {
        None
    }

    /// The run is over, and its timeline closed: the last series are set.
    fn settle(&self, _failed: bool, _record: &mut Record) {}

    /// Why a run failed whose deadline passed in `phase`.
    fn timed_out(&self, phase: Phase) -> Reason {
        phase.timed_out()
    }

    /// The name of its client span.
    fn span_name(&self) -> &str;
}

//! What is done when an expectation is not met, if anything is configured: a unit is restarted, a program run, a signal
//! sent, a webhook called.

mod deed;
mod restart;
mod run;
mod signal;
mod webhook;
mod words;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::HumanDuration;

use super::config::check_unit;
use super::entry::Expectation;
use super::kind::Kind;
use crate::signals;

pub(super) use self::deed::{Deed, Means, Occasion, Report, Wrong};
pub(super) use self::words::{told, what};

/// Something that is done when an expectation is not met. Exactly one of `restart_unit`, `run`, `signal` and `webhook` must
/// be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// One of these expectations is not met; any, if none is given.
    pub when: Vec<Kind>,
    /// Restart this unit of systemd: `api.service`.
    pub restart_unit: Option<String>,
    /// Run this program, by its absolute path, with these arguments. No shell is between; `agent.allow_commands` must have
    /// it.
    pub run: Option<Vec<String>>,
    /// Send this signal to the processes of the group: `TERM`.
    pub signal: Option<String>,
    /// Tell this endpoint.
    pub webhook: Option<Webhook>,
    /// Once the expectation was not met at so many looks in a row.
    pub after: NonZeroU32,
    /// How long to wait before it is done again.
    pub backoff: Backoff,
    /// How often at most.
    pub at_most: AtMost,
    /// While one of these probes or expectations, by name, is down, nothing is done.
    pub unless_down: Vec<String>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// The pause between two times: `initial` after the first, twice as long after each further one, up to `max`. Once the
/// expectation was met for as long as `max`, it begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// The first pause.
    pub initial: HumanDuration,
    /// The longest pause.
    pub max: HumanDuration,
}

/// A number of actions in a time. When they are used up nothing more is done, until the expectation has been met for as
/// long as `backoff.max`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AtMost {
    /// So often.
    pub actions: NonZeroU32,
    /// In so long.
    pub within: HumanDuration,
}

/// An endpoint that is told by `POST` with a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// (required) Where.
    pub url: Secret,
    /// More headers of the request.
    pub headers: BTreeMap<String, Secret>,
}

impl Default for Action {
    fn default() -> Self {
        Self {
            when: Vec::new(),
            restart_unit: None,
            run: None,
            signal: None,
            webhook: None,
            after: NonZeroU32::MIN.saturating_add(2),
            backoff: Backoff::default(),
            at_most: AtMost::default(),
            unless_down: Vec::new(),
            dry_run: false,
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: HumanDuration::secs(30), max: HumanDuration::secs(600) }
    }
}

impl Default for AtMost {
    fn default() -> Self {
        Self { actions: NonZeroU32::MIN.saturating_add(4), within: HumanDuration::secs(3600) }
    }
}

impl Action {
    /// The key of what is to be done: the label `action`.
    pub(super) fn key(&self) -> &'static str {
        self.keys().first().copied().unwrap_or("none")
    }

    fn keys(&self) -> Vec<&'static str> {
        let given = [
            ("restart_unit", self.restart_unit.is_some()),
            ("run", self.run.is_some()),
            ("signal", self.signal.is_some()),
            ("webhook", self.webhook.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }

    /// The program that is run, as it is written.
    pub(super) fn program(&self) -> Option<&str> {
        self.run.as_ref()?.first().map(String::as_str)
    }

    /// Whether it is for expectations of this kind.
    pub(super) fn is_on(&self, kind: Kind) -> bool {
        self.when.is_empty() || self.when.contains(&kind)
    }
}

/// Checks the actions of an entry of which this is expected. Only the processes of a group can be sent signals.
pub(super) fn check(actions: &[Action], expected: &[Expectation], is_group: bool, at: &Place<'_>) {
    for (mut at, action) in at.key("actions").each(actions) {
        action.check(&mut at);
        for (at, kind) in at.key("when").each(&action.when) {
            if !expected.iter().any(|expectation| expectation.kind == *kind) {
                at.wrong(format_args!("there is no expectation `{}` here", kind.as_str()));
            }
        }
        if expected.is_empty() {
            at.wrong("nothing is expected here");
        }
        if action.signal.is_some() && !is_group {
            at.key("signal").wrong("only the processes of a group can be sent signals");
        }
    }
}

impl Check for Action {
    fn check(&self, at: &mut Place<'_>) {
        match self.keys().as_slice() {
            [] => at.wrong("one of restart_unit, run, signal and webhook is required"),
            [_] => {}
            [first, second, ..] => at.key(second).wrong(format_args!("{first} is given as well")),
        }
        if let Some(Err(what)) = self.restart_unit.as_deref().map(check_unit) {
            at.key("restart_unit").wrong(what);
        }
        if let Some(argv) = &self.run {
            check_argv(argv, &at.key("run"));
        }
        if let Some(signal) = &self.signal {
            at.key("signal").ok(signals::by_name(signal));
        }
        if let Some(webhook) = &self.webhook {
            webhook::check(webhook, &at.key("webhook"));
        }
        if self.backoff.initial.0.is_zero() {
            at.key("backoff").key("initial").wrong("must be longer than 0");
        }
        if self.backoff.max < self.backoff.initial {
            let initial = self.backoff.initial;
            at.key("backoff").key("max").wrong(format_args!("less than initial, which is {initial}"));
        }
        if self.at_most.within.0.is_zero() {
            at.key("at_most").key("within").wrong("must be longer than 0");
        }
    }
}

fn check_argv(argv: &[String], at: &Place<'_>) {
    match argv.first() {
        None => at.wrong("empty: give a program and its arguments"),
        Some(program) if !program.starts_with('/') => at.index(0).wrong("not an absolute path"),
        Some(_) => {}
    }
    for (at, word) in at.each(argv) {
        if word.contains('\0') {
            at.wrong("has a character that no argument may have");
        }
    }
}

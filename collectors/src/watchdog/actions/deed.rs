//! An action as it is done, once it is time.

use std::sync::Arc;

use vigie_pipeline::plug::{Error, Surroundings};

use super::super::entry::Sort;
use super::super::kind::{Kind, Reason};
use super::super::observer::Member;
use super::{Action, run, signal, webhook};
use crate::probes::Trace;
use crate::program::Allowed;
use crate::signals;
use crate::system::Roots;

/// Why it is time.
#[derive(Debug, Clone)]
pub(in crate::watchdog) struct Occasion {
    /// Of the entry.
    pub(in crate::watchdog) name: String,
    pub(in crate::watchdog) sort: Sort,
    /// What is not met, of what the action is for.
    pub(in crate::watchdog) unmet: Vec<Wrong>,
    /// The processes of the group, if it is one.
    pub(in crate::watchdog) members: Vec<Member>,
    /// How often in a row it is done, with this time.
    pub(in crate::watchdog) times: u32,
    /// The span of the action.
    pub(in crate::watchdog) trace: Trace,
    /// In nanoseconds since the epoch.
    pub(in crate::watchdog) at: u64,
}

/// An expectation that is not met.
#[derive(Debug, Clone)]
pub(in crate::watchdog) struct Wrong {
    pub(in crate::watchdog) kind: Kind,
    pub(in crate::watchdog) reason: Reason,
    pub(in crate::watchdog) words: String,
}

/// What has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::watchdog) struct Report {
    /// In words, either way.
    pub(in crate::watchdog) result: Result<String, String>,
    /// The beginning of what a program has written, without what looks like a secret.
    pub(in crate::watchdog) output: Option<String>,
}

impl From<Result<String, String>> for Report {
    fn from(result: Result<String, String>) -> Self {
        Self { result, output: None }
    }
}

/// What actions are done with.
pub(in crate::watchdog) struct Means<'a> {
    pub(in crate::watchdog) roots: &'a Roots,
    pub(in crate::watchdog) allowed: &'a Allowed,
    pub(in crate::watchdog) surroundings: &'a Surroundings,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(in crate::watchdog) enum Deed {
    #[cfg(target_os = "linux")]
    RestartUnit(Arc<super::restart::Restart>),
    Run(Arc<run::Run>),
    Signal(signal::Signal),
    Webhook(Arc<webhook::Poster>),
    /// This system cannot do it.
    #[cfg(not(target_os = "linux"))]
    Impossible,
}

impl Deed {
    /// # Errors
    /// What the check of the configuration would have said.
    pub(in crate::watchdog) fn new(action: &Action, means: &Means<'_>) -> Result<Self, Error> {
        if let Some(argv) = &action.run {
            return Ok(Self::Run(Arc::new(run::Run::new(argv, means.allowed))));
        }
        if let Some(name) = &action.signal {
            return Ok(Self::Signal(signal::Signal::new(signals::by_name(name)?)));
        }
        if let Some(webhook) = &action.webhook {
            return Ok(Self::Webhook(Arc::new(webhook::Poster::new(webhook, means.surroundings)?)));
        }
        match &action.restart_unit {
            #[cfg(target_os = "linux")]
            Some(unit) => {
                let address = crate::dbus::Address::system(means.roots);
                Ok(Self::RestartUnit(Arc::new(super::restart::Restart::new(unit, address))))
            }
            #[cfg(not(target_os = "linux"))]
            Some(_) => Ok(Self::Impossible),
            None => Err("no action given".into()),
        }
    }

    /// Does it. It ends in bounded time.
    pub(in crate::watchdog) async fn perform(self, occasion: &Occasion) -> Report {
        match self {
            #[cfg(target_os = "linux")]
            Self::RestartUnit(restart) => blocking(move || restart.perform()).await,
            Self::Run(run) => run.perform(occasion).await,
            Self::Signal(signal) => {
                let members = occasion.members.clone();
                blocking(move || signal.send(&members)).await
            }
            Self::Webhook(poster) => poster.post(occasion).await.into(),
            #[cfg(not(target_os = "linux"))]
            Self::Impossible => Err("this system has no systemd".to_owned()).into(),
        }
    }
}

/// On a thread where it may block.
async fn blocking(work: impl FnOnce() -> Result<String, String> + Send + 'static) -> Report {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.into(),
        Err(panic) => Err(panic.to_string()).into(),
    }
}

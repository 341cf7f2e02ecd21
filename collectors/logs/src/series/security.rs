//! The preset for security events: what looks like a break-in being tried, counted by reason.
//!
//! The reasons are a closed set, and nothing that somebody typed becomes a label. One attempt may show under several:
//! sshd tells of a user that does not exist, PAM of the failed check, and sshd again of the wrong password.

mod bursts;
mod message;

use std::sync::Arc;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::Sighting;
use super::http::Request;
use crate::transforms::Reading;
use bursts::Bursts;
pub(super) use message::Reason;

pub(super) static FAMILIES: [Family; 1] = [Family::counter(
    "log_security_events_total",
    "Events in logs that may be break-ins being tried; one attempt may be told by several programs.",
)];

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Security {
    counts: [u64; Reason::ALL.len()],
    bursts: Bursts,
    family: Arc<Family>,
}

impl Security {
    pub(super) fn new() -> Self {
        let counts = [0; Reason::ALL.len()];
        Self { counts, bursts: Bursts::default(), family: Arc::new(FAMILIES[0].clone()) }
    }

    /// Counts a record. Whether it was an event.
    pub(super) fn count(&mut self, request: Option<&Request<'_>>, seen: &Sighting<'_>, at: &Reading) -> bool {
        let Some(request) = request else {
            let Some((reason, times)) = message::read(seen) else { return false };
            self.counts[reason as usize] += u64::from(times);
            return true;
        };
        let reason = match request.status {
            401 => Reason::HttpUnauthorized,
            403 => Reason::HttpForbidden,
            _ => return false,
        };
        self.counts[reason as usize] += 1;
        let time = if seen.fields.time == 0 { at.observed } else { seen.fields.time };
        if request.client.is_some_and(|client| self.bursts.refused(client, time)) {
            self.counts[Reason::HttpBurst as usize] += 1;
        }
        true
    }

    pub(super) fn write(&self, source: &str, page: &mut Page) {
        for reason in Reason::ALL {
            let labels = page.labels(&[("source", source), ("reason", reason.as_str())]);
            page.set(&self.family, labels, self.counts[reason as usize] as f64);
        }
    }
}

#[cfg(test)]
mod tests;

//! When the metrics of a source, and the exceptions in it, are shown: at the start, so that what is 0 is there from the
//! first scrape on, and then when something has changed, at most once a second.

use std::time::{Duration, Instant};

use vigie_pipeline::page::Page;
use vigie_pipeline::snapshot::Slot;

use crate::follower::Follower;

/// At most so often.
const PACE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Publishing {
    /// `None` until the source runs.
    slot: Option<Slot>,
    /// The page to fill next.
    spare: Page,
    has_published: bool,
    /// Not before this.
    next: Instant,
}

impl Publishing {
    pub(super) fn new(now: Instant) -> Self {
        Self { slot: None, spare: Page::default(), has_published: false, next: now }
    }

    /// Where pages go.
    pub(super) fn publish_into(&mut self, slot: Slot) {
        self.slot = Some(slot);
    }

    /// When there is something to publish, if there is.
    pub(super) fn at(&self, follower: &mut Follower) -> Option<Instant> {
        let thrown = follower.exceptions().map(|groups| groups.has_changed());
        let series = follower.series();
        let counted = series.as_ref().map(|series| series.has_changed());
        let changed = thrown.into_iter().chain(counted).any(|changed| changed || !self.has_published);
        let at = if changed { Some(self.next) } else { series?.due() };
        at.map(|at| at.max(self.next))
    }

    /// Publishes if there is something, and it is time to.
    pub(super) fn publish(&mut self, follower: &mut Follower, now: Instant) {
        if self.at(follower).is_none_or(|at| at > now) {
            return;
        }
        let Some(slot) = &self.slot else { return };
        let mut page = std::mem::take(&mut self.spare);
        if let Some(series) = follower.series() {
            series.write(&mut page, now);
        }
        if let Some(groups) = follower.exceptions() {
            groups.write(&mut page);
        }
        self.spare = slot.publish(page);
        self.has_published = true;
        self.next = now + PACE;
    }
}

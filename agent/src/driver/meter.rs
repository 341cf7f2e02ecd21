//! What the driver has measured of its samplers, as metrics.
//!
//! The host's groups have node_exporter's names; every sampler has vigie's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::snapshot::{Slot, Snapshot};

use super::round::Seat;

static NODE_DURATION: Family =
    Family::gauge("node_scrape_collector_duration_seconds", "node_exporter: Duration of a collector scrape.");
static NODE_SUCCESS: Family =
    Family::gauge("node_scrape_collector_success", "node_exporter: Whether a collector succeeded.");
static DURATION: Family =
    Family::gauge("vigie_sampler_duration_seconds", "How long the last sampling of a collector took.");
static SUCCESS: Family =
    Family::gauge("vigie_sampler_success", "Whether the last sampling of a collector succeeded.");
static AGE: Family = Family::gauge(
    "vigie_sampler_age_seconds",
    "Time since a collector was last sampled with success, at the last scrape.",
);

struct Reading {
    took: Duration,
    success: bool,
    succeeded: Option<Instant>,
}

/// See the module.
pub(super) struct Meter {
    slot: Slot,
    page: Page,
    readings: BTreeMap<Arc<str>, Reading>,
}

impl Meter {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        Self { slot: snapshot.slot("vigie"), page: Page::default(), readings: BTreeMap::new() }
    }

    pub(super) fn sampled(&mut self, seat: &Seat, took: Duration, success: bool, now: Instant) {
        let before = self.readings.get(&seat.id).and_then(|reading| reading.succeeded);
        let succeeded = if success { Some(now) } else { before };
        self.readings.insert(Arc::clone(&seat.id), Reading { took, success, succeeded });
    }

    pub(super) fn hung(&mut self, seat: &Seat) {
        let succeeded = self.readings.get(&seat.id).and_then(|reading| reading.succeeded);
        self.readings
            .insert(Arc::clone(&seat.id), Reading { took: seat.deadline, success: false, succeeded });
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.readings.remove(id);
    }

    pub(super) fn publish(&mut self, now: Instant) {
        let page = &mut self.page;
        for (id, reading) in &self.readings {
            let (took, success) = (reading.took.as_secs_f64(), f64::from(u8::from(reading.success)));
            if let Some(group) = id.strip_prefix("system/") {
                let labels = page.labels(&[("collector", group)]);
                page.set(&NODE_DURATION, labels, took);
                page.set(&NODE_SUCCESS, labels, success);
                continue;
            }
            let labels = page.labels(&[("sampler", id)]);
            page.set(&DURATION, labels, took);
            page.set(&SUCCESS, labels, success);
            if let Some(at) = reading.succeeded {
                page.set(&AGE, labels, now.saturating_duration_since(at).as_secs_f64());
            }
        }
        self.page = self.slot.publish(std::mem::take(page));
    }
}

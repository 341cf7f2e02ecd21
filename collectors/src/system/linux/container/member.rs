//! A control group that is exposed.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::super::exhaustion::Forecast;
use super::super::file::FileError;
use super::devices::DeviceNames;
use super::place::Place;
use super::series::{Limit, Limits, Reading, Usage};
use super::source::{self, Sources};
use super::start;
use super::tree::Found;
use crate::system::group::Around;

static LAST_SEEN: Family =
    Family::gauge("container_last_seen", "Last time a container was seen by the exporter");
static INFO: Family = Family::gauge(
    "vigie_container_info",
    "What is known of a control group: the runtime of a container, the Kubernetes pod that it is in.",
);

/// See the module.
pub(super) struct Member {
    pub(super) id: String,
    pub(super) found: Found,
    sources: Sources,
    limits: Limits,
    /// Whether the limits are those of now.
    is_known: bool,
    /// When the memory runs out that it may use.
    memory: Forecast,
}

/// What all control groups are read with.
pub(super) struct Reader {
    pub(super) reading: Reading,
    pub(super) buffer: Vec<u8>,
    pub(super) devices: DeviceNames,
}

impl Member {
    /// `None` if there is nothing to tell of it: no controller is on for it.
    pub(super) fn new(place: &Place, id: String, found: Found, around: &Around) -> Option<Self> {
        let sources = Sources::new(place, &found.below);
        let memory = Forecast::new("memory", around);
        (sources.len() > 0).then(|| Self {
            id,
            found,
            sources,
            limits: Limits::default(),
            is_known: false,
            memory,
        })
    }

    /// Has what seldom changes read again the next time.
    pub(super) fn forget(&mut self) {
        self.is_known = false;
    }

    /// Reads what seldom changes, unless it is known.
    pub(super) fn read_limits(
        &mut self,
        place: &Place,
        procfs: &Path,
        buffer: &mut Vec<u8>,
    ) -> Result<(), FileError> {
        if std::mem::replace(&mut self.is_known, true) {
            return Ok(());
        }
        let below = &self.found.below;
        // A controller may have been turned on meanwhile.
        let sources = Sources::new(place, below);
        if sources.len() != self.sources.len() {
            self.sources = sources;
        }
        let (limits, result) = source::limits(place, below, buffer);
        let started = self.limits.get(Limit::StartTime);
        self.limits = limits;
        let mut dirs = place.hierarchies.iter().map(|(_, dir)| dir.join(below));
        let started = started.or_else(|| dirs.find_map(|dir| start::start_time(procfs, &dir, buffer)));
        if let Some(started) = started {
            self.limits.set(Limit::StartTime, started);
        }
        result
    }

    /// Reads and writes its values, as of `now` in seconds since the Unix epoch. `false` if it has gone.
    ///
    /// # Errors
    /// The first thing that went wrong; the others are written all the same.
    pub(super) fn sample(
        &mut self,
        page: &mut Page,
        with: &mut Reader,
        now: f64,
    ) -> (bool, Result<(), FileError>) {
        let reading = &mut with.reading;
        reading.clear();
        let (is_there, result) = self.sources.read(reading, &mut with.buffer);
        if !is_there {
            return (false, result);
        }
        if !self.found.is_leaf {
            // Those below have processes of their own.
            reading.forget(Usage::Processes);
        }
        source::without_quota(reading, &self.limits);
        let identity = &self.found.identity;
        let labels = page.labels(&[("id", &self.id), ("name", &identity.name)]);
        page.set(&LAST_SEEN, labels, now);
        self.limits.write(page, labels);
        reading.write(page, labels);
        with.devices.write(page, labels, &reading.io);
        let pairs = [("runtime", identity.runtime.as_str()), ("pod_uid", identity.pod_uid.as_str())];
        if pairs.iter().any(|(_, value)| !value.is_empty()) {
            let labels = page.labels_after(labels, &pairs);
            page.set(&INFO, labels, 1.0);
        }
        let limit = self.limits.get(Limit::Memory).filter(|limit| *limit > 0.0);
        if let (Some(limit), Some(used)) = (limit, reading.get(Usage::MemoryWorkingSet)) {
            self.memory.tell(limit - used);
            self.memory.write(page, &self.id);
        }
        (true, result)
    }

    /// Has it read from elsewhere: there, nothing is left of it.
    #[cfg(test)]
    pub(super) fn lose(&mut self, place: &Place) {
        self.sources = Sources::new(place, Path::new("gone"));
    }
}

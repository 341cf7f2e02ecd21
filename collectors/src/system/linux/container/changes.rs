//! When the tree has to be looked through again.
//!
//! The kernel counts the control groups: in version 2 `cgroup.stat` of the first one has how many are below it, in
//! version 1 `/proc/cgroups` has how many each hierarchy has. While those stay as they were and none that is exposed
//! has gone, another one came at most in the place of one that is not exposed; that is found out after a while.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::file::KeptFile;
use super::super::parse;
use super::place::Place;

/// How long counts are believed.
const WHILE: Duration = Duration::from_secs(30);

/// What was known when the tree was last looked through.
#[derive(Debug)]
pub(super) struct Changes {
    unified: Option<KeptFile>,
    legacy: Option<KeptFile>,
    counted: (u64, Vec<u8>),
    looked: Option<Instant>,
}

impl Changes {
    pub(super) fn new(place: &Place, procfs: &Path) -> Self {
        let unified = place.unified().map(|dir| KeptFile::new(dir.join("cgroup.stat")));
        let has_legacy = place.hierarchies.len() > usize::from(unified.is_some());
        let legacy = has_legacy.then(|| KeptFile::new(procfs.join("cgroups")));
        Self { unified, legacy, counted: (0, Vec::new()), looked: None }
    }

    /// Whether to look now; if so, it counts as done.
    pub(super) fn are_due(&mut self, now: Instant) -> bool {
        let unified =
            self.unified.as_mut().and_then(|file| descendants(file.read().ok()?)).unwrap_or_default();
        let legacy = self.legacy.as_mut().and_then(|file| file.read().ok()).unwrap_or_default();
        let is_same = self.counted.0 == unified && self.counted.1 == legacy;
        let is_recent = self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < WHILE);
        if is_same && is_recent {
            return false;
        }
        self.counted.0 = unified;
        self.counted.1.clear();
        self.counted.1.extend_from_slice(legacy);
        self.looked = Some(now);
        true
    }

    /// Something that was there has gone: the counts may be the same by now.
    pub(super) fn make_due(&mut self) {
        self.looked = None;
    }
}

/// `nr_descendants 12`.
fn descendants(stat: &[u8]) -> Option<u64> {
    parse::lines(stat).find_map(|line| parse::whole_file(line.strip_prefix(b"nr_descendants ")?))
}

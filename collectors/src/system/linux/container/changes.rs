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

/// How long counts, and what seldom changes, are believed.
const WHILE: Duration = Duration::from_secs(30);

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// To look for what has come and gone.
    Tree,
    /// Also to read again what seldom changes of those that are known.
    Everything,
}

/// What was known when the tree was last looked through.
#[derive(Debug)]
pub(super) struct Changes {
    unified: Option<KeptFile>,
    legacy: Option<KeptFile>,
    counted: (u64, Vec<u8>),
    any_gone: bool,
    /// When everything was last due.
    since: Option<Instant>,
}

impl Changes {
    pub(super) fn new(place: &Place, procfs: &Path) -> Self {
        let unified = place.unified().map(|dir| KeptFile::new(dir.join("cgroup.stat")));
        let has_legacy = place.hierarchies.len() > usize::from(unified.is_some());
        let legacy = has_legacy.then(|| KeptFile::new(procfs.join("cgroups")));
        Self { unified, legacy, counted: (0, Vec::new()), any_gone: false, since: None }
    }

    /// What is due now; it counts as done.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let unified =
            self.unified.as_mut().and_then(|file| descendants(file.read().ok()?)).unwrap_or_default();
        let legacy = self.legacy.as_mut().and_then(|file| file.read().ok()).unwrap_or_default();
        let has_changed = self.counted.0 != unified || self.counted.1 != legacy;
        if has_changed {
            self.counted.0 = unified;
            self.counted.1.clear();
            self.counted.1.extend_from_slice(legacy);
        }
        let any_gone = std::mem::take(&mut self.any_gone);
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= WHILE) {
            self.since = Some(now);
            return Some(Due::Everything);
        }
        (has_changed || any_gone).then_some(Due::Tree)
    }

    /// Something that was there has gone: the counts may be the same by now.
    pub(super) fn one_has_gone(&mut self) {
        self.any_gone = true;
    }
}

/// `nr_descendants 12`.
fn descendants(stat: &[u8]) -> Option<u64> {
    parse::lines(stat).find_map(|line| parse::whole_file(line.strip_prefix(b"nr_descendants ")?))
}

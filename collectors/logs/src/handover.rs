//! What a source has counted, for the one that takes its place when its section has changed: who adds a metric, or
//! another file, sees no counter begin again.

use std::sync::Arc;

use super::exceptions::Groups;
use super::series::Series;

/// See the module.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) series: Option<Box<Series>>,
    /// Held until the next one has opened them: who opens groups that somebody has gets the same.
    pub(crate) exceptions: Option<Arc<Groups>>,
}

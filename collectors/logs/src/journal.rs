//! What became of each text, written down where somebody asks for it: not in the agent, but at a
//! [`Workbench`](super::workbench::Workbench).

use super::fields::Reason;
use super::records::Records;
use super::spans::Lacking;
use super::stages::{Fate, Stages};

/// What became of a text.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) fate: Fate,
    /// The number of the transform that filtered it, if one did.
    pub(crate) transform: Option<usize>,
    /// What is sent.
    pub(crate) records: Records,
    /// Why it made no span, if one was to be made.
    pub(crate) lacking: Option<Lacking>,
    /// The format that `auto` took it for.
    pub(crate) detected: Option<&'static str>,
    /// Why each format that was tried in vain did not understand it, in their order.
    pub(crate) refused: Vec<Reason>,
    /// What was not understood of it.
    pub(crate) faults: Vec<Reason>,
}

impl Note {
    pub(crate) fn new(text: &str, fate: Fate, records: Records, stages: &Stages) -> Self {
        let found = stages.found();
        Self {
            text: text.to_owned(),
            fate,
            transform: stages.stopped_by().filter(|_| fate != Fate::Sent),
            records,
            lacking: stages.lacking(),
            detected: found.detected,
            refused: found.refused.clone(),
            faults: found.faults.clone(),
        }
    }
}

//! The file that `collectors.processes.process_names` names: an unchanged configuration of process-exporter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vigie_collectors::processes::ProcessNames;

use crate::expand::Variables;
use crate::foreign::{self, Keys, Meaning};
use crate::layers::Layers;
use crate::mistake::Mistakes;

const FILE: Keys = &[("process_names", Meaning::Sections(RULE))];

const RULE: Keys = &[
    ("name", Meaning::Text),
    ("comm", Meaning::Texts),
    ("exe", Meaning::Texts),
    ("cmdline", Meaning::Regexes),
];

/// Reads and checks it; with the hashes of all that was read.
pub(crate) fn load(file: &Path) -> Result<(ProcessNames, BTreeMap<PathBuf, u64>), Mistakes> {
    let variables = Variables::default();
    let mut layers = Layers::new(&variables);
    layers.foreign(file, |tree, _| foreign::translate(tree, FILE));
    layers.finish(|_| Ok(()))
}

#[cfg(test)]
mod tests;

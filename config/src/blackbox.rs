//! The file that `collectors.blackbox` names: an unchanged configuration of blackbox_exporter.
//!
//! It is read as blackbox_exporter reads it ([`crate::foreign`]): its tree is put into vigie's terms, key by key as
//! [`keys`] tells, and decoded into the same types that probes of vigie's own configuration have.

mod binary;
mod keys;
mod terms;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vigie_collectors::probes::blackbox::Modules;

use crate::expand::Variables;
use crate::layers::Layers;
use crate::mistake::Mistakes;

/// Reads and checks it; with the hashes of all that was read.
pub(crate) fn load(file: &Path) -> Result<(Modules, BTreeMap<PathBuf, u64>), Mistakes> {
    let variables = Variables::default();
    let mut layers = Layers::new(&variables);
    layers.foreign(file, terms::translate);
    layers.finish(|_| Ok(()))
}

#[cfg(test)]
mod tests;

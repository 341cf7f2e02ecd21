//! Looking through the tree for what is to be exposed.
//!
//! Containers may be anywhere in it, so all of it is listed, but for what has nothing below it: a directory of control
//! groups has two links and one more for each directory in it. With version 1, what is in any hierarchy counts.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::file::FileError;
use super::identity::{self, Identity};
use super::place::Place;
use crate::system::filter::Filter;

/// Deeper than any tree that the kernel's own limits allow to be of use.
const DEEPEST: usize = 64;

/// A control group that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is below the beginning of the tree.
    pub(super) below: PathBuf,
    pub(super) identity: Identity,
    /// Whether it is a unit of the system's manager rather than a container.
    pub(super) is_unit: bool,
    /// Tells it from another that was made in its place.
    pub(super) inode: u64,
    /// Whether there is none below it.
    pub(super) is_leaf: bool,
}

/// What is wanted of a tree.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) units: bool,
    pub(super) ids: Filter,
}

/// The control groups that are wanted, by their paths.
///
/// # Errors
/// If the beginning of the tree cannot be listed in any hierarchy.
pub(super) fn look(place: &Place, wanted: &Wanted) -> Result<BTreeMap<String, Found>, FileError> {
    let mut look = Look { place, wanted, found: BTreeMap::new() };
    let mut result = Ok(());
    let mut any = false;
    for (_, dir) in &place.hierarchies {
        match look.list(dir, Path::new(""), 0) {
            Ok(()) => any = true,
            Err(source) => result = Err(FileError::Open { path: dir.clone(), source }),
        }
    }
    if any { Ok(look.found) } else { result.map(|()| look.found) }
}

struct Look<'l> {
    place: &'l Place,
    wanted: &'l Wanted,
    found: BTreeMap<String, Found>,
}

impl Look<'_> {
    fn list(&mut self, dir: &Path, below: &Path, depth: usize) -> std::io::Result<()> {
        for entry in std::fs::read_dir(dir)?.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            // What is gone again is none; a name that is not UTF-8 cannot be a label.
            let (Ok(name), Ok(meta)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
            let below = below.join(name);
            let is_leaf = meta.nlink() == 2;
            self.meet(&below, meta.ino(), is_leaf);
            if !is_leaf && depth < DEEPEST {
                let _gone = self.list(&entry.path(), &below, depth + 1);
            }
        }
        Ok(())
    }

    fn meet(&mut self, below: &Path, inode: u64, is_leaf: bool) {
        let id = self.place.id(below);
        if let Some(known) = self.found.get_mut(&id) {
            known.is_leaf &= is_leaf;
            return;
        }
        let container = identity::container(&id);
        let is_unit = container.is_none();
        let unit = || self.wanted.units.then(|| identity::unit(&id)).flatten();
        if let Some(identity) = container.or_else(unit).filter(|_| self.wanted.ids.wants(&id)) {
            let found = Found { below: below.to_owned(), identity, is_unit, inode, is_leaf };
            self.found.insert(id, found);
        }
    }
}

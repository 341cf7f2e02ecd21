//! What became of files whose paths no longer lead to them, and what became of others in between.
//!
//! Three things that a walk over the patterns does not show:
//!
//! * a file that was renamed while the agent was stopped, to what no pattern matches: found by its inode beside
//!   where it was;
//! * files that were born *and* renamed between two looks, because a path was rotated several times: found beside
//!   it as well, by their names and by being younger than the file that was known there;
//! * the copy that copytruncate makes, where the patterns match its name: it has the content of a file that is
//!   followed, and is followed from where that one stands. What was written between the last reading and the
//!   truncation is in the copy alone, so this also loses less.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tracing::info;

use super::discovery::open;
use super::{Birth, Follower, Told};
use crate::identity::{FileId, Mark};
use crate::store::Entry;
use crate::unpack::is_compressed;

/// How long a copy may be shorter than its original without growing, before it is taken for another file.
const COPY_STALLS: Duration = Duration::from_secs(2);

/// A new file that may become the copy of another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growing {
    size: u64,
    since: Instant,
}

/// What a new file at a rotated name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody's copy.
    Own,
    /// A copy of which all before this was read from the original.
    Copy { of: FileId, mark: Mark },
    /// Too short to tell.
    Unclear,
}

impl Follower {
    /// Files known before the agent was started that no pattern matches any more: follows them to their ends.
    pub(super) fn find_renamed(&mut self, seen: &HashSet<FileId>, told: &Told) {
        let remembered = self.remembered.clone();
        let is_still =
            |id: &FileId, entry: &Entry| self.files.get(id).is_none_or(|file| file.is_still(entry));
        let (mut rotated, mut changed) = (BTreeSet::new(), BTreeSet::new());
        for (id, entry) in &remembered {
            match self.names.get(&entry.path) {
                // Also if the file itself is no longer there.
                Some(now) if now != id => {
                    rotated.insert((entry.path.clone(), entry.born));
                    changed.insert(entry.path.clone());
                }
                Some(_) if !is_still(id, entry) => {
                    changed.insert(entry.path.clone());
                }
                _ => {}
            }
        }
        let is_there = |(id, entry): &(FileId, Entry)| seen.contains(id) && is_still(id, entry);
        let away: Vec<_> = remembered.into_iter().filter(|known| !is_there(known)).collect();
        self.find_by_inode(away, told);
        for (path, born) in rotated {
            self.find_between(&path, born, told);
        }
        if let Some(saved) = self.parts.claim.store().saved_at() {
            for path in changed {
                self.find_compressed_between(&path, saved, told);
            }
        }
    }

    /// Files that are known and not where they were: follows those to their ends that are beside it.
    pub(super) fn find_by_inode(&mut self, known: Vec<(FileId, Entry)>, told: &Told) {
        let mut directories: BTreeMap<PathBuf, Vec<(u64, OsString)>> = BTreeMap::new();
        for (id, entry) in known {
            let Some(parent) = entry.path.parent().map(Path::to_owned) else { continue };
            let names = directories.entry(parent.clone()).or_insert_with(|| list(&parent));
            let found = names.iter().find(|(inode, _)| *inode == id.inode && !self.files.contains_key(&id));
            let resumed = match found.map(|(_, name)| parent.join(name)) {
                Some(path) => self.resume(&path, id, &entry, told).unwrap_or_else(|error| {
                    self.fails("open", &path, &error);
                    true
                }),
                None => false,
            };
            if !resumed {
                self.find_compressed(id, &entry, names, told);
            }
        }
    }

    /// Follows what is at `path` if it is what is known. Whether it is.
    fn resume(&mut self, path: &Path, id: FileId, entry: &Entry, told: &Told) -> io::Result<bool> {
        let file = open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() || FileId::of(&meta) != id || is_compressed(&file)? {
            return Ok(false);
        }
        let mut start = entry.mark;
        if !entry.is_of(&file, meta.len())? {
            // Truncated before it was renamed; under any other name it is another file with a reused inode.
            let names = path.file_name().zip(entry.path.file_name());
            if !names.is_some_and(|(name, of)| is_rotation_of(name, of)) {
                return Ok(false);
            }
            self.parts.meters.truncations.inc();
            start = Mark::START;
        }
        let (source, shown, offset) = (&self.parts.meters.source, path.display(), start.offset);
        if path == entry.path {
            info!(source, "{shown} is in no pattern any more: read the rest of it from byte {offset}");
        } else {
            info!(source, "{} was renamed to {shown}: follow it from byte {offset}", entry.path.display());
            self.parts.meters.rotations.inc();
        }
        self.follow(entry.path.clone(), file, id, start, told)?;
        self.leave(id, told);
        Ok(true)
    }

    /// Files beside `path` with rotated names that are younger than the file that was known there: follows
    /// them from their beginnings.
    pub(super) fn find_between(&mut self, path: &Path, known: Option<SystemTime>, told: &Told) {
        let (Some(known), Some(parent), Some(name)) = (known, path.parent(), path.file_name()) else {
            return;
        };
        for (_, sibling) in list(parent) {
            if !is_rotation_of(&sibling, name) {
                continue;
            }
            let sibling = parent.join(sibling);
            let Ok(meta) = fs::symlink_metadata(&sibling) else { continue };
            let id = FileId::of(&meta);
            let is_known =
                self.files.contains_key(&id) || self.asleep.contains_key(&id) || self.ignored.contains(&id);
            let is_new = meta.is_file() && !is_known;
            if !is_new || !meta.created().is_ok_and(|born| born >= known) {
                continue;
            }
            // A path that was rotated by renaming has no copies beside it: no need to wait and see.
            match self.begin(&sibling, Birth::Between, told) {
                Ok(()) => {
                    self.move_to_family(id, path);
                    self.leave(id, told);
                }
                Err(error) => self.fails("open", &sibling, &error),
            }
        }
    }

    /// No path that matches leads to this file.
    pub(super) fn leave(&mut self, id: FileId, told: &Told) {
        if let Some(file) = self.files.get_mut(&id) {
            file.gone = Some(told.now);
        }
    }

    /// Whether the new file at `path` is a copy of one that is followed, or was before the agent was started.
    pub(super) fn origin(
        &mut self,
        path: &Path,
        file: &File,
        id: FileId,
        size: u64,
        now: Instant,
    ) -> io::Result<Origin> {
        let is_sibling = |original: &Path| {
            let names = path.file_name().zip(original.file_name());
            path.parent() == original.parent() && names.is_some_and(|(name, of)| is_rotation_of(name, of))
        };
        let followed = self.files.values().filter(|file| is_sibling(&file.path));
        let mut originals: Vec<(FileId, Entry)> = followed
            .flat_map(|file| {
                let entries = [Some(file.entry(file.offsets.position(), 0)), file.truncated.clone()];
                entries.into_iter().flatten().map(|entry| (file.id, entry))
            })
            .collect();
        let asleep = self.asleep.iter().filter(|(_, file)| is_sibling(&file.path));
        originals.extend(asleep.filter_map(|(id, _)| Some((*id, self.parts.claim.find(*id)?))));
        originals.extend(self.remembered.iter().filter(|(_, e)| is_sibling(&e.path)).cloned());
        originals.retain(|(_, original)| original.mark.offset > 0);
        let mut unclear = false;
        for (of, original) in originals {
            if original.is_of(file, size)? {
                self.growing.remove(&id);
                return Ok(Origin::Copy { of, mark: original.mark });
            }
            unclear |= size < original.mark.offset
                && (size < u64::from(original.head.len) || original.head.is_at(file, 0)?);
        }
        if !unclear {
            return Ok(Origin::Own);
        }
        let growing = self.growing.entry(id).or_insert(Growing { size, since: now });
        if growing.size != size {
            *growing = Growing { size, since: now };
        }
        if now.saturating_duration_since(growing.since) < COPY_STALLS {
            return Ok(Origin::Unclear);
        }
        self.growing.remove(&id);
        Ok(Origin::Own)
    }
}

/// Whether `name` is what rotation makes of `original`: `app.log.1`, `app.log-20260101`, `app.log.old`.
pub(super) fn is_rotation_of(name: &OsStr, original: &OsStr) -> bool {
    let (name, original) = (name.as_encoded_bytes(), original.as_encoded_bytes());
    name.strip_prefix(original).is_some_and(|rest| matches!(rest.first(), Some(b'.' | b'-' | b'_')))
}

/// Inodes and names in a directory; nothing if it cannot be read.
pub(super) fn list(directory: &Path) -> Vec<(u64, OsString)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| (entry.ino(), entry.file_name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_begin_with_the_original() {
        let is = |name: &str| is_rotation_of(OsStr::new(name), OsStr::new("app.log"));
        assert!(is("app.log.1") && is("app.log-20260101") && is("app.log.2.gz"));
        assert!(!is("app.log") && !is("app.logs") && !is("app"));
    }
}

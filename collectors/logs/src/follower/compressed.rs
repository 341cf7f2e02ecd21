//! Files that were compressed by their rotation while nobody looked: what was not read of them is unpacked.
//!
//! A compressed file is never followed itself. While the agent runs it holds the original open and reads it to its
//! end, whatever becomes of its name. After a stop the original may be gone: the compressed one beside it that
//! begins in the same way, and has the same bytes before the saved position, has the rest. Besides, there may be
//! some of which nothing is known, because they were born and compressed while the agent was stopped: those are
//! younger than what was saved last.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::info;

use super::discovery::open;
use super::rotation::{is_rotation_of, list};
use super::{Follower, Told};
use crate::identity::{FileId, Mark, Print};
use crate::store::Entry;
use crate::unpack::{Rest, is_compressed, is_of, unpack};

impl Follower {
    /// A file that is known and nowhere to be found: follows what a compressed one has of it, of those with these
    /// `names` beside it.
    pub(super) fn find_compressed(
        &mut self,
        id: FileId,
        entry: &Entry,
        names: &[(u64, OsString)],
        told: &Told,
    ) {
        if entry.head.len == 0 {
            return;
        }
        for packed in compressed_beside(&entry.path, names) {
            match self.follow_packed(&packed, entry, told) {
                Ok(Rest::Other) => {}
                Ok(Rest::Nothing | Rest::Unpacked) => {
                    // Another file may have its inode by now.
                    if !self.files.contains_key(&id) {
                        self.parts.claim.forget(id);
                    }
                    return;
                }
                Err(error) => self.fails("unpack", &packed, &error),
            }
        }
    }

    /// Compressed files beside `path` that were last written to `since` then and of which nothing is known: follows
    /// all that is in them.
    pub(super) fn find_compressed_between(&mut self, path: &Path, since: SystemTime, told: &Told) {
        let is_sibling = |entry: &Entry| {
            let names = entry.path.file_name().zip(path.file_name());
            let is_rotated = names.is_some_and(|(name, of)| is_rotation_of(name, of));
            entry.head.len > 0 && (entry.path == path || is_rotated && entry.path.parent() == path.parent())
        };
        // One that is being compressed now is there twice.
        let followed: Vec<Entry> = self.files.values().filter_map(|file| file.whole().ok()).collect();
        let remembered = self.remembered.iter().map(|(_, entry)| entry.clone());
        let known: Vec<Entry> = remembered.chain(followed).filter(is_sibling).collect();
        let Some(parent) = path.parent() else { return };
        for packed in compressed_beside(path, &list(parent)) {
            if !fs::metadata(&packed).and_then(|meta| meta.modified()).is_ok_and(|time| time > since) {
                continue;
            }
            match known.iter().map(|entry| self.is_packed(&packed, entry)).find(|is| !matches!(is, Ok(false)))
            {
                None => {}
                Some(Ok(_)) => continue,
                Some(Err(error)) => {
                    self.fails("unpack", &packed, &error);
                    continue;
                }
            }
            let whole = Entry {
                path: path.to_owned(),
                head: Print::default(),
                mark: Mark::START,
                seen: told.seconds(),
                born: None,
            };
            if let Err(error) = self.follow_packed(&packed, &whole, told) {
                self.fails("unpack", &packed, &error);
            }
        }
    }

    fn is_packed(&self, packed: &Path, entry: &Entry) -> io::Result<bool> {
        is_of(&open(packed)?, entry, &self.parts.claim.store().unnamed()?)
    }

    fn follow_packed(&mut self, packed: &Path, entry: &Entry, told: &Told) -> io::Result<Rest> {
        let into = self.parts.claim.store().unnamed()?;
        let rest = unpack(&open(packed)?, entry, &into)?;
        if rest == Rest::Unpacked {
            let (source, at) = (&self.parts.meters.source, entry.mark.offset);
            info!(
                source,
                "{} was compressed: follow {} from byte {at}",
                entry.path.display(),
                packed.display()
            );
            let id = FileId::of(&into.metadata()?);
            self.follow(entry.path.clone(), into, id, entry.mark, told)?;
            if let Some(file) = self.files.get_mut(&id) {
                file.born = entry.born;
            }
            self.leave(id, told);
        }
        Ok(rest)
    }
}

/// Those of the files beside `path` that are compressed and whose names rotation makes of it.
fn compressed_beside(path: &Path, names: &[(u64, OsString)]) -> Vec<PathBuf> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let rotated = names.iter().map(|(_, sibling)| sibling).filter(|sibling| is_rotation_of(sibling, name));
    let is_packed =
        |path: &PathBuf| path.is_file() && open(path).and_then(|file| is_compressed(&file)).unwrap_or(false);
    rotated.map(|name| parent.join(name)).filter(is_packed).collect()
}

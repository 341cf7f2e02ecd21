//! Files that follow each other under one path, where lines may have to wait for what follows them.
//!
//! A runtime that rotates its log in the middle of a long line writes the rest to the next file, and so does a
//! program that is in the middle of a stack trace. So the file that is new under a path is read after the one that
//! was there before, and begins with what waits there. Until that is encoded and settled both positions are held:
//! after a crash the parts are read again from both files.
//!
//! A writer may go on with the file before: what it adds there is no longer joined with what was handed over.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Follower, queue};
use crate::file::Followed;
use crate::identity::FileId;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Families {
    /// In the order in which they were found.
    of: HashMap<PathBuf, Vec<FileId>>,
    /// The files before, by the tokens of the batches that their positions wait for as well.
    tokens: HashMap<u64, Vec<FileId>>,
}

impl Families {
    pub(super) fn add(&mut self, file: &Followed) {
        self.of.entry(file.family.clone()).or_default().push(file.id);
    }

    pub(super) fn forget(&mut self, family: &Path, id: FileId) {
        if let Some(files) = self.of.get_mut(family) {
            files.retain(|other| *other != id);
            if files.is_empty() {
                self.of.remove(family);
            }
        }
    }
}

impl Follower {
    /// The file was under `path`, though it was found under another one.
    pub(super) fn move_to_family(&mut self, id: FileId, path: &Path) {
        if let Some(file) = self.files.get_mut(&id) {
            self.families.forget(&file.family, id);
            path.clone_into(&mut file.family);
            self.families.add(file);
        }
    }

    /// Whether another file is to be read before this one; both are in the queue then. Otherwise this one has
    /// what waited there.
    pub(super) fn waits_for_file_before(&mut self, id: FileId) -> bool {
        if !self.parts.recorder.joins() {
            return false;
        }
        let Some(file) = self.files.get(&id) else { return false };
        if !file.succession.is_known {
            let after = self.file_before(file);
            let Some(file) = self.files.get_mut(&id) else { return false };
            file.succession.is_known = true;
            file.succession.after = after;
        }
        let Some((before, end)) = self.files.get(&id).and_then(|file| file.succession.after) else {
            return false;
        };
        let is_behind = self.files.get(&before).is_some_and(|before| {
            let has_more = before.queued || before.look().is_ok_and(|meta| before.has_changed(&meta));
            // What is written there from now on is not waited for, nor what cannot be read.
            has_more && !before.failing && before.position().offset < end.min(before.bound)
        });
        if is_behind {
            queue(&mut self.ready, &mut self.files, before);
            // It is queued still.
            self.ready.push_back(id);
            return true;
        }
        let [file, before] = self.files.get_disjoint_mut([&id, &before]);
        if let Some(file) = file {
            file.succession.after = None;
            if let Some(before) = before {
                file.inherit(before);
                self.waiting.note(before, &self.parts.recorder);
            }
        }
        false
    }

    /// The youngest of those that had the path of `file` before, if that is read from its beginning, and how
    /// much there is to read.
    fn file_before(&self, file: &Followed) -> Option<(FileId, u64)> {
        if file.position().offset > 0 {
            return None;
        }
        let born = |file: &Followed| file.born.unwrap_or(SystemTime::UNIX_EPOCH);
        let siblings = self.families.of.get(&file.family)?;
        let place = siblings.iter().position(|id| *id == file.id)?;
        let own = (born(file), place);
        let others = siblings.iter().enumerate().filter_map(|(place, id)| {
            let other =
                self.files.get(id).filter(|other| other.gone.is_some() || !self.is_at(&file.family, *id))?;
            Some(((born(other), place), other)).filter(|(age, _)| *age < own)
        });
        let (_, before) = others.max_by_key(|(age, _)| *age)?;
        Some((before.id, before.look().ok()?.len()))
    }

    fn is_at(&self, path: &Path, id: FileId) -> bool {
        self.names.get(path) == Some(&id)
    }

    /// What was handed over by the files `before` is encoded, in the batch of this token if there is one.
    pub(super) fn are_succeeded(&mut self, before: Vec<FileId>, token: Option<u64>, seconds: u64) {
        for id in &before {
            let Some(file) = self.files.get_mut(id) else { continue };
            let end = file.is_succeeded();
            match token {
                Some(token) => file.offsets.offered(token, end),
                None => {
                    if let Some(mark) = file.offsets.passed(end) {
                        self.parts.claim.put(*id, file.entry(mark, seconds));
                    }
                }
            }
        }
        if let Some(token) = token {
            self.families.tokens.insert(token, before);
        }
    }

    /// The batch of this token is settled: so is what it has of files before.
    pub(super) fn settled_before(&mut self, token: u64, seconds: u64) {
        for id in self.families.tokens.remove(&token).into_iter().flatten() {
            if let Some(file) = self.files.get_mut(&id)
                && let Some(mark) = file.offsets.settled(token)
            {
                self.parts.claim.put(id, file.entry(mark, seconds));
            }
        }
    }
}

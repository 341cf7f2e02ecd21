//! What one source knows of its files, or one destination of it that lags behind.

use std::sync::Arc;

use super::{Entry, Owner, State, Store};
use crate::identity::FileId;

/// The positions of one owner.
#[derive(Debug)]
pub(crate) struct Claim {
    store: Arc<Store>,
    owner: Owner,
}

impl Claim {
    pub(super) fn new(store: Arc<Store>, owner: Owner) -> Self {
        *store.state().claims.entry(Arc::clone(&owner.source)).or_default() += 1;
        Self { store, owner }
    }

    /// The store that it is in.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Whether these are positions of this owner: its own, or under the name of a source that lives no more.
    fn is_mine(&self, state: &State, owner: &Owner) -> bool {
        owner.laggard == self.owner.laggard
            && (owner.source == self.owner.source || !state.claims.contains_key(&owner.source))
    }

    /// What is known of `file`: by this owner, or else by one that lives no more. That is this owner's from now
    /// on, and nobody else's: under its old name it would only grow old.
    pub(crate) fn find(&self, file: FileId) -> Option<Entry> {
        let mut state = self.store.state();
        let own = (self.owner.clone(), file);
        if let Some(entry) = state.files.get(&own) {
            return Some(entry.clone());
        }
        let orphans =
            state.files.iter().filter(|((owner, id), _)| *id == file && self.is_mine(&state, owner));
        let orphans: Vec<_> = orphans.map(|(key, _)| key.clone()).collect();
        let entries = orphans.iter().filter_map(|orphan| state.files.remove(orphan));
        let newest = entries.max_by_key(|entry| entry.seen)?;
        state.files.insert(own, newest.clone());
        state.changed = true;
        Some(newest)
    }

    /// All files of this owner, and of those that live no more if this one is new.
    pub(crate) fn files(&self) -> Vec<(FileId, Entry)> {
        let state = self.store.state();
        let is_new = !state.files.keys().any(|(owner, _)| *owner == self.owner);
        let of_mine = |owner: &Owner| *owner == self.owner || is_new && self.is_mine(&state, owner);
        state
            .files
            .iter()
            .filter(|((owner, _), _)| of_mine(owner))
            .map(|((_, id), entry)| (*id, entry.clone()))
            .collect()
    }

    /// Remembers where `file` stands.
    pub(crate) fn put(&self, file: FileId, entry: Entry) {
        let mut state = self.store.state();
        let to = entry.mark.offset;
        let before = state.files.insert((self.owner.clone(), file), entry);
        // One that is renamed out of the patterns before it is saved would not be looked for after a crash.
        let moved = before.map_or(u64::MAX, |before| to.saturating_sub(before.mark.offset));
        state.unsaved = state.unsaved.saturating_add(moved);
        state.changed = true;
    }

    /// Remembers that `files` exist at the time `now`, in seconds since the epoch, and forgets which of this
    /// owner's have not for long. To spare writing, only to the hour.
    ///
    /// Nothing else forgets by age: a clock that leaps ahead, or a stop of many days, makes all that is known
    /// look old until its owner has looked.
    pub(crate) fn exist(&self, files: impl Iterator<Item = FileId>, now: u64) {
        let mut state = self.store.state();
        for file in files {
            let Some(entry) = state.files.get_mut(&(self.owner.clone(), file)) else { continue };
            if now.abs_diff(entry.seen) > 3600 {
                entry.seen = now;
                state.changed = true;
            }
        }
        let is_old = |owner: &Owner, entry: &Entry| *owner == self.owner && entry.is_old(now);
        state.forget_if(is_old);
    }

    /// Forgets by age what belongs to sources that live no more. To be called when every source has had the
    /// time to claim what is its own.
    pub(crate) fn forget_orphans(&self, now: u64) {
        let mut state = self.store.state();
        let claims = state.claims.clone();
        state.forget_if(|owner, entry| !claims.contains_key(&owner.source) && entry.is_old(now));
    }

    /// The file is gone for good.
    pub(crate) fn forget(&self, file: FileId) {
        let mut state = self.store.state();
        state.changed |= state.files.remove(&(self.owner.clone(), file)).is_some();
    }

    /// Which of `patterns` were looked for before: by this source, or by one that lives no more.
    pub(crate) fn known<'p>(&self, patterns: impl Iterator<Item = &'p str>) -> Vec<bool> {
        let state = self.store.state();
        let mine = |source: &Arc<str>| *source == self.owner.source || !state.claims.contains_key(source);
        patterns.map(|wanted| state.patterns.iter().any(|(source, p)| p == wanted && mine(source))).collect()
    }

    /// Remembers that these patterns, and no others, are looked for.
    pub(crate) fn learn<'p>(&self, patterns: impl Iterator<Item = &'p str>) {
        let mut state = self.store.state();
        let before = state.patterns.clone();
        state.patterns.retain(|(source, _)| *source != self.owner.source);
        state.patterns.extend(patterns.map(|pattern| (Arc::clone(&self.owner.source), pattern.to_owned())));
        state.changed |= state.patterns != before;
    }

    /// The destinations that lagged behind when the positions were saved.
    pub(crate) fn laggards(&self) -> Vec<Arc<str>> {
        let state = self.store.state();
        let of_mine =
            |owner: &&Owner| owner.source == self.owner.source || !state.claims.contains_key(&owner.source);
        let mut names: Vec<_> = state
            .files
            .keys()
            .map(|(owner, _)| owner)
            .filter(of_mine)
            .filter_map(|o| o.laggard.clone())
            .collect();
        names.dedup();
        names
    }

    /// The positions that `destination` has kept for itself.
    pub(crate) fn of_laggard(&self, destination: &Arc<str>) -> Self {
        let owner = Owner { laggard: Some(Arc::clone(destination)), ..self.owner.clone() };
        Self::new(Arc::clone(&self.store), owner)
    }

    /// The owner is gone, and all that it knows with it.
    pub(crate) fn dissolve(self) {
        let mut state = self.store.state();
        state.files.retain(|(owner, _), _| *owner != self.owner);
        state.changed = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.store.state();
        if let Some(count) = state.claims.get_mut(&self.owner.source) {
            *count -= 1;
            if *count == 0 {
                state.claims.remove(&self.owner.source);
            }
        }
    }
}

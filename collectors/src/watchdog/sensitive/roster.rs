//! All files that are watched, and how each was at the last look.
//!
//! A look goes over the paths of the configuration and over all that is known already: that a file is gone is said by
//! the file system when it is asked for that very path, never by its absence from a list. What is met for the first
//! time was created, unless the path or glob that it was met by is itself new: then it is how it should be.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::change::{Change, changes};
use super::facts::{Digest, Facts, Found, Kind};
use super::listed::{Listed, Met};

/// More files than this are not watched, besides those that are listed by their path.
const MOST_FILES: usize = 10_000;

/// How a path stood at the last look that could tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    There(Facts),
    Missing,
    /// It could not be read yet.
    Unseen,
}

/// What outlives the agent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    /// Paths and globs, as written, whose files have been looked at.
    pub(super) listed: BTreeSet<String>,
    pub(super) files: BTreeMap<PathBuf, Standing>,
}

/// Something has happened to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) path: PathBuf,
    pub(super) change: Change,
    pub(super) before: Option<Facts>,
    pub(super) after: Option<Facts>,
}

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) events: Vec<Event>,
    /// Paths that could be read before and cannot any more, with the reason.
    pub(super) unreadable: Vec<(PathBuf, String)>,
    /// Paths that can be read again.
    pub(super) readable: Vec<PathBuf>,
    /// The directories in which something that is watched may happen.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Whether there is anything that should be remembered.
    pub(super) is_news: bool,
    /// How many files were met for which there was no room.
    pub(super) beyond: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Roster {
    listed: Vec<Listed>,
    /// The paths among them.
    own: HashSet<PathBuf>,
    memory: Memory,
    unreadable: BTreeSet<PathBuf>,
    /// Where links lead.
    targets: HashSet<PathBuf>,
    most: usize,
    /// Whether there may have been more files than there was room for: then who is met may have been there before.
    was_full: bool,
}

impl Roster {
    /// Goes on from what is remembered of these paths and globs.
    pub(super) fn new(listed: Vec<Listed>, mut memory: Memory) -> Self {
        let texts: HashSet<&str> = listed.iter().map(Listed::text).collect();
        memory.listed.retain(|text| texts.contains(text.as_str()));
        memory.files.retain(|path, _| listed.iter().any(|listed| listed.wants(path)));
        let own = listed.iter().filter_map(Listed::path).map(Path::to_owned).collect();
        let (unreadable, targets) = (BTreeSet::new(), HashSet::new());
        let was_full = memory.files.len() >= MOST_FILES;
        Self { listed, own, memory, unreadable, targets, most: MOST_FILES, was_full }
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// How many files are there, directories among them.
    pub(super) fn present(&self) -> usize {
        self.memory.files.values().filter(|standing| matches!(standing, Standing::There(_))).count()
    }

    /// What is there cannot be read.
    pub(super) fn unreadable(&self) -> &BTreeSet<PathBuf> {
        &self.unreadable
    }

    /// The paths that the configuration lists and all that are known, with whether each is one of the former.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Path, bool)> {
        let met = self.memory.files.keys().filter(|path| !self.own.contains(*path));
        let own = self.own.iter().map(|path| (path.as_path(), true));
        own.chain(met.map(|path| (path.as_path(), false)))
    }

    /// Whether what happens at `path` is of interest.
    pub(super) fn wants(&self, path: &Path) -> bool {
        self.memory.files.contains_key(path)
            || self.targets.contains(path)
            || self.listed.iter().any(|listed| listed.wants(path))
    }

    /// Looks at everything. `now` is the time of the wall clock.
    pub(super) fn look(&mut self, now: SystemTime) -> Look {
        let mut look = Look::default();
        // By path: whether what met it has been looked at before.
        let mut met: BTreeMap<PathBuf, bool> = BTreeMap::new();
        let mut unreadable: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut seen = Vec::new();
        for listed in &self.listed {
            let Met { paths, directories, unreadable: closed, beyond } = listed.walk(self.most);
            look.directories.extend(directories);
            look.beyond += beyond;
            let is_old = self.memory.listed.contains(listed.text());
            if !is_old && closed.is_empty() {
                seen.push(listed.text().to_owned());
            }
            unreadable.extend(closed.into_iter().map(|(path, error)| (path, error.to_string())));
            for path in paths {
                *met.entry(path).or_default() |= is_old;
            }
        }
        for path in self.memory.files.keys() {
            met.entry(path.clone()).or_insert(true);
        }
        self.targets.clear();
        for (path, is_old) in met {
            let is_listed = self.own.contains(&path);
            let is_known = self.memory.files.contains_key(&path);
            if !is_known && !is_listed && self.memory.files.len() >= self.most {
                look.beyond += 1;
                continue;
            }
            let is_old = is_old && (is_known || is_listed || !self.was_full);
            self.look_at(path, is_listed, is_old, now, &mut look, &mut unreadable);
        }
        self.was_full = look.beyond > 0;
        look.is_news |= !seen.is_empty();
        self.memory.listed.extend(seen);
        self.tell_unreadable(unreadable, &mut look);
        look
    }

    fn look_at(
        &mut self,
        path: PathBuf,
        is_listed: bool,
        is_old: bool,
        now: SystemTime,
        look: &mut Look,
        unreadable: &mut BTreeMap<PathBuf, String>,
    ) {
        let before = self.memory.files.get(&path);
        let facts_before = match before {
            Some(Standing::There(facts)) => Some(facts),
            Some(Standing::Missing | Standing::Unseen) | None => None,
        };
        let standing = match Facts::look(&path, facts_before, now) {
            Found::There(facts) => Standing::There(facts),
            Found::Missing => Standing::Missing,
            Found::Unreadable(error) => {
                unreadable.insert(path.clone(), error.to_string());
                if before.is_none() {
                    self.memory.files.insert(path, Standing::Unseen);
                    look.is_news = true;
                }
                return;
            }
        };
        if let Standing::There(facts) = &standing {
            if facts.digest == Digest::Unreadable {
                unreadable.insert(path.clone(), "its content; size and time tell of changes".to_owned());
            }
            if facts.link.is_some() && facts.kind != Kind::Dangling {
                follow(&mut self.targets, &path, look);
            }
        }
        if before == Some(&standing) {
            return;
        }
        look.is_news = true;
        let is_first_sight = match before {
            Some(Standing::Unseen) => true,
            Some(Standing::There(_) | Standing::Missing) => false,
            None => !is_old,
        };
        let after = match &standing {
            Standing::There(facts) => Some(facts),
            Standing::Missing | Standing::Unseen => None,
        };
        if !is_first_sight {
            look.events.extend(changes(facts_before, after).into_iter().map(|change| Event {
                path: path.clone(),
                change,
                before: facts_before.cloned(),
                after: after.cloned(),
            }));
        }
        if standing == Standing::Missing && !is_listed {
            self.memory.files.remove(&path);
        } else {
            self.memory.files.insert(path, standing);
        }
    }

    fn tell_unreadable(&mut self, now: BTreeMap<PathBuf, String>, look: &mut Look) {
        look.readable = self.unreadable.iter().filter(|path| !now.contains_key(*path)).cloned().collect();
        let known = std::mem::take(&mut self.unreadable);
        self.unreadable = now.keys().cloned().collect();
        look.unreadable = now.into_iter().filter(|(path, _)| !known.contains(path)).collect();
    }
}

/// What happens where a link leads is of interest as well.
fn follow(targets: &mut HashSet<PathBuf>, path: &Path, look: &mut Look) {
    if let Ok(target) = fs::canonicalize(path) {
        look.directories.extend(target.parent().map(Path::to_owned));
        targets.insert(target);
    }
}

#[cfg(test)]
mod tests;

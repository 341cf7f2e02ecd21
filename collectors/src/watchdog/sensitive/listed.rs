//! One entry of `paths`: a file, a directory with what is directly in it, or a glob.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vigie_logs::patterns::{GlobError, Pattern, Patterns, nearest};

/// See the module.
#[derive(Debug)]
pub(super) struct Listed {
    text: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Path(PathBuf),
    Glob(Patterns),
}

/// What an entry leads to.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// Of a path itself, whether or not it is there.
    pub(super) paths: Vec<PathBuf>,
    /// Where what it leads to may come and go.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Directories that cannot be listed.
    pub(super) unreadable: BTreeMap<PathBuf, io::Error>,
    /// How many there were besides.
    pub(super) beyond: usize,
}

impl Listed {
    pub(super) fn new(text: &str) -> Result<Self, GlobError> {
        // In any case it has to be absolute and without `..`.
        let pattern = Pattern::new(text)?;
        let what = if text.contains(['*', '?', '[', ']', '{', '}', '\\']) {
            What::Glob(Patterns { include: vec![pattern], exclude: Vec::new() })
        } else {
            // Without the slashes and dots that mean nothing.
            What::Path(Path::new(text).components().collect())
        };
        Ok(Self { text: text.to_owned(), what })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The path, unless it is a glob.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.what {
            What::Path(path) => Some(path),
            What::Glob(_) => None,
        }
    }

    /// Whether a walk may come upon `path`. Of a path that is no directory nothing below it is there to be asked for.
    pub(super) fn wants(&self, path: &Path) -> bool {
        match &self.what {
            What::Path(own) => own == path || path.parent() == Some(own),
            What::Glob(patterns) => patterns.wants(path),
        }
    }

    /// What there is now; in a directory no more than `most`.
    pub(super) fn walk(&self, most: usize) -> Met {
        let path = match &self.what {
            What::Glob(patterns) => {
                let found = patterns.walk();
                let paths = found.hits.into_iter().map(|hit| hit.path).collect();
                let (directories, unreadable) = (found.directories, found.unreadable);
                return Met { paths, directories, unreadable, beyond: 0 };
            }
            What::Path(path) => path,
        };
        let mut met = Met { paths: vec![path.clone()], ..Met::default() };
        met.directories.extend(path.parent().and_then(nearest));
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    met.unreadable.insert(path.clone(), error);
                }
                return met;
            }
        };
        met.directories.insert(path.clone());
        // An entry that cannot be read is gone, or is there the next time.
        for entry in entries.flatten() {
            if met.paths.len() <= most {
                met.paths.push(entry.path());
            } else {
                met.beyond += 1;
            }
        }
        met
    }
}

//! Where values come from: files first of all, besides the environment and the command line.

use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::mistake::Mistake;

/// The largest configuration file that is read. Far above any real one; it keeps `/dev/zero` out.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// A text or a setting from which a part of the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A YAML file and its text.
    File {
        /// As it was named, for messages.
        path: PathBuf,
        /// Without a byte order mark.
        text: String,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A command line flag, as it is written: `--web.listen-address`.
    Flag(String),
    /// What holds when nothing is said.
    Default,
}

impl Source {
    /// A file whose bytes were read: they must be UTF-8.
    pub(crate) fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, Mistake> {
        let wrong = |what: String| Mistake::in_file(path, what);
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::from_text(path, &text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
                let byte = error.as_bytes()[valid];
                let (line, column) = position_after(&before);
                Err(wrong(format!("not UTF-8: the byte 0x{byte:02x}")).at(line, column))
            }
        }
    }

    /// A file whose text is already there.
    pub(crate) fn from_text(path: impl Into<PathBuf>, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Self::File { path: path.into(), text }
    }

    /// The directory that relative paths start from; none for what is not a file.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => path.parent(),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => path.display().fmt(f),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
            Self::Default => f.write_str("defaults"),
        }
    }
}

/// The bytes of a regular file (or a pipe) of at most `limit` bytes. The error is a phrase.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| phrase(&error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| phrase(&error))?;
    if bytes.len() as u64 > limit {
        return Err(format!("larger than {} KiB", limit >> 10));
    }
    Ok(bytes)
}

/// Tells one content of a file from another, within one process.
pub(crate) fn content_hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// An I/O error as a phrase: without std's error number.
pub(crate) fn phrase(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text).to_lowercase()
}

/// Line and column, from 1, of the character that follows `before`.
fn position_after(before: &str) -> (usize, usize) {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (line, column)
}

//! A mistake in the configuration, as it is told: `file:line:column: key.path: what is wrong`.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file, or the flag or environment variable that set the value.
    #[serde(rename = "file")]
    pub source: String,
    /// From 1; none outside of files, and where a file cannot be read at all.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// The key, as `collectors.logs[0].include`, indices as in this file; empty for the file as a whole.
    pub path: String,
    /// On one line, without a full stop.
    pub message: String,
}

impl Mistake {
    /// A mistake of a file as a whole.
    pub(crate) fn in_file(path: &Path, message: String) -> Self {
        Self { source: path.display().to_string(), line: None, column: None, path: String::new(), message }
    }

    /// The same, at a position.
    pub(crate) fn at(mut self, line: usize, column: usize) -> Self {
        (self.line, self.column) = (Some(line), Some(column));
        self
    }

    /// `file:line:column`, as far as it is known.
    pub(crate) fn place(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.source),
            _ => self.source.clone(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong, in the order of the files and lines; at least one. One line each when displayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

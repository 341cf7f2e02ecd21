//! Which format was chosen, in a file of the state directory for each source.

use std::fs;
use std::path::{Path, PathBuf};

use tracing::warn;

const DIRECTORY: &str = "log-formats";

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    source: String,
    path: PathBuf,
}

impl Memory {
    pub(super) fn new(state_dir: &Path, source: &str) -> Self {
        let letter = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02x}"),
        };
        let name: String = source.bytes().map(letter).collect();
        Self { source: source.to_owned(), path: state_dir.join(DIRECTORY).join(name) }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// What was kept: nothing, if there is nothing to be read.
    pub(super) fn recall(&self) -> Option<String> {
        fs::read_to_string(&self.path).ok().map(|name| name.trim_end().to_owned())
    }

    /// Keeps the name of a format, or that there is none.
    pub(super) fn keep(&self, name: Option<&str>) {
        let kept = match name {
            Some(name) => self.write(name),
            None => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        if let Err(error) = kept {
            let (source, path) = (&self.source, self.path.display());
            warn!(source, "keep the format in {path}: {error}: it is chosen anew after a restart");
        }
    }

    /// Whole, or not at all.
    fn write(&self, name: &str) -> std::io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let new = self.path.with_extension("new");
        fs::write(&new, format!("{name}\n"))?;
        fs::rename(&new, &self.path)
    }
}

//! The last lines of the log of a process, as a report may show them: bounded, without secrets.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use vigie_logs as logs;
use vigie_logs::patterns::{Exclusion, GlobError, Pattern, Patterns};
use vigie_logs::redaction;

/// So many bytes of the end are read.
const READ: u64 = 4 << 10;

/// So many lines are shown.
const LINES: usize = 20;

/// The files of a log source. The newest is the one that was written to last.
#[derive(Debug)]
pub(super) struct LogFiles(Patterns);

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) path: PathBuf,
    pub(super) lines: String,
}

impl LogFiles {
    pub(super) fn new(source: &logs::Config) -> Result<Self, GlobError> {
        let include = source.include.iter().map(|glob| Pattern::new(&glob.to_string_lossy()));
        let exclude = source.exclude.iter().map(|glob| Exclusion::new(glob));
        Ok(Self(Patterns {
            include: include.collect::<Result<_, _>>()?,
            exclude: exclude.collect::<Result<_, _>>()?,
        }))
    }

    /// The last lines of the newest file; none if there is none that can be read.
    pub(super) fn tail(&self) -> Option<Tail> {
        let hits = self.0.walk().hits.into_iter().map(|hit| hit.path);
        let files = hits.filter(|path| !self.0.excludes(path) && !is_packed(path));
        let (_, path) = files.filter_map(|path| Some((modified(&path)?, path))).max()?;
        let lines = last_lines(&path).ok()?;
        Some(Tail { path, lines })
    }
}

/// What was rotated away and compressed is older than its time says, and no text.
fn is_packed(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("gz" | "zst" | "xz" | "bz2"))
}

fn modified(path: &Path) -> Option<SystemTime> {
    let meta = fs::metadata(path).ok()?;
    meta.is_file().then(|| meta.modified().ok()).flatten()
}

fn last_lines(path: &Path) -> io::Result<String> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let size = file.metadata()?.len();
    let mut content = vec![0; size.min(READ) as usize];
    let begin = size - content.len() as u64;
    file.read_exact_at(&mut content, begin)?;
    // What begins in the middle of a line might hide from what looks for secrets.
    let whole = match memchr::memchr(b'\n', &content) {
        Some(end) if begin > 0 => &content[end + 1..],
        _ => &content[..],
    };
    let text = String::from_utf8_lossy(whole);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    Ok(redaction::redact(&last.join("\n")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn files(root: &Path, exclude: &[&str]) -> LogFiles {
        let source = logs::Config {
            include: vec![root.join("*.log*").into()],
            exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
            ..logs::Config::default()
        };
        LogFiles::new(&source).unwrap()
    }

    #[test]
    fn the_last_lines_of_the_newest_file_are_shown_without_secrets() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(files(root.path(), &[]).tail(), None);
        let now = SystemTime::now();
        for (age, name, content) in [
            (30, "app.log.1", "old\n"),
            (20, "app.log", "first\n\nlogin password=hunter2\nlast"),
            (10, "app.log.2.gz", "packed"),
            (0, "other.log", "left out"),
        ] {
            let path = root.path().join(name);
            fs::write(&path, content).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(now - std::time::Duration::from_secs(age)).unwrap();
        }
        let tail = files(root.path(), &["other.log"]).tail().unwrap();
        assert_eq!(tail.path, root.path().join("app.log"));
        assert_eq!(tail.lines, "first\nlogin password=<redacted>\nlast");
    }

    #[test]
    fn of_a_long_file_the_last_whole_lines_are_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("app.log");
        let lines: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        fs::write(&path, lines).unwrap();
        let shown = last_lines(&path).unwrap();
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.starts_with("line 99980\n") && shown.ends_with("line 99999"));
        // One line that is longer than what is read.
        fs::write(&path, "x".repeat(10_000)).unwrap();
        assert_eq!(last_lines(&path).unwrap().len(), READ as usize);
        fs::write(&path, b"\xff\xfe bytes\n").unwrap();
        assert_eq!(last_lines(&path).unwrap(), "\u{fffd}\u{fffd} bytes");
    }
}

//! Targets from files, read again when they change.
//!
//! The files are looked at every other second: their times and sizes say whether they have to be read. One that
//! cannot be read or understood leaves its last good targets in place, is told once for each change, and has a series
//! that says so. One that is gone takes its targets along.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

use super::{Target, TargetGroup, check_label};
use crate::probes::Config;

/// How often the files are looked at.
pub(in crate::probes) const PACE: Duration = Duration::from_secs(2);

static SUCCESS: Family = Family::gauge(
    "vigie_probe_target_file_success",
    "Whether the file with targets could be read as it is now; else its last good targets are probed.",
);

/// One element of a file: targets and their labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileGroup {
    /// What is probed.
    pub targets: Vec<String>,
    /// Labels of their series. `__scrape_interval__` and `__scrape_timeout__` set what they say, all others that begin
    /// with `__` are left out.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Reads a file; the error begins with its path.
pub type ReadTargets = fn(&Path) -> Result<Vec<FileGroup>, String>;

/// A file that was met.
#[derive(Debug, Default)]
struct File {
    stamp: Option<(SystemTime, u64, u64)>,
    targets: Vec<Target>,
    good: bool,
}

/// The files of one entry.
#[derive(Debug)]
pub(in crate::probes) struct Files {
    /// Directories, with what the names in them have to match.
    patterns: Vec<(PathBuf, GlobMatcher)>,
    config: Config,
    read: ReadTargets,
    known: BTreeMap<PathBuf, File>,
}

/// Directory and pattern of what `target_files` says; the error follows the path and a colon.
pub(in crate::probes) fn pattern(path: &Path) -> Result<(PathBuf, GlobMatcher), String> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err("not the path of a file".to_owned());
    };
    if parent.to_string_lossy().contains(['*', '?', '[']) {
        return Err("only the last part of the path may have `*` in it".to_owned());
    }
    if !["json", "yml", "yaml"].contains(&path.extension().and_then(|e| e.to_str()).unwrap_or_default()) {
        return Err("must end in .json, .yml or .yaml".to_owned());
    }
    let glob = GlobBuilder::new(name).literal_separator(true).build().map_err(|error| error.to_string())?;
    Ok((parent.to_owned(), glob.compile_matcher()))
}

impl Files {
    /// Of an entry that was checked.
    pub(in crate::probes) fn new(config: &Config, read: ReadTargets) -> Self {
        let patterns = config.target_files.iter().filter_map(|path| pattern(path).ok()).collect();
        Self { patterns, config: config.clone(), read, known: BTreeMap::new() }
    }

    /// Whether there is anything to look at.
    pub(in crate::probes) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Looks whether anything has changed, and reads what has. Blocks.
    pub(in crate::probes) fn look(&mut self) -> bool {
        let found = self.find();
        let before = self.known.len();
        self.known.retain(|path, _| found.contains_key(path));
        let mut changed = self.known.len() != before;
        for (path, stamp) in found {
            if self.known.get(&path).is_some_and(|file| file.stamp == stamp) {
                continue;
            }
            changed = true;
            let read = (self.read)(&path);
            let read = read.map(|groups| self.targets(&path, &groups));
            let file = self.known.entry(path).or_default();
            file.stamp = stamp;
            file.good = read.is_ok();
            match read {
                Ok(targets) => file.targets = targets,
                Err(error) => {
                    tracing::warn!(probe = %self.config.name, %error, "read targets: the last good ones stay");
                }
            }
        }
        changed
    }

    /// Every file that matches, with what tells its state.
    fn find(&self) -> BTreeMap<PathBuf, Option<(SystemTime, u64, u64)>> {
        let mut found = BTreeMap::new();
        for (directory, matcher) in &self.patterns {
            let entries = match std::fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) => {
                    if error.kind() != io::ErrorKind::NotFound {
                        tracing::debug!(directory = %directory.display(), %error, "read directory of targets");
                    }
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if !matcher.is_match(entry.file_name()) || path.is_dir() {
                    continue;
                }
                use std::os::unix::fs::MetadataExt;
                let meta = path.metadata().ok();
                let stamp = meta.and_then(|meta| Some((meta.modified().ok()?, meta.len(), meta.ino())));
                found.insert(path, stamp);
            }
        }
        found
    }

    /// The targets of a file; what is wrong with single ones is told, and those are left out.
    fn targets(&self, file: &Path, groups: &[FileGroup]) -> Vec<Target> {
        let wrong = |target: &str, what: &dyn std::fmt::Display| {
            tracing::warn!(probe = %self.config.name, file = %file.display(), "target \"{target}\": {what}");
        };
        let kind = self.config.kind();
        let mut all = Vec::new();
        for group in groups {
            let first = group.targets.first().map_or("", String::as_str);
            let mut own = TargetGroup::default();
            for (name, value) in &group.labels {
                let duration = || value.parse().map_err(|error| wrong(first, &error)).ok();
                match name.as_str() {
                    "__scrape_interval__" => own.interval = duration(),
                    "__scrape_timeout__" => own.timeout = duration(),
                    name if name.starts_with("__") => {}
                    name => match check_label(name) {
                        Ok(()) => drop(own.labels.insert(name.to_owned(), value.clone())),
                        Err(what) => wrong(first, &format_args!("label {name}: {what}")),
                    },
                }
            }
            let zero = |duration: &Option<vigie_pipeline::units::HumanDuration>| {
                duration.is_some_and(|duration| duration.0.is_zero())
            };
            if zero(&own.interval) || zero(&own.timeout) {
                wrong(first, &"an interval or timeout of 0");
                continue;
            }
            for target in &group.targets {
                match kind.map(|kind| kind.check_target(target)) {
                    Some(Ok(())) => own.targets.push(target.clone()),
                    Some(Err(error)) => wrong(target, &error),
                    None => {}
                }
            }
            all.extend(Target::group(&self.config, &own));
        }
        all
    }

    /// All targets as the files have them.
    pub(in crate::probes) fn all(&self) -> Vec<Target> {
        self.known.values().flat_map(|file| file.targets.iter().cloned()).collect()
    }

    /// Which files could be read.
    pub(in crate::probes) fn write(&self, page: &mut Page, base: Labels) {
        for (path, file) in &self.known {
            let labels = page.labels_after(base, &[("file", &path.to_string_lossy())]);
            page.set(&SUCCESS, labels, f64::from(file.good));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::probes::http;

    /// Stands in for the reader of YAML: a target a line.
    fn lines(file: &Path) -> Result<Vec<FileGroup>, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        if text.contains('{') {
            return Err("not lines".to_owned());
        }
        Ok(vec![FileGroup { targets: text.lines().map(str::to_owned).collect(), ..FileGroup::default() }])
    }

    fn files(directory: &Path) -> Files {
        let config = Config {
            http: Some(http::Config::default()),
            target_files: vec![directory.join("t*.yml").into()],
            ..Config::default()
        };
        Files::new(&config, lines)
    }

    fn texts(files: &Files) -> Vec<String> {
        files.all().into_iter().map(|target| target.text).collect()
    }

    #[test]
    fn files_come_change_break_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = files(directory.path());
        assert!(!files.look());
        let (one, two) = (directory.path().join("t1.yml"), directory.path().join("t2.yml"));
        std::fs::write(&one, "http://a/\nnonsense\n").unwrap();
        std::fs::write(directory.path().join("x.yml"), "http://x/").unwrap();
        assert!(files.look() && !files.look());
        assert_eq!(texts(&files), ["http://a/"]);
        std::fs::write(&two, "http://b/").unwrap();
        assert!(files.look());
        assert_eq!(texts(&files), ["http://a/", "http://b/"]);
        // Broken: the last good targets stay.
        std::fs::write(&two, "{broken").unwrap();
        assert!(files.look() && !files.look());
        assert_eq!(texts(&files), ["http://a/", "http://b/"]);
        std::fs::remove_file(&one).unwrap();
        assert!(files.look());
        assert_eq!(texts(&files), ["http://b/"]);
    }

    #[test]
    fn labels_of_a_file_set_the_pace_and_hidden_ones_are_left_out() {
        let files = files(Path::new("/nowhere"));
        let group = |pairs: &[(&str, &str)]| FileGroup {
            targets: vec!["http://a/".into()],
            labels: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let pairs = [
            ("__scrape_interval__", "1m"),
            ("__scrape_timeout__", "3s"),
            ("__meta_x", "y"),
            ("team", "shop"),
            ("probe", "no"),
        ];
        let targets = files.targets(Path::new("f"), &[group(&pairs)]);
        assert_eq!((targets[0].interval.as_secs(), targets[0].timeout.as_secs()), (60, 3));
        assert_eq!(targets[0].labels[1..], [("team".to_owned(), "shop".to_owned())]);
        assert_eq!(files.targets(Path::new("f"), &[group(&[("__scrape_interval__", "0s")])]), []);
    }

    #[test]
    fn paths_are_globs_in_their_last_part() {
        assert!(pattern(Path::new("/etc/t/*.json")).is_ok());
        for wrong in ["/etc/*/t.json", "/etc/t.txt", "/"] {
            assert!(pattern(Path::new(wrong)).is_err(), "{wrong}");
        }
    }
}

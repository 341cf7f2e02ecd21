//! `textfile`: metrics that others leave in files, in the text format.
//!
//! Every `*.prom` in the directories is read; a file is parsed again only when it was replaced. What files
//! say of one family has to agree: of two types or two helps the first counts, and what is left out shows in
//! `node_textfile_scrape_error` and in the log.
//!
//! A job that died leaves its last values behind, and they look alive. With `max_age` a file that was not
//! written for that long gives its series up, and says so in `vigie_textfile_stale`.

mod exposition;
mod merge;

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use globset::GlobBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};
use vigie_pipeline::units::HumanDuration;

use self::exposition::{Described, Mistake};
use self::merge::Merged;
use super::file::{CachedFile, names_in};
use super::parse;
use super::roster::Roster;

static MTIME: Family =
    Family::gauge("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.");
static SCRAPE_ERROR: Family = Family::gauge(
    "node_textfile_scrape_error",
    "1 if there was an error opening or reading a file, 0 otherwise",
);
static STALE: Family = Family::gauge(
    "vigie_textfile_stale",
    "1 if the file was not written for longer than max_age, so that its series are withheld, 0 otherwise.",
);

/// Settings of the group `textfile`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TextFileSettings {
    /// Directories whose `*.prom` files are exposed; `*`, `?` and `[…]` stand for parts of a name.
    pub directory: Vec<FilePath>,
    /// How long a file may stay unwritten before its series are withheld; 0 is for ever.
    pub max_age: HumanDuration,
}

impl Check for TextFileSettings {
    fn check(&self, _: &mut Place<'_>) {}
}

pub(super) struct TextFile {
    directories: Vec<PathBuf>,
    max_age: Option<Duration>,
    clock: Clock,
    files: Roster<PromFile>,
    merged: Merged,
    /// What was wrong at the last reading: told when it changes, not each time.
    problems: Vec<String>,
}

struct PromFile {
    path: PathBuf,
    content: CachedFile<Result<Vec<Described>, Mistake>>,
    /// Whether it was there and without a mistake.
    readable: bool,
    /// Whether it is older than it may be.
    stale: bool,
}

impl PromFile {
    fn counts(&self) -> bool {
        self.readable && !self.stale
    }
}

impl TextFile {
    pub(super) fn new(settings: &TextFileSettings, clock: Clock) -> Self {
        Self {
            directories: settings.directory.iter().map(|directory| directory.0.clone()).collect(),
            max_age: Some(settings.max_age.0).filter(|age| !age.is_zero()),
            clock,
            files: Roster::default(),
            merged: Merged::default(),
            problems: Vec::new(),
        }
    }

    /// Looks at every file, and merges them anew if any has changed.
    fn read(&mut self) {
        let mut problems = Vec::new();
        let mut changed = false;
        let oldest = self.oldest();
        self.files.begin();
        for path in prom_files(&self.directories, &mut problems) {
            let new = || PromFile {
                content: CachedFile::new(&path),
                path: path.clone(),
                readable: false,
                stale: false,
            };
            let file = self.files.meet(|file| file.path == path, new);
            let counted = file.counts();
            file.readable = false;
            match file.content.get(|text| {
                changed = true;
                exposition::parse(text)
            }) {
                Ok(Ok(_)) => file.readable = true,
                Ok(Err(mistake)) => problems.push(format!("parse {}: {mistake}", path.display())),
                Err(error) => problems.push(error.to_string()),
            }
            file.stale = oldest.is_some_and(|oldest| file.content.modified() < oldest);
            changed |= file.counts() != counted;
        }
        changed |= self.files.end();
        if changed {
            let counted = self.files.iter().filter(|file| file.counts());
            let contents = counted.filter_map(|file| {
                Some((file.path.as_path(), file.content.known()?.as_ref().ok()?.as_slice()))
            });
            self.merged = Merged::new(contents);
        }
        problems.extend_from_slice(self.merged.problems());
        if problems != self.problems {
            for problem in problems.iter().filter(|problem| !self.problems.contains(problem)) {
                tracing::warn!(collector = "textfile", "{problem}");
            }
            self.problems = problems;
        }
    }

    /// When a file must have been written to count, in seconds since the Unix epoch.
    fn oldest(&self) -> Option<i64> {
        let now = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.max_age.map(|age| now.saturating_sub(age).as_secs() as i64)
    }
}

impl Sampler for TextFile {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.read();
        self.merged.write(page);
        for file in self.files.iter().filter(|file| file.readable) {
            let labels = page.labels(&[("file", &file.path.to_string_lossy())]);
            page.set(&MTIME, labels, file.content.modified() as f64);
            if self.max_age.is_some() {
                page.set(&STALE, labels, f64::from(file.stale));
            }
        }
        page.set(&SCRAPE_ERROR, Labels::NONE, f64::from(!self.problems.is_empty()));
        Ok(())
    }
}

/// The files in the directories, in the order of their names.
fn prom_files(directories: &[PathBuf], problems: &mut Vec<String>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in directories.iter().flat_map(|pattern| expand(pattern)) {
        match names_in(&directory) {
            Ok(names) => files
                .extend(names.iter().filter(|name| name.ends_with(".prom")).map(|name| directory.join(name))),
            Err(error) => problems.push(error.to_string()),
        }
    }
    // Two patterns may mean one directory.
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// The paths that a pattern means; itself, if it has no wildcard or means none, so that its absence is told.
fn expand(pattern: &std::path::Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        let glob =
            text.contains(['*', '?', '[', '{']).then(|| GlobBuilder::new(&text).build().ok()).flatten();
        match glob.map(|glob| glob.compile_matcher()) {
            None => paths.iter_mut().for_each(|path| path.push(part)),
            Some(matcher) => {
                let matches = |path: PathBuf| {
                    let names = names_in(&path).unwrap_or_default();
                    let matching = names.into_iter().filter(|name| matcher.is_match(name));
                    matching.map(|name| path.join(name)).collect::<Vec<_>>()
                };
                paths = paths.into_iter().flat_map(matches).collect();
            }
        }
    }
    if paths.is_empty() { vec![pattern.to_owned()] } else { paths }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;

    fn reading(host: &Fixture, directories: &[&str]) -> TextFile {
        let directory = directories.iter().map(|name| host.path().join(name).into()).collect();
        TextFile::new(&TextFileSettings { directory, ..TextFileSettings::default() }, Clock::system())
    }

    fn without_mtime(series: Vec<String>) -> Vec<String> {
        series.into_iter().filter(|line| !line.starts_with("node_textfile_mtime")).collect()
    }

    #[test]
    fn every_prom_file_is_exposed_with_its_age() {
        let host = Fixture::new()
            .with("text/b.prom", "b{x=\"1\"} 2\n")
            .with("text/a.prom", "# TYPE a counter\na 1\n")
            .with("text/other.txt", "c 3\n");
        let (series, result) = host.sample(&mut reading(&host, &["text"]));
        result.unwrap();
        assert_eq!(series[..2], ["a 1", "b{x=\"1\"} 2"]);
        assert!(series[2].starts_with("node_textfile_mtime_seconds{file=\""));
        assert!(series[2].contains("text/a.prom\"} 1"), "{series:?}");
        assert_eq!(series[4..], ["node_textfile_scrape_error 0"]);
    }

    #[test]
    fn a_file_with_a_mistake_is_left_out_whole_and_shows() {
        let host = Fixture::new().with("text/a.prom", "a 1\na\n").with("text/b.prom", "b 2\n");
        let mut textfile = reading(&host, &["text"]);
        for _ in 0..2 {
            let (series, _) = host.sample(&mut textfile);
            assert_eq!(without_mtime(series), ["b 2", "node_textfile_scrape_error 1"]);
        }
        assert!(textfile.problems[0].ends_with("a.prom: line 2: not a number"), "{:?}", textfile.problems);
        host.write("text/a.prom", "a 11\n");
        let (series, _) = host.sample(&mut textfile);
        assert_eq!(without_mtime(series), ["a 11", "b 2", "node_textfile_scrape_error 0"]);
    }

    #[test]
    fn a_file_that_goes_takes_its_series_along() {
        let host = Fixture::new().with("text/a.prom", "a 1\n");
        let mut textfile = reading(&host, &["text"]);
        host.sample(&mut textfile).1.unwrap();
        std::fs::remove_file(host.path().join("text/a.prom")).unwrap();
        assert_eq!(host.sample(&mut textfile).0, ["node_textfile_scrape_error 0"]);
    }

    #[test]
    fn a_file_that_is_too_old_gives_its_series_up_until_it_is_written_again() {
        let host = Fixture::new().with("text/a.prom", "a 1\n").with("text/b.prom", "b 2\n");
        let written = |name: &str| {
            let metadata = std::fs::metadata(host.path().join("text").join(name)).unwrap();
            metadata.modified().unwrap()
        };
        let (clock, hand) = Clock::manual(written("a.prom"));
        let settings = TextFileSettings {
            directory: vec![host.path().join("text").into()],
            max_age: HumanDuration::secs(60),
        };
        let mut textfile = TextFile::new(&settings, clock);
        let mut values = || {
            let (mut series, _) = host.sample(&mut textfile);
            series.retain(|line| !line.starts_with("node_"));
            let name = |line: String| match line.split_once("{file=") {
                Some((family, rest)) => format!("{family} {}", &rest[rest.len() - 10..]),
                None => line,
            };
            series.into_iter().map(name).collect::<Vec<_>>()
        };
        let stale = |a: u8, b: u8| {
            [format!("vigie_textfile_stale a.prom\"}} {a}"), format!("vigie_textfile_stale b.prom\"}} {b}")]
        };
        assert_eq!(values(), [&["a 1".to_owned(), "b 2".to_owned()][..], &stale(0, 0)].concat());
        hand.advance(Duration::from_secs(62));
        assert_eq!(values(), stale(1, 1));
        let file = std::fs::File::create(host.path().join("text/b.prom")).unwrap();
        std::io::Write::write_all(&mut &file, b"b 3\n").unwrap();
        file.set_modified(written("a.prom") + Duration::from_secs(50)).unwrap();
        assert_eq!(values(), [&["b 3".to_owned()][..], &stale(1, 0)].concat());
    }

    #[test]
    fn directories_may_be_patterns_and_a_missing_one_shows() {
        let host = Fixture::new().with("text/one/a.prom", "a 1\n").with("text/two/b.prom", "b 2\n");
        let (series, _) = host.sample(&mut reading(&host, &["text/*", "text/one"]));
        assert_eq!(without_mtime(series), ["a 1", "b 2", "node_textfile_scrape_error 0"]);
        let (series, _) = host.sample(&mut reading(&host, &["gone"]));
        assert_eq!(series, ["node_textfile_scrape_error 1"]);
    }

    #[test]
    fn without_a_directory_there_is_no_error() {
        let host = Fixture::new();
        assert_eq!(host.sample(&mut reading(&host, &[])).0, ["node_textfile_scrape_error 0"]);
    }
}

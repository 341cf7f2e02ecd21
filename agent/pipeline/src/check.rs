//! What is wrong with a configuration beyond its types: a regex that does not compile, a URL without a host,
//! a certificate that is not there.
//!
//! Each `Config` implements [`Check`] and reports *every* mistake that would keep its part from starting, so
//! that one run of `vigie check` names them all. A mistake is told with the path of its key; the loader knows on
//! which line and column that key stands, so no `Config` has to carry positions.
//!
//! ```
//! use vigie_pipeline::check::{Check, Place};
//!
//! struct Config { endpoint: String, tls: Tls, patterns: Vec<String> }
//! struct Tls { ca_file: Option<std::path::PathBuf> }
//!
//! impl Check for Config {
//!     fn check(&self, at: &mut Place<'_>) {
//!         if !self.endpoint.starts_with("http") {
//!             at.key("endpoint").wrong("not an http or https URL");
//!         }
//!         self.tls.check(&mut at.key("tls"));
//!         for (mut at, pattern) in at.key("patterns").each(&self.patterns) {
//!             at.ok(pattern.parse::<std::net::IpAddr>()); // in truth: Regex::new(pattern)
//!         }
//!     }
//! }
//!
//! impl Check for Tls {
//!     fn check(&self, at: &mut Place<'_>) {
//!         if let Some(file) = &self.ca_file {
//!             at.key("ca_file").readable(file);
//!         }
//!     }
//! }
//! ```
//!
//! A check may read the files that it names and nothing else: it opens no socket, resolves no name, writes nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::Path;

/// A configuration that can tell what is wrong with it.
pub trait Check {
    /// Reports every mistake below `at`, the place where this configuration stands in the file.
    fn check(&self, at: &mut Place<'_>);
}

/// One step from a value to one that it contains.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a sequence, counted from 0.
    Index(usize),
}

/// The way from the top of the configuration to a value: `collectors.logs[0].include[1]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    /// The path of a member of a mapping that stands here.
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The path of an element of a sequence that stands here.
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

/// A mistake, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key whose value is wrong.
    pub path: KeyPath,
    /// What is wrong, on one line, in lower case, without a full stop: it follows the key path and a colon.
    pub what: String,
    /// The other place that it contradicts: the first of two equal names.
    pub first: Option<KeyPath>,
}

/// A place in the configuration, to which mistakes are reported.
#[derive(Debug)]
pub struct Place<'a> {
    path: KeyPath,
    found: &'a RefCell<Vec<Problem>>,
}

impl<'a> Place<'a> {
    /// The place of the member `key`, as it is spelt in the file.
    pub fn key(&self, key: &str) -> Place<'a> {
        Place { path: self.path.key(key), found: self.found }
    }

    /// The place of an element, counted from 0.
    pub fn index(&self, index: usize) -> Place<'a> {
        Place { path: self.path.index(index), found: self.found }
    }

    /// Each element with its place.
    pub fn each<'i, T>(
        &self,
        items: impl IntoIterator<Item = &'i T>,
    ) -> impl Iterator<Item = (Place<'a>, &'i T)>
    where
        T: 'i,
    {
        items.into_iter().enumerate().map(|(i, item)| (self.index(i), item))
    }

    /// Checks each element at its place.
    pub fn check_each<'i, T: Check + 'i>(&self, items: impl IntoIterator<Item = &'i T>) {
        for (mut at, item) in self.each(items) {
            item.check(&mut at);
        }
    }

    /// Reports that the value here is wrong. Never put a secret into `what`.
    pub fn wrong(&self, what: impl fmt::Display) {
        let what = one_line(&what.to_string());
        self.found.borrow_mut().push(Problem { path: self.path.clone(), what, first: None });
    }

    /// Reports an error as what is wrong here: `at.key("regex").ok(Regex::new(&self.regex))`.
    pub fn ok<T, E: fmt::Display>(&self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.wrong(error)).ok()
    }

    /// Reports a file that cannot be opened for reading.
    pub fn readable(&self, file: impl AsRef<Path>) {
        let file = file.as_ref();
        match File::open(file).and_then(|opened| opened.metadata()) {
            Err(error) => self.wrong(format_args!("open {}: {}", file.display(), io_error(&error))),
            Ok(meta) if meta.is_dir() => self.wrong(format_args!("{} is a directory", file.display())),
            Ok(_) => {}
        }
    }

    /// Reports each element of the sequence here whose `key` says a name that an earlier element has.
    pub fn unique<'n>(&self, key: &str, names: impl IntoIterator<Item = &'n str>) {
        let mut seen = HashMap::new();
        for (i, name) in names.into_iter().enumerate() {
            // A name that is missing is told as such.
            if name.is_empty() {
                continue;
            }
            let path = self.path.index(i).key(key);
            if let Some(first) = seen.get(name) {
                let what = format!("`{name}` is already taken");
                self.found.borrow_mut().push(Problem { path, what, first: Some(KeyPath::clone(first)) });
            } else {
                seen.insert(name, path);
            }
        }
    }
}

/// Everything that `config` reports, with paths that start at `root`.
pub fn problems(root: KeyPath, config: &impl Check) -> Vec<Problem> {
    let found = RefCell::new(Vec::new());
    config.check(&mut Place { path: root, found: &found });
    found.into_inner()
}

/// Errors may draw a picture over several lines (regex does); their last line says it in words.
fn one_line(what: &str) -> String {
    let last = what.trim_end().lines().next_back().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// An I/O error without the number that std appends.
fn io_error(error: &std::io::Error) -> String {
    let text = error.to_string().to_lowercase();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct Group {
        name: &'static str,
        patterns: Vec<&'static str>,
    }

    impl Check for Group {
        fn check(&self, at: &mut Place<'_>) {
            for (at, pattern) in at.key("patterns").each(&self.patterns) {
                at.ok(pattern.parse::<u8>());
            }
        }
    }

    impl Check for Vec<Group> {
        fn check(&self, at: &mut Place<'_>) {
            at.unique("name", self.iter().map(|group| group.name));
            at.check_each(self);
        }
    }

    fn told(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|p| format!("{}: {}", p.path, p.what)).collect()
    }

    #[test]
    fn every_mistake_is_reported_with_its_path() {
        let groups = vec![
            Group { name: "a", patterns: vec!["1", "x"] },
            Group { name: "b", patterns: vec!["300"] },
            Group { name: "a", patterns: vec![] },
        ];
        let found = problems(KeyPath::default().key("processes").key("groups"), &groups);
        assert_eq!(
            told(&found),
            [
                "processes.groups[2].name: `a` is already taken",
                "processes.groups[0].patterns[1]: invalid digit found in string",
                "processes.groups[1].patterns[0]: number too large to fit in target type",
            ]
        );
        assert_eq!(found[0].first.as_ref().unwrap().to_string(), "processes.groups[0].name");
    }

    #[test]
    fn names_that_are_missing_are_not_the_same_name() {
        let groups = vec![Group { name: "", patterns: vec![] }, Group { name: "", patterns: vec![] }];
        assert_eq!(problems(KeyPath::default(), &groups), []);
    }

    #[test]
    fn a_drawn_error_is_told_on_one_line() {
        assert_eq!(one_line("regex parse error:\n    (a\n    ^\nerror: unclosed group\n"), "unclosed group");
        assert_eq!(one_line("plain"), "plain");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported() {
        struct File(std::path::PathBuf);
        impl Check for File {
            fn check(&self, at: &mut Place<'_>) {
                at.key("ca_file").readable(&self.0);
            }
        }
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let of = |path: &str| told(&problems(KeyPath::default(), &File(root.join(path))));
        assert_eq!(of("Cargo.toml"), [] as [&str; 0]);
        assert!(of("src")[0].ends_with("src is a directory"), "{:?}", of("src"));
        assert!(of("none")[0].ends_with("none: no such file or directory"), "{:?}", of("none"));
    }
}

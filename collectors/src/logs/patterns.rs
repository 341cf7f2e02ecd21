//! Which files a source follows: globs, and the walk that finds what they match.
//!
//! `globset` matches and this walks, because the walk has to say which directories it looked into: those are
//! watched for changes. It only enters directories that the pattern can match, so `/var/log/*/app.log` reads
//! `/var/log` and what is directly in it, nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// A glob that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GlobError {
    #[error("empty")]
    Empty,
    #[error("not an absolute path")]
    Relative,
    #[error("`..` is not resolved in a glob")]
    Parent,
    #[error("alternatives in `{{}}` may not contain `/`")]
    Slash,
    #[error("`**` must stand alone between slashes")]
    Recursive,
    #[error("it ends in `**`; to match every file below write `**/*`")]
    EndsRecursive,
    #[error("{0}")]
    Syntax(String),
}

/// An absolute path of literal, wild and any number of components.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// A name without wildcards.
    Name(PathBuf),
    /// `*`, `?`, `[…]`, `{…}` within one name.
    Wild(GlobMatcher),
    /// `**`: this directory and all below.
    Deep,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if !text.starts_with('/') {
            return Err(GlobError::Relative);
        }
        matcher(text)?;
        let steps: Vec<Step> =
            text.split('/').filter(|name| !matches!(*name, "" | ".")).map(step).collect::<Result<_, _>>()?;
        match steps.last() {
            None => Err(GlobError::Syntax("`/` is a directory".to_owned())),
            Some(Step::Deep) => Err(GlobError::EndsRecursive),
            Some(_) => Ok(Self { text: text.to_owned(), steps }),
        }
    }

    /// As it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

fn step(name: &str) -> Result<Step, GlobError> {
    match name {
        ".." => Err(GlobError::Parent),
        "**" => Ok(Step::Deep),
        _ if name.contains("**") => Err(GlobError::Recursive),
        _ if name.contains(['*', '?', '[', ']', '{', '}', '\\']) => {
            let open = |c| name.matches(c).count();
            if open('{') != open('}') {
                return Err(GlobError::Slash);
            }
            Ok(Step::Wild(matcher(name)?))
        }
        _ => Ok(Step::Name(name.into())),
    }
}

fn matcher(text: &str) -> Result<GlobMatcher, GlobError> {
    let built = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    Ok(built.map_err(|error| GlobError::Syntax(error.kind().to_string()))?.compile_matcher())
}

/// What is left out: by its path, or by its name alone if the glob has no slash.
#[derive(Debug, Clone)]
pub(crate) struct Exclusion {
    matcher: GlobMatcher,
    by_name: bool,
}

impl Exclusion {
    pub(crate) fn new(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        Ok(Self { matcher: matcher(text)?, by_name: !text.contains('/') })
    }

    fn matches(&self, path: &Path) -> bool {
        self.matcher.is_match(if self.by_name {
            Path::new(path.file_name().unwrap_or_default())
        } else {
            path
        })
    }
}

/// All globs of a source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    pub(crate) include: Vec<Pattern>,
    pub(crate) exclude: Vec<Exclusion>,
}

/// What a walk came upon.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What matches, with the numbers of the patterns that it matches. Files, or links that may lead to files.
    pub(crate) files: BTreeMap<PathBuf, Vec<usize>>,
    /// The directories that were looked into.
    pub(crate) directories: BTreeSet<PathBuf>,
    /// The directories that could not be looked into.
    pub(crate) unreadable: BTreeMap<PathBuf, io::Error>,
}

impl Patterns {
    /// Looks for everything that matches now.
    pub(crate) fn walk(&self) -> Found {
        let mut found = Found::default();
        for (number, pattern) in self.include.iter().enumerate() {
            walk(&mut found, number, PathBuf::from("/"), &pattern.steps);
        }
        found.files.retain(|path, _| !self.exclude.iter().any(|exclusion| exclusion.matches(path)));
        found
    }
}

fn walk(found: &mut Found, number: usize, mut directory: PathBuf, steps: &[Step]) {
    let literal = steps.iter().take_while(|step| matches!(step, Step::Name(_))).count();
    let (names, steps) = steps.split_at(literal);
    for name in names {
        if let Step::Name(name) = name {
            directory.push(name);
        }
    }
    let Some((step, rest)) = steps.split_first() else {
        // All literal: the file itself, in a directory that nobody has to read.
        if let Some(parent) = directory.parent().filter(|parent| parent.is_dir()) {
            found.directories.insert(parent.to_owned());
        }
        if directory.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
            found.files.entry(directory).or_default().push(number);
        }
        return;
    };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) => {
            if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                found.unreadable.insert(directory, error);
            }
            return;
        }
    };
    found.directories.insert(directory.clone());
    if matches!(step, Step::Deep) {
        walk(found, number, directory.clone(), rest);
    }
    // An entry that cannot be read is gone, or is there the next time.
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let (name, path) = (entry.file_name(), entry.path());
        match step {
            // Links are not followed downwards: they may lead back up.
            Step::Deep if kind.is_dir() => walk(found, number, path, steps),
            Step::Wild(matcher) if matcher.is_match(Path::new(&name)) => {
                if !rest.is_empty() && (kind.is_dir() || kind.is_symlink()) {
                    walk(found, number, path, rest);
                } else if rest.is_empty() && !kind.is_dir() {
                    let numbers = found.files.entry(path).or_default();
                    // `**/*` may come by the same file twice.
                    if numbers.last() != Some(&number) {
                        numbers.push(number);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in ["a.log", "b.log", "b.log.1", "b.txt", "x/c.log", "x/y/d.log", "x/y/.hidden.log"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("../x", root.path().join("x/loop")).unwrap();
        root
    }

    fn walk(root: &Path, include: &[&str], exclude: &[&str]) -> (Vec<String>, Vec<String>) {
        let at_root = |glob: &&str| Pattern::new(&format!("{}/{glob}", root.display())).unwrap();
        let patterns = Patterns {
            include: include.iter().map(at_root).collect(),
            exclude: exclude.iter().map(|glob| Exclusion::new(glob).unwrap()).collect(),
        };
        let found = patterns.walk();
        let below = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        (found.files.keys().map(below).collect(), found.directories.iter().map(below).collect())
    }

    #[test]
    fn a_walk_enters_only_what_the_pattern_can_match() {
        let root = tree();
        let of = |include: &[&str], exclude: &[&str]| walk(root.path(), include, exclude);
        assert_eq!(of(&["*.log"], &[]), (vec!["a.log".into(), "b.log".into()], vec![String::new()]));
        assert_eq!(of(&["*/c.log"], &[]).0, ["x/c.log"]);
        assert_eq!(of(&["x/c.log"], &[]), (vec!["x/c.log".into()], vec!["x".into()]));
        assert_eq!(of(&["none/*.log"], &[]), (vec![], vec![]));
        assert_eq!(of(&["{a,b}.log*"], &[]).0, ["a.log", "b.log", "b.log.1"]);
    }

    #[test]
    fn two_stars_match_at_any_depth_and_follow_no_link_in_circles() {
        let root = tree();
        let all = ["a.log", "b.log", "x/c.log", "x/y/.hidden.log", "x/y/d.log"];
        assert_eq!(walk(root.path(), &["**/*.log"], &[]).0, all);
        assert_eq!(
            walk(root.path(), &["**/y/*.log", "**/**/d.log"], &[]).0,
            ["x/y/.hidden.log", "x/y/d.log"]
        );
    }

    #[test]
    fn an_exclusion_without_a_slash_is_about_names() {
        let root = tree();
        assert_eq!(walk(root.path(), &["**/*.log*"], &["*.log.1", ".*", "**/x/**"]).0, ["a.log", "b.log"]);
    }

    #[test]
    fn a_glob_that_cannot_match_is_refused() {
        let of = |glob| Pattern::new(glob).unwrap_err().to_string();
        assert_eq!(of("var/log/*.log"), "not an absolute path");
        assert_eq!(of("/var/log/**"), "it ends in `**`; to match every file below write `**/*`");
        assert_eq!(of("/var/log**/x"), "`**` must stand alone between slashes");
        assert_eq!(of("/var/{log/a,b}"), "alternatives in `{}` may not contain `/`");
        assert!(of("/var/log/[").contains("unclosed character class"), "{}", of("/var/log/["));
    }
}

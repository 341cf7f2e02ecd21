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
pub enum GlobError {
    /// There is nothing.
    #[error("empty")]
    Empty,
    /// It does not begin with `/`.
    #[error("not an absolute path")]
    Relative,
    /// It has a component `..`.
    #[error("`..` is not resolved in a glob")]
    Parent,
    /// Alternatives span several components.
    #[error("alternatives in `{{}}` may not contain `/`")]
    Slash,
    /// `**` stands beside other characters.
    #[error("`**` must stand alone between slashes")]
    Recursive,
    /// It would match directories alone.
    #[error("it ends in `**`; to match every file below write `**/*`")]
    EndsRecursive,
    /// A component is no glob.
    #[error("{0}")]
    Syntax(String),
}

/// An absolute path of literal, wild and any number of components.
#[derive(Debug, Clone)]
pub struct Pattern {
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
    /// # Errors
    /// What is wrong with `text`.
    pub fn new(text: &str) -> Result<Self, GlobError> {
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
    pub fn as_str(&self) -> &str {
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
pub struct Exclusion {
    matcher: GlobMatcher,
    by_name: bool,
}

impl Exclusion {
    /// # Errors
    /// What is wrong with `text`.
    pub fn new(text: &str) -> Result<Self, GlobError> {
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
pub struct Patterns {
    /// What is looked for.
    pub include: Vec<Pattern>,
    /// What is left out of it.
    pub exclude: Vec<Exclusion>,
}

/// A path that matches: a file, or a link that may lead to one.
#[derive(Debug)]
pub struct Hit {
    /// As it was found: links are not resolved.
    pub path: PathBuf,
    /// Whether it is a symbolic link itself.
    pub is_link: bool,
    /// The number of the pattern.
    pub pattern: usize,
}

/// What a walk came upon.
#[derive(Debug, Default)]
pub struct Found {
    /// In no order. What several patterns match is there several times; exclusions are not applied.
    pub hits: Vec<Hit>,
    /// The directories where something that matches may appear: those that were looked into and, where one is
    /// missing, the one in which it would be made.
    pub directories: BTreeSet<PathBuf>,
    /// The directories that could not be looked into.
    pub unreadable: BTreeMap<PathBuf, io::Error>,
}

impl Patterns {
    /// Looks for everything that matches now.
    pub fn walk(&self) -> Found {
        let mut found = Found::default();
        for (number, pattern) in self.include.iter().enumerate() {
            walk(&mut found, number, PathBuf::from("/"), &pattern.steps);
        }
        found
    }

    /// Whether `path` is left out although it matches.
    pub fn excludes(&self, path: &Path) -> bool {
        self.exclude.iter().any(|exclusion| exclusion.matches(path))
    }

    /// Whether a walk would come upon `path` and it is not left out.
    pub fn wants(&self, path: &Path) -> bool {
        let names: Vec<&Path> = path.components().skip(1).map(|name| Path::new(name.as_os_str())).collect();
        self.include.iter().any(|pattern| matches(&pattern.steps, &names)) && !self.excludes(path)
    }
}

fn matches(steps: &[Step], names: &[&Path]) -> bool {
    match (steps.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((Step::Deep, rest)), _) => (0..names.len()).any(|at| matches(rest, &names[at..])),
        (Some((step, steps)), Some((name, names))) => {
            let is_match = match step {
                Step::Name(wanted) => wanted == name,
                Step::Wild(matcher) => matcher.is_match(name),
                Step::Deep => false,
            };
            is_match && matches(steps, names)
        }
        _ => false,
    }
}

fn walk(found: &mut Found, pattern: usize, mut directory: PathBuf, steps: &[Step]) {
    let literal = steps.iter().take_while(|step| matches!(step, Step::Name(_))).count();
    let (names, steps) = steps.split_at(literal);
    for name in names {
        if let Step::Name(name) = name {
            directory.push(name);
        }
    }
    let Some((step, rest)) = steps.split_first() else {
        // All literal: the file itself, in a directory that nobody has to read.
        if let Some(parent) = directory.parent() {
            found.directories.extend(nearest(parent));
        }
        match directory.symlink_metadata() {
            Ok(meta) if !meta.is_dir() => {
                let is_link = meta.is_symlink();
                found.hits.push(Hit { path: directory, is_link, pattern });
            }
            Err(error) if !is_missing(&error) => {
                found.unreadable.insert(directory, error);
            }
            _ => {}
        }
        return;
    };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) => {
            if is_missing(&error) {
                found.directories.extend(nearest(&directory));
            } else {
                found.unreadable.insert(directory, error);
            }
            return;
        }
    };
    if matches!(step, Step::Deep) {
        walk(found, pattern, directory.clone(), rest);
    }
    // An entry that cannot be read is gone, or is there the next time.
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        match step {
            // Links are not followed downwards: they may lead back up.
            Step::Deep if kind.is_dir() => walk(found, pattern, entry.path(), steps),
            Step::Wild(matcher) if matcher.is_match(Path::new(&entry.file_name())) => {
                if !rest.is_empty() && (kind.is_dir() || kind.is_symlink()) {
                    walk(found, pattern, entry.path(), rest);
                } else if rest.is_empty() && !kind.is_dir() {
                    found.hits.push(Hit { path: entry.path(), is_link: kind.is_symlink(), pattern });
                }
            }
            _ => {}
        }
    }
    found.directories.insert(directory);
}

/// The directory itself, or the deepest of those above it that is there.
pub fn nearest(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().find(|directory| directory.is_dir()).map(Path::to_owned)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
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

    /// What matches and the directories to watch, below `root`. What a walk comes upon is what is wanted.
    fn walk(root: &Path, include: &[&str], exclude: &[&str]) -> (Vec<String>, Vec<String>) {
        let at_root = |glob: &&str| Pattern::new(&format!("{}/{glob}", root.display())).unwrap();
        let patterns = Patterns {
            include: include.iter().map(at_root).collect(),
            exclude: exclude.iter().map(|glob| Exclusion::new(glob).unwrap()).collect(),
        };
        let found = patterns.walk();
        let below = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        let hits: BTreeSet<PathBuf> = found.hits.into_iter().map(|hit| hit.path).collect();
        for path in files_below(root) {
            let is_hit = hits.contains(&path) && !patterns.excludes(&path);
            assert_eq!(patterns.wants(&path), is_hit, "{}", path.display());
        }
        let files = hits.iter().filter(|path| !patterns.excludes(path));
        (files.map(below).collect(), found.directories.iter().map(below).collect())
    }

    /// All that is no directory and not behind a link.
    fn files_below(root: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
        entries
            .flat_map(|entry| match entry.file_type().unwrap().is_dir() {
                true => files_below(&entry.path()),
                false => vec![entry.path()],
            })
            .collect()
    }

    #[test]
    fn a_walk_enters_only_what_the_pattern_can_match() {
        let root = tree();
        let of = |include: &[&str], exclude: &[&str]| walk(root.path(), include, exclude);
        assert_eq!(of(&["*.log"], &[]), (vec!["a.log".into(), "b.log".into()], vec![String::new()]));
        assert_eq!(of(&["*/c.log"], &[]).0, ["x/c.log"]);
        assert_eq!(of(&["x/c.log"], &[]), (vec!["x/c.log".into()], vec!["x".into()]));
        assert_eq!(of(&["x/none/*.log"], &[]), (vec![], vec!["x".into()]));
        assert_eq!(of(&["none/deeper/a.log"], &[]), (vec![], vec![String::new()]));
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
